//! How long a request may take, and what of it is kept back for putting things right.

use std::time::Duration;

use tokio::time::Instant;

/// All outbound calls of a request together: below the functions' time-out of 10 s, so that it is RankBot that answers.
pub(super) const REQUEST_BUDGET: Duration = Duration::from_secs(8);
/// Kept back from what goes forward, for undoing a change that was cut off half-way.
const UNDO_RESERVE: Duration = Duration::from_secs(2);

/// The instant by which a request's outbound calls must be over.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
}

impl Deadline {
    /// For a request that starts now.
    pub fn for_request() -> Self {
        Self { at: Instant::now() + REQUEST_BUDGET }
    }

    /// The same, less the time that undoing may need.
    #[must_use]
    pub fn with_undo_reserved(self) -> Self {
        Self { at: self.at.checked_sub(UNDO_RESERVE).unwrap_or(self.at) }
    }

    /// The time left; zero when it is over.
    pub fn remaining(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }
}
