//! The end of a change: its claim's release and its log entry are one write.

use std::collections::BTreeSet;
use std::time::Duration;

use rankbot_sandbox::demo::role;
use rankbot_sandbox::{Endpoint, Fault, FaultEffect, Matcher};
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{CallMatch, Effect, ErrorReply, Moment, Operation, RecordedCall, StoreFault};

use crate::invariants::LEASE_S;
use crate::scenario::USER;
use crate::world::{GROUP, World};

fn conclusions() -> CallMatch {
    CallMatch::of(Operation::TransactWriteItems)
}

/// Updates of the member's item alone: claims, and releases without an entry.
fn member_updates() -> CallMatch {
    CallMatch::of(Operation::UpdateItem).pk_prefix("MEMBER#")
}

/// A world in which the member stands at rank 10, with nothing recorded yet.
async fn with_a_trainee() -> World {
    let world = World::warm().await;
    world.roblox.put_member(GROUP, USER, &[role::TRAINEE]).unwrap();
    world.forget();
    world
}

/// The tokens that the transactions were sent under.
fn tokens(world: &World) -> Vec<String> {
    let calls = world.store.calls_matching(&conclusions());
    calls.iter().map(|call| call.request_json()["ClientRequestToken"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_passes_by_itself_is_tried_again_under_the_same_token_and_nobody_notices() {
    for reply in [
        ErrorReply::transaction_canceled(&["TransactionConflict", "None"]),
        ErrorReply::transaction_canceled(&["None", "ThrottlingError"]),
        ErrorReply::transaction_canceled(&["ProvisionedThroughputExceeded", "None"]),
        ErrorReply::transaction_in_progress(),
    ] {
        let world = with_a_trainee().await;
        let fault = world.store.inject(StoreFault::before(conclusions(), Effect::Error(reply.clone())).times(2));
        let change = world.change("promote", USER).send().await;
        assert_eq!((change.ranks(), fault.fired()), ((10, 15), 2), "{reply:?}");
        let tokens = tokens(&world);
        assert_eq!((tokens.len(), tokens.iter().collect::<BTreeSet<_>>().len()), (3, 1), "{reply:?}");
        assert_eq!(world.store.calls_matching(&member_updates()).len(), 1, "{reply:?}: the claim");
        assert_eq!(world.changes_logged().await.len(), 1);
        assert_eq!(world.sweep().await, 0, "{reply:?}: nothing is left");
    }
}

#[tokio::test]
async fn a_claim_that_meets_a_transaction_at_its_member_is_laid_all_the_same() {
    let world = with_a_trainee().await;
    let conflict = Effect::Error(ErrorReply::transaction_conflict());
    let fault = world.store.inject(StoreFault::before(member_updates(), conflict).times(2));
    assert_eq!(world.change("promote", USER).send().await.ranks(), (10, 15));
    assert_eq!(fault.fired(), 2);
}

#[tokio::test]
async fn what_does_not_pass_is_not_tried_again_and_left_to_the_sweep() {
    for reply in [
        ErrorReply::idempotent_parameter_mismatch(),
        ErrorReply::access_denied(),
        ErrorReply::transaction_canceled(&["None", "ItemCollectionSizeLimitExceeded"]),
    ] {
        let world = with_a_trainee().await;
        let fault = world.store.inject(StoreFault::before(conclusions(), Effect::Error(reply.clone())));
        let change = world.change("promote", USER).send().await;
        assert_eq!((change.ranks(), fault.fired()), ((10, 15), 1), "{reply:?}");
        assert!(!world.is_held().await, "I5: {reply:?}");
        assert_eq!(world.changes_logged().await.len(), 0, "neither of the two is written");
        world.store.heal();
        assert_eq!(world.sweep().await, 1, "{reply:?}");
        assert_eq!(world.changes_logged().await[0]["logId"], change.log_id());
    }
}

/// The first attempt took effect, and its answer was lost: the second is told so by the token, not by a condition.
#[tokio::test]
async fn an_end_that_was_recorded_and_not_answered_is_recorded_once() {
    let world = with_a_trainee().await;
    let fault = world.store.inject(StoreFault::after(conclusions(), Effect::CloseConnection).times(1));
    let change = world.change("promote", USER).send().await;
    assert_eq!((change.ranks(), fault.fired(), tokens(&world).len()), ((10, 15), 1, 2));
    let answers: Vec<_> = world.store.calls_matching(&conclusions()).iter().map(RecordedCall::status).collect();
    assert_eq!(answers, [None, Some(200)]);
    assert_eq!(world.changes_logged().await.len(), 1);
}

/// It has finished with Roblox, and sleeps in front of the database until its lease is over.
#[tokio::test]
async fn a_run_whose_claim_was_taken_over_writes_neither_entry_nor_release() {
    let world = with_a_trainee().await;
    let mut gate = world.store.gate(conclusions(), Moment::BeforeEffect);
    let running = world.change("promote", USER).start();
    gate.reached().await;
    world.pass(LEASE_S);
    assert_eq!(world.sweep().await, 1);
    let log = world.log().await;
    assert_eq!(log.len(), 1);
    world.forget();
    gate.release();
    let late = running.await.unwrap();
    assert_eq!((late.ranks(), &log[0]["logId"]), ((10, 15), &late.body["logId"]));
    assert_eq!(world.log().await, log, "what the sweep has written stays");
    assert!(world.store.calls_matching(&member_updates()).is_empty(), "and the claim is not touched");
}

/// A success that left a role on is told in the log at once; when the role is off, only the claim is to be released.
#[tokio::test]
async fn an_entry_that_is_there_does_not_keep_the_claim_from_being_released() {
    let world = with_a_trainee().await;
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::UnassignRole), FaultEffect::status(403)));
    world.change("promote", USER).send().await.success();
    world.roblox.clear_faults();
    let told = world.changes_logged().await;
    assert_eq!(told.len(), 1);
    assert_eq!(world.sweep().await, 1);
    assert_eq!(world.changes_logged().await, told, "the entry stays as it is");
    assert_eq!(world.sweep().await, 0, "the claim is released");
}

/// Nothing to release, nothing to bind together: an entry alone costs half of a transaction.
#[tokio::test]
async fn a_change_without_a_claim_writes_its_entry_alone() {
    let world = with_a_trainee().await;
    world.set_rank(USER, 10).send().await.success();
    assert!(world.store.calls_matching(&conclusions()).is_empty());
    assert_eq!(world.log().await.len(), 1);
}

/// A database that hangs at the member takes all the time that a request has, its recording included.
#[tokio::test]
async fn a_request_that_the_member_item_kept_to_its_last_moment_is_given_back_all_the_same() {
    let world = with_a_trainee().await;
    // As slow as each may be without being given up. With the claim's three seconds it is more than the eight that there are.
    let slow = || Effect::Delay(Duration::from_millis(1_400));
    world.store.inject(StoreFault::before(CallMatch::of(Operation::UpdateItem).pk_prefix("KEY#"), slow()).times(1));
    world.store.inject(StoreFault::before(CallMatch::of(Operation::BatchGetItem), slow()));
    let reads = Matcher { endpoint: Some(Endpoint::ListMemberships), ..Matcher::any() };
    world.roblox.inject(Fault::new(reads, FaultEffect::Delay(Duration::from_millis(2_400))));
    world.store.inject(StoreFault::before(member_updates(), Effect::Hang));
    let change = world.change("promote", USER).send().await;
    assert_eq!(change.code(), Some("SERVICE_UNAVAILABLE"), "{}", change.body);
    world.store.heal();
    assert_eq!(world.used(world.key(Plan::Pro)).await, 0);
}
