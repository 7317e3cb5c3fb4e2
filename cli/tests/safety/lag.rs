//! A Roblox whose lists and answers are older than what was just written: no text of Roblox's promises otherwise.

use std::time::Duration;

use futures::future::join_all;
use rankbot_sandbox::demo::role;
use rankbot_sandbox::{Endpoint, ErrorBody, Fault, FaultEffect, Lag, Matcher, Timing};
use rankbot_shared::domain::plan::Plan;
use serde_json::json;

use crate::scenario::USER;
use crate::world::{GROUP, World, sorted};

async fn with_a_trainee() -> World {
    let world = World::warm().await;
    world.roblox.put_member(GROUP, USER, &[role::TRAINEE]).unwrap();
    world
}

const fn lag(lists_ms: u64, answers_ms: u64) -> Lag {
    Lag { lists: Duration::from_millis(lists_ms), answers: Duration::from_millis(answers_ms) }
}

/// No list ever shows what was written.
const FOR_EVER: u64 = 3_600_000;

#[tokio::test]
async fn a_change_is_seen_when_the_lag_is_over_and_answered_as_made() {
    let world = with_a_trainee().await;
    world.roblox.set_lag(lag(600, 600));
    let promote = world.change("promote", USER).once("a");
    let first = promote.clone().send().await;
    assert_eq!(first.ranks(), (10, 15));
    let again = promote.send().await;
    assert!(again.is_replayed());
    assert_eq!((again.log_id(), world.rank_of(USER)), (first.log_id(), 15));
    assert_eq!((world.changes_logged().await.len(), world.sweep().await), (1, 0));
}

#[tokio::test]
async fn as_many_promotions_as_are_answered_are_made_though_lists_lag() {
    let world = with_a_trainee().await;
    world.roblox.set_lag(lag(1_500, 0));
    for ranks in [(10, 15), (15, 20), (20, 35)] {
        assert_eq!(world.change("promote", USER).send().await.ranks(), ranks);
        assert_eq!(u64::from(world.rank_of(USER)), ranks.1);
    }
    assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::SENIOR_CREW]));
}

#[tokio::test(flavor = "multi_thread")]
async fn promotions_at_once_move_as_far_as_they_are_answered_though_lists_lag() {
    let world = with_a_trainee().await;
    world.roblox.set_lag(lag(700, 0));
    let answers = join_all((0..4).map(|_| world.change("promote", USER).send())).await;
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    let ladder = [10, 15, 20, 35, 50];
    assert_eq!(world.rank_of(USER), ladder[made], "{answers:#?}");
    assert!(made > 0);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        refused.in_progress("RANK_CHANGE_IN_PROGRESS");
    }
}

/// What was taken back is not read as if it were there still.
#[tokio::test]
async fn a_failure_that_was_taken_back_is_not_where_the_next_change_begins() {
    let world = with_a_trainee().await;
    world.roblox.put_member(GROUP, USER, &[role::CABIN_CREW, role::FIRST_OFFICER]).unwrap();
    world.roblox.set_lag(lag(900, 0));
    // Assigns the new role, cannot take the first old one off.
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::UnassignRole), FaultEffect::status(403)).once());
    world.change("demote", USER).send().await.error(502, "ROBLOX_PERMISSION_DENIED");
    assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::CABIN_CREW, role::FIRST_OFFICER]));
    assert_eq!(world.change("demote", USER).send().await.ranks(), (50, 35));
    assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::SENIOR_CREW]));
}

/// The change has been made, nothing ever shows it: the caller is told a failure, and that comes true.
#[tokio::test]
async fn what_is_never_seen_is_told_as_a_failure_and_taken_back() {
    for then_again in [false, true] {
        let world = with_a_trainee().await;
        world.roblox.set_lag(lag(FOR_EVER, FOR_EVER));
        let promote = world.change("promote", USER);
        promote.clone().send().await.error(502, "ROBLOX_UNVERIFIED");
        assert!(!world.is_held().await, "whoever is answered holds nobody");
        world.roblox.set_lag(Lag::NONE);
        if then_again {
            assert_eq!(promote.send().await.ranks(), (10, 15), "one step in all");
            assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::VIP]));
        } else {
            assert_eq!(world.sweep().await, 1, "it is looked at once more");
            assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::TRAINEE]));
            let log = world.log().await;
            assert_eq!((log.len(), &log[0]["outcome"]), (1, &json!("failed")));
        }
        assert_eq!(world.sweep().await, 0);
    }
}

/// It takes effect only after it was given up and taken back: the sweep finds it.
#[tokio::test]
async fn what_shows_up_later_is_taken_back_by_the_sweep() {
    let world = with_a_trainee().await;
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::AssignRole), FaultEffect::NoEffect));
    world.change("promote", USER).send().await.error(502, "ROBLOX_UNVERIFIED");
    world.roblox.clear_faults();
    world.roblox.put_member(GROUP, USER, &[role::TRAINEE, role::VIP]).unwrap();
    world.pass(60);
    assert_eq!(world.sweep().await, 1);
    assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::TRAINEE]));
    assert_eq!(world.sweep().await, 0);
}

