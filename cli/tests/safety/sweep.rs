//! The sweep: what nobody else has put right, within its run; and nothing is written for who is not admitted.

use rankbot_sandbox::demo::role;
use rankbot_sandbox::{Endpoint, Fault, FaultEffect, Matcher, Timing};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::key_record::RankLimits;
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{CallMatch, Moment, Operation};

use crate::invariants::LEASE_S;
use crate::world::{GROUP, World, sorted};

fn users() -> std::ops::RangeInclusive<u64> {
    300_001..=300_012
}

/// Twelve members, each left with the old role on.
async fn left_over() -> World {
    let world = World::warm().await;
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::UnassignRole), FaultEffect::status(403)));
    for user in users() {
        world.roblox.put_member(GROUP, user, &[role::TRAINEE]).unwrap();
        world.change("promote", user).send().await.success();
    }
    world.roblox.clear_faults();
    world
}

#[tokio::test]
async fn one_sweep_puts_every_abandoned_change_right() {
    let world = left_over().await;
    assert_eq!(world.sweep().await, users().count());
    for user in users() {
        assert_eq!(world.roles_of(user), sorted(&[role::MEMBER, role::VIP]));
    }
    assert_eq!(world.sweep().await, 0);
    assert_eq!(world.changes_logged().await.len(), users().count());
}

/// Roblox hangs for one member: the others are put right in the same run.
#[tokio::test]
async fn a_member_whom_roblox_does_not_answer_for_does_not_hold_up_the_others() {
    let world = left_over().await;
    let stuck = *users().start();
    world.roblox.inject(Fault::new(Matcher::any().user(stuck), FaultEffect::Hang(rankbot_sandbox::Timing::Before)));
    let swept = world.api().sweep().await.unwrap();
    assert_eq!((swept.found, swept.recovered), (users().count(), users().count() - 1));
    world.roblox.clear_faults();
    world.pass(LEASE_S);
    assert_eq!(world.sweep().await, 1);
    assert_eq!(world.roles_of(stuck), sorted(&[role::MEMBER, role::VIP]));
}

#[tokio::test]
async fn a_running_change_is_left_alone() {
    let world = World::warm().await;
    let user = *users().start();
    world.roblox.put_member(GROUP, user, &[role::TRAINEE]).unwrap();
    let assign = Matcher::endpoint(Endpoint::AssignRole);
    world.roblox.inject(Fault::new(assign.clone(), FaultEffect::Hold).once());
    let running = world.change("promote", user).start();
    world.roblox.arrived(&assign, 1).await;
    assert_eq!(world.sweep().await, 0);
    world.roblox.clear_faults();
    assert_eq!(running.await.unwrap().ranks(), (10, 15));
}

/// A process that was frozen in the middle of a change and wakes when its lease is over touches nothing any more.
#[tokio::test]
async fn a_run_that_wakes_after_its_lease_writes_nothing_to_roblox() {
    let world = World::warm().await;
    let user = *users().start();
    world.roblox.put_member(GROUP, user, &[role::TRAINEE]).unwrap();
    let assign = Matcher::endpoint(Endpoint::AssignRole);
    world.roblox.inject(Fault::new(assign.clone(), FaultEffect::Hold).once());
    let running = world.change("promote", user).start();
    world.roblox.arrived(&assign, 1).await;
    world.pass(LEASE_S);
    // Somebody else takes over: nothing is assigned yet, so there is nothing to take back.
    assert_eq!(world.sweep().await, 1);
    world.roblox.clear_faults();
    let late = running.await.unwrap();
    assert_eq!(world.calls_to(Endpoint::UnassignRole), 0, "the lease is over");
    // What it would answer and what is on record are not the same.
    late.in_progress("RANK_CHANGE_IN_PROGRESS");
    assert_eq!(world.log().await[0]["outcome"], "failed");
}

/// One process's clock is 20 s ahead: the sweep takes its change for abandoned while it runs.
#[tokio::test]
async fn a_success_that_another_run_has_put_on_record_as_a_failure_is_not_answered_nor_kept() {
    let world = World::warm().await;
    let user = *users().start();
    world.roblox.put_member(GROUP, user, &[role::TRAINEE]).unwrap();
    let promote = world.change("promote", user).once("a");
    let mut gate = world.store.gate(CallMatch::of(Operation::TransactWriteItems), Moment::BeforeEffect);
    let running = promote.clone().start();
    gate.reached().await;
    // Whoever takes over reads the member as they were before.
    world.roblox.put_member(GROUP, user, &[role::TRAINEE]).unwrap();
    world.pass(20);
    assert_eq!(world.sweep().await, 1);
    gate.release();
    running.await.unwrap().in_progress("RANK_CHANGE_IN_PROGRESS");
    assert_eq!(world.log().await[0]["outcome"], "failed");
    let again = promote.send().await;
    assert_eq!((again.ranks(), again.is_replayed()), ((10, 15), false), "the success was not kept");
    assert_eq!(world.changes_logged().await.len(), 1);
}

