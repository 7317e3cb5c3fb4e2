//! The calls to Roblox that a piece of work makes.
//!
//! They are noted in a value of the task that makes them. So the use cases between the request and the adapter need to
//! know nothing of metrics, and requests that run at the same time are not mixed up.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::app::ports::{RobloxFailure, RobloxFault};

/// What Roblox is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RobloxCall {
    /// `GET groups/{group}`
    GetGroup,
    /// `GET groups/{group}/roles`, one page.
    ListRoles,
    /// `GET groups/{group}/memberships`, filtered by one user.
    GetMembership,
    /// `POST groups/{group}/memberships/{user}:assignRole`
    AssignRole,
    /// `POST groups/{group}/memberships/{user}:unassignRole`
    UnassignRole,
}

impl RobloxCall {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::GetGroup, Self::ListRoles, Self::GetMembership, Self::AssignRole, Self::UnassignRole];

    /// What logs and metrics call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GetGroup => "get-group",
            Self::ListRoles => "list-roles",
            Self::GetMembership => "get-membership",
            Self::AssignRole => "assign-role",
            Self::UnassignRole => "unassign-role",
        }
    }
}

/// What came of the attempts at one kind of call.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Attempts {
    pub(super) made: u32,
    pub(super) failed: u32,
    pub(super) repeated: u32,
    /// Of those that came to an end, an answer or a time-out.
    pub(super) latencies_ms: Vec<f64>,
}

impl Attempts {
    /// The same in parts with so many latencies at most; the counts are in the first.
    pub(super) fn in_parts(mut self, most: usize) -> impl Iterator<Item = Self> {
        let latencies = mem::take(&mut self.latencies_ms);
        let mut chunks = latencies.chunks(most).map(<[f64]>::to_vec).collect::<Vec<_>>().into_iter();
        let first = Self { latencies_ms: chunks.next().unwrap_or_default(), ..self };
        std::iter::once(first).chain(chunks.map(|latencies_ms| Self { latencies_ms, ..Self::default() }))
    }
}

/// The attempts of one piece of work, by kind. Clones are the same tally.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally(Arc<Mutex<BTreeMap<RobloxCall, Attempts>>>);

impl Tally {
    pub(super) fn take(&self) -> Vec<(RobloxCall, Attempts)> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }

    fn note(&self, call: RobloxCall, change: impl FnOnce(&mut Attempts)) {
        change(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(call).or_default());
    }
}

tokio::task_local! {
    static TALLY: Tally;
}

/// Runs `work` with its calls noted in `tally`.
pub(super) async fn noting<T>(tally: Tally, work: impl Future<Output = T>) -> T {
    TALLY.scope(tally, work).await
}

/// In work that nobody watches, nothing is noted.
fn note(call: RobloxCall, change: impl FnOnce(&mut Attempts)) {
    let _ = TALLY.try_with(|tally| tally.note(call, change));
}

/// An attempt at a call that is under way. One that is dropped, since nobody waits for its answer any more, is a call
/// that was made, and neither failed nor took any time that is known.
#[derive(Debug)]
pub struct CallAttempt {
    call: RobloxCall,
    began: Instant,
}

impl CallAttempt {
    /// The `attempt`th, counted from 1, is sent now.
    pub fn begin(call: RobloxCall, attempt: u32) -> Self {
        note(call, |attempts| {
            attempts.made += 1;
            attempts.repeated += u32::from(attempt > 1);
        });
        Self { call, began: Instant::now() }
    }

    /// It was answered, or not in time.
    pub fn ended<T>(self, result: Result<&T, &RobloxFailure>) {
        let took_us = u32::try_from(self.began.elapsed().as_micros()).unwrap_or(u32::MAX);
        note(self.call, |attempts| {
            attempts.latencies_ms.push(f64::from(took_us) / 1000.0);
            attempts.failed += u32::from(result.is_err_and(is_failed_call));
        });
    }

    /// It could not be sent at all.
    pub fn not_sent(self) {
        note(self.call, |attempts| attempts.failed += 1);
    }
}

/// The answer that came last was not what was asked for, although its status said so.
pub fn misunderstood(call: RobloxCall) {
    note(call, |attempts| attempts.failed += 1);
}

/// Roblox works where it says that there is no such thing, and the alarm on failures is about Roblox and the bot.
const fn is_failed_call(failure: &RobloxFailure) -> bool {
    match failure.fault {
        RobloxFault::Rejected => false,
        RobloxFault::Unavailable
        | RobloxFault::Timeout
        | RobloxFault::RateLimited
        | RobloxFault::PermissionDenied(_)
        | RobloxFault::CredentialInvalid
        | RobloxFault::Unverified
        | RobloxFault::Unexpected => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_latencies_are_told_in_parts_and_counted_once() {
        let latencies: Vec<f64> = (0..250_u32).map(f64::from).collect();
        let all = Attempts { made: 250, failed: 3, repeated: 2, latencies_ms: latencies.clone() };
        let parts: Vec<Attempts> = all.in_parts(100).collect();
        assert_eq!(parts.iter().map(|part| part.latencies_ms.len()).collect::<Vec<_>>(), [100, 100, 50]);
        assert_eq!(parts.iter().map(|part| part.made).collect::<Vec<_>>(), [250, 0, 0]);
        assert_eq!(parts.into_iter().flat_map(|part| part.latencies_ms).collect::<Vec<_>>(), latencies);
    }

    #[test]
    fn calls_without_a_latency_are_told_nevertheless() {
        let only = Attempts { made: 1, ..Attempts::default() };
        assert_eq!(only.clone().in_parts(100).collect::<Vec<_>>(), [only]);
    }

    async fn noted(attempt: impl FnOnce()) -> Attempts {
        let tally = Tally::default();
        noting(tally.clone(), async { attempt() }).await;
        tally.take().pop().map(|(_, attempts)| attempts).unwrap_or_default()
    }

    #[tokio::test]
    async fn a_call_that_cannot_be_sent_has_failed_and_one_that_was_dropped_has_not() {
        let unsent = noted(|| CallAttempt::begin(RobloxCall::GetGroup, 1).not_sent()).await;
        assert_eq!(unsent, Attempts { made: 1, failed: 1, ..Attempts::default() });
        let dropped = noted(|| _ = CallAttempt::begin(RobloxCall::GetGroup, 2)).await;
        assert_eq!(dropped, Attempts { made: 1, repeated: 1, ..Attempts::default() });
    }

    #[tokio::test]
    async fn what_runs_at_the_same_time_is_not_mixed_up() {
        let tallies = [Tally::default(), Tally::default()];
        let [one, other] = tallies.clone().map(|tally| {
            noting(tally, async {
                let attempt = CallAttempt::begin(RobloxCall::GetGroup, 1);
                tokio::task::yield_now().await;
                attempt.ended(Ok(&()));
            })
        });
        futures::future::join(one, other).await;
        for tally in tallies {
            let noted = tally.take();
            assert!(matches!(&noted[..], [(RobloxCall::GetGroup, attempts)] if attempts.made == 1), "{noted:?}");
        }
    }
}
