//! Putting right what a change left half-done: one that crashed, or that Roblox would not let finish or go back.
//!
//! What the caller was told holds: a success is cleaned up, a failure is taken back. Of a crashed run nobody was told
//! anything, and it is judged by the member's rank. At the target, it has succeeded: lower roles are taken off, and the
//! entry says "changed". Short of it, it is taken back, and the entry says "failed". The member's next change does it, or
//! the sweep; only the same request with the same idempotency key finishes it instead.

use std::future::ready;

use futures::{StreamExt as _, stream};
use jiff::Timestamp;

use super::App;
use super::apply::{Begun, NotApplied, Writer};
use super::change_rank::{Job, RankChanged};
use super::deadline::Deadline;
use super::error::AppError;
use super::lease::{Lease, held_until, lags_until, wait_for};
use super::ports::{Claimed, Ending, Errand, OpenChange, Roblox, RobloxFailure, Store, StoreError, TakeOver, Verdict};
use super::record::{report, slot};
use crate::domain::audit::{Intent, LogEntry, Outcome};
use crate::domain::hold::{LEASE, is_ahead};
use crate::domain::id::RoleId;
use crate::telemetry::Causes;

/// The most that one sweep looks after; the next one is a minute away.
const SWEPT_AT_ONCE: usize = 100;
/// Recoveries at the same time: one that Roblox does not answer must not hold up the others.
const SIDE_BY_SIDE: usize = 10;

/// What a sweep came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Abandoned changes that were found.
    pub found: usize,
    /// Of these, put right.
    pub recovered: usize,
}

