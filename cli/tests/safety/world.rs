//! One RankBot for one test: a recorded store, a sandbox Roblox, a clock that can be put forward, and processes that can
//! be killed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};
use lambda_http::{Context, LambdaEvent, Service as _};
use rankbot_sandbox::{Bot, Control, Endpoint, Matcher, Sandbox, SandboxOptions, demo};
use rankbot_shared::adapters::bots::BotKey;
use rankbot_shared::adapters::dynamodb::{Table, patience};
use rankbot_shared::adapters::http_client::HttpClient;
use rankbot_shared::app::Clock;
use rankbot_shared::app::groups;
use rankbot_shared::app::keys::{self, Keys as _, NewKey};
use rankbot_shared::config::{BotSource, Config};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::group_settings::{BotName, Ceiling, SettingsChange};
use rankbot_shared::domain::id::{GroupId, Rank};
use rankbot_shared::domain::key_record::RankLimits;
use rankbot_shared::domain::month::Month;
use rankbot_shared::domain::plan::Plan;
use rankbot_shared::http::{Api, Function};
use rankbot_store::testing::{Backend, Recorder, TestStore, unique_table_name};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// The seeded group, to which the world's own keys belong.
pub(crate) const GROUP: u64 = demo::GROUP_ID;
/// A second bot account, with a role of its own.
pub(crate) const SECOND_BOT: (&str, &str, u64) = ("second", "sandbox-second-bot-key", 100_003);

/// Everything that one test talks to. Nothing of it is shared with another test.
pub(crate) struct World {
    api: Api,
    keys: BTreeMap<Plan, ApiKey>,
    /// The sandbox Roblox: faults, members, calls.
    pub(crate) roblox: Control,
    /// Every call to the store that the code under test made.
    pub(crate) store: Recorder,
    /// The table, past the recorder: for arranging and for looking.
    pub(crate) table: Table,
    table_name: String,
    ahead_ms: Arc<AtomicI64>,
    sandbox: Sandbox,
    backing: TestStore,
}

impl World {
    pub(crate) async fn start() -> Self {
        let backing = TestStore::start().await;
        let store = backing.record();
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let table_name = unique_table_name();
        let table = Table::new(backing.client(), table_name.as_str());
        table.create().await.unwrap();
        let ahead_ms = Arc::default();
        let api = process(&store, &table_name, &sandbox.url(), &ahead_ms);
        let roblox = sandbox.control();
        roblox.add_bot(Bot { api_key: SECOND_BOT.1.to_owned(), account_id: SECOND_BOT.2 });
        let keys = BTreeMap::new();
        let mut world = Self { api, keys, roblox, store, table, table_name, ahead_ms, sandbox, backing };
        for plan in Plan::ALL {
            let key = world.new_key(GROUP, plan, RankLimits::default()).await;
            world.keys.insert(plan, key);
        }
        world
    }

    /// A world whose processes know the group's roles, so that what a change costs does not depend on who was first.
    pub(crate) async fn warm() -> Self {
        let world = World::start().await;
        world.get(&format!("/v1/rank/{GROUP}/{}", demo::BASE_ONLY_USER_ID)).key(Plan::Max).send().await;
        world.forget();
        world
    }

    /// Forgets all calls so far, to the store and to Roblox: what arranged a test is not what it counts.
    pub(crate) fn forget(&self) {
        self.store.clear();
        self.roblox.clear_calls();
    }

    /// A new process on the same store and the same Roblox: nothing is remembered.
    pub(crate) fn cold_start(&mut self) {
        self.api = process(&self.store, &self.table_name, &self.sandbox.url(), &self.ahead_ms);
    }

    /// Puts RankBot's clock forward, and with it what Roblox tells late; or puts it back.
    pub(crate) fn pass(&self, seconds: i64) {
        self.ahead_ms.fetch_add(seconds * 1_000, Ordering::SeqCst);
        self.roblox.let_time_pass(std::time::Duration::from_secs(seconds.try_into().unwrap_or_default()));
    }

