//! Every error code, from outside: that it can be had, and what it says. Status, `retryable`, docs path, request id and
//! headers are checked in every answer of this suite against the contract's table.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use rankbot_sandbox::{Endpoint, ErrorBody, Fault, FaultEffect, Matcher, Timing, demo};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::key_record::{KeyRecord, KeyStatus};
use rankbot_shared::domain::month::Month;
use rankbot_shared::domain::plan::Plan;
use rankbot_shared::http::{ErrorCode, Retryable};
use rankbot_store::testing::{CallMatch, Effect, ErrorReply, StoreFault};
use reqwest::Method;
use serde_json::json;

use crate::answer::{Answer, CATALOGUE};
use crate::world::{GROUP, World, max_rank, record, set_rank, step, with};

/// Codes that no request below provokes: the tests of what they belong to do.
const SHOWN_ELSEWHERE: &[&str] = &[
    // A defect, which none of these requests can cause: shared/tests has a Roblox that panics.
    "INTERNAL_ERROR",
    // Two and a half seconds of silence: the faults of Roblox.
    "ROBLOX_TIMEOUT",
    // Safe changes: claims, idempotency, the log, blocks.
    "RANK_CHANGE_IN_PROGRESS",
    "IDEMPOTENCY_IN_PROGRESS",
    "IDEMPOTENCY_KEY_REUSED",
    "CHANGED_SINCE",
    "LOG_NOT_FOUND",
    "USER_BLOCKED",
];

#[test]
fn the_catalogue_says_what_the_contract_says() {
    for code in ErrorCode::ALL {
        let said = (code.as_str(), code.status().as_u16(), code.retryable() == Retryable::Yes);
        assert!(CATALOGUE.contains(&said), "{said:?}");
    }
}

#[tokio::test]
async fn every_code_can_be_had_and_names_the_fix() {
    let world = World::start().await;
    let mut answers = of_the_request(&world).await;
    answers.extend(of_the_key(&world).await);
    answers.extend(of_the_member(&world).await);
    answers.extend(of_roblox(&world).await);
    answers.push(of_the_store(&world).await);

    let mut shown = BTreeSet::new();
    for answer in answers {
        let code = answer.code().unwrap().to_owned();
        insta::assert_snapshot!(format!("error_{code}"), answer.shown());
        shown.insert(code);
    }
    let known = ErrorCode::ALL.iter().map(|code| code.as_str());
    let missing: Vec<&str> = known.filter(|code| !shown.contains(*code) && !SHOWN_ELSEWHERE.contains(code)).collect();
    assert!(missing.is_empty(), "no request shows {missing:?}");
}

async fn of_the_request(world: &World) -> Vec<Answer> {
    let large = "x".repeat(16_385);
    let set = set_rank(GROUP, demo::TRAINEE_USER_ID, 50);
    vec![
        world.post("/v1/setRank", &json!(null)).body("{\"groupId\":").send().await.expect("INVALID_JSON"),
        world.post("/v1/setRank", &json!({"action": "setRank"})).send().await.expect("MISSING_PARAMETER"),
        world.post("/v1/setRank", &with(set, &json!({"targetRank": 255}))).send().await.expect("INVALID_PARAMETER"),
        world.post("/v1/setRank", &json!({"action": "promote"})).send().await.expect("INVALID_ACTION"),
        world.get("/v1/nothing").send().await.expect("ROUTE_NOT_FOUND"),
        world.ask(Method::DELETE, "/v1/setRank").send().await.expect("METHOD_NOT_ALLOWED"),
        world
            .post("/v1/setRank", &json!({}))
            .header("content-encoding", "br")
            .send()
            .await
            .expect("UNSUPPORTED_ENCODING"),
        world.post("/v1/setRank", &json!(null)).body(large).send().await.expect("PAYLOAD_TOO_LARGE"),
        world.get("/v1/key").no_key().send().await.expect("MISSING_API_KEY"),
    ]
}

