//! `Idempotency-Key`: one request, however often it is sent, is one change and one answer.

use futures::future::join_all;
use rankbot_sandbox::demo::{self, role};
use rankbot_sandbox::{Endpoint, Fault, FaultEffect, Matcher};
use rankbot_shared::domain::key_record::RankLimits;
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{CallMatch, Effect, ErrorReply, Operation, StoreFault};
use serde_json::json;

use crate::world::{Answer, GROUP, World};

const USER: u64 = demo::TRAINEE_USER_ID;

#[track_caller]
fn is_replay(answer: &Answer, first: &Answer) {
    assert!(answer.is_replayed(), "{}", answer.body);
    assert_eq!((answer.status, &answer.text), (first.status, &first.text), "word for word");
}

#[tokio::test]
async fn the_same_request_again_is_given_the_same_answer_and_neither_run_nor_counted() {
    let world = World::start().await;
    let promote = world.change("promote", USER).once("a");
    let first = promote.clone().send().await;
    first.success();
    assert!(!first.is_replayed());
    world.forget();
    is_replay(&promote.clone().send().await, &first);
    // Another route, another spelling of the same numbers, another order of the fields: the same parsed request.
    is_replay(&promote.clone().at("/v1/rank").send().await, &first);
    let spelt = json!({"action": "promote", "steps": 1, "userId": USER.to_string(), "groupId": GROUP, "reason": null});
    is_replay(&world.post("/v1/promote", &spelt).once("a").send().await, &first);
    assert_eq!(world.roblox.calls().len(), 0);
    assert_eq!(world.used(world.key(Plan::Pro)).await, 1);
    assert_eq!(world.changes_logged().await.len(), 1);
    assert_eq!(world.rank_of(USER), 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_many_times_at_once_is_one_change() {
    let world = World::start().await;
    let promote = world.change("promote", USER).once("a");
    let answers = join_all((0..8).map(|n| {
        let path = if n % 2 == 0 { "/v1/promote" } else { "/v1/rank" };
        promote.clone().at(path).send()
    }))
    .await;
    let fresh: Vec<_> = answers.iter().filter(|answer| answer.status == 200 && !answer.is_replayed()).collect();
    assert_eq!(fresh.len(), 1, "{answers:#?}");
    for answer in &answers {
        match answer.status {
            200 => assert_eq!(answer.text, fresh[0].text),
            _ => answer.in_progress("IDEMPOTENCY_IN_PROGRESS"),
        }
    }
    is_replay(&promote.send().await, fresh[0]);
    assert_eq!(world.rank_of(USER), 15);
    assert_eq!((world.used(world.key(Plan::Pro)).await, world.changes_logged().await.len()), (1, 1));
}

/// What writes nothing to Roblox lays no claim: its answer alone decides.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_with_nothing_to_write_many_times_at_once_has_one_answer() {
    let world = World::warm().await;
    for ask in
        [world.set_rank(USER, 10).once("held"), world.set_rank(USER, 50).with(&json!({"dryRun": true})).once("dry")]
    {
        let before = (world.used(world.key(Plan::Pro)).await, world.log().await.len());
        let answers = join_all((0..6).map(|_| ask.clone().send())).await;
        let fresh: Vec<_> = answers.iter().filter(|answer| answer.counts()).collect();
        assert_eq!(fresh.len(), 1, "{answers:#?}");
        assert!(answers.iter().all(|answer| answer.text == fresh[0].text), "{answers:#?}");
        assert_eq!(world.used(world.key(Plan::Pro)).await, before.0 + 1);
        assert!(world.log().await.len() <= before.1 + 1, "who is given another's answer leaves no entry");
    }
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused_and_given_back() {
    let world = World::start().await;
    world.change("promote", USER).once("a").send().await.success();
    world.forget();
    for other in [
        world.change("demote", USER),
        world.change("promote", demo::BASE_ONLY_USER_ID),
        world.change("promote", USER).with(&json!({"steps": 2})),
        world.change("promote", USER).with(&json!({"reason": "other"})),
        world.change("promote", USER).with(&json!({"actorId": 5})),
        world.change("promote", USER).with(&json!({"dryRun": true})),
        world.set_rank(USER, 15),
    ] {
        other.once("a").send().await.error(422, "IDEMPOTENCY_KEY_REUSED");
    }
    assert_eq!((world.roblox.calls().len(), world.used(world.key(Plan::Pro)).await), (0, 1));
}

#[tokio::test]
async fn while_the_first_runs_the_second_is_told_to_wait_and_another_request_is_refused() {
    let world = World::warm().await;
    let assign = Matcher::endpoint(Endpoint::AssignRole);
    world.roblox.inject(Fault::new(assign.clone(), FaultEffect::Hold));
    let promote = world.change("promote", USER).once("a");
    let first = promote.clone().start();
    world.roblox.arrived(&assign, 1).await;
    promote.clone().send().await.in_progress("IDEMPOTENCY_IN_PROGRESS");
    world.change("demote", USER).once("a").send().await.error(422, "IDEMPOTENCY_KEY_REUSED");
    world.roblox.clear_faults();
    let first = first.await.unwrap();
    first.success();
    is_replay(&promote.send().await, &first);
    assert_eq!(world.used(world.key(Plan::Pro)).await, 1);
}

#[tokio::test]
async fn a_kept_answer_is_given_also_when_the_month_is_used_up() {
    let world = World::start().await;
    let promote = world.change("promote", USER).once("a");
    let first = promote.clone().send().await;
    world.exhaust(world.key(Plan::Pro)).await;
    let replay = promote.clone().send().await;
    is_replay(&replay, &first);
    assert_eq!(replay.header("x-ratelimit-remaining"), Some("0"));
    world.change("promote", USER).once("b").send().await.error(429, "MONTHLY_LIMIT_REACHED");
    world.change("demote", USER).once("a").send().await.error(429, "MONTHLY_LIMIT_REACHED");
}

#[tokio::test]
async fn a_failure_is_not_kept_and_the_same_request_runs_again() {
    let world = World::warm().await;
    let promote = world.change("promote", USER).once("a");
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::AssignRole), FaultEffect::status(403)).once());
    promote.clone().send().await.error(502, "ROBLOX_PERMISSION_DENIED");
    let second = promote.clone().send().await;
    assert_eq!(second.ranks(), (10, 15));
    assert!(!second.is_replayed());
    is_replay(&promote.send().await, &second);
    assert_eq!(world.used(world.key(Plan::Pro)).await, 1);
}

