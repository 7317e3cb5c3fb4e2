//! Lengths of time as a person types them: `90d`, `24h`, `15m`.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;

/// The longest period: ten years of 365 days. Beyond it a typing error is likelier than a wish.
const MAX_SECONDS: u64 = 10 * 365 * DAY;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

/// A text that is no period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidPeriod {
    #[error("write a number and a unit: 30s, 15m, 24h, 90d or 2w")]
    Shape,
    #[error("ten years (3650d) are the longest")]
    TooLong,
}

/// A length of time in whole seconds, zero to ten years. A day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    seconds: u64,
}

impl Period {
    pub(crate) const fn is_zero(self) -> bool {
        self.seconds == 0
    }

    pub(crate) const fn duration(self) -> SignedDuration {
        // Lossless: at most `MAX_SECONDS`.
        SignedDuration::from_secs(self.seconds.cast_signed())
    }
}

impl FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        let digits = text.len() - text.trim_start_matches(|character: char| character.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let seconds_per_unit = match unit {
            "s" => 1,
            "m" => MINUTE,
            "h" => HOUR,
            "d" => DAY,
            "w" => WEEK,
            _ => return Err(InvalidPeriod::Shape),
        };
        if number.is_empty() {
            return Err(InvalidPeriod::Shape);
        }
        // What is all digits and yet no number is too large for one.
        let number: u64 = number.parse().map_err(|_| InvalidPeriod::TooLong)?;
        let seconds = number.checked_mul(seconds_per_unit).ok_or(InvalidPeriod::TooLong)?;
        if seconds > MAX_SECONDS { Err(InvalidPeriod::TooLong) } else { Ok(Self { seconds }) }
    }
}

impl fmt::Display for Period {
    /// In the largest unit that divides it; weeks as days.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "m")];
        let fitting = units.into_iter().find(|(length, _)| self.seconds > 0 && self.seconds.is_multiple_of(*length));
        let (length, unit) = fitting.unwrap_or((1, "s"));
        write!(f, "{}{unit}", self.seconds / length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Result<u64, InvalidPeriod> {
        text.parse::<Period>().map(|period| period.seconds)
    }

    #[test]
    fn each_unit_has_its_length() {
        assert_eq!(seconds("30s"), Ok(30));
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("24h"), Ok(86_400));
        assert_eq!(seconds("90d"), Ok(7_776_000));
        assert_eq!(seconds("2w"), Ok(1_209_600));
        assert_eq!(seconds("0s"), Ok(0));
    }

    #[test]
    fn a_number_without_a_unit_and_a_unit_without_a_number_are_refused() {
        for text in ["", "90", "d", "-1d", "1.5h", "1 d", "1D", "d90", "1d2h", "٣d", "1y"] {
            assert_eq!(seconds(text), Err(InvalidPeriod::Shape), "{text}");
        }
    }

    #[test]
    fn more_than_ten_years_is_refused_however_large_the_number() {
        assert_eq!(seconds("3650d"), Ok(MAX_SECONDS));
        for text in ["3651d", "18446744073709551615w", "99999999999999999999999d"] {
            assert_eq!(seconds(text), Err(InvalidPeriod::TooLong), "{text}");
        }
    }

    #[test]
    fn a_period_is_written_so_that_it_reads_back() {
        for (text, written) in
            [("90d", "90d"), ("24h", "1d"), ("36h", "36h"), ("2w", "14d"), ("90s", "90s"), ("0s", "0s")]
        {
            let period: Period = text.parse().unwrap();
            assert_eq!(period.to_string(), written);
            assert_eq!(written.parse(), Ok(period));
        }
    }
}
