//! The name of a rank change.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// A ULID: ordered by time to the millisecond, with 80 random bits, written as 26 characters.
///
/// It names one rank change everywhere: in the answer, in the audit log, in the claim that it holds, in the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogId(Ulid);

/// A text that is no ULID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a log id is a ULID: 26 letters and digits")]
pub struct InvalidLogId;

impl LogId {
    /// The smallest of all.
    pub const MIN: Self = Self(Ulid::nil());
    /// The largest of all.
    pub const MAX: Self = Self(Ulid::max());

    /// An id for a change that begins at `now`; only 80 of the random bits are used.
    pub fn new(now: Timestamp, random: u128) -> Self {
        Self(Ulid::from_parts(u64::try_from(now.as_millisecond()).unwrap_or_default(), random))
    }

    /// The smallest id of this instant: where a range of time begins.
    pub fn first_at(instant: Timestamp) -> Self {
        Self::new(instant, 0)
    }

    /// The id before this one in order.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(Ulid::from_bytes(u128::from_be_bytes(self.0.to_bytes()).saturating_sub(1).to_be_bytes()))
    }

    /// When the change began, to the millisecond.
    pub fn instant(self) -> Timestamp {
        let milliseconds = i64::try_from(self.0.timestamp_ms()).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LogId {
    type Err = InvalidLogId;

    fn from_str(text: &str) -> Result<Self, InvalidLogId> {
        let ulid = Ulid::from_string(text).map_err(|_| InvalidLogId)?;
        // Lower-case and look-alike letters decode too; only the canonical form names an entry.
        if ulid.to_string() == text { Ok(Self(ulid)) } else { Err(InvalidLogId) }
    }
}

impl TryFrom<String> for LogId {
    type Error = InvalidLogId;
    fn try_from(text: String) -> Result<Self, InvalidLogId> {
        text.parse()
    }
}

impl From<LogId> for String {
    fn from(id: LogId) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_tell_it() {
        let earlier: Timestamp = "2026-11-23T12:00:00.001Z".parse().unwrap();
        let later: Timestamp = "2026-11-23T12:00:00.002Z".parse().unwrap();
        assert!(LogId::new(earlier, u128::MAX) < LogId::first_at(later));
        assert!(LogId::new(earlier, u128::MAX).to_string() < LogId::first_at(later).to_string());
        assert_eq!(LogId::new(earlier, 7).instant(), earlier);
    }

    #[test]
    fn only_the_canonical_form_is_an_id() {
        let id = LogId::new(Timestamp::UNIX_EPOCH, 12345);
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in
            ["", "abc", "01m83m5hhkhr3663fqqhtc5qkf", "81M83M5HHKHR3663FQQHTC5QKF", "not-a-ulid-at-all-no-no-no"]
        {
            assert_eq!(text.parse::<LogId>(), Err(InvalidLogId), "{text}");
        }
    }
}
