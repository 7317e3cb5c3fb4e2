//! What a change has left half-done, and who meets it: a dry run, the member's next change, the owner's own hand.

use rankbot_sandbox::demo::role;
use rankbot_sandbox::{Endpoint, Fault, FaultEffect, Matcher, Timing};
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{CallMatch, Effect, Operation, StoreFault};
use serde_json::json;

use crate::invariants::LEASE_S;
use crate::scenario::USER;
use crate::world::{Ask, GROUP, World, max_rank, sorted};

/// A member who stands at rank 10.
async fn with_a_trainee() -> World {
    let world = World::warm().await;
    world.roblox.put_member(GROUP, USER, &[role::TRAINEE]).unwrap();
    world
}

fn roblox_refuses(world: &World, endpoint: Endpoint) {
    world.roblox.inject(Fault::new(Matcher::endpoint(endpoint), FaultEffect::status(403)));
}

/// The process dies with this write to Roblox under way, which takes effect; its lease passes.
async fn die(world: &World, ask: Ask, write: Matcher) {
    world.roblox.inject(Fault::new(write.clone(), FaultEffect::Hang(Timing::After)).once());
    let running = ask.start();
    world.roblox.arrived(&write, 1).await;
    running.abort();
    assert!(running.await.is_err_and(|error| error.is_cancelled()));
    world.roblox.settled().await;
    world.roblox.clear_faults();
    world.pass(LEASE_S);
    world.forget();
}

#[tokio::test]
async fn a_dry_run_writes_nothing_to_roblox_and_answers_for_what_will_be_put_right() {
    let world = with_a_trainee().await;
    roblox_refuses(&world, Endpoint::UnassignRole);
    world.change("promote", USER).send().await.success();
    world.roblox.clear_faults();
    world.forget();
    let dry = world.set_rank(USER, 15).with(&json!({"dryRun": true})).send().await;
    assert_eq!((dry.ranks(), &dry.body["changed"]), ((15, 15), &json!(false)), "the old role will be gone");
    assert_eq!(world.writes(), 0);

    // A promotion that reached its target, and whose caller was told that it failed: it will be taken back.
    let world = with_a_trainee().await;
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::AssignRole), FaultEffect::status_after(500)).once());
    world.roblox.inject(Fault::new(Matcher::any().nth(3), FaultEffect::status(503)));
    world.change("promote", USER).send().await.error(502, "ROBLOX_UNAVAILABLE");
    world.roblox.clear_faults();
    world.forget();
    assert_eq!(world.rank_of(USER), 15);
    let dry = world.change("promote", USER).with(&json!({"dryRun": true})).send().await;
    assert_eq!((dry.ranks(), world.writes()), ((10, 15), 0));
    assert_eq!(world.change("promote", USER).send().await.ranks(), (10, 15));
}

/// Roblox goes on refusing to take old roles off: that concerns no later change.
#[tokio::test]
async fn a_success_with_something_left_over_does_not_hold_the_member() {
    let world = with_a_trainee().await;
    roblox_refuses(&world, Endpoint::UnassignRole);
    assert_eq!(world.change("promote", USER).send().await.ranks(), (10, 15));
    assert_eq!(world.change("promote", USER).once("a").send().await.ranks(), (15, 20));
    assert_eq!(world.set_rank(USER, 80).send().await.ranks(), (20, 80));
    assert_eq!(world.rank_of(USER), 80);
    world.roblox.clear_faults();
    assert_eq!(world.sweep().await, 1);
    assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::CAPTAIN]));
    let log: Vec<_> = world.changes_logged().await.iter().map(|entry| entry["toRank"].clone()).collect();
    assert_eq!((log, world.sweep().await), (vec![json!(15), json!(20), json!(80)], 0));
}