#[tokio::test]
async fn a_refusal_is_not_kept() {
    let world = World::start().await;
    let key = world.new_key(GROUP, Plan::Pro, crate::world::max_rank(20)).await;
    let promote = world.change("promote", demo::SENIOR_USER_ID).with_key(&key).once("a");
    for _ in 0..2 {
        let answer = promote.clone().send().await;
        answer.error(403, "RANK_NOT_ALLOWED");
        assert!(!answer.is_replayed());
    }
    assert_eq!(world.used(&key).await, 0);
}

/// The purchase of somebody who joins the group only afterwards, under the one key that names it.
#[tokio::test]
async fn not_in_the_group_is_not_kept_so_that_whoever_joins_later_is_ranked() {
    let world = World::start().await;
    let promote = world.change("promote", demo::STRANGER_USER_ID).once("a");
    for _ in 0..2 {
        let answer = promote.clone().send().await;
        answer.error(404, "USER_NOT_IN_GROUP");
        assert!(!answer.is_replayed());
    }
    world.roblox.put_member(GROUP, demo::STRANGER_USER_ID, &[]).unwrap();
    let joined = promote.clone().send().await;
    assert_eq!(joined.ranks(), (1, 10));
    is_replay(&promote.send().await, &joined);
    assert_eq!(world.used(world.key(Plan::Pro)).await, 3, "each of the three answers counts");
}

#[tokio::test]
async fn the_end_of_the_ladder_is_not_kept_so_that_a_later_change_is_made() {
    let world = World::start().await;
    for (action, start, code, moved) in [
        ("promote", role::BOT, "ALREADY_HIGHEST_RANK", role::TRAINEE),
        ("demote", role::MEMBER, "ALREADY_LOWEST_RANK", role::TRAINEE),
    ] {
        world.roblox.put_member(GROUP, USER, &[start]).unwrap();
        let change = world.change(action, USER).once(action);
        for _ in 0..2 {
            let answer = change.clone().send().await;
            assert_eq!((answer.status, answer.code()), (200, Some(code)), "{}", answer.body);
            assert!(!answer.is_replayed());
        }
        world.roblox.put_member(GROUP, USER, &[moved]).unwrap();
        let later = change.clone().send().await;
        assert_eq!(later.success()["changed"], true);
        is_replay(&change.send().await, &later);
    }
}

#[tokio::test]
async fn a_key_whose_answer_was_no_success_may_stand_for_another_request() {
    let world = World::start().await;
    world.change("promote", demo::STRANGER_USER_ID).once("a").send().await.error(404, "USER_NOT_IN_GROUP");
    assert_eq!(world.change("promote", USER).once("a").send().await.ranks(), (10, 15));
}