/// A process whose clock is an hour ahead dies: its claim holds the member for a lease from when it is met, not an hour.
#[tokio::test]
async fn a_claim_from_a_clock_that_is_ahead_ends_a_lease_after_it_was_met() {
    for met_by_the_sweep in [true, false] {
        let world = World::warm().await;
        let user = *users().start();
        world.roblox.put_member(GROUP, user, &[role::TRAINEE]).unwrap();
        let assign = Matcher::endpoint(Endpoint::AssignRole);
        world.roblox.inject(Fault::new(assign.clone(), FaultEffect::Hang(Timing::Before)).once());
        world.pass(3_600);
        let promote = world.change("promote", user).once("a");
        let running = promote.clone().start();
        world.roblox.arrived(&assign, 1).await;
        running.abort();
        assert!(running.await.is_err_and(|error| error.is_cancelled()));
        world.pass(-3_600);
        if met_by_the_sweep {
            assert_eq!(world.sweep().await, 0, "its run may be alive");
        } else {
            promote.clone().send().await.in_progress("RANK_CHANGE_IN_PROGRESS");
        }
        world.pass(LEASE_S);
        assert_eq!(world.sweep().await, 1, "met by the sweep: {met_by_the_sweep}");
        assert_eq!(promote.send().await.ranks(), (10, 15));
    }
}

/// A role list that was read by a clock an hour ahead would pass for fresh for an hour and five minutes.
#[tokio::test]
async fn a_role_list_from_the_future_is_not_fresh() {
    let mut world = World::start().await;
    let user = *users().start();
    world.roblox.put_member(GROUP, user, &[role::TRAINEE]).unwrap();
    world.pass(3_600);
    world.change("promote", user).send().await.success();
    world.pass(-3_600);
    world.cold_start();
    world.forget();
    world.roblox.set_role_rank(GROUP, role::VIP, 16).unwrap();
    assert_eq!(world.change("promote", user).send().await.ranks(), (16, 20));
    assert!(world.calls_to(Endpoint::ListRoles) > 0);
    world.forget();
    world.change("promote", user).send().await.success();
    assert_eq!(world.calls_to(Endpoint::ListRoles), 0, "the new one is kept and fresh");
}

#[tokio::test]
async fn a_request_that_is_not_admitted_writes_nothing() {
    let world = World::start().await;
    let user = *users().start();
    let items = || async {
        let scan = world.dynamodb().scan().table_name(world.table_name()).send().await.unwrap();
        let mut items: Vec<_> = scan.items().iter().map(|item| format!("{:?}", sorted_item(item))).collect();
        items.sort();
        items
    };
    let foreign = world.new_key(GROUP + 1, Plan::Max, RankLimits::default()).await;
    world.exhaust(world.key(Plan::Starter)).await;
    let before = items().await;
    world.forget();
    let unknown = ApiKey::generate().unwrap();
    for (ask, code) in [
        (world.change("promote", user).with_key(&unknown), "INVALID_API_KEY"),
        (world.change("promote", user).with_key(&foreign), "GROUP_NOT_LINKED"),
        (world.change("promote", user).key(Plan::Starter), "MONTHLY_LIMIT_REACHED"),
        (world.change("demote", user).key(Plan::Starter), "PLAN_REQUIRED"),
    ] {
        let answer = ask.once("a").send().await;
        assert_eq!(answer.code(), Some(code), "{}", answer.body);
    }
    assert_eq!(items().await, before);
    assert!(world.roblox.calls().is_empty());
    let writes = world.store.calls().into_iter().filter(|call| call.operation.is_write());
    assert!(
        writes.into_iter().all(|call| call.operation == Operation::UpdateItem && call.keys[0].pk.starts_with("KEY#"))
    );
}

fn sorted_item<V: std::fmt::Debug>(item: &std::collections::HashMap<String, V>) -> Vec<String> {
    let mut attributes: Vec<_> = item.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    attributes.sort();
    attributes
}