impl<S: Store, R: Roblox> App<S, R> {
    /// Looks after the changes that nobody else has put right, some at a time. Run it every minute.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        // One deadline for all: what it does not come to is the next sweep's.
        let deadline = Deadline::for_request();
        let now = self.now();
        let mut abandoned = Box::pin(self.store.open_changes(SWEPT_AT_ONCE)).await?;
        for open in abandoned.iter().filter(|open| is_ahead(open.until, now)) {
            let shortened = Box::pin(self.store.shorten(open, end_of_lease(now))).await;
            report(open.intent.log_id, "claim not shortened", shortened);
        }
        abandoned.retain(|open| held_until(open) <= now);
        let found = abandoned.len();
        let recovering = stream::iter(abandoned).map(|open| self.swept(open, deadline)).buffer_unordered(SIDE_BY_SIDE);
        let recovered = recovering.filter(|recovered| ready(*recovered)).count().await;
        Ok(Swept { found, recovered })
    }

    async fn swept(&self, open: OpenChange, deadline: Deadline) -> bool {
        if deadline.remaining().is_zero() {
            return false;
        }
        let recovered = async {
            let settings = self.store.load_group(open.intent.group).await?.settings;
            self.recover(&open, &Errand { bot: settings.bot, deadline }).await
        };
        if let Err(error) = Box::pin(recovered).await {
            let log_id = open.intent.log_id;
            tracing::warn!(%log_id, error = %Causes(&error), "not recovered yet");
            return false;
        }
        true
    }

    /// A claim that a clock far ahead has laid would hold the member for as long as that clock is ahead. Its run is over
    /// when a lease that begins now is, whatever its clock says.
    pub(super) async fn shortened(&self, open: &OpenChange, now: Timestamp) -> AppError {
        let until = end_of_lease(now);
        match Box::pin(self.store.shorten(open, until)).await {
            Ok(()) => AppError::RankChangeInProgress { retry_after: wait_for(until, now) },
            Err(error) => error.into(),
        }
    }

    /// Puts an abandoned change right, unless somebody else is faster.
    pub(super) async fn recover(&self, open: &OpenChange, errand: &Errand) -> Result<(), AppError> {
        let Some((mut claimed, told, lease)) = Box::pin(self.take_over(open, TakeOver::PutRight)).await? else {
            return Ok(());
        };
        let OpenChange { intent, .. } = open;
        let held = match self.roblox.held_roles(claimed.member, errand).await {
            Ok(held) => held,
            Err(failure) => return self.give_up(&claimed, intent, told, failure).await,
        };
        let verdict = judged(intent, told, held.as_deref());
        let writer = Writer::new(&self.roblox, claimed.member, &lease, errand);
        let righted = Box::pin(put_right(&writer, open, verdict, held.as_deref(), self.now())).await;
        claimed.recent = claimed.recent.and(writer.sent(), self.now());
        if let Err(failure) = righted {
            return self.give_up(&claimed, intent, verdict, failure).await;
        }
        let (outcome, ending) = match verdict {
            Verdict::Succeeded => (Outcome::Changed, Ending::Changed(intent.log_id)),
            Verdict::Failed | Verdict::Pending => (Outcome::Failed, Ending::Unchanged),
        };
        let duration = self.now().duration_since(intent.log_id.instant());
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or_default();
        let entry = LogEntry { intent: intent.clone(), outcome, duration_ms };
        // Where the claim was lost meanwhile, whoever has it puts the change right.
        if let Err(error) = Box::pin(self.store.conclude(&claimed, ending, &entry)).await {
            report(intent.log_id, "claim not closed", self.store.close(&claimed, left_over(intent, verdict)).await);
            return Err(error.into());
        }
        Ok(())
    }

    /// The same request with the same idempotency key has come again: what it began is finished, and answered as the
    /// first time would have been. `None` if somebody else was faster, or has changed the member meanwhile.
    pub(super) async fn finish_own(
        &self,
        job: &Job<'_>,
        open: &OpenChange,
        errand: &Errand,
    ) -> Result<Option<RankChanged>, AppError> {
        let OpenChange { intent, .. } = open;
        let Some((mut claimed, told, lease)) = Box::pin(self.take_over(open, TakeOver::Finish)).await? else {
            return Ok(None);
        };
        if !Box::pin(self.hold_own_key(intent, &claimed, told)).await? {
            return Ok(None);
        }
        let applied = match self.roblox.held_roles(claimed.member, errand).await {
            Ok(None) if lags_until(open) <= self.now() => Err(NotApplied::MemberLeft),
            Ok(held) => {
                let begun = match held.map(|held| (reading(open, &held, self.now()), held)) {
                    Some((Reading::SomebodyElses, _)) => {
                        Box::pin(self.record_overtaken(job, intent.clone(), &claimed)).await;
                        return Ok(None);
                    }
                    Some((Reading::Current, held)) => Begun::Shown(held),
                    // A list without the member may be from before they joined. If they have left, Roblox refuses the writes.
                    Some((Reading::MayBeOld, _)) | None => Begun::Perhaps,
                };
                let writer = Writer::new(&self.roblox, claimed.member, &lease, errand);
                let applied = Box::pin(writer.apply(&intent.change, begun)).await;
                claimed.recent = claimed.recent.and(writer.sent(), self.now());
                applied
            }
            // Whatever the first run has done is still there.
            Err(failure) => Err(NotApplied::HalfDone(failure)),
        };
        Box::pin(self.record(job, intent.clone(), &claimed, applied)).await.map(Some)
    }

    /// The key names the change again while it is being finished, so that its end is found whatever becomes of this run.
    async fn hold_own_key(&self, intent: &Intent, claimed: &Claimed, told: Verdict) -> Result<bool, AppError> {
        let Some(slot) = slot(intent, claimed.holder) else { return Ok(true) };
        let held = self.store.hold_answer(slot, claimed.until, self.now()).await;
        if !matches!(held, Ok(true)) {
            report(intent.log_id, "claim not closed", self.store.close(claimed, left_over(intent, told)).await);
        }
        Ok(held?)
    }

    async fn take_over(
        &self,
        open: &OpenChange,
        what_for: TakeOver,
    ) -> Result<Option<(Claimed, Verdict, Lease)>, AppError> {
        let lease = Lease::new(self.clock.clone());
        let holder = self.log_id_after(Some(open.holder))?;
        let taken = self.store.take_over(open, what_for, holder, lease.until, self.now()).await?;
        Ok(taken.map(|(claimed, told)| (claimed, told, lease)))
    }

    /// Roblox is still in trouble: the change stays open, for the next one to try.
    async fn give_up(
        &self,
        claimed: &Claimed,
        intent: &Intent,
        verdict: Verdict,
        failure: RobloxFailure,
    ) -> Result<(), AppError> {
        report(intent.log_id, "claim not closed", self.store.close(claimed, left_over(intent, verdict)).await);
        Err(failure.into())
    }
}

