//! The query of `GET /v1/logs`.

use jiff::Timestamp;
use lambda_http::aws_lambda_events::query_map::QueryMap;
use serde_json::json;

use super::error_code::ErrorCode;
use super::fields::digits;
use super::problem::Problem;
use crate::app::ports::LogQuery;
use crate::domain::api_key::KeyId;
use crate::domain::audit::{LoggedAction, Outcome};
use crate::domain::id::{GroupId, UserId};
use crate::domain::log_id::LogId;

pub(super) const KNOWN: &[&str] = &["userId", "actorId", "keyId", "action", "outcome", "from", "to", "limit", "cursor"];
pub(super) const DEFAULT_LIMIT: usize = 50;
pub(super) const LARGEST_LIMIT: u64 = 100;
/// From here on a number is taken for milliseconds: as seconds it would be the year 5138.
const FIRST_MILLISECOND: u64 = 100_000_000_000;
const INSTANT: &str = "an instant like 2026-11-23T12:00:00Z, or Unix seconds";

/// A query but for its group, which is the key's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogFilter {
    user: Option<UserId>,
    actor: Option<UserId>,
    key_id: Option<KeyId>,
    outcome: Option<Outcome>,
    action: Option<LoggedAction>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    after: Option<LogId>,
    limit: usize,
}

impl LogFilter {
    pub(super) fn in_group(self, group: GroupId) -> LogQuery {
        let Self { user, actor, key_id, outcome, action, from, to, after, limit } = self;
        LogQuery { group, user, actor, key_id, outcome, action, from, to, after, limit }
    }
}

/// Reads the query. A parameter that is unknown or there twice is an error: a misspelt filter must not show everything.
pub(super) fn parse(query: Option<&QueryMap>) -> Result<LogFilter, Problem> {
    let Some(query) = query else { return Parameters(&QueryMap::default()).filter() };
    let sent: Vec<&str> = query.iter().map(|(name, _)| name).collect();
    for (name, _) in query.iter() {
        if !KNOWN.contains(&name) {
            return Err(Problem::unknown(name, KNOWN, &sent));
        }
        if query.all(name).is_some_and(|values| values.len() > 1) {
            return Err(Problem::repeated(name));
        }
    }
    Parameters(query).filter()
}

struct Parameters<'a>(&'a QueryMap);

impl Parameters<'_> {
    fn filter(&self) -> Result<LogFilter, Problem> {
        let id = |text: &str| digits(text).and_then(|id| UserId::new(id).ok());
        let limit = |text: &str| {
            digits(text).filter(|limit| (1..=LARGEST_LIMIT).contains(limit)).and_then(|limit| limit.try_into().ok())
        };
        Ok(LogFilter {
            user: self.read("userId", "a whole number from 1 to 9007199254740991", id)?,
            actor: self.read("actorId", "a whole number from 1 to 9007199254740991", id)?,
            key_id: self
                .read("keyId", "a key's id: the 12 letters and digits after wesk_", |text| text.parse().ok())?,
            outcome: self.read("outcome", "changed, unchanged, alreadyHighest, alreadyLowest or failed", |text| {
                text.parse().ok()
            })?,
            action: self.read("action", "setRank, promote, demote or undo", |text| text.parse().ok())?,
            from: self.instant("from")?,
            to: self.instant("to")?,
            after: self.read("cursor", "the nextCursor of the page before", |text| text.parse().ok())?,
            limit: self.read("limit", "a whole number from 1 to 100", limit)?.unwrap_or(DEFAULT_LIMIT),
        })
    }

    fn instant(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.0.first(name) else { return Ok(None) };
        if let Some(at) = instant(text) {
            return Ok(Some(at));
        }
        let says_more = |more: &str| {
            let message = format!("The parameter {name} must be {INSTANT}: {more}");
            Problem::new(ErrorCode::InvalidParameter, message).with_details(json!({ "parameter": name }))
        };
        Err(match (digits(text), text.contains(' ')) {
            (Some(number), _) if number >= FIRST_MILLISECOND => {
                says_more("this looks like milliseconds: divide it by 1000.")
            }
            (None, true) => says_more("in an address, a plus is written %2B, as it stands for a blank otherwise."),
            _ => Problem::invalid(name, INSTANT),
        })
    }

    fn read<T>(&self, name: &str, expected: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(text) = self.0.first(name) else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| Problem::invalid(name, expected))
    }
}

fn instant(text: &str) -> Option<Timestamp> {
    match digits(text) {
        Some(second) if second >= FIRST_MILLISECOND => None,
        Some(second) => i64::try_from(second).ok().and_then(|second| Timestamp::from_second(second).ok()),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<LogFilter, Problem> {
        parse(Some(&query.parse().unwrap()))
    }

    #[test]
    fn every_filter_is_read() {
        let filter = read("userId=8&action=undo&from=1700000000&to=2026-11-23T12:00:00Z&limit=5").unwrap();
        assert_eq!((filter.user.map(UserId::get), filter.action, filter.limit), (Some(8), Some(LoggedAction::Undo), 5));
        assert_eq!(filter.from, Timestamp::from_second(1_700_000_000).ok());
        assert_eq!(read("").unwrap().limit, DEFAULT_LIMIT);
    }

    #[test]
    fn an_instant_before_the_first_entry_could_be_is_one_like_any_other() {
        let filter = read("from=0369-09-28T05:26:11.701719Z&to=1969-12-31T23:59:59Z").unwrap();
        assert!(filter.from < filter.to && filter.to < Some(Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn a_filter_that_would_be_overlooked_is_an_error() {
        for query in [
            "user=8",
            "userId=8&userId=9",
            "userId=x",
            "action=kick",
            "from=yesterday",
            "limit=0",
            "limit=101",
            "cursor=1",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