async fn of_the_key(world: &World) -> Vec<Answer> {
    let now = Timestamp::now();
    let keys: [ApiKey; 4] = std::array::from_fn(|_| ApiKey::generate().unwrap());
    let [revoked, expired, used_up, unknown] = &keys;
    world.insert(&KeyRecord { status: KeyStatus::Revoked, ..record(revoked, Plan::Pro) }).await;
    let expires_at = Some(now - SignedDuration::from_hours(1));
    world.insert(&KeyRecord { expires_at, ..record(expired, Plan::Pro) }).await;
    world.insert(&KeyRecord { usage: [(Month::of(now), 100)].into(), ..record(used_up, Plan::Starter) }).await;
    let limited = world.key_with_limits(max_rank(20)).await;
    let demote = step(GROUP, demo::TRAINEE_USER_ID, "demote");
    vec![
        world.get("/v1/key").key(unknown).send().await.expect("INVALID_API_KEY"),
        world.get("/v1/group").key(revoked).send().await.expect("API_KEY_REVOKED"),
        world.get("/v1/group").key(expired).send().await.expect("API_KEY_EXPIRED"),
        world.get("/v1/group").key(used_up).send().await.expect("MONTHLY_LIMIT_REACHED"),
        world.get("/v1/group/1").send().await.expect("GROUP_NOT_LINKED"),
        world.post("/v1/demote", &demote).key(&world.key(Plan::Starter)).send().await.expect("PLAN_REQUIRED"),
        world
            .post("/v1/setRank", &set_rank(GROUP, demo::TRAINEE_USER_ID, 50))
            .key(&limited)
            .send()
            .await
            .expect("RANK_NOT_ALLOWED"),
    ]
}

async fn of_the_member(world: &World) -> Vec<Answer> {
    let mut group = world.roblox.group(GROUP).unwrap();
    group = group.role(41, "Ground Crew", 30).role(42, "Cargo Crew", 30);
    world.roblox.put_group(group);
    let only_at_50 = with(set_rank(GROUP, demo::TRAINEE_USER_ID, 20), &json!({"ifRank": 50}));
    vec![
        world.set_rank(demo::STRANGER_USER_ID, 20).await.expect("USER_NOT_IN_GROUP"),
        world.set_rank(demo::OWNER_USER_ID, 20).await.expect("TARGET_NOT_MANAGEABLE"),
        world.set_rank(demo::TRAINEE_USER_ID, 99).await.expect("ROLE_NOT_FOUND"),
        world.set_rank(demo::TRAINEE_USER_ID, 30).await.expect("AMBIGUOUS_ROLE"),
        world.post("/v1/setRank", &only_at_50).send().await.expect("RANK_MISMATCH"),
    ]
}

async fn of_roblox(world: &World) -> Vec<Answer> {
    let reads = || Matcher::endpoint(Endpoint::ListMemberships);
    let later =
        FaultEffect::Status { status: 429, body: ErrorBody::V2, retry_after_s: Some(30), timing: Timing::Before };
    let mut answers = Vec::new();
    for (on, effect, code) in [
        (reads(), FaultEffect::status(503), "ROBLOX_UNAVAILABLE"),
        (reads(), later, "ROBLOX_RATE_LIMITED"),
        (reads(), FaultEffect::status(403), "ROBLOX_PERMISSION_DENIED"),
        (reads(), FaultEffect::status(401), "ROBLOX_CREDENTIAL_INVALID"),
        (reads(), FaultEffect::BrokenBody, "ROBLOX_UNEXPECTED_RESPONSE"),
        (Matcher::endpoint(Endpoint::AssignRole), FaultEffect::NoEffect, "ROBLOX_UNVERIFIED"),
    ] {
        world.roblox.inject(Fault::new(on, effect));
        answers.push(world.set_rank(demo::TRAINEE_USER_ID, 50).await.expect(code));
        world.roblox.clear_faults();
    }
    answers
}

async fn of_the_store(world: &World) -> Answer {
    let away = Effect::Error(ErrorReply::service_unavailable());
    world.store.inject(StoreFault::before(CallMatch::any(), away));
    world.get("/v1/group").send().await.expect("SERVICE_UNAVAILABLE")
}
