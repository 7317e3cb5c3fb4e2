//! Undo: back to the roles held before, as a change of its own.

use rankbot_sandbox::demo::{self, role};
use rankbot_shared::domain::plan::Plan;
use serde_json::json;

use crate::world::{GROUP, World, max_rank, max_rank_of_group, sorted};

const SEVERAL: u64 = demo::SEVERAL_ROLES_USER_ID;
const USER: u64 = demo::TRAINEE_USER_ID;

#[tokio::test]
async fn undo_restores_every_role_and_undo_of_undo_does_the_change_again() {
    let world = World::start().await;
    let before = world.roles_of(SEVERAL);
    let change = world.set_rank(SEVERAL, 80).with(&json!({"reason": "exam passed", "actorId": 5})).send().await;
    let after = world.roles_of(SEVERAL);
    assert_eq!(after, sorted(&[role::MEMBER, role::CAPTAIN]));

    let undo = world.undo(change.log_id()).with(&json!({"reason": "wrong person", "actorId": 6})).send().await;
    let body = undo.success();
    assert_eq!((&body["action"], &body["undoes"]), (&json!("undo"), &json!(change.log_id())));
    assert_eq!((undo.ranks(), world.roles_of(SEVERAL)), ((80, 35), before.clone()));

    let again = world.undo(undo.log_id()).send().await;
    assert_eq!((again.ranks(), world.roles_of(SEVERAL)), ((35, 80), after));
    world.undo(again.log_id()).send().await.success();
    assert_eq!(world.roles_of(SEVERAL), before);

    let log = world.log().await;
    let undone: Vec<_> = log.iter().map(|entry| entry["undoes"].as_str()).collect();
    assert_eq!(undone, [None, Some(change.log_id()), Some(undo.log_id()), Some(again.log_id())]);
    assert_eq!((&log[1]["reason"], &log[1]["actorId"]), (&json!("wrong person"), &json!(6)));
}

#[tokio::test]
async fn undo_is_refused_if_the_member_was_changed_since_by_us() {
    let world = World::start().await;
    let first = world.change("promote", USER).send().await;
    world.change("promote", USER).send().await.success();
    world.undo(first.log_id()).send().await.error(409, "CHANGED_SINCE");
    assert_eq!(world.rank_of(USER), 20);
    // There and back again: the roles are what they were, and yet two changes were made since.
    world.change("demote", USER).send().await.success();
    let refused = world.undo(first.log_id()).send().await;
    assert_eq!(refused.error(409, "CHANGED_SINCE")["retryable"], false);
    assert_eq!(world.used(world.key(Plan::Pro)).await, 3, "what is refused is given back");
    let forced = world.undo(first.log_id()).with(&json!({"force": true})).send().await;
    assert_eq!(forced.ranks(), (15, 10));
}

#[tokio::test]
async fn undo_is_refused_if_the_member_was_changed_since_by_others() {
    let world = World::start().await;
    let change = world.change("promote", USER).send().await;
    world.roblox.put_member(GROUP, USER, &[role::CAPTAIN]).unwrap();
    world.undo(change.log_id()).send().await.error(409, "CHANGED_SINCE");
    let forced = world.undo(change.log_id()).with(&json!({"force": true})).send().await;
    assert_eq!(forced.ranks(), (80, 10));
    assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::TRAINEE]));
}

#[tokio::test]
async fn a_dry_run_of_an_undo_changes_nothing() {
    let world = World::start().await;
    let change = world.change("promote", USER).send().await;
    let dry = world.undo(change.log_id()).with(&json!({"dryRun": true})).send().await;
    assert_eq!((dry.ranks(), &dry.body["changed"], world.rank_of(USER)), ((15, 10), &json!(true), 15));
    assert_eq!(world.log().await.len(), 1);
}

#[tokio::test]
async fn undo_of_a_role_that_was_deleted_meanwhile_says_so_and_changes_nothing() {
    for remembered in [true, false] {
        let mut world = World::start().await;
        let change = world.set_rank(SEVERAL, 80).send().await;
        let mut group = world.roblox.group(GROUP).unwrap();
        group.roles.retain(|role| role.id != role::CABIN_CREW);
        world.roblox.put_group(group);
        if !remembered {
            world.pass(600);
            world.cold_start();
        }
        let held = world.roles_of(SEVERAL);
        world.undo(change.log_id()).send().await.error(400, "ROLE_NOT_FOUND");
        assert_eq!(world.roles_of(SEVERAL), held, "remembered: {remembered}");
        assert_eq!(world.changes_logged().await.len(), 1);
    }
}

#[tokio::test]
async fn undo_keeps_to_the_limits_of_key_and_group() {
    let world = World::start().await;
    let change = world.change("demote", demo::SENIOR_USER_ID).send().await;
    assert_eq!(change.ranks(), (120, 80));
    let small = world.new_key(GROUP, Plan::Pro, max_rank(100)).await;
    world.undo(change.log_id()).with_key(&small).send().await.error(403, "RANK_NOT_ALLOWED");
    world.settle(max_rank_of_group(Some(100))).await;
    world.undo(change.log_id()).send().await.error(403, "RANK_NOT_ALLOWED");
    world.settle(max_rank_of_group(None)).await;
    assert_eq!(world.undo(change.log_id()).send().await.ranks(), (80, 120));
}

#[tokio::test]
async fn an_entry_of_another_group_cannot_be_undone() {
    let world = World::start().await;
    let change = world.change("promote", USER).send().await;
    let other = world.new_key(GROUP + 1, Plan::Pro, rankbot_shared::domain::key_record::RankLimits::default()).await;
    world.undo(change.log_id()).with_key(&other).send().await.error(404, "LOG_NOT_FOUND");
    world.undo("01ARZ3NDEKTSV4RRFFQ69G5FAV").send().await.error(404, "LOG_NOT_FOUND");
    assert_eq!(world.rank_of(USER), 15);
}

#[tokio::test]
async fn undoing_what_changed_nothing_changes_nothing() {
    let world = World::start().await;
    let held = world.set_rank(USER, 10).send().await;
    let undo = world.undo(held.log_id()).send().await;
    assert_eq!((undo.ranks(), &undo.body["changed"]), ((10, 10), &json!(false)));
    assert_eq!(world.writes(), 0);
}
