//! The calendar month in UTC, over which a plan's quota is counted.

use std::fmt;
use std::str::FromStr;

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// A text that is no month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a month is written YYYY-MM")]
pub struct InvalidMonth;

/// A calendar month in UTC, written `2026-11`; its order is that of time.
///
/// Counters are kept per month under this name, so that a new month needs no roll-over step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    first_day: Date,
}

impl Month {
    /// The month that `instant` falls into.
    pub fn of(instant: Timestamp) -> Self {
        Self { first_day: instant.to_zoned(TimeZone::UTC).date().first_of_month() }
    }

    /// Whether more than twelve months lie between this one's beginning and `other`'s.
    pub fn is_over_a_year_before(self, other: Self) -> bool {
        self.first_day < other.first_day.saturating_sub(12.months())
    }

    /// The first instant of the next month, when this month's counter stops to matter.
    pub fn end(self) -> Timestamp {
        // `saturating_add` and the fallback are for the year 9999 alone, where jiff's calendar ends.
        let next = self.first_day.saturating_add(1.month());
        next.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |zoned| zoned.timestamp())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first_day.year(), self.first_day.month())
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let (year, month) = text.split_once('-').ok_or(InvalidMonth)?;
        let all_digits = year.bytes().chain(month.bytes()).all(|byte| byte.is_ascii_digit());
        if year.len() != 4 || month.len() != 2 || !all_digits {
            return Err(InvalidMonth);
        }
        let year = year.parse().map_err(|_| InvalidMonth)?;
        let month = month.parse().map_err(|_| InvalidMonth)?;
        Date::new(year, month, 1).map(|first_day| Self { first_day }).map_err(|_| InvalidMonth)
    }
}

impl TryFrom<String> for Month {
    type Error = InvalidMonth;
    fn try_from(text: String) -> Result<Self, InvalidMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> String {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn last_instant_of_a_month_belongs_to_it_and_the_next_does_not() {
        assert_eq!(Month::of(at("2026-12-31T23:59:59.999999999Z")).to_string(), "2026-12");
        assert_eq!(Month::of(at("2027-01-01T00:00:00Z")).to_string(), "2027-01");
        assert_eq!(Month::of(at("2026-12-05T10:00:00Z")).end(), at("2027-01-01T00:00:00Z"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "2026", "2026-13", "2026-00", "26-01", "2026-1", "2026-11-01", "+026-11"] {
            assert_eq!(text.parse::<Month>(), Err(InvalidMonth), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_instant_lies_before_the_end_of_its_month(second in 0_i64..4_102_444_800) {
            let instant = Timestamp::from_second(second).unwrap();
            let month = Month::of(instant);
            prop_assert!(instant < month.end());
            prop_assert!(Month::of(month.end()) > month);
            prop_assert_eq!(month.to_string().parse::<Month>(), Ok(month));
        }
    }
}