/// What a reading of a member with an open change is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// It shows what the change's runs have done.
    Current,
    /// It may be older than what they have done: it tells only that nobody else need have changed the member.
    MayBeOld,
    /// Somebody else has changed the member since: they are left alone.
    SomebodyElses,
}

fn reading(open: &OpenChange, held: &[RoleId], now: Timestamp) -> Reading {
    if lags_until(open) > now && open.recent.explain(held, now) {
        return Reading::MayBeOld;
    }
    if open.intent.change.is_overtaken(held) { Reading::SomebodyElses } else { Reading::Current }
}

async fn put_right<R: Roblox>(
    writer: &Writer<'_, R>,
    open: &OpenChange,
    verdict: Verdict,
    held: Option<&[RoleId]>,
    now: Timestamp,
) -> Result<(), RobloxFailure> {
    let change = &open.intent.change;
    let Some(held) = held else {
        // Whoever has left needs nothing put right, and Roblox refuses it; a list that is behind tells no such thing.
        if lags_until(open) <= now {
            return Ok(());
        }
        return match verdict {
            Verdict::Succeeded => writer.clean_up(change, None).await,
            Verdict::Failed | Verdict::Pending => writer.take_back(change, None).await,
        };
    };
    match (verdict, reading(open, held, now)) {
        (Verdict::Succeeded, Reading::MayBeOld) => writer.clean_up(change, None).await,
        (Verdict::Succeeded, Reading::Current | Reading::SomebodyElses) if change.is_reached_by(held) => {
            writer.clean_up(change, Some(held)).await
        }
        (Verdict::Failed | Verdict::Pending, Reading::MayBeOld) => writer.take_back(change, None).await,
        (Verdict::Failed | Verdict::Pending, Reading::Current) => writer.take_back(change, Some(held)).await,
        // Moved on by somebody else.
        (Verdict::Succeeded, Reading::Current | Reading::SomebodyElses)
        | (Verdict::Failed | Verdict::Pending, Reading::SomebodyElses) => Ok(()),
    }
}

fn end_of_lease(now: Timestamp) -> Timestamp {
    now.saturating_add(LEASE).unwrap_or(Timestamp::MAX)
}

fn left_over(intent: &Intent, verdict: Verdict) -> Ending {
    Ending::LeftOver(intent.log_id, verdict)
}

/// The verdict that the caller was told; where nobody was told any, the member's rank decides.
fn judged(intent: &Intent, told: Verdict, held: Option<&[RoleId]>) -> Verdict {
    match (told, held) {
        (told @ (Verdict::Succeeded | Verdict::Failed), _) => told,
        (Verdict::Pending, Some(held)) if intent.change.is_reached_by(held) => Verdict::Succeeded,
        (Verdict::Pending, _) => Verdict::Failed,
    }
}

/// The roles that a member who holds these will hold once the abandoned change is put right: what a dry run, which
/// writes nothing, has to go by.
pub(super) fn once_put_right(open: &OpenChange, held: &[RoleId]) -> Vec<RoleId> {
    let change = &open.intent.change;
    match judged(&open.intent, open.verdict, Some(held)) {
        Verdict::Succeeded if change.is_reached_by(held) => change.settled(held, true),
        Verdict::Failed | Verdict::Pending if !change.is_overtaken(held) => change.settled(held, false),
        Verdict::Succeeded | Verdict::Failed | Verdict::Pending => held.to_vec(),
    }
}