/// The next change takes the leftovers along, and then fails itself, or dies: they are still to be taken off.
#[tokio::test]
async fn what_a_success_has_left_over_is_not_forgotten_when_the_next_change_comes_to_nothing() {
    for dies in [false, true] {
        let world = with_a_trainee().await;
        roblox_refuses(&world, Endpoint::UnassignRole);
        let first = world.change("promote", USER).send().await;
        assert_eq!(first.ranks(), (10, 15));
        if dies {
            let assign = Matcher::endpoint(Endpoint::AssignRole);
            world.roblox.inject(Fault::new(assign.clone(), FaultEffect::Hang(Timing::Before)).once());
            let running = world.change("promote", USER).start();
            world.roblox.arrived(&assign, 1).await;
            running.abort();
            assert!(running.await.is_err_and(|error| error.is_cancelled()));
            world.pass(LEASE_S);
        } else {
            roblox_refuses(&world, Endpoint::AssignRole);
            world.change("promote", USER).once("a").send().await.error(502, "ROBLOX_PERMISSION_DENIED");
        }
        world.roblox.clear_faults();
        while world.sweep().await > 0 {}
        assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::VIP]), "dies: {dies}");
        let log = world.changes_logged().await;
        assert_eq!((log.len(), log[0]["logId"].as_str()), (1, Some(first.log_id())));
        assert_eq!(world.change("promote", USER).send().await.ranks(), (15, 20));
    }
}

/// Roblox answers that the target was assigned, and its next answer shows that it is not there.
#[tokio::test]
async fn an_answer_that_was_untrue_is_found_out_by_the_next_one() {
    let world = with_a_trainee().await;
    let unassign = Matcher::endpoint(Endpoint::UnassignRole);
    world.roblox.inject(Fault::new(unassign.clone(), FaultEffect::Hold).once());
    let running = world.change("promote", USER).start();
    world.roblox.arrived(&unassign, 1).await;
    world.roblox.put_member(GROUP, USER, &[role::TRAINEE]).unwrap();
    world.roblox.clear_faults();
    running.await.unwrap().error(502, "ROBLOX_UNVERIFIED");
    assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::TRAINEE]), "a failure changes nothing");
}

/// From the assignment's answer on, which shows the target, Roblox does not answer any more.
#[tokio::test]
async fn a_target_that_was_seen_is_a_success_though_roblox_goes_away() {
    for effect in [FaultEffect::status(503), FaultEffect::Drop(Timing::Before)] {
        let world = with_a_trainee().await;
        world.roblox.inject(Fault::new(Matcher::any().nth(3), effect));
        assert_eq!(world.change("promote", USER).send().await.ranks(), (10, 15));
        world.roblox.clear_faults();
        assert_eq!(world.sweep().await, 1);
        assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::VIP]));
    }
}

/// The owner takes every role off a member whose change has died half-way: that stays so.
#[tokio::test]
async fn a_member_whom_the_owner_has_changed_meanwhile_is_left_alone() {
    for with_the_same_request in [false, true] {
        let world = with_a_trainee().await;
        world.roblox.put_member(GROUP, USER, &[role::TRAINEE, role::FIRST_OFFICER]).unwrap();
        let demote = world.set_rank(USER, 15).once("a");
        die(&world, demote.clone(), Matcher::endpoint(Endpoint::UnassignRole)).await;
        world.roblox.put_member(GROUP, USER, &[]).unwrap();
        if with_the_same_request {
            assert_eq!(demote.by_a_new_process(&world).send().await.ranks(), (1, 15), "begun anew from where they are");
            assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::VIP]));
        } else {
            assert_eq!(world.sweep().await, 1);
            assert_eq!((world.roles_of(USER), world.writes()), (vec![role::MEMBER], 0));
        }
        let outcomes: Vec<_> = world.log().await.iter().map(|entry| entry["outcome"].clone()).collect();
        assert_eq!(outcomes[0], "failed");
        assert_eq!(world.sweep().await, 0);
    }
}

