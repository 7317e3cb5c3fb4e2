//! Claims on members: whose they are, and what is known of the changes that they carry.

use std::time::Duration;

use jiff::Timestamp;
use rankbot_shared::app::ports::{Changes as _, Claim, ClaimConflict, Claimed, Ending, Member, TakeOver, Verdict};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::audit::{Intent, LoggedAction};
use rankbot_shared::domain::id::{Rank, RoleId, UserId};
use rankbot_shared::domain::ladder::Role;
use rankbot_shared::domain::log_id::LogId;
use rankbot_shared::domain::plan::Plan;
use rankbot_shared::domain::recent_writes::RecentWrites;
use rankbot_shared::domain::role_change::RoleChange;
use rankbot_store::testing::{CallMatch, Effect, Operation, StoreFault};

use crate::fixture::{Fixture, group, now};

fn role(id: u64, rank: u8) -> Role {
    Role { id: RoleId::new(id).unwrap(), name: format!("role {id}"), rank: Rank::new(rank), member_count: None }
}

/// Nothing was written to the member of late.
const NOTHING: &RecentWrites = &RecentWrites::NONE;

fn member() -> Member {
    Member { group: group(7), user: UserId::new(5).unwrap() }
}

/// The `number`th run.
fn run(number: u128) -> LogId {
    LogId::new(now(), number)
}

fn intent(run: LogId) -> Intent {
    let (from, to) = (role(10, 10), role(20, 20));
    Intent {
        log_id: run,
        key_id: ApiKey::generate().unwrap().id().clone(),
        plan: Plan::Pro,
        group: member().group,
        user: member().user,
        action: LoggedAction::Promote,
        reason: None,
        actor: None,
        undoes: None,
        change: RoleChange { before: vec![from.id], assign: vec![to.clone()], unassign: vec![from.clone()], from, to },
        idempotency: None,
    }
}

fn in_seconds(seconds: u64) -> Timestamp {
    now() + Duration::from_secs(seconds)
}

/// A claim of the first run, until ten seconds from now.
async fn claimed(fixture: &Fixture) -> Claimed {
    let (holder, until) = (run(1), in_seconds(10));
    let claim = Claim { holder, until, intent: &intent(holder), seen: None, over: None, recent: NOTHING, now: now() };
    fixture.table.claim(&claim).await.unwrap()
}

#[tokio::test]
async fn who_takes_a_claim_over_learns_what_its_run_has_said_of_it_meanwhile() {
    let fixture = Fixture::start().await;
    let first = claimed(&fixture).await;
    let seen = fixture.table.load_change(member(), None).await.unwrap().member.open.unwrap();
    assert_eq!(seen.verdict, Verdict::Pending);
    // The first run was only slow: it ends, and its caller is told that it failed.
    fixture.table.close(&first, Ending::LeftOver(run(1), Verdict::Failed)).await.unwrap();
    let take_over = |what_for, by| fixture.table.take_over(&seen, what_for, run(by), in_seconds(30), in_seconds(11));
    let (second, told) = take_over(TakeOver::PutRight, 2).await.unwrap().unwrap();
    assert_eq!((second.holder, told), (run(2), Verdict::Failed));
    assert_eq!(take_over(TakeOver::PutRight, 3).await.unwrap(), None, "somebody was faster");
}

#[tokio::test]
async fn who_finishes_a_change_forgets_what_was_said_of_it() {
    let fixture = Fixture::start().await;
    let first = claimed(&fixture).await;
    fixture.table.close(&first, Ending::LeftOver(run(1), Verdict::Failed)).await.unwrap();
    let open = fixture.table.load_change(member(), None).await.unwrap().member.open.unwrap();
    let finishing = fixture.table.take_over(&open, TakeOver::Finish, run(2), in_seconds(30), now());
    assert_eq!(finishing.await.unwrap().unwrap().1, Verdict::Failed);
    let open = fixture.table.load_change(member(), None).await.unwrap().member.open.unwrap();
    assert_eq!((open.holder, open.verdict), (run(2), Verdict::Pending));
}

#[tokio::test]
async fn a_take_over_whose_answer_is_lost_is_found_done_at_the_second_attempt() {
    let fixture = Fixture::start().await;
    claimed(&fixture).await;
    let open = fixture.table.load_change(member(), None).await.unwrap().member.open.unwrap();
    let updates = CallMatch::of(Operation::UpdateItem);
    let lost = fixture.recorder.inject(StoreFault::after(updates, Effect::CloseConnection).times(1));
    let taken = fixture.table.take_over(&open, TakeOver::PutRight, run(2), in_seconds(30), in_seconds(11)).await;
    assert_eq!((taken.unwrap().unwrap().0.holder, lost.fired()), (run(2), 1));
}

#[tokio::test]
async fn only_a_claim_that_is_over_gives_way_and_only_to_who_names_it() {
    let fixture = Fixture::start().await;
    let first = claimed(&fixture).await;
    let next = intent(run(2));
    let lay = |over, seconds, seen| {
        let (until, now) = (in_seconds(60), in_seconds(seconds));
        let claim = Claim { holder: run(2), until, intent: &next, seen, over, recent: NOTHING, now };
        let table = &fixture.table;
        async move { table.claim(&claim).await }
    };
    assert!(matches!(lay(Some(run(1)), 9, None).await, Err(ClaimConflict::Member)), "it is running");
    fixture.table.close(&first, Ending::LeftOver(run(1), Verdict::Succeeded)).await.unwrap();
    let seen = Some(run(1));
    assert!(matches!(lay(None, 11, seen).await, Err(ClaimConflict::Member)), "not named");
    assert!(matches!(lay(Some(run(9)), 11, seen).await, Err(ClaimConflict::Member)), "another's");
    assert!(matches!(lay(Some(run(1)), 11, None).await, Err(ClaimConflict::Member)), "changed since");
    lay(Some(run(1)), 11, seen).await.unwrap();
    let open = fixture.table.load_change(member(), None).await.unwrap().member.open.unwrap();
    assert_eq!((open.holder, open.verdict, open.intent), (run(2), Verdict::Pending, next.clone()));
}