    pub(crate) fn now(&self) -> Timestamp {
        shifted(&self.ahead_ms)
    }

    /// Changes the group's settings, as an operator does.
    pub(crate) async fn settle(&self, change: SettingsChange) {
        groups::set(&self.table, GroupId::new(GROUP).unwrap(), &change, self.now()).await.unwrap();
    }

    /// The DynamoDB client of the store itself, past the recorder.
    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        self.backing.client()
    }

    pub(crate) fn table_name(&self) -> &str {
        &self.table_name
    }

    /// The key of [`GROUP`] on a plan.
    pub(crate) fn key(&self, plan: Plan) -> &ApiKey {
        &self.keys[&plan]
    }

    pub(crate) async fn new_key(&self, group: u64, plan: Plan, limits: RankLimits) -> ApiKey {
        let new = NewKey { group: GroupId::new(group).unwrap(), plan, limit: None, limits, expires_at: None };
        keys::create(&self.table, new, Timestamp::now()).await.unwrap().0
    }

    /// The requests counted under the key, over all months: a clock put forward may pass one's end.
    pub(crate) async fn used(&self, key: &ApiKey) -> u64 {
        self.table.find(key.id()).await.unwrap().unwrap().usage.values().sum()
    }

    /// Uses the key's month up.
    pub(crate) async fn exhaust(&self, key: &ApiKey) {
        let mut record = self.table.find(key.id()).await.unwrap().unwrap();
        let used = record.usage.get(&Month::of(self.now())).copied().unwrap_or(0);
        record.limit = Some(used);
        let update = self.dynamodb().update_item().table_name(&self.table_name);
        let text = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
        update
            .key("pk", text(format!("KEY#{}", key.id())))
            .key("sk", text("KEY".to_owned()))
            .update_expression("SET #limit = :limit")
            .expression_attribute_names("#limit", "limit")
            .expression_attribute_values(":limit", aws_sdk_dynamodb::types::AttributeValue::N(used.to_string()))
            .send()
            .await
            .unwrap();
    }

    pub(crate) fn get(&self, path: &str) -> Ask {
        self.ask("GET", path, None)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Ask {
        self.ask("POST", path, Some(body.to_string()))
    }

    fn ask(&self, method: &'static str, path: &str, body: Option<String>) -> Ask {
        Ask {
            api: self.api.clone(),
            keys: self.keys.clone(),
            method,
            path: path.to_owned(),
            headers: BTreeMap::new(),
            body,
        }
        .key(Plan::Pro)
    }

    pub(crate) fn change(&self, action: &str, user: u64) -> Ask {
        let body = json!({"groupId": GROUP, "userId": user, "action": action});
        self.post(&format!("/v1/{action}"), &body)
    }

    pub(crate) fn set_rank(&self, user: u64, rank: u8) -> Ask {
        let body = json!({"groupId": GROUP, "userId": user, "action": "setRank", "targetRank": rank});
        self.post("/v1/setRank", &body)
    }

    pub(crate) fn undo(&self, log_id: &str) -> Ask {
        self.post(&format!("/v1/logs/{log_id}/undo"), &json!({}))
    }

    /// Looks after abandoned changes, as the `sweep` function does every minute.
    pub(crate) async fn sweep(&self) -> usize {
        // A machine that is busy enough makes a call time out; in life, the next sweep is a minute away.
        let swept = match self.api.sweep().await {
            Ok(swept) => swept,
            Err(_) => self.api.sweep().await.unwrap(),
        };
        assert_eq!(swept.found, swept.recovered, "the sweep puts right what it finds");
        swept.found
    }

    /// The sweep itself, for tests in which Roblox is in trouble.
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// The roles that a member of [`GROUP`] holds, in ascending order of their ids.
    pub(crate) fn roles_of(&self, user: u64) -> Vec<u64> {
        self.roblox.roles_of(GROUP, user).unwrap()
    }

    pub(crate) fn rank_of(&self, user: u64) -> u8 {
        self.roblox.rank_of(GROUP, user).unwrap()
    }

    pub(crate) fn writes(&self) -> usize {
        self.roblox.calls().iter().filter(|call| call.endpoint.is_write()).count()
    }

    pub(crate) fn calls_to(&self, endpoint: Endpoint) -> usize {
        self.roblox.calls_to(&Matcher::endpoint(endpoint)).len()
    }

    /// The log of [`GROUP`], oldest first, read with a key whose counter no test looks at.
    pub(crate) async fn log(&self) -> Vec<Value> {
        let mut entries = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get("/v1/logs").query(&format!("limit=100{cursor}")).key(Plan::Max).send().await;
            entries.extend(page.success()["entries"].as_array().unwrap().iter().cloned());
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        entries.reverse();
        entries
    }

    /// The entries that say that roles were changed.
    pub(crate) async fn changes_logged(&self) -> Vec<Value> {
        self.log().await.into_iter().filter(|entry| entry["changed"] == true).collect()
    }
}

