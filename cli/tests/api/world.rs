//! One RankBot for one test: the HTTP server, a recorded store, a sandbox Roblox, and answers that are checked against
//! the contract's general promises before a test looks at them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lambda_http::{Context, LambdaEvent, Service as _};
use rankbot::local::{Local, LocalOptions, RobloxChoice, StoreChoice};
use rankbot_sandbox::{Call, Control, Endpoint, Matcher, Sandbox, SandboxOptions, demo};
use rankbot_shared::adapters::bots::BotKey;
use rankbot_shared::adapters::dynamodb::{Table, patience};
use rankbot_shared::adapters::http_client::HttpClient;
use rankbot_shared::app::keys::{self, Keys as _, NewKey};
use rankbot_shared::config::{BotSource, Config};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::id::{GroupId, Rank};
use rankbot_shared::domain::key_record::{KeyRecord, KeyStatus, RankLimits};
use rankbot_shared::domain::plan::Plan;
use rankbot_shared::function::Function;
use rankbot_shared::http::Api;
use rankbot_shared::metrics::Metrics;
use rankbot_store::testing::{Backend, Recorder, TestStore, unique_table_name};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::answer::Answer;

/// The seeded group, to which the world's own keys belong.
pub(crate) const GROUP: u64 = demo::GROUP_ID;

/// Everything that one test talks to. Nothing of it is shared with another test.
pub(crate) struct World {
    local: Local,
    /// The same RankBot without the HTTP server.
    api: Api,
    /// The keys of [`GROUP`], one per plan.
    keys: BTreeMap<Plan, ApiKey>,
    /// The sandbox Roblox: faults, members, calls.
    pub(crate) roblox: Control,
    /// Every call to the store that the code under test made.
    pub(crate) store: Recorder,
    /// The table, past the recorder: for arranging and for looking.
    pub(crate) table: Table,
    table_name: String,
    http: reqwest::Client,
    sandbox: Option<Sandbox>,
    roblox_url: String,
    backing: TestStore,
}

/// A group of its own beside the seeded one, with the same people and roles, and the key to it: what lets many cases
/// run at once in one world.
pub(crate) struct Tenant {
    pub(crate) group: u64,
    pub(crate) key: ApiKey,
}

impl World {
    pub(crate) async fn start() -> Self {
        let backing = TestStore::start().await;
        let store = backing.record();
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        let table_name = unique_table_name();
        let table = Table::new(backing.client(), table_name.as_str());
        let roblox_url = sandbox.url();
        let local = start_local(&store, &table_name, &roblox_url).await;
        let keys = Plan::ALL.into_iter().map(|plan| (plan, local.key(plan).clone())).collect();
        store.clear();
        let (roblox, http) = (sandbox.control(), client());
        let api = api(&store, &table_name, &roblox_url);
        let sandbox = Some(sandbox);
        Self { local, api, keys, roblox, store, table, table_name, http, sandbox, roblox_url, backing }
    }

    /// Replaces the server by a new one on the same store and the same Roblox: a cold start, with nothing remembered.
    pub(crate) async fn cold_start(&mut self) {
        self.local = start_local(&self.store, &self.table_name, &self.roblox_url).await;
        self.forget();
    }

