//! The month's quota: exact under concurrency, counted once, and given back where nothing came of the request.

use std::collections::BTreeSet;

use futures::future::join_all;
use jiff::Timestamp;
use rankbot_sandbox::{Endpoint, Fault, FaultEffect, Matcher, demo};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::key_record::KeyRecord;
use rankbot_shared::domain::month::Month;
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{CallMatch, Effect, ErrorReply, Operation, StoreFault};
use serde_json::{Value, json};

use crate::world::{GROUP, World, max_rank, record, set_rank, step, with};

#[tokio::test(flavor = "multi_thread")]
async fn of_160_concurrent_requests_a_starter_key_gets_exactly_100() {
    let world = World::start().await;
    // The role list is known then: what remains is one request to Roblox for each that is admitted.
    world.get_rank(demo::TRAINEE_USER_ID).await.expect_success();
    world.forget();
    let key = world.key(Plan::Starter);
    let path = format!("/v1/rank/{GROUP}/{}", demo::TRAINEE_USER_ID);
    let answers = join_all((0..160).map(|_| world.get(&path).key(&key).send())).await;

    let (admitted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((admitted.len(), refused.len()), (100, 60));
    let remaining: Vec<u64> = admitted.iter().map(|answer| answer.remaining().unwrap()).collect();
    assert_eq!(remaining.iter().copied().collect::<BTreeSet<u64>>(), (0..100).collect(), "each value once");
    for answer in refused {
        assert_eq!(answer.remaining(), Some(0));
        let answer = answer.expect("MONTHLY_LIMIT_REACHED");
        let details = &answer.body["details"];
        assert_eq!(
            (&details["plan"], &details["limit"], &details["used"]),
            (&json!("starter"), &json!(100), &json!(100))
        );
    }
    assert_eq!(world.used(&key).await, 100);
    assert_eq!(world.roblox.calls().len(), 100);
}

#[tokio::test]
async fn rank_changes_at_once_are_counted_exactly_too() {
    let world = World::start().await;
    let key = ApiKey::generate().unwrap();
    world.insert(&KeyRecord { limit: Some(8), ..record(&key, Plan::Starter) }).await;
    let users: Vec<u64> = (700_001..700_017).collect();
    for user in &users {
        world.roblox.put_member(GROUP, *user, &[demo::role::TRAINEE]).unwrap();
    }
    let requests = users.iter().map(|user| world.post("/v1/setRank", &set_rank(GROUP, *user, 20)).key(&key).send());
    let answers = join_all(requests).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 8);
    assert_eq!(answers.iter().filter(|answer| answer.code() == Some("MONTHLY_LIMIT_REACHED")).count(), 8);
    let moved = users.iter().filter(|user| world.roblox.rank_of(GROUP, **user) == Some(20)).count();
    assert_eq!((moved, world.used(&key).await), (8, 8));
}

#[tokio::test]
async fn a_key_without_a_limit_is_counted_and_never_refused() {
    let world = World::start().await;
    let key = world.key(Plan::Max);
    for _ in 0..3 {
        let answer = world.get("/v1/group").key(&key).send().await.expect_success();
        assert_eq!(answer.header("x-ratelimit-remaining"), Some("unlimited"));
    }
    assert_eq!(world.used(&key).await, 3);
}

#[tokio::test]
async fn the_key_route_is_not_counted_and_answers_at_the_limit() {
    let world = World::start().await;
    let key = ApiKey::generate().unwrap();
    let usage = [(Month::of(Timestamp::now()), 100)].into();
    world.insert(&KeyRecord { usage, ..record(&key, Plan::Starter) }).await;
    world.get("/v1/group").key(&key).send().await.expect("MONTHLY_LIMIT_REACHED");
    let shown = world.get("/v1/key").key(&key).send().await.expect_success();
    assert_eq!((&shown.body["used"], &shown.body["remaining"]), (&json!(100), &json!(0)));
    assert_eq!(world.used(&key).await, 100);
}

#[tokio::test]
async fn another_months_requests_do_not_count() {
    let world = World::start().await;
    let key = ApiKey::generate().unwrap();
    let usage = [("2020-01".parse().unwrap(), 100)].into();
    world.insert(&KeyRecord { usage, ..record(&key, Plan::Starter) }).await;
    assert_eq!(world.get("/v1/group").key(&key).send().await.expect_success().remaining(), Some(99));
}

