//! How long a change may hold a member, and how long another one waits for it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};

use super::Clock;
use super::deadline::REQUEST_BUDGET;
use super::ports::{OpenChange, Verdict};
use crate::domain::hold::LEASE;
use crate::domain::recent_writes::LAG;

/// Nothing is sent to Roblox with less than this left: the longest that one call may take, and some.
const MARGIN: SignedDuration = SignedDuration::from_secs(3);
/// How long a request waits for a member that another change holds. Most changes take a fraction of it.
const LONGEST_WAIT: Duration = Duration::from_millis(2_500);
const FIRST_PAUSE_MS: u64 = 40;
const LONGEST_PAUSE_MS: u64 = 320;

/// A run's right to a member.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) until: Timestamp,
    clock: Clock,
}

impl Lease {
    /// One that begins now.
    pub(super) fn new(clock: Clock) -> Self {
        Self { until: clock.now().saturating_add(LEASE).unwrap_or(Timestamp::MAX), clock }
    }

    /// Whether there is time for a write. Judged by the wall clock: an environment that was frozen in the middle of a
    /// run finds on waking that its time is over.
    pub(super) fn has_time(&self) -> bool {
        self.clock.now().saturating_add(MARGIN).is_ok_and(|then| then < self.until)
    }
}

/// Until when a reading of the member may be older than what the change's runs have written to them.
pub(super) fn lags_until(open: &OpenChange) -> Timestamp {
    // A run that has died can have written until shortly before its lease's end; one that was left, until it was.
    let by_a_dead_run = open.until.saturating_sub(MARGIN).unwrap_or(Timestamp::MIN);
    let written_by = open.recent.last_at().map_or(by_a_dead_run, |last| last.max(by_a_dead_run));
    written_by.saturating_add(LAG).unwrap_or(Timestamp::MAX)
}

/// Until when nobody may touch the member: to the lease's end, and where nobody knows how the change ended, until a
/// reading tells that.
pub(super) fn held_until(open: &OpenChange) -> Timestamp {
    match open.verdict {
        Verdict::Pending => open.until.max(lags_until(open)),
        Verdict::Succeeded | Verdict::Failed => open.until,
    }
}

/// When it is worth coming back for what a run holds: soon, as long as the run may be alive; when its lease has ended, if
/// it has held on for longer than a run can live.
pub(super) fn wait_for(until: Timestamp, now: Timestamp) -> Duration {
    const SOON: Duration = Duration::from_secs(1);
    let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    let held_for = Duration::try_from(LEASE).unwrap_or_default().saturating_sub(left);
    if held_for < REQUEST_BUDGET { SOON } else { left.max(SOON) }
}

/// How often and how long a request has waited.
#[derive(Debug)]
pub(super) struct Patience {
    until: Instant,
    pause_ms: u64,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { until: Instant::now() + LONGEST_WAIT, pause_ms: FIRST_PAUSE_MS }
    }

    /// Waits a little, longer each time and never in step with others. `false` when the patience is at its end.
    pub(super) async fn pause(&mut self) -> bool {
        if Instant::now() >= self.until {
            return false;
        }
        let mut random = [0];
        // Without randomness the pause is the longest one, which is safe.
        let part = getrandom::fill(&mut random).map_or(u64::from(u8::MAX), |()| u64::from(random[0]));
        sleep(Duration::from_millis(self.pause_ms / 2 + self.pause_ms * part / 512)).await;
        self.pause_ms = (self.pause_ms * 2).min(LONGEST_PAUSE_MS);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_run_is_worth_a_short_wait_and_a_dead_one_the_rest_of_its_lease() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(100);
        let wait = |left: i64| wait_for(now + SignedDuration::from_secs(left), now).as_secs();
        assert_eq!((wait(15), wait(8), wait(6), wait(0), wait(-5)), (1, 1, 6, 1, 1));
    }
}
