//! Recording how a change ended. Log entry and the claim's release are one write, so that no change is over and not on
//! record; the kept answer is another beside it. Each is safe to repeat, both are sent at once: one round trip.

use futures::future::{OptionFuture, join};

use super::App;
use super::apply::{Applied, NotApplied};
use super::change_rank::{Ending, Job, RankChanged};
use super::error::AppError;
use super::ports::{AnswerSlot, Claimed, Concluded, Ending as ClaimEnding, Roblox, Store, StoreError, Verdict};
use crate::domain::audit::{Intent, LogEntry, Outcome};
use crate::domain::idempotency::StoredAnswer;
use crate::domain::log_id::LogId;
use crate::telemetry::Causes;

/// Whose answer is kept under an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// This run's, if it has a key at all.
    Own,
    /// Another request with the same key was faster: its answer is the one to give.
    ByAnother,
}

impl<S: Store, R: Roblox> App<S, R> {
    /// After Roblox was written to, successfully or not.
    pub(super) async fn record(
        &self,
        job: &Job<'_>,
        intent: Intent,
        claimed: &Claimed,
        applied: Result<Applied, NotApplied>,
    ) -> Result<RankChanged, AppError> {
        let change = intent.log_id;
        match applied {
            Ok(applied) => {
                let answer = job.answer(&intent, Ending::AtTarget);
                let ending = match applied {
                    Applied::Complete => ClaimEnding::Changed(change),
                    Applied::LeftOver => ClaimEnding::LeftOver(change, Verdict::Succeeded),
                };
                let stored = (job.render)(&answer);
                match self.close_with(job, &intent, claimed, (Outcome::Changed, ending, Some(stored))).await {
                    Concluded::Own => Ok(answer),
                    Concluded::ByAnother => self.lost(job, &intent, claimed, answer).await,
                }
            }
            Err(NotApplied::MemberLeft) => self.failed(job, intent, claimed, AppError::UserNotInGroup).await,
            Err(NotApplied::Restored(failure) | NotApplied::TargetRejected(failure)) => {
                self.failed(job, intent, claimed, failure.into()).await
            }
            Err(NotApplied::HalfDone(failure)) => {
                tracing::error!(log_id = %change, group_id = %intent.group, %failure, "half-done change left to recovery");
                // The key goes on naming the change: asked again, it is finished, and its end is found in the log.
                let slot = slot(&intent, claimed.holder);
                let leaving = OptionFuture::from(slot.map(|slot| {
                    let leaving = Box::pin(self.store.leave_answer(slot, self.now()));
                    job.deadline.with_recording().bound("leave idempotency key", leaving)
                }));
                let closing = self.leave_over(job, claimed, change, Verdict::Failed);
                let (left, ()) = join(leaving, closing).await;
                report(change, "idempotency key not left", left.unwrap_or(Ok(())));
                Err(failure.into())
            }
        }
    }

    /// The member's roles are as they were.
    async fn failed(
        &self,
        job: &Job<'_>,
        intent: Intent,
        claimed: &Claimed,
        error: AppError,
    ) -> Result<RankChanged, AppError> {
        match self.close_with(job, &intent, claimed, (Outcome::Failed, ClaimEnding::Unchanged, None)).await {
            Concluded::Own => Err(error),
            Concluded::ByAnother => {
                let answer = job.answer(&intent, Ending::AtTarget);
                self.lost(job, &intent, claimed, answer).await
            }
        }
    }

    /// Somebody has taken the claim over, because this run was held up for longer than its lease or the clocks differ: what
    /// they put on record is what happened. What this run has kept or would say might be untrue.
    async fn lost(
        &self,
        job: &Job<'_>,
        intent: &Intent,
        claimed: &Claimed,
        answer: RankChanged,
    ) -> Result<RankChanged, AppError> {
        tracing::warn!(log_id = %intent.log_id, group_id = %intent.group, "claim lost to another run");
        let deadline = job.deadline.with_recording();
        let reading = Box::pin(self.store.entry(intent.group, intent.log_id, self.now()));
        let entry = deadline.bound("read log entry", reading).await;
        if entry.is_ok_and(|entry| entry.is_some_and(|entry| entry.outcome == Outcome::Changed)) {
            return Ok(answer);
        }
        if let Some(slot) = slot(intent, claimed.holder) {
            let withdrawing = deadline.bound("withdraw answer", Box::pin(self.store.withdraw_answer(slot)));
            report(intent.log_id, "answer not withdrawn", withdrawing.await);
        }
        Err(AppError::ClaimLost)
    }

    async fn close_with(
        &self,
        job: &Job<'_>,
        intent: &Intent,
        claimed: &Claimed,
        (outcome, ending, stored): (Outcome, ClaimEnding, Option<StoredAnswer>),
    ) -> Concluded {
        let now = self.now();
        let slot = slot(intent, claimed.holder).map(|slot| AnswerSlot { key_id: &job.key.key_id, ..slot });
        let answering = async {
            match (slot, &stored) {
                (Some(slot), Some(answer)) => self.store.keep_answer(slot, answer, now).await.map(|_| ()),
                (Some(slot), None) => self.store.free_answer(slot).await,
                (None, _) => Ok(()),
            }
        };
        let log_id = intent.log_id;
        let entry = self.entry(job, intent, outcome);
        let deadline = job.deadline.with_recording();
        let concluding = deadline.bound("conclude change", Box::pin(self.store.conclude(claimed, ending, &entry)));
        let (concluded, answered) = join(concluding, deadline.bound("keep answer", Box::pin(answering))).await;
        report(log_id, "answer not kept", answered);
        match concluded {
            Ok(concluded) => concluded,
            Err(error) => {
                report(log_id, "change not concluded", Err(error));
                // If it is open still, the next change or the sweep need not wait for the lease, and learn what was answered.
                let verdict = if outcome == Outcome::Changed { Verdict::Succeeded } else { Verdict::Failed };
                self.leave_over(job, claimed, log_id, verdict).await;
                Concluded::Own
            }
        }
    }

