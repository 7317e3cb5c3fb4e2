//! What a measurement stands on: a database, a Roblox, and a RankBot over HTTP to arrange things with.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use rankbot::local::{Local, LocalOptions, RobloxChoice, StoreChoice};
use rankbot_sandbox::{Control, Sandbox, SandboxOptions, demo};
use rankbot_shared::adapters::bots::BotKey;
use rankbot_shared::adapters::dynamodb::Table;
use rankbot_shared::app::keys::{self, NewKey};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::id::GroupId;
use rankbot_shared::domain::key_record::RankLimits;
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::Recorder;
use rankbot_store::{Connection, EmbeddedStore, Location};
use reqwest::Method;
use serde_json::{Value, json};

/// The group of everything that is measured.
pub(crate) const GROUP: u64 = demo::GROUP_ID;
/// The member whose rank is read and changed.
pub(crate) const USER: u64 = demo::TRAINEE_USER_ID;
/// The table.
pub(crate) const TABLE: &str = "rankbot-bench";

/// Dropping it ends everything.
pub(crate) struct Bed {
    local: Local,
    key: ApiKey,
    http: reqwest::Client,
    sandbox: Sandbox,
    /// Between the store and whoever asks it: counts calls, and how long the store took for them.
    pub(crate) recorder: Recorder,
    store: EmbeddedStore,
}

impl Bed {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let store = EmbeddedStore::start(Location::Memory)?;
        let recorder = Recorder::start(&store.connection());
        let sandbox = Sandbox::start(SandboxOptions::default()).await?;
        let options = LocalOptions {
            store: StoreChoice::External { connection: recorder.connection(), table_name: TABLE.to_owned() },
            roblox: RobloxChoice::External { base_url: sandbox.url(), bot: BotKey::new(demo::BOT_API_KEY)? },
            group: Some(GroupId::new(GROUP)?),
            ..LocalOptions::default()
        };
        let local = Local::start(options).await?;
        let table = Table::new(store.client(), TABLE);
        let limits = RankLimits::default();
        let new = NewKey { group: GroupId::new(GROUP)?, plan: Plan::Max, limit: None, limits, expires_at: None };
        let (key, _) = keys::create(&table, new, Timestamp::now()).await?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { local, key, http, sandbox, recorder, store })
    }

    /// A key without a limit.
    pub(crate) const fn key(&self) -> &ApiKey {
        &self.key
    }

    /// From now on, requests are under this key.
    pub(crate) fn use_key(&mut self, key: ApiKey) {
        self.key = key;
    }

    pub(crate) fn roblox(&self) -> Control {
        self.sandbox.control()
    }

    pub(crate) fn roblox_url(&self) -> String {
        self.sandbox.url()
    }

    /// The store itself, past the recorder.
    pub(crate) fn store(&self) -> Connection {
        self.store.connection()
    }

    /// The table, past the recorder.
    pub(crate) fn table(&self) -> Table {
        Table::new(self.store.client(), TABLE)
    }

    /// Asks RankBot, and answers with the body of what must be a success.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let request = self.http.request(method, format!("{}{path}", self.local.url())).bearer_auth(self.key.reveal());
        let request = body.into_iter().fold(request, reqwest::RequestBuilder::json);
        let response = request.send().await?;
        let status = response.status();
        let answer = response.json().await.with_context(|| format!("{path} was answered {status}, and no JSON"))?;
        ensure!(status.is_success(), "{path} was answered {status}: {answer}");
        Ok(answer)
    }

    /// Changes the rank of [`USER`], and returns the log entry's id.
    pub(crate) async fn set_rank(&self, rank: u8) -> anyhow::Result<String> {
        let answer = self.ask(Method::POST, "/v1/setRank", Some(&set_rank(rank))).await?;
        let id = answer.get("logId").and_then(Value::as_str).context("a rank change has no log id")?;
        Ok(id.to_owned())
    }

    /// Forgets the calls so far, to the store and to Roblox.
    pub(crate) fn forget(&self) {
        self.recorder.clear();
        self.roblox().clear_calls();
    }

    /// How long the store and Roblox took for the calls since [`Bed::forget`], those at once counted once.
    ///
    /// No request waits for both at once, so that each may be summed up on its own clock.
    pub(crate) fn waited(&self) -> Duration {
        let store = self.recorder.calls().into_iter().filter_map(|call| Some((call.started_us, call.finished_us?)));
        let roblox = self.roblox().calls().into_iter().filter_map(|call| Some((call.started_us, call.finished_us?)));
        covered(store.collect()) + covered(roblox.collect())
    }
}

/// The body of a set rank of [`USER`].
pub(crate) fn set_rank(rank: u8) -> Value {
    json!({"groupId": GROUP, "userId": USER, "action": "setRank", "targetRank": rank})
}

/// The body of a promotion or demotion of [`USER`].
pub(crate) fn step(action: &str) -> Value {
    json!({"groupId": GROUP, "userId": USER, "action": action})
}

/// How long at least one of the spans lasted; in microseconds on one clock.
fn covered(mut spans: Vec<(u64, u64)>) -> Duration {
    spans.sort_unstable();
    let (total, _) = spans.into_iter().fold((0, 0), |(total, until), (start, end)| {
        let start = start.max(until);
        (total + end.saturating_sub(start), until.max(end))
    });
    Duration::from_micros(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_which_several_are_waited_for_counts_once() {
        let covered = |spans: &[(u64, u64)]| covered(spans.to_vec()).as_micros();
        assert_eq!(covered(&[]), 0);
        assert_eq!(covered(&[(20, 30), (0, 10)]), 20);
        assert_eq!(covered(&[(0, 10), (5, 15), (6, 7)]), 15);
        assert_eq!(covered(&[(0, 10), (10, 12)]), 12);
    }
}
