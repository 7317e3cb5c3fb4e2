//! The database away: the request is refused, and Roblox is not asked.

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use rankbot_sandbox::{Endpoint, demo};
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{CallMatch, Effect, ErrorReply, Operation, StoreFault};

use crate::answer::Answer;
use crate::world::{GROUP, World, set_rank};

fn ways_to_be_away() -> Vec<Effect> {
    vec![
        Effect::CloseConnection,
        Effect::Garbage,
        Effect::Hang,
        Effect::Error(ErrorReply::throttling()),
        Effect::Error(ErrorReply::provisioned_throughput_exceeded()),
        Effect::Error(ErrorReply::internal_server_error()),
        Effect::Error(ErrorReply::service_unavailable()),
        Effect::Error(ErrorReply::access_denied()),
        Effect::Error(ErrorReply::new(400, "ResourceNotFoundException", "Requested resource not found")),
    ]
}

/// One request of each kind that needs the database, all at once.
async fn ask_everything(world: &World) -> Vec<Answer> {
    let set_rank = set_rank(GROUP, demo::TRAINEE_USER_ID, 50);
    join_all([
        world.get("/v1/key").send(),
        world.get("/v1/group").send(),
        world.get("/v1/group/roles").send(),
        world.get(&format!("/v1/rank/{GROUP}/{}", demo::TRAINEE_USER_ID)).send(),
        world.post("/v1/setRank", &set_rank).send(),
    ])
    .await
}

async fn is_away(world: World, effect: Effect) {
    let fault = world.store.inject(StoreFault::before(CallMatch::any(), effect.clone()));
    for answer in ask_everything(&world).await {
        let answer = answer.expect("SERVICE_UNAVAILABLE");
        assert!(answer.header("retry-after").is_some(), "{effect:?}");
        assert!(answer.header("x-ratelimit-limit").is_none(), "{effect:?}: the key was not recognised");
        assert!(!answer.body.to_string().contains("Exception"), "{effect:?}: {}", answer.body);
    }
    assert!(fault.fired() >= 5, "{effect:?}");
    assert!(world.roblox.calls().is_empty(), "{effect:?}: Roblox was called");
    world.get("/v1/status").no_key().send().await.expect_success();

    world.store.heal();
    assert_eq!(world.used(&world.key(Plan::Pro)).await, 0, "{effect:?}");
    world.set_rank(demo::TRAINEE_USER_ID, 50).await.expect_success();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_database_every_request_is_refused_and_roblox_is_not_asked() {
    let mut cases = Vec::new();
    for effect in ways_to_be_away() {
        cases.push(is_away(World::start().await, effect));
    }
    join_all(cases).await;
}

/// The SDK tries again what passes: one slip of the database is not the caller's affair.
#[tokio::test]
async fn a_passing_fault_of_the_database_is_not_seen() {
    let world = World::start().await;
    for effect in [Effect::CloseConnection, Effect::Error(ErrorReply::throttling())] {
        for operation in [Operation::UpdateItem, Operation::GetItem] {
            let fault = world.store.inject(StoreFault::before(CallMatch::of(operation), effect.clone()).times(1));
            world.get_rank(demo::TRAINEE_USER_ID).await.expect_success();
            assert_eq!(fault.fired(), 1);
        }
    }
    assert_eq!(world.used(&world.key(Plan::Pro)).await, 4, "what had no effect was not counted");
}

/// An admission whose answer got lost is counted twice at worst; the limit is not passed.
#[tokio::test]
async fn an_admission_whose_answer_got_lost_costs_the_caller_never_the_operator() {
    let world = World::start().await;
    let admissions = CallMatch::of(Operation::UpdateItem).pk_prefix("KEY#");
    let fault = world.store.inject(StoreFault::after(admissions, Effect::CloseConnection).times(1));
    let answer = world.get("/v1/group").key(&world.key(Plan::Starter)).send().await.expect_success();
    let used = world.used(&world.key(Plan::Starter)).await;
    assert_eq!((fault.fired(), used, answer.remaining()), (1, 2, Some(98)));
}

/// The group's record is only read, beside the admission: without it the request does not go on, and is given back.
#[tokio::test]
async fn a_group_that_cannot_be_loaded_stops_the_request_and_gives_it_back() {
    let world = World::start().await;
    let groups = CallMatch::of(Operation::GetItem).pk_prefix("GROUP#");
    world.store.inject(StoreFault::before(groups, Effect::Error(ErrorReply::access_denied())));
    let answer = world.get_rank(demo::TRAINEE_USER_ID).await.expect("SERVICE_UNAVAILABLE");
    assert_eq!(answer.remaining(), Some(5_000), "the key was recognised, and nothing is counted");
    assert_eq!(world.used(&world.key(Plan::Pro)).await, 0);
    assert!(world.roblox.calls().is_empty());
}

/// Of a version that is gone, or by hand: the other entries are as good as before.
#[tokio::test]
async fn an_entry_of_the_log_that_cannot_be_read_hides_no_other() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for rank in [20, 35, 50] {
        let answer = world.set_rank(demo::TRAINEE_USER_ID, rank).await.expect_success();
        ids.push(answer.body["logId"].as_str().unwrap().to_owned());
    }
    let text = |value: String| AttributeValue::S(value);
    let broken = world.dynamodb().update_item().table_name(world.table_name());
    let broken = broken.key("pk", text(format!("GROUP#{GROUP}"))).key("sk", text(format!("LOG#{}", ids[1])));
    let broken =
        broken.update_expression("SET entry = :none").expression_attribute_values(":none", text("{}".to_owned()));
    broken.send().await.unwrap();
    for query in ["", "?limit=2", &format!("?userId={}", demo::TRAINEE_USER_ID)] {
        let page = world.get(&format!("/v1/logs{query}")).send().await.expect_success();
        let shown: Vec<_> = page.body["entries"].as_array().unwrap().iter().map(|entry| &entry["logId"]).collect();
        assert_eq!(shown, [&ids[2], &ids[0]], "{query}");
    }
}

/// Keeping the list is for the next request's sake.
#[tokio::test]
async fn a_role_list_that_cannot_be_kept_does_not_fail_the_request() {
    let world = World::start().await;
    let keeping = CallMatch::of(Operation::UpdateItem).pk_prefix("GROUP#");
    let fault = world.store.inject(StoreFault::before(keeping, Effect::Error(ErrorReply::access_denied())));
    world.set_rank(demo::TRAINEE_USER_ID, 50).await.expect_success();
    assert!(fault.fired() > 0);
    world.get_rank(demo::TRAINEE_USER_ID).await.expect_success();
    assert_eq!(world.calls_to(Endpoint::ListRoles).len(), 1, "the warm process remembers the list itself");
}