    /// The same, with what [`World::invoke`]d events do counted there.
    pub(crate) fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.api = self.api.with_metrics(metrics);
        self
    }

    /// Forgets all calls so far, to the store and to Roblox: what arranged a test is not what it counts.
    pub(crate) fn forget(&self) {
        self.store.clear();
        self.roblox.clear_calls();
    }

    pub(crate) fn roblox_url(&self) -> &str {
        &self.roblox_url
    }

    /// Closes Roblox's port: connections are refused for as long as what is returned lives.
    pub(crate) async fn stop_roblox(&mut self) -> TcpSocket {
        self.sandbox.take().unwrap().stop().await;
        // Bound and deaf: no other process gets the port meanwhile.
        let port = TcpSocket::new_v4().unwrap();
        port.set_reuseaddr(true).unwrap();
        port.bind(self.roblox_url.trim_start_matches("http://").parse().unwrap()).unwrap();
        port
    }

    /// The DynamoDB client of the store itself, past the recorder.
    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        self.backing.client()
    }

    pub(crate) fn table_name(&self) -> &str {
        &self.table_name
    }

    /// The key of [`GROUP`] on a plan.
    pub(crate) fn key(&self, plan: Plan) -> ApiKey {
        self.keys[&plan].clone()
    }

    /// A new key of [`GROUP`] on the pro plan.
    pub(crate) async fn key_with_limits(&self, limits: RankLimits) -> ApiKey {
        self.new_key(GROUP, Plan::Pro, limits).await
    }

    async fn new_key(&self, group: u64, plan: Plan, limits: RankLimits) -> ApiKey {
        let new = NewKey { group: GroupId::new(group).unwrap(), plan, limit: None, limits, expires_at: None };
        keys::create(&self.table, new, Timestamp::now()).await.unwrap().0
    }

    /// Stores a key as it is described: in states that take time to reach.
    pub(crate) async fn insert(&self, record: &KeyRecord) {
        self.table.insert(record).await.unwrap();
    }

    /// A group beside the seeded one, with a pro key.
    pub(crate) async fn tenant(&self, group: u64) -> Tenant {
        self.roblox.put_group(rankbot_sandbox::World::seeded(group).group(group).unwrap().clone());
        Tenant { group, key: self.new_key(group, Plan::Pro, RankLimits::default()).await }
    }

    /// The requests counted under the key, over all months: one may end during a test.
    pub(crate) async fn used(&self, key: &ApiKey) -> u64 {
        self.table.find(key.id()).await.unwrap().unwrap().usage.values().sum()
    }

    pub(crate) fn get(&self, path: &str) -> Ask<'_> {
        self.ask(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Ask<'_> {
        self.ask(Method::POST, path).body(body.to_string())
    }

    /// A request under the pro key.
    pub(crate) fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        let url = format!("{}{path}", self.local.url());
        let ask = Ask { world: self, method, url, headers: HeaderMap::new(), body: None };
        ask.header("content-type", "application/json").key(&self.keys[&Plan::Pro])
    }

    pub(crate) async fn set_rank(&self, user: u64, rank: u8) -> Answer {
        self.post("/v1/setRank", &set_rank(GROUP, user, rank)).send().await
    }

    pub(crate) async fn promote(&self, user: u64) -> Answer {
        self.post("/v1/promote", &step(GROUP, user, "promote")).send().await
    }

    pub(crate) async fn demote(&self, user: u64) -> Answer {
        self.post("/v1/demote", &step(GROUP, user, "demote")).send().await
    }

    pub(crate) async fn get_rank(&self, user: u64) -> Answer {
        self.get(&format!("/v1/rank/{GROUP}/{user}")).send().await
    }

    /// The roles that a member of [`GROUP`] holds, in ascending order of their ids.
    pub(crate) fn roles_of(&self, user: u64) -> Vec<u64> {
        self.roblox.roles_of(GROUP, user).unwrap()
    }

    pub(crate) fn calls_to(&self, endpoint: Endpoint) -> Vec<Call> {
        self.roblox.calls_to(&Matcher::endpoint(endpoint))
    }

    /// The writes to Roblox so far.
    pub(crate) fn writes(&self) -> Vec<Call> {
        self.roblox.calls().into_iter().filter(|call| call.endpoint.is_write()).collect()
    }
}

async fn start_local(store: &Recorder, table_name: &str, roblox_base_url: &str) -> Local {
    let options = LocalOptions {
        store: StoreChoice::External { connection: store.connection(), table_name: table_name.to_owned() },
        roblox: RobloxChoice::External {
            base_url: roblox_base_url.to_owned(),
            bot: BotKey::new(demo::BOT_API_KEY).unwrap(),
        },
        group: Some(GroupId::new(GROUP).unwrap()),
        ..LocalOptions::default()
    };
    Local::start(options).await.unwrap()
}

