//! For how long a run may hold something, and what a hold says when clocks differ.

use jiff::{SignedDuration, Timestamp};

/// Longer than a function may run (10 s), so that a lease that has ended means that its run is over.
pub const LEASE: SignedDuration = SignedDuration::from_secs(15);

/// Clocks may differ by this much. AWS's are told the time all along, and differ by milliseconds.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(2);

/// The latest end that a hold laid by now can have.
pub fn latest_end(now: Timestamp) -> Timestamp {
    now.saturating_add(LEASE).and_then(|end| end.saturating_add(CLOCKS_DIFFER)).unwrap_or(Timestamp::MAX)
}

/// Whether the hold was laid by a clock that is ahead: its end is later than any that a hold laid by now can have.
pub fn is_ahead(until: Timestamp, now: Timestamp) -> bool {
    until > latest_end(now)
}