    async fn leave_over(&self, job: &Job<'_>, claimed: &Claimed, change: LogId, verdict: Verdict) {
        let leaving = Box::pin(self.store.close(claimed, ClaimEnding::LeftOver(change, verdict)));
        let left = job.deadline.with_recording().bound("leave change", leaving).await;
        report(change, "change not left to the sweep", left);
    }

    /// A change that was to be finished, of a member whom somebody else has changed since it began: it has failed.
    pub(super) async fn record_overtaken(&self, job: &Job<'_>, intent: Intent, claimed: &Claimed) {
        // If the claim was lost, whoever has it tells the end.
        let _ = self.close_with(job, &intent, claimed, (Outcome::Failed, ClaimEnding::Unchanged, None)).await;
    }

    /// After a change that had nothing to write to Roblox. `None` is a dry run, which leaves no entry. Of several such
    /// requests under one idempotency key the first success counts: [`Kept::ByAnother`].
    pub(super) async fn record_without_claim(
        &self,
        job: &Job<'_>,
        intent: &Intent,
        outcome: Option<Outcome>,
        answer: &RankChanged,
    ) -> Kept {
        // One after the other: a request that is answered by another's answer leaves no entry.
        if answer.ending.is_success()
            && let Kept::ByAnother = self.keep_own(job, intent.log_id, (job.render)(answer)).await
        {
            return Kept::ByAnother;
        }
        if let Some(outcome) = outcome {
            let entry = self.entry(job, intent, outcome);
            let appending = Box::pin(self.store.append(&entry));
            let appended = job.deadline.with_recording().bound("append log entry", appending).await;
            report(intent.log_id, "log entry not written", appended);
        }
        Kept::Own
    }

    async fn keep_own(&self, job: &Job<'_>, run: LogId, answer: StoredAnswer) -> Kept {
        let Some(idempotency) = &job.idempotency else { return Kept::Own };
        let slot = AnswerSlot { key_id: &job.key.key_id, idempotency, change: run, holder: run };
        let keeping = Box::pin(self.store.keep_answer(slot, &answer, self.now()));
        match job.deadline.with_recording().bound("keep answer", keeping).await {
            Ok(false) => Kept::ByAnother,
            Ok(true) => Kept::Own,
            Err(error) => {
                report(run, "answer not kept", Err(error));
                Kept::Own
            }
        }
    }

    /// The answer of a change whose run could not keep it: it crashed and was put right by others, or the database failed
    /// just then. Kept now, and given.
    pub(super) async fn answer_from_log(&self, job: &Job<'_>, entry: &LogEntry, holder: LogId) -> StoredAnswer {
        let answer = (job.render)(&job.answer(&entry.intent, Ending::AtTarget));
        let slot = job.idempotency.as_ref().map(|idempotency| AnswerSlot {
            key_id: &job.key.key_id,
            idempotency,
            change: entry.intent.log_id,
            holder,
        });
        let keeping = OptionFuture::from(slot.map(|slot| self.store.keep_answer(slot, &answer, self.now())));
        report(entry.intent.log_id, "answer not kept", keeping.await.unwrap_or(Ok(true)).map(|_| ()));
        answer
    }

    /// A run that failed has not freed its idempotency key: the database failed just then.
    pub(super) async fn free_for(&self, job: &Job<'_>, change: LogId, holder: LogId) {
        let slot = job.idempotency.as_ref().map(|idempotency| AnswerSlot {
            key_id: &job.key.key_id,
            idempotency,
            change,
            holder,
        });
        let freeing = OptionFuture::from(slot.map(|slot| self.store.free_answer(slot)));
        report(change, "idempotency key not freed", freeing.await.unwrap_or(Ok(())));
    }

    /// A claim that was laid in vain: it is taken off, and leaves no entry.
    pub(super) async fn record_nothing(&self, job: &Job<'_>, intent: &Intent, claimed: &Claimed) {
        let deadline = job.deadline.with_recording();
        let freeing = OptionFuture::from(
            slot(intent, claimed.holder)
                .map(|slot| deadline.bound("free idempotency key", Box::pin(self.store.free_answer(slot)))),
        );
        let closing = deadline.bound("close claim", Box::pin(self.store.close(claimed, ClaimEnding::Unchanged)));
        let (freed, closed) = join(freeing, closing).await;
        report(intent.log_id, "claim not closed", closed);
        report(intent.log_id, "idempotency key not freed", freed.unwrap_or(Ok(())));
    }

    fn entry(&self, job: &Job<'_>, intent: &Intent, outcome: Outcome) -> LogEntry {
        let duration = self.now().duration_since(job.began);
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or_default();
        LogEntry { intent: intent.clone(), outcome, duration_ms }
    }
}

/// Where the answer to this change is kept, if its request had an idempotency key.
pub(super) fn slot(intent: &Intent, holder: LogId) -> Option<AnswerSlot<'_>> {
    let idempotency = intent.idempotency.as_ref()?;
    Some(AnswerSlot { key_id: &intent.key_id, idempotency, change: intent.log_id, holder })
}

/// What could not be recorded ends by itself (a claim, a key) or is missed (an entry); the rank is what it is, and the
/// caller learns that.
pub(super) fn report(log_id: LogId, what: &'static str, written: Result<(), StoreError>) {
    if let Err(error) = written {
        tracing::error!(%log_id, error = %Causes(&error), "{what}");
    }
}
