//! Readings that may be older than what RankBot has written, and are made again: later each time, for as long as Roblox
//! may lag.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::App;
use super::deadline::Deadline;
use super::error::AppError;
use super::ports::{Errand, Member, Roblox, Store};
use crate::domain::id::RoleId;
use crate::domain::recent_writes::{LAG, RecentWrites};

const FIRST_PAUSE_MS: u64 = 150;
const LONGEST_PAUSE_MS: u64 = 1_200;
/// When a caller may come back for a member whose reading is still old.
const SOON: Duration = Duration::from_secs(1);

/// The pauses between readings.
#[derive(Debug)]
pub(super) struct Rereading {
    until: Instant,
    pause_ms: u64,
}

impl Rereading {
    /// For as long as there is time.
    pub(super) fn before(deadline: Deadline) -> Self {
        Self { until: Instant::now() + deadline.remaining(), pause_ms: FIRST_PAUSE_MS }
    }

    /// For as long as there is time, but no longer than Roblox may lag behind a write that was just made.
    pub(super) fn behind_a_write(deadline: Deadline) -> Self {
        let lag = Duration::try_from(LAG).unwrap_or_default();
        Self { until: Instant::now() + lag.min(deadline.remaining()), pause_ms: FIRST_PAUSE_MS }
    }

    /// Waits a little, longer each time, so that the last reading is made when the time is over. `false` when it was.
    pub(super) async fn pause(&mut self) -> bool {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        sleep(left.min(Duration::from_millis(self.pause_ms))).await;
        self.pause_ms = (self.pause_ms * 2).min(LONGEST_PAUSE_MS);
        true
    }
}

impl<S: Store, R: Roblox> App<S, R> {
    /// A reading of the member that is not older than what was written to them of late: this one, or a later one. When
    /// there is no time left to wait for it, somebody comes back: to go by an old one could make a step twice.
    pub(super) async fn past_the_lag(
        &self,
        member: Member,
        mut held: Option<Vec<RoleId>>,
        recent: &RecentWrites,
        errand: &Errand,
    ) -> Result<Option<Vec<RoleId>>, AppError> {
        let mut rereading = Rereading::before(errand.deadline.with_change_reserved());
        while may_be_old(held.as_deref(), recent, self.now()) {
            if !rereading.pause().await {
                return Err(AppError::LastChangeNotShown { retry_after: SOON });
            }
            held = self.roblox.held_roles(member, errand).await?;
        }
        Ok(held)
    }
}

/// Somebody who was written to has been a member: a list without them may be from before they joined.
fn may_be_old(held: Option<&[RoleId]>, recent: &RecentWrites, now: Timestamp) -> bool {
    held.map_or_else(|| recent.are_recent(now), |held| recent.may_be_missing_from(held, now))
}
