//! A request that was sent before: what its idempotency key stands for.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::App;
use super::admission::Done;
use super::change_rank::{ChangeAnswer, Job};
use super::error::AppError;
use super::lease::wait_for;
use super::ports::{Roblox, Store};
use crate::domain::audit::{LogEntry, Outcome};
use crate::domain::idempotency::{Idempotency, Judgement, Known, judge};
use crate::domain::log_id::LogId;

/// An answer is kept at the same moment as the log entry is written: this much later it is there, or was lost.
const ON_ITS_WAY: Duration = Duration::from_millis(200);

impl<S: Store, R: Roblox> App<S, R> {
    /// What an idempotency key stands for already.
    pub(super) async fn known_already(
        &self,
        job: &Job<'_>,
        known: Option<&Known>,
        now: Timestamp,
    ) -> Result<Option<Done<ChangeAnswer>>, AppError> {
        let Some(own) = &job.idempotency else { return Ok(None) };
        let known = known.filter(|known| !known.is_over(now));
        if let Some(Known::Running { request, change, holder, .. }) = known {
            // The log knows of a run that ended and could not say so here.
            match self.store.entry(job.member.group, *change, now).await? {
                Some(entry) if entry.outcome != Outcome::Changed => {
                    self.free_for(job, *change, *holder).await;
                    return Ok(None);
                }
                Some(_) if *request != own.request => return Err(AppError::IdempotencyKeyReused),
                Some(entry) => return self.ended_unnoticed(job, own, &entry, *holder).await.map(Some),
                None => {}
            }
        }
        match judge(known, &own.request, now) {
            Judgement::Run => Ok(None),
            Judgement::Replay(answer) => Ok(Some(Done::Free(ChangeAnswer::Replayed(answer.clone())))),
            Judgement::Reused => Err(AppError::IdempotencyKeyReused),
            Judgement::InProgress(until) => Err(AppError::IdempotencyInProgress { retry_after: wait_for(until, now) }),
        }
    }

    /// The change is made, and its answer is not there: it is on its way, or was lost.
    async fn ended_unnoticed(
        &self,
        job: &Job<'_>,
        own: &Idempotency,
        entry: &LogEntry,
        holder: LogId,
    ) -> Result<Done<ChangeAnswer>, AppError> {
        sleep(ON_ITS_WAY).await;
        let answer = match self.store.known_answer(&job.key.key_id, &own.key).await? {
            Some(Known::Answered { answer, .. }) => answer,
            Some(Known::Running { .. }) | None => self.answer_from_log(job, entry, holder).await,
        };
        Ok(Done::Free(ChangeAnswer::Replayed(answer)))
    }
}

/// What a request that comes again is answered though the month's limit was reached since it came first: the kept answer,
/// or that the first one is running still.
pub(super) fn rescue(
    known: Option<&Known>,
    own: Option<&Idempotency>,
    now: Timestamp,
) -> Option<Result<ChangeAnswer, AppError>> {
    match judge(known, &own?.request, now) {
        Judgement::Replay(answer) => Some(Ok(ChangeAnswer::Replayed(answer.clone()))),
        Judgement::InProgress(until) => {
            Some(Err(AppError::IdempotencyInProgress { retry_after: wait_for(until, now) }))
        }
        Judgement::Run | Judgement::Reused => None,
    }
}