/// What one request costs, whatever came of it.
struct Counted {
    body: Value,
    fault: Option<Fault>,
    status: u16,
    cost: u64,
}

fn plain(body: Value, status: u16, cost: u64) -> Counted {
    Counted { body, fault: None, status, cost }
}

fn faulty(endpoint: Endpoint, effect: FaultEffect, status: u16, cost: u64) -> Counted {
    let fault = Some(Fault::new(Matcher::endpoint(endpoint), effect));
    Counted { body: set_rank(GROUP, demo::TRAINEE_USER_ID, 50), fault, status, cost }
}

#[tokio::test]
async fn a_request_is_counted_once_and_given_back_where_the_contract_says_so() {
    let world = World::start().await;
    world.roblox.put_group(world.roblox.group(GROUP).unwrap().role(41, "A", 30).role(42, "B", 30));
    let trainee = demo::TRAINEE_USER_ID;
    let table = [
        plain(set_rank(GROUP, trainee, 20), 200, 1),
        plain(set_rank(GROUP, trainee, 20), 200, 1),
        plain(with(set_rank(GROUP, trainee, 50), &json!({"dryRun": true})), 200, 1),
        plain(step(GROUP, demo::BASE_ONLY_USER_ID, "demote"), 200, 1),
        plain(set_rank(GROUP, demo::STRANGER_USER_ID, 20), 404, 1),
        plain(set_rank(GROUP, trainee, 99), 400, 0),
        plain(set_rank(GROUP, trainee, 30), 400, 0),
        plain(set_rank(GROUP, demo::OWNER_USER_ID, 20), 403, 0),
        plain(set_rank(GROUP, demo::SENIOR_USER_ID, 20), 403, 0),
        plain(set_rank(GROUP + 1, trainee, 20), 403, 0),
        plain(with(set_rank(GROUP, trainee, 20), &json!({"steps": 2})), 400, 0),
        faulty(Endpoint::ListMemberships, FaultEffect::status(400), 502, 0),
        faulty(Endpoint::ListMemberships, FaultEffect::status(401), 502, 0),
        faulty(Endpoint::ListMemberships, FaultEffect::status(403), 502, 0),
        faulty(Endpoint::ListMemberships, FaultEffect::status(500), 502, 0),
        faulty(Endpoint::ListMemberships, FaultEffect::BrokenBody, 502, 0),
        faulty(Endpoint::AssignRole, FaultEffect::status(403), 502, 0),
        faulty(Endpoint::AssignRole, FaultEffect::NoEffect, 502, 0),
        faulty(Endpoint::AssignRole, FaultEffect::status_after(500), 200, 1),
    ];
    for (place, case) in table.into_iter().enumerate() {
        // The member of rank 120 stands above this key, and the target 99 does not.
        let key = world.key_with_limits(max_rank(100)).await;
        if let Some(fault) = case.fault {
            world.roblox.inject(fault);
        }
        let answer = world.post("/v1/rank", &case.body).key(&key).send().await;
        world.roblox.clear_faults();
        assert_eq!(answer.status, case.status, "case {place}: {}", answer.body);
        assert_eq!(world.used(&key).await, case.cost, "case {place}: {}", answer.body);
        if let Some(remaining) = answer.remaining() {
            assert_eq!(remaining, 5_000 - case.cost, "case {place}: the header knows of the give-back");
        }
    }
}

#[tokio::test]
async fn concurrent_give_backs_leave_the_counter_where_it_was() {
    let world = World::start().await;
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::ListMemberships), FaultEffect::status(403)));
    let key = world.key(Plan::Starter);
    let path = format!("/v1/rank/{GROUP}/{}", demo::TRAINEE_USER_ID);
    let answers = join_all((0..20).map(|_| world.get(&path).key(&key).send())).await;
    assert!(answers.iter().all(|answer| answer.code() == Some("ROBLOX_PERMISSION_DENIED")));
    assert_eq!(world.used(&key).await, 0);
}

/// The calls that take a counted request back.
fn give_backs(world: &World) -> usize {
    let updates = world.store.calls_matching(&updates());
    updates.iter().filter(|call| call.request_json()["UpdateExpression"].as_str().unwrap().contains('-')).count()
}

