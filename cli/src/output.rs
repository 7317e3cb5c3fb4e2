//! What the commands print: tables and sentences for people, one JSON value for programs.

use std::io::{self, Write as _};

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, Table};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// For whom a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Human,
    Json,
}

impl Format {
    pub(crate) const fn from_flag(json: bool) -> Self {
        if json { Self::Json } else { Self::Human }
    }

    /// Prints the one value, or the text, on standard output.
    pub(crate) fn print<T: Serialize>(self, value: &T, text: impl FnOnce() -> String) -> io::Result<()> {
        let output = match self {
            Self::Human => text(),
            Self::Json => serde_json::to_string(value)?,
        };
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", output.trim_end())?;
        stdout.flush()
    }
}

/// Columns under their names, without lines: it stays readable when copied into a chat.
pub(crate) fn columns(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header.iter().map(|name| Cell::new(name.to_uppercase())));
    for row in rows {
        table.add_row(row);
    }
    trimmed(&table)
}

/// Names and values, one pair to a line.
pub(crate) fn pairs(rows: &[(&str, String)]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    for (name, value) in rows {
        table.add_row([*name, value.as_str()]);
    }
    trimmed(&table)
}

/// To the minute, in UTC, as the months are counted: `2026-11-23 06:49 UTC`.
pub(crate) fn minute(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A number, or what stands for its absence.
pub(crate) fn or_unlimited(number: Option<u64>) -> String {
    number.map_or_else(|| "unlimited".to_owned(), |number| number.to_string())
}

fn trimmed(table: &Table) -> String {
    let text = table.to_string();
    text.lines().map(|line| line.trim_end().strip_prefix(' ').unwrap_or(line.trim_end())).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_their_names() {
        let text =
            columns(&["key", "used"], [vec!["abc".to_owned(), "12".to_owned()], vec!["d".to_owned(), "3".to_owned()]]);
        assert_eq!(text, "KEY  USED\nabc  12\nd    3");
    }

    #[test]
    fn times_are_readable_and_in_utc() {
        assert_eq!(minute("2026-11-23T06:49:59+02:00".parse().unwrap()), "2026-11-23 04:49 UTC");
    }
}