/// A first run dies when the target is reached; the second meets a Roblox that takes no more writes.
#[tokio::test]
async fn a_change_that_a_dead_run_has_made_is_a_success_when_it_is_asked_for_again() {
    let world = with_a_trainee().await;
    let promote = world.change("promote", USER).once("a");
    die(&world, promote.clone(), Matcher::endpoint(Endpoint::AssignRole)).await;
    for write in [Endpoint::AssignRole, Endpoint::UnassignRole] {
        world.roblox.inject(Fault::new(Matcher::endpoint(write), FaultEffect::status(429)));
    }
    let second = promote.clone().send().await;
    assert_eq!(second.ranks(), (10, 15));
    world.roblox.clear_faults();
    let third = promote.send().await;
    assert!(third.is_replayed());
    assert_eq!((third.log_id(), world.rank_of(USER)), (second.log_id(), 15));
    assert_eq!(world.changes_logged().await.len(), 1);
}

/// The database takes the answer and does not say so: the SDK asks again, and finds it kept by the same run.
#[tokio::test]
async fn an_answer_that_is_kept_at_the_second_attempt_is_fresh_and_counts() {
    let world = with_a_trainee().await;
    let keeping = CallMatch::of(Operation::PutItem).pk_prefix("IDEMP#");
    for ask in [
        world.set_rank(USER, 10).once("unchanged"),
        world.change("promote", USER).with(&json!({"dryRun": true})).once("dry"),
    ] {
        let used = world.used(world.key(Plan::Pro)).await;
        let fault = world.store.inject(StoreFault::after(keeping.clone(), Effect::CloseConnection).times(1));
        let first = ask.clone().send().await;
        first.success();
        assert_eq!((fault.fired(), first.is_replayed()), (1, false), "{}", first.body);
        assert_eq!(world.used(world.key(Plan::Pro)).await, used + 1);
        assert!(ask.send().await.is_replayed());
    }
    let log = world.log().await;
    assert_eq!((log.len(), &log[0]["outcome"]), (1, &json!("unchanged")));
}

/// DynamoDB throttles a batch by leaving it unprocessed, with status 200.
#[tokio::test]
async fn a_load_that_is_throttled_is_repeated_and_given_up_in_the_end() {
    let world = with_a_trainee().await;
    let load = || CallMatch::of(Operation::BatchGetItem);
    let twice = world.store.inject(StoreFault::before(load(), Effect::Unprocessed).times(2));
    assert_eq!(world.change("promote", USER).send().await.ranks(), (10, 15));
    assert_eq!(twice.fired(), 2);
    world.forget();
    let for_ever = world.store.inject(StoreFault::before(load(), Effect::Unprocessed));
    world.change("promote", USER).send().await.error(503, "SERVICE_UNAVAILABLE");
    assert_eq!((for_ever.fired(), world.roblox.calls().len()), (4, 0));
}

/// An undo is answered again for 24 hours, though the entry that it undid has ended meanwhile.
#[tokio::test]
async fn the_answer_to_an_undo_outlives_the_entry_that_was_undone() {
    let world = with_a_trainee().await;
    let change = world.change("promote", USER).key(Plan::Starter).send().await;
    let month = 30 * 24 * 3_600;
    world.pass(month - 600);
    let undo = world.undo(change.log_id()).key(Plan::Starter).once("a");
    let first = undo.clone().send().await;
    assert_eq!(first.ranks(), (15, 10));
    world.pass(1_200);
    world.undo(change.log_id()).key(Plan::Starter).send().await.error(404, "LOG_NOT_FOUND");
    let again = undo.send().await;
    assert!(again.is_replayed(), "{}", again.body);
    assert_eq!(again.text, first.text);
}

/// A role got another rank while its old one was remembered: where the member stands is told by the new list too.
#[tokio::test]
async fn a_refreshed_role_list_tells_where_the_member_stands_and_not_only_the_target() {
    let world = with_a_trainee().await;
    world.roblox.set_role_rank(GROUP, role::TRAINEE, 60).unwrap();
    world.roblox.set_role_rank(GROUP, role::VIP, 55).unwrap();
    // A list that was just read is taken for the newest.
    world.pass(3);
    let narrow = world.new_key(GROUP, Plan::Pro, max_rank(55)).await;
    world.set_rank(USER, 55).with_key(&narrow).send().await.error(403, "RANK_NOT_ALLOWED");
    assert_eq!(world.writes(), 0);
    world.pass(600);
    assert_eq!(world.set_rank(USER, 55).send().await.ranks(), (60, 55));
}
