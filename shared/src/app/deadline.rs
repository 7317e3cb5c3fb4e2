//! How long a request may take, and what of it is kept back for putting things right.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::ports::StoreError;

/// From the request's beginning to the end of its last call to Roblox.
pub(super) const REQUEST_BUDGET: Duration = Duration::from_secs(8);
/// For writing down what came of it.
const RECORD_RESERVE: Duration = Duration::from_secs(1);
/// For giving the request back after that. A database that hangs takes all the time that recording has, and the count must
/// not fall victim to it. With this it is still less than the functions' time-out of 10 s, so that it is RankBot that
/// answers.
const GIVE_BACK_RESERVE: Duration = Duration::from_millis(500);
/// Kept back from what goes forward, for undoing a change that was cut off half-way.
const UNDO_RESERVE: Duration = Duration::from_secs(2);

/// Kept back from waiting for a reading, for the change that is made by it, its undoing included.
const CHANGE_RESERVE: Duration = Duration::from_secs(3);

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

    /// The same, less the time that a change may need.
    #[must_use]
    pub fn with_change_reserved(self) -> Self {
        Self { at: self.at.checked_sub(CHANGE_RESERVE).unwrap_or(self.at) }
    }

    /// The same, and the time for writing down what came of the request.
    #[must_use]
    pub fn with_recording(self) -> Self {
        Self { at: self.at + RECORD_RESERVE }
    }

    /// The same, and the time for giving the request back.
    #[must_use]
    pub fn with_giving_back(self) -> Self {
        Self { at: self.at + RECORD_RESERVE + GIVE_BACK_RESERVE }
    }

    /// Waits for the database no longer than this. A write that is given up may still take effect. Boxed, because a call
    /// of the SDK is too much to pass about on a stack.
    pub(super) async fn bound<T, E: From<StoreError>>(
        self,
        operation: &'static str,
        call: Pin<Box<impl Future<Output = Result<T, E>> + Send>>,
    ) -> Result<T, E> {
        let late = || StoreError { operation, source: "no answer within the request's time".into() };
        timeout_at(self.at, call).await.unwrap_or_else(|_| Err(late().into()))
    }

    /// The time left; zero when it is over.
    pub fn remaining(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }
}