#[tokio::test]
async fn a_member_who_leaves_meanwhile_is_answered_so_and_that_is_not_kept() {
    let world = World::warm().await;
    let assign = Matcher::endpoint(Endpoint::AssignRole);
    world.roblox.inject(Fault::new(assign.clone(), FaultEffect::Hold).once());
    let promote = world.change("promote", USER).once("a");
    let running = promote.clone().start();
    world.roblox.arrived(&assign, 1).await;
    world.roblox.remove_member(GROUP, USER).unwrap();
    world.roblox.clear_faults();
    running.await.unwrap().error(404, "USER_NOT_IN_GROUP");
    world.roblox.put_member(GROUP, USER, &[role::TRAINEE]).unwrap();
    assert_eq!(promote.send().await.ranks(), (10, 15));
}

#[tokio::test]
async fn keys_of_two_api_keys_do_not_collide() {
    let world = World::start().await;
    let other = world.new_key(GROUP, Plan::Pro, RankLimits::default()).await;
    let promote = world.change("promote", USER).once("a");
    assert_eq!(promote.clone().send().await.ranks(), (10, 15));
    assert_eq!(promote.with_key(&other).send().await.ranks(), (15, 20));
}

#[tokio::test]
async fn a_malformed_key_is_refused_before_anything_is_asked() {
    let world = World::start().await;
    world.forget();
    for key in ["", " ", "a b", "a\tb", &"x".repeat(256)] {
        world.change("promote", USER).once(key).send().await.error(400, "INVALID_PARAMETER");
    }
    assert!(world.store.calls().is_empty() && world.roblox.calls().is_empty());
    world.change("promote", USER).once(&"~".repeat(255)).send().await.success();
}

#[tokio::test]
async fn a_key_stands_for_its_request_for_24_hours() {
    let world = World::start().await;
    let promote = world.change("promote", USER).once("a");
    let first = promote.clone().send().await;
    world.pass(24 * 3_600 - 60);
    is_replay(&promote.clone().send().await, &first);
    world.pass(120);
    assert_eq!(promote.send().await.ranks(), (15, 20));
}

#[tokio::test]
async fn an_undo_has_its_key_too() {
    let world = World::start().await;
    let done = world.change("promote", USER).send().await;
    let undo = world.undo(done.log_id()).once("a");
    let first = undo.clone().send().await;
    assert_eq!(first.ranks(), (15, 10));
    is_replay(&undo.clone().send().await, &first);
    undo.with(&json!({"force": true})).send().await.error(422, "IDEMPOTENCY_KEY_REUSED");
    world.exhaust(world.key(Plan::Pro)).await;
    is_replay(&world.undo(done.log_id()).once("a").send().await, &first);
    assert_eq!((world.rank_of(USER), world.changes_logged().await.len()), (10, 2));
}

/// The database would not keep the answer: the log knows that the change was made, and the same request does not move
/// the member again, neither at once nor when the lease has ended.
#[tokio::test]
async fn an_answer_that_could_not_be_kept_is_found_in_the_log() {
    for later in [0, 20] {
        let world = World::warm().await;
        let promote = world.change("promote", USER).once("a");
        // The first write holds the key, the second would keep the answer.
        let keeping = CallMatch::of(Operation::PutItem).pk_prefix("IDEMP#");
        world.store.inject(StoreFault::before(keeping, Effect::Error(ErrorReply::access_denied())).skip(1));
        let first = promote.clone().send().await;
        assert_eq!(first.ranks(), (10, 15));
        world.store.heal();
        world.pass(later);
        let second = promote.clone().send().await;
        assert!(second.is_replayed(), "{later} s later: {}", second.body);
        assert_eq!((second.log_id(), world.rank_of(USER)), (first.log_id(), 15), "{later} s later");
        is_replay(&promote.send().await, &second);
        assert_eq!(world.used(world.key(Plan::Pro)).await, 1);
    }
}

/// The database would not free the key after a failure: the same request runs nevertheless.
#[tokio::test]
async fn a_key_that_could_not_be_freed_does_not_stand_in_the_way() {
    let world = World::warm().await;
    let promote = world.change("promote", USER).once("a");
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::AssignRole), FaultEffect::status(403)).once());
    let freeing = CallMatch::of(Operation::DeleteItem).pk_prefix("IDEMP#");
    world.store.inject(StoreFault::before(freeing, Effect::Error(ErrorReply::access_denied())));
    promote.clone().send().await.error(502, "ROBLOX_PERMISSION_DENIED");
    world.store.heal();
    assert_eq!(promote.send().await.ranks(), (10, 15));
}