/// Under one key: the first attempt is not seen to have been made, the second one makes it, and one step is all.
#[tokio::test]
async fn the_same_request_after_an_unseen_change_moves_no_further() {
    for wait_ms in [0, 1_000] {
        let world = with_a_trainee().await;
        let promote = world.change("promote", USER).once("a");
        world.roblox.set_lag(lag(FOR_EVER, FOR_EVER));
        promote.clone().send().await.error(502, "ROBLOX_UNVERIFIED");
        world.roblox.set_lag(lag(600, 600));
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        let second = promote.clone().send().await;
        assert_eq!((second.ranks(), world.rank_of(USER)), ((10, 15), 15));
        assert!(promote.send().await.is_replayed());
        world.sweep().await;
        assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::VIP]));
        assert_eq!(world.changes_logged().await.len(), 1);
    }
}

/// A success whose old role could not be taken off: that it is to go is not forgotten because a list is old.
#[tokio::test]
async fn leftovers_are_taken_off_though_the_list_shows_the_member_before_the_change() {
    let world = with_a_trainee().await;
    world.roblox.set_lag(lag(1_000, 0));
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::UnassignRole), FaultEffect::status(403)));
    let change = world.change("promote", USER).send().await;
    world.roblox.clear_faults();
    assert_eq!(change.ranks(), (10, 15));
    assert_eq!(world.sweep().await, 1);
    assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::VIP]));
}

#[tokio::test]
async fn an_undo_is_not_refused_because_the_list_is_from_before_the_change() {
    let world = with_a_trainee().await;
    world.roblox.set_lag(lag(800, 0));
    let change = world.change("promote", USER).send().await;
    assert_eq!(world.undo(change.log_id()).send().await.ranks(), (15, 10));
    assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::TRAINEE]));
}

/// Longer than there is time for, here because a clock is behind: nobody is moved by a reading that may be old.
#[tokio::test]
async fn a_reading_that_may_be_old_to_the_end_is_not_gone_by() {
    let world = with_a_trainee().await;
    world.roblox.set_lag(lag(FOR_EVER, 0));
    assert_eq!(world.change("promote", USER).send().await.ranks(), (10, 15));
    world.pass(-10);
    world.forget();
    world.change("promote", USER).send().await.in_progress("RANK_CHANGE_IN_PROGRESS");
    assert_eq!((world.writes(), world.used(world.key(Plan::Pro)).await), (0, 1));
}

/// Somebody else's change is seen at once: no reading is made twice for it.
#[tokio::test]
async fn a_change_by_others_right_after_ours_is_gone_by_at_once() {
    let world = with_a_trainee().await;
    world.change("promote", USER).send().await.success();
    world.roblox.put_member(GROUP, USER, &[role::CAPTAIN]).unwrap();
    world.forget();
    assert_eq!(world.change("promote", USER).send().await.ranks(), (80, 120));
    assert_eq!(world.calls_to(Endpoint::ListMemberships), 1);
}

/// Where Roblox tells the truth at once, nothing is read that was not read before.
#[tokio::test]
async fn without_lag_changes_in_a_row_cost_one_reading_each() {
    let world = with_a_trainee().await;
    world.forget();
    for _ in 0..3 {
        world.change("promote", USER).send().await.success();
    }
    assert_eq!((world.calls_to(Endpoint::ListMemberships), world.writes()), (3, 6));
    assert_eq!(world.used(world.key(Plan::Pro)).await, 3);
}

/// The answer was lost, and the list that is to tell is older than the write: it is sent again, which does nothing.
#[tokio::test]
async fn a_lost_answer_is_not_taken_for_a_lost_write_because_the_list_lags() {
    let world = with_a_trainee().await;
    world.roblox.set_lag(lag(500, 0));
    let assign = Matcher::endpoint(Endpoint::AssignRole);
    world.roblox.inject(Fault::new(assign, FaultEffect::Drop(Timing::After)).once());
    assert_eq!(world.change("promote", USER).send().await.ranks(), (10, 15));
    assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::VIP]));
}

/// The list is empty the `nth` time that it is asked for: from before the member joined.
fn without_the_member(nth: u32) -> Fault {
    let body = r#"{"groupMemberships":[],"nextPageToken":""}"#.to_owned();
    let body = ErrorBody::Custom { content_type: "application/json".to_owned(), body };
    let reads = Matcher { endpoint: Some(Endpoint::ListMemberships), ..Matcher::any() };
    let empty = FaultEffect::Status { status: 200, body, retry_after_s: None, timing: Timing::Before };
    Fault::new(reads.nth(nth), empty).once()
}

fn lost_answer() -> Fault {
    let assigns = Matcher { endpoint: Some(Endpoint::AssignRole), ..Matcher::any() };
    let lost = FaultEffect::Status { status: 500, body: ErrorBody::V2, retry_after_s: None, timing: Timing::After };
    Fault::new(assigns, lost).once()
}

#[tokio::test]
async fn a_list_without_the_member_right_after_a_write_is_not_believed() {
    let world = with_a_trainee().await;
    world.roblox.inject(lost_answer());
    world.roblox.inject(without_the_member(2));
    assert_eq!(world.change("promote", USER).send().await.ranks(), (10, 15));
    assert_eq!((world.rank_of(USER), world.changes_logged().await.len(), world.sweep().await), (15, 1, 0));
}