fn shifted(ahead_ms: &AtomicI64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_millis(ahead_ms.load(Ordering::SeqCst))
}

fn process(store: &Recorder, table_name: &str, roblox_base_url: &str, ahead_ms: &Arc<AtomicI64>) -> Api {
    let bot = |name: &str, key: &str| (name.parse::<BotName>().unwrap(), BotKey::new(key).unwrap());
    let bots = HashMap::from([bot("default", demo::BOT_API_KEY), bot(SECOND_BOT.0, SECOND_BOT.1)]);
    let config = Config {
        table_name: table_name.to_owned(),
        roblox_base_url: roblox_base_url.to_owned(),
        bots: BotSource::Keys(bots),
        stage: None,
    };
    let http = HttpClient::new().unwrap();
    let dynamodb = patience(store.connection().config()).http_client(http.for_aws());
    let client = aws_sdk_dynamodb::Client::from_conf(Backend::from_environment().unhurried(dynamodb).build());
    let ahead_ms = Arc::clone(ahead_ms);
    Api::with_clock(&config, http, client, None, Clock::new(move || shifted(&ahead_ms)))
}

/// A request that is being put together.
#[derive(Clone)]
pub(crate) struct Ask {
    api: Api,
    keys: BTreeMap<Plan, ApiKey>,
    method: &'static str,
    path: String,
    headers: BTreeMap<String, String>,
    body: Option<String>,
}

impl Ask {
    pub(crate) fn key(self, plan: Plan) -> Self {
        let key = self.keys[&plan].clone();
        self.with_key(&key)
    }