fn api(store: &Recorder, table_name: &str, roblox_base_url: &str) -> Api {
    let config = Config {
        table_name: table_name.to_owned(),
        roblox_base_url: roblox_base_url.to_owned(),
        bots: BotSource::Key(BotKey::new(demo::BOT_API_KEY).unwrap()),
        stage: None,
    };
    let http = HttpClient::new().unwrap();
    let dynamodb = patience(store.connection().config()).http_client(http.for_aws());
    let client = aws_sdk_dynamodb::Client::from_conf(Backend::from_environment().unhurried(dynamodb).build());
    Api::new(&config, http, client, None)
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

impl World {
    /// Sends a request line such as `GET /v1/key` as it is written, which no HTTP client would, under the pro key.
    pub(crate) async fn raw(&self, line: &str, headers: &[(&str, &str)]) -> Answer {
        let url = self.local.url();
        let authority = url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(authority).await.unwrap();
        let mut request = format!("{line} HTTP/1.1\r\nconnection: close\r\n");
        for (name, value) in [("authorization", self.keys[&Plan::Pro].reveal())].iter().chain(headers) {
            request.extend([name, ": ", value, "\r\n"]);
        }
        if !headers.iter().any(|(name, _)| *name == "host") {
            request.push_str("host: localhost\r\n");
        }
        stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let text = String::from_utf8(answer).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{line}: {text}"));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap();
        let pairs = lines.map(|line| line.split_once(": ").unwrap());
        let headers = pairs.map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
        Answer::checked(line.to_owned(), status, headers.collect(), body.as_bytes())
    }

    /// Hands an event to a function's own service, as Lambda does.
    pub(crate) async fn invoke(&self, function: Function, event: &Value) -> Answer {
        let method = event["requestContext"]["http"]["method"].as_str().unwrap().to_owned();
        let request = serde_json::from_value(event.clone()).unwrap_or_else(|error| panic!("{error}: {event}"));
        let event = LambdaEvent::new(request, Context::default());
        let Ok(response) = self.api.service(function).call(event).await;
        let response = serde_json::to_value(response).unwrap();
        let headers = response["headers"].as_object().unwrap().iter();
        let headers = headers.map(|(name, value)| {
            (name.parse::<HeaderName>().unwrap(), value.as_str().unwrap().parse::<HeaderValue>().unwrap())
        });
        let status = response["statusCode"].as_u64().unwrap().try_into().unwrap();
        assert_eq!(response["isBase64Encoded"], false, "an answer is text");
        let body = response["body"].as_str().unwrap_or_default();
        Answer::checked(format!("{method} event of {function}"), status, headers.collect(), body.as_bytes())
    }
}

/// A request that is being put together.
pub(crate) struct Ask<'a> {
    world: &'a World,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

impl Ask<'_> {
    pub(crate) fn key(self, key: &ApiKey) -> Self {
        self.header("authorization", &format!("Bearer {}", key.reveal()))
    }

    pub(crate) fn no_key(mut self) -> Self {
        self.headers.remove(AUTHORIZATION);
        self
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    pub(crate) fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers.insert(name, HeaderValue::from_bytes(value).unwrap());
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends the request; panics where the answer breaks a promise that every answer makes.
    pub(crate) async fn send(self) -> Answer {
        let request = self.world.http.request(self.method.clone(), &self.url).headers(self.headers);
        let request = match self.body {
            Some(body) => request.body(body),
            None => request,
        };
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap();
        Answer::checked(format!("{} {}", self.method, self.url), status, headers, &body)
    }
}

/// The body of a set rank.
pub(crate) fn set_rank(group: u64, user: u64, rank: u8) -> Value {
    json!({"groupId": group, "userId": user, "action": "setRank", "targetRank": rank})
}

/// The body of a promotion or demotion.
pub(crate) fn step(group: u64, user: u64, action: &str) -> Value {
    json!({"groupId": group, "userId": user, "action": action})
}

/// `body` with more fields.
pub(crate) fn with(mut body: Value, fields: &Value) -> Value {
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

/// A key's record, to be put into the state that a test needs.
pub(crate) fn record(key: &ApiKey, plan: Plan) -> KeyRecord {
    KeyRecord {
        key_id: key.id().clone(),
        group: GroupId::new(GROUP).unwrap(),
        plan,
        limit: plan.monthly_limit(),
        usage: BTreeMap::new(),
        status: KeyStatus::Active,
        limits: RankLimits::default(),
        expires_at: None,
        created_at: Timestamp::now(),
        secret: key.hash(),
        previous_secret: None,
        last_request: None,
    }
}

pub(crate) fn max_rank(rank: u8) -> RankLimits {
    RankLimits { max_rank: Some(Rank::new(rank)), allowed_ranks: None }
}

pub(crate) fn allowed_ranks(ranks: &[u8]) -> RankLimits {
    RankLimits { max_rank: None, allowed_ranks: Some(ranks.iter().copied().map(Rank::new).collect()) }
}
