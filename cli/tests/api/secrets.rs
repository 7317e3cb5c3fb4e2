//! What must never be written down: API keys and the bot's.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use rankbot_sandbox::{Endpoint, ErrorBody, Fault, FaultEffect, Matcher, Timing, demo};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{CallMatch, Effect, StoreFault};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{GROUP, World, set_rank, with};

/// Everything that is logged while it is in force.
#[derive(Debug, Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The part of a key that is secret.
fn secret(key: &ApiKey) -> &str {
    key.reveal().rsplit('_').next().unwrap()
}

/// Every level of every crate: what an operator may switch on to look into a problem.
#[tokio::test]
async fn no_secret_is_logged_at_any_level_whatever_happens() {
    let captured = Captured::default();
    let everything = tracing::level_filters::LevelFilter::TRACE;
    let subscriber = tracing_subscriber::fmt().json().with_max_level(everything).with_writer(captured.clone()).finish();
    // For the whole process: a subscriber of one thread misses lines while other threads have none. Other tests' lines
    // may be captured too, and say nothing of this world's keys.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let world = World::start().await;
    let (pro, starter) = (world.key(Plan::Pro), world.key(Plan::Starter));
    let unknown = ApiKey::generate().unwrap();
    let mistyped = format!("{}x", pro.reveal());

    let reason = json!({"reason": "reason-in-the-body"});
    let body = with(set_rank(GROUP, demo::TRAINEE_USER_ID, 50), &reason);
    world.post("/v1/setRank", &body).send().await.expect_success();
    world.get("/v1/key").key(&starter).send().await.expect_success();
    for path in ["/v1/key", "/v1/group/roles"] {
        world.get(path).send().await.expect_success();
    }
    world.get("/v1/group").key(&unknown).send().await.expect("INVALID_API_KEY");
    world.get("/v1/group").header("authorization", &mistyped).send().await.expect("INVALID_API_KEY");
    world.get("/v1/group").no_key().header("x-api-key", pro.reveal()).send().await.expect_success();
    // Mistakes of a caller: the key where the path, the query or the body should be.
    world.get(&format!("/v1/group/{}", pro.reveal())).send().await.expect("INVALID_PARAMETER");
    world.get(&format!("/v1/{}", pro.reveal())).send().await.expect("ROUTE_NOT_FOUND");
    world.get(&format!("/v1/key?key={}", pro.reveal())).no_key().send().await.expect("MISSING_API_KEY");
    world.post("/v1/setRank", &Value::Null).body(pro.reveal().as_bytes()).send().await.expect("INVALID_JSON");
    // Roblox and the database failing: the causes are logged.
    let echo = ErrorBody::Custom { content_type: "text/plain".to_owned(), body: "roblox-says-no".to_owned() };
    let refused = FaultEffect::Status { status: 403, body: echo, retry_after_s: None, timing: Timing::Before };
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::ListMemberships), refused));
    world.set_rank(demo::TRAINEE_USER_ID, 20).await.expect("ROBLOX_PERMISSION_DENIED");
    world.store.inject(StoreFault::before(CallMatch::any(), Effect::CloseConnection));
    world.get("/v1/group").send().await.expect("SERVICE_UNAVAILABLE");

    let log = captured.text();
    for key in [&pro, &starter, &unknown] {
        assert!(!log.contains(secret(key)), "an API key is in the log");
    }
    assert!(!log.contains(demo::BOT_API_KEY), "the bot's key is in the log");
    // Otherwise this test would pass on an empty log.
    assert!(log.contains(pro.id().as_str()) && log.contains("roblox-says-no") && log.contains("request failed"));
    own_lines_name_what_a_search_needs(&log, &pro);
}

/// RankBot's own lines: one for each request.
fn own_lines_name_what_a_search_needs(log: &str, key: &ApiKey) {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let own = |line: &Value| line["fields"]["message"] == "request" && line["fields"]["key_id"] == key.id().as_str();
    let requests: Vec<Value> = lines.filter(own).collect();
    // Those whose key was proved: refused before that, a request names none.
    assert_eq!(requests.len(), 5);
    let first = &requests[0]["fields"];
    assert_eq!((&first["group_id"], &first["route"]), (&json!(GROUP), &json!("/v1/setRank")));
    assert_eq!((&first["status"], &first["function"]), (&json!(200), &json!("set-rank")));
    assert!(first["request_id"].is_string() && first["log_id"].is_string() && first["duration_ms"].is_u64());
    for route in ["/v1/key", "/v1/group", "/v1/group/roles"] {
        let of_route = |line: &&Value| line["fields"]["route"] == route && line["fields"]["status"] == 200;
        let line = requests.iter().find(of_route).unwrap();
        assert_eq!(line["fields"]["group_id"], json!(GROUP), "{route} is about the key's group");
    }
    for line in requests {
        assert!(!line.to_string().contains("reason-in-the-body"), "bodies are not logged");
    }
}