    pub(crate) fn with_key(self, key: &ApiKey) -> Self {
        self.header("authorization", &format!("Bearer {}", key.reveal()))
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Under this `Idempotency-Key`.
    pub(crate) fn once(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// With more fields in the body.
    pub(crate) fn with(mut self, fields: &Value) -> Self {
        let mut body: Value = serde_json::from_str(self.body.as_deref().unwrap()).unwrap();
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.body = Some(body.to_string());
        self
    }

    /// On another route.
    pub(crate) fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    pub(crate) fn query(mut self, query: &str) -> Self {
        self.path = format!("{}?{query}", self.path);
        self
    }

    /// To another process than the one it was meant for.
    pub(crate) fn by_a_new_process(mut self, world: &World) -> Self {
        self.api = world.api.clone();
        self
    }

    fn function(&self) -> Function {
        let path = self.path.split('?').next().unwrap();
        match path.trim_start_matches("/v1/").split('/').collect::<Vec<_>>().as_slice() {
            ["setRank"] => Function::SetRank,
            ["promote"] => Function::Promote,
            ["demote"] => Function::Demote,
            ["rank"] => Function::Rank,
            ["rank", ..] => Function::GetRank,
            ["logs", _, "undo"] => Function::Undo,
            ["logs", ..] => Function::Logs,
            ["key"] => Function::KeyInfo,
            _ => panic!("no function serves {path}"),
        }
    }

    /// Hands the request to its function, as Lambda does. A future that is dropped is a process that was killed.
    pub(crate) async fn send(self) -> Answer {
        static REQUESTS: AtomicU64 = AtomicU64::new(0);
        let id = format!("request-{}", REQUESTS.fetch_add(1, Ordering::Relaxed));
        let function = self.function();
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let event = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "queryStringParameters": parameters(query),
            "headers": self.headers,
            "requestContext": {
                "accountId": "123456789012", "apiId": "test", "domainName": "test", "domainPrefix": "test",
                "http": {"method": self.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.1",
                         "userAgent": "test"},
                "requestId": id, "routeKey": "$default", "stage": "$default",
                "time": "20/Nov/2026:18:12:56 +0000", "timeEpoch": 1_795_198_376_090_u64,
            },
            "body": self.body,
            "isBase64Encoded": false,
        });
        let request = serde_json::from_value(event).unwrap();
        let Ok(response) = self.api.service(function).call(LambdaEvent::new(request, Context::default())).await;
        let response = serde_json::to_value(response).unwrap();
        Answer::of(&response)
    }

    /// Sends the request from a process that can be killed.
    pub(crate) fn start(self) -> JoinHandle<Answer> {
        tokio::spawn(self.send())
    }
}

fn parameters(query: &str) -> BTreeMap<String, String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: BTreeMap<String, String>,
    /// The body's bytes, as sent.
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    fn of(response: &Value) -> Self {
        let headers = response["headers"].as_object().unwrap().iter();
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap().to_owned())).collect();
        let text = response["body"].as_str().unwrap().to_owned();
        let body = serde_json::from_str(&text).unwrap();
        Self { status: response["statusCode"].as_u64().unwrap().try_into().unwrap(), headers, text, body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn code(&self) -> Option<&str> {
        self.body["code"].as_str()
    }

    pub(crate) fn is_replayed(&self) -> bool {
        self.header("idempotency-replayed") == Some("true")
    }

    /// Whether the contract counts it.
    pub(crate) fn counts(&self) -> bool {
        !self.is_replayed() && (self.status == 200 || self.code() == Some("USER_NOT_IN_GROUP"))
    }

    pub(crate) fn log_id(&self) -> &str {
        self.body["logId"].as_str().unwrap()
    }

    pub(crate) fn ranks(&self) -> (u64, u64) {
        (self.body["fromRank"].as_u64().unwrap(), self.body["toRank"].as_u64().unwrap())
    }

    #[track_caller]
    pub(crate) fn success(&self) -> &Value {
        assert_eq!((self.status, &self.body["success"]), (200, &Value::Bool(true)), "{}", self.body);
        &self.body
    }

    #[track_caller]
    pub(crate) fn error(&self, status: u16, code: &str) -> &Value {
        assert_eq!((self.status, self.code()), (status, Some(code)), "{}", self.body);
        &self.body
    }

    /// 409 with what a caller needs to come back.
    #[track_caller]
    pub(crate) fn in_progress(&self, code: &str) {
        self.error(409, code);
        assert_eq!(self.body["retryable"], true);
        let wait: u64 = self.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=15).contains(&wait), "{wait}");
    }
}

pub(crate) fn max_rank(rank: u8) -> RankLimits {
    RankLimits { max_rank: Some(Rank::new(rank)), allowed_ranks: None }
}

pub(crate) fn max_rank_of_group(rank: Option<u8>) -> SettingsChange {
    let ceiling = rank.map_or(Ceiling::Lifted, |rank| Ceiling::At(Rank::new(rank)));
    SettingsChange { ceiling: Some(ceiling), ..SettingsChange::default() }
}

pub(crate) fn sorted(roles: &[u64]) -> Vec<u64> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles
}
