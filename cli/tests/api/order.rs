//! The order in which a request is judged, and that what is wrong with the request itself is found without any I/O.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use rankbot_sandbox::demo;
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::key_record::{KeyRecord, KeyStatus};
use rankbot_shared::domain::month::Month;
use rankbot_shared::domain::plan::Plan;
use reqwest::Method;
use serde_json::json;

use crate::world::{GROUP, World, max_rank, record, set_rank, step, with};

/// A request with everything wrong from a certain step on.
struct Wrong {
    method: Method,
    path: &'static str,
    body: String,
    key: Option<&'static str>,
    expected: &'static str,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.method, self.path, self.key)
    }
}

fn wrong(
    method: Method,
    path: &'static str,
    body: impl Into<String>,
    key: Option<&'static str>,
    expected: &'static str,
) -> Wrong {
    Wrong { method, path, body: body.into(), key, expected }
}

#[tokio::test]
async fn route_then_size_then_key_then_parameters_are_judged_without_any_io() {
    let world = World::start().await;
    let large = "x".repeat(16_385);
    for case in [
        wrong(Method::POST, "/v1/nothing", large.clone(), None, "ROUTE_NOT_FOUND"),
        wrong(Method::PUT, "/v1/setRank", large.clone(), None, "METHOD_NOT_ALLOWED"),
        wrong(Method::POST, "/v1/setRank", large.clone(), None, "PAYLOAD_TOO_LARGE"),
        wrong(Method::POST, "/v1/rank", large, Some("wesk_"), "PAYLOAD_TOO_LARGE"),
        wrong(Method::POST, "/v1/setRank", "{", None, "MISSING_API_KEY"),
        wrong(Method::POST, "/v1/setRank", "{", Some("wesk_"), "INVALID_API_KEY"),
        wrong(Method::GET, "/v1/rank/x/y", "", None, "MISSING_API_KEY"),
        wrong(Method::GET, "/v1/rank/x/y", "", Some("wesk_"), "INVALID_API_KEY"),
    ] {
        let ask = world.ask(case.method.clone(), case.path).no_key().body(case.body.clone());
        let ask = case.key.into_iter().fold(ask, |ask, key| ask.header("authorization", key));
        let answer = ask.send().await;
        assert_eq!(answer.code(), Some(case.expected), "{case}");
    }
    // A well-formed key that nobody has: had the parameters not come first, the database would say so.
    let unknown = ApiKey::generate().unwrap();
    world.post("/v1/setRank", &json!({"action": "kick"})).key(&unknown).send().await.expect("INVALID_ACTION");
    world.get("/v1/rank/0/1").key(&unknown).send().await.expect("INVALID_PARAMETER");
    world.get("/v1/group/x/roles").key(&unknown).send().await.expect("INVALID_PARAMETER");
    assert!(world.store.calls().is_empty(), "{:?}", world.store.calls());
    assert!(world.roblox.calls().is_empty());
}

/// A key with everything against it, mended rule by rule: each answer is the next one of the contract's order.
#[tokio::test]
async fn admission_names_the_first_rule_that_is_broken() {
    let world = World::start().await;
    let now = Timestamp::now();
    let key = ApiKey::generate().unwrap();
    let worst = KeyRecord {
        limit: Some(1),
        usage: [(Month::of(now), 1)].into(),
        status: KeyStatus::Revoked,
        expires_at: Some(now - SignedDuration::from_secs(5)),
        limits: max_rank(20),
        ..record(&key, Plan::Starter)
    };
    let expired = KeyRecord { status: KeyStatus::Active, ..worst.clone() };
    let used_up = KeyRecord { expires_at: None, ..expired.clone() };
    let elsewhere = set_rank(GROUP + 1, demo::TRAINEE_USER_ID, 50);
    let too_high = set_rank(GROUP, demo::TRAINEE_USER_ID, 50);
    let demotion = step(GROUP, demo::TRAINEE_USER_ID, "demote");
    let fine = set_rank(GROUP, demo::TRAINEE_USER_ID, 20);
    for (state, body, expected) in [
        (&worst, &elsewhere, "API_KEY_REVOKED"),
        (&expired, &elsewhere, "API_KEY_EXPIRED"),
        (&used_up, &elsewhere, "GROUP_NOT_LINKED"),
        (&used_up, &with(elsewhere.clone(), &json!({"targetRank": 20})), "GROUP_NOT_LINKED"),
        (&used_up, &demotion, "PLAN_REQUIRED"),
        (&used_up, &too_high, "RANK_NOT_ALLOWED"),
        (&used_up, &fine, "MONTHLY_LIMIT_REACHED"),
    ] {
        let key = ApiKey::generate().unwrap();
        world.insert(&KeyRecord { key_id: key.id().clone(), secret: key.hash(), ..state.clone() }).await;
        let stranger = ApiKey::generate_for(key.id().clone()).unwrap();
        world.post("/v1/rank", body).key(&stranger).send().await.expect("INVALID_API_KEY");
        let answer = world.post("/v1/rank", body).key(&key).send().await.expect(expected);
        assert_eq!((answer.header("x-ratelimit-limit"), answer.remaining()), (Some("1"), Some(0)));
        assert_eq!(world.used(&key).await, 1);
    }
    assert!(world.roblox.calls().is_empty(), "what admission refuses never reaches Roblox");
}

/// The rules that need the member come after admission, in an order of their own.
#[tokio::test]
async fn after_admission_membership_then_owner_then_limits_are_judged() {
    let world = World::start().await;
    let key = world.key_with_limits(max_rank(20)).await;
    for (user, rank, expected) in [
        (demo::STRANGER_USER_ID, 11, "USER_NOT_IN_GROUP"),
        (demo::OWNER_USER_ID, 11, "TARGET_NOT_MANAGEABLE"),
        (demo::SENIOR_USER_ID, 11, "RANK_NOT_ALLOWED"),
        (demo::TRAINEE_USER_ID, 11, "ROLE_NOT_FOUND"),
    ] {
        world.post("/v1/setRank", &set_rank(GROUP, user, rank)).key(&key).send().await.expect(expected);
    }
    assert!(world.writes().is_empty());
}