/// A give-back that got lost may have taken effect: repeating it could give a request away.
#[tokio::test]
async fn a_give_back_is_sent_once_even_where_its_answer_got_lost() {
    let world = World::start().await;
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::ListMemberships), FaultEffect::status(403)));
    let key = world.key(Plan::Starter);
    world.get("/v1/group").key(&key).send().await.expect_success();
    for (fault, used) in [
        (StoreFault::after(updates(), Effect::CloseConnection).nth(2), 1),
        (StoreFault::before(updates(), Effect::Error(ErrorReply::internal_server_error())).nth(2), 2),
    ] {
        world.forget();
        let injected = world.store.inject(fault);
        let path = format!("/v1/rank/{GROUP}/{}", demo::TRAINEE_USER_ID);
        world.get(&path).key(&key).send().await.expect("ROBLOX_PERMISSION_DENIED");
        assert_eq!((injected.fired(), give_backs(&world)), (1, 1));
        assert_eq!(world.used(&key).await, used, "lost for the caller at worst, never given away");
    }
}

fn updates() -> CallMatch {
    CallMatch::of(Operation::UpdateItem).pk_prefix("KEY#")
}

/// Refusals after admission have read from Roblox: of these, 20 and a tenth of the plan's limit are given back in a month.
#[tokio::test]
async fn refusals_are_given_back_up_to_a_number_and_count_from_there_on() {
    let world = World::start().await;
    let key = world.key(Plan::Starter);
    let refused = |fields: Value| {
        world.post("/v1/setRank", &with(set_rank(GROUP, demo::TRAINEE_USER_ID, 20), &fields)).key(&key).send()
    };
    for number in 0..30 {
        let answer = refused(json!({"ifRank": 99})).await.expect("RANK_MISMATCH");
        assert_eq!(answer.remaining(), Some(100), "refusal {number}");
    }
    for number in 1..=3 {
        let answer = refused(json!({"targetRank": 99})).await.expect("ROLE_NOT_FOUND");
        assert_eq!(answer.remaining(), Some(100 - number));
    }
    // A failure is no refusal, and is given back for ever.
    let failing = Fault::new(Matcher::endpoint(Endpoint::ListMemberships), FaultEffect::status(403));
    world.roblox.inject(failing);
    refused(json!({})).await.expect("ROBLOX_PERMISSION_DENIED");
    world.roblox.clear_faults();
    assert_eq!(world.used(&key).await, 3);
    // Where there is no limit there is nothing to be spent.
    let unlimited = world.key(Plan::Max);
    for _ in 0..35 {
        let body = with(set_rank(GROUP, demo::TRAINEE_USER_ID, 20), &json!({"ifRank": 99}));
        world.post("/v1/setRank", &body).key(&unlimited).send().await.expect("RANK_MISMATCH");
    }
    assert_eq!(world.used(&unlimited).await, 0);
}

/// The first one takes the month's last place and still runs: its repetition is told that, not that the month is used up.
#[tokio::test]
async fn a_repetition_that_races_its_first_run_to_the_last_place_is_told_that_it_runs() {
    let world = World::start().await;
    world.get_rank(demo::TRAINEE_USER_ID).await.expect_success();
    let key = ApiKey::generate().unwrap();
    world.insert(&KeyRecord { limit: Some(1), ..record(&key, Plan::Starter) }).await;
    let reading = Matcher::endpoint(Endpoint::ListMemberships);
    world.forget();
    world.roblox.inject(Fault::new(reading.clone(), FaultEffect::Hold).once());
    let body = set_rank(GROUP, demo::TRAINEE_USER_ID, 50);
    let ask = |name: &str| world.post("/v1/setRank", &body).key(&key).header("idempotency-key", name).send();
    let others = async {
        // Admitted, and not yet known by its idempotency key.
        world.roblox.arrived(&reading, 1).await;
        ask("a").await.expect("IDEMPOTENCY_IN_PROGRESS");
        ask("b").await.expect("MONTHLY_LIMIT_REACHED");
        world.roblox.clear_faults();
    };
    let (first, ()) = futures::future::join(ask("a"), others).await;
    first.expect_success();
    let replayed = ask("a").await.expect_success();
    assert_eq!(replayed.header("idempotency-replayed"), Some("true"));
    ask("b").await.expect("MONTHLY_LIMIT_REACHED");
}
