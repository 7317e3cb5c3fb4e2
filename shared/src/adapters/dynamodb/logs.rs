//! The audit log.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::item::{Item, Unreadable, instant, number, read_text, text, text_key};
use super::{INDEX, TTL_ATTRIBUTE, Table, store_error};
use crate::app::ports::{LogPage, LogQuery, Logs, StoreError};
use crate::domain::audit::LogEntry;
use crate::domain::id::{GroupId, UserId};
use crate::domain::log_id::LogId;

/// Entries looked at by one query where a filter, or the end of their time, may leave some out.
const LOOKED_AT_ONCE: i32 = 250;
/// Queries that one page may take: where a filter leaves much out, the page ends short, and says where to go on.
const MOST_QUERIES: usize = 8;

/// What appending is called where it fails.
pub(super) const APPEND: &str = "append log entry";
/// The entry is not there yet; an expression over `#pk`.
pub(super) const NEW: &str = "attribute_not_exists(#pk)";

/// Where a query's entries are, in the table or in the index, and between which bounds.
struct Place {
    index: Option<&'static str>,
    condition: &'static str,
    names: HashMap<String, String>,
    values: Item,
}

impl Place {
    /// `None` where the bounds leave nothing between them, for which DynamoDB has an error and no empty answer.
    fn of(query: &LogQuery) -> Option<Self> {
        let first = query.from.map_or(LogId::MIN, LogId::first_at);
        let before = query.to.map(LogId::first_at).into_iter().chain(query.after).min();
        let last = before.map_or(LogId::MAX, LogId::previous);
        if first > last {
            return None;
        }
        let (index, condition, pair, partition, prefix) = match query.user {
            None => (None, "#pk = :pk AND #sk BETWEEN :first AND :last", ["pk", "sk"], log_of(query.group), "LOG#"),
            Some(user) => {
                let condition = "#ixPk = :pk AND #ixSk BETWEEN :first AND :last";
                (Some(INDEX), condition, ["ixPk", "ixSk"], log_of_member(query.group, user), "")
            }
        };
        Some(Self {
            index,
            condition,
            names: pair.iter().map(|name| (format!("#{name}"), (*name).to_owned())).collect(),
            values: HashMap::from([
                (":pk".to_owned(), text(partition)),
                (":first".to_owned(), text(format!("{prefix}{first}"))),
                (":last".to_owned(), text(format!("{prefix}{last}"))),
            ]),
        })
    }
}

impl Logs for Table {
    /// On condition that it is new: an SDK retry, or another run that recovers the same change, leaves it as it is.
    async fn append(&self, entry: &LogEntry) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item(entry)?))
            .condition_expression(NEW)
            .expression_attribute_names("#pk", "pk")
            .send()
            .await;
        match put {
            Err(error)
                if !error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Err(store_error(APPEND)(error))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn entry(&self, group: GroupId, id: LogId, now: Timestamp) -> Result<Option<LogEntry>, StoreError> {
        const OPERATION: &str = "read log entry";
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(primary_key(group, id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(store_error(OPERATION))?;
        let entry = answer.item().map(read_entry).transpose().map_err(store_error(OPERATION))?;
        Ok(entry.filter(|entry| is_kept(entry, now)))
    }

    async fn page(&self, query: &LogQuery, now: Timestamp) -> Result<LogPage, StoreError> {
        const OPERATION: &str = "read log";
        let Some(mut place) = Place::of(query) else { return Ok(LogPage { entries: Vec::new(), next: None }) };
        let filter = filter(query, &mut place);
        // One more than is shown, to know whether there are more: what is read is paid for.
        let page = i32::try_from(query.limit).unwrap_or(LOOKED_AT_ONCE).saturating_add(1);
        let mut looked_at_once = if filter.is_some() { LOOKED_AT_ONCE } else { page };
        let mut entries = Vec::new();
        let mut start: Option<Item> = None;
        for _ in 0..MOST_QUERIES {
            let answer = self
                .client
                .query()
                .table_name(&self.name)
                .set_index_name(place.index.map(str::to_owned))
                .key_condition_expression(place.condition)
                .set_filter_expression(filter.clone())
                .set_expression_attribute_names(Some(place.names.clone()))
                .set_expression_attribute_values(Some(place.values.clone()))
                .scan_index_forward(false)
                .consistent_read(place.index.is_none())
                .limit(looked_at_once)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(store_error(OPERATION))?;
            for item in answer.items() {
                let Some(entry) = shown(item) else { continue };
                if entries.len() == query.limit {
                    let next = entries.last().map(|entry: &LogEntry| entry.intent.log_id);
                    return Ok(LogPage { entries, next });
                }
                entries.extend(is_kept(&entry, now).then_some(entry));
            }
            looked_at_once = LOOKED_AT_ONCE;
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(LogPage { entries, next: None });
            }
        }
        let next = start.as_ref().and_then(last_looked_at);
        Ok(LogPage { entries, next })
    }
}

/// What is looked for among the entries that are read; `None` if all of them are.
fn filter(query: &LogQuery, place: &mut Place) -> Option<String> {
    let wanted = [
        ("action", query.action.map(|action| text(action.as_str()))),
        ("outcome", query.outcome.map(|outcome| text(outcome.as_str()))),
        ("keyId", query.key_id.as_ref().map(|key_id| text(key_id.to_string()))),
        ("actorId", query.actor.map(number)),
    ];
    let mut conditions = Vec::new();
    for (name, value) in wanted {
        let Some(value) = value else { continue };
        place.names.insert(format!("#{name}"), name.to_owned());
        place.values.insert(format!(":{name}"), value);
        conditions.push(format!("#{name} = :{name}"));
    }
    (!conditions.is_empty()).then(|| conditions.join(" AND "))
}

/// An entry, as it is stored.
pub(super) fn item(entry: &LogEntry) -> Result<Item, StoreError> {
    let intent = &entry.intent;
    let mut item = primary_key(intent.group, intent.log_id);
    item.insert("entry".to_owned(), text(serde_json::to_string(entry).map_err(store_error(APPEND))?));
    item.insert("userId".to_owned(), number(intent.user));
    item.insert("action".to_owned(), text(intent.action.as_str()));
    item.insert("outcome".to_owned(), text(entry.outcome.as_str()));
    item.insert("keyId".to_owned(), text(intent.key_id.to_string()));
    item.extend(intent.actor.map(|actor| ("actorId".to_owned(), number(actor))));
    item.insert("ixPk".to_owned(), text(log_of_member(intent.group, intent.user)));
    item.insert("ixSk".to_owned(), text(intent.log_id.to_string()));
    if let Some(until) = entry.kept_until() {
        item.insert(TTL_ATTRIBUTE.to_owned(), instant(until));
    }
    Ok(item)
}

fn log_of(group: GroupId) -> String {
    format!("GROUP#{group}")
}

fn log_of_member(group: GroupId, user: UserId) -> String {
    format!("LOG#{group}#{user}")
}

fn primary_key(group: GroupId, id: LogId) -> Item {
    text_key(&[("pk", &log_of(group)), ("sk", &format!("LOG#{id}"))])
}

/// DynamoDB deletes late: what is over is not shown.
fn is_kept(entry: &LogEntry, now: Timestamp) -> bool {
    entry.kept_until().is_none_or(|until| now < until)
}

/// One entry that cannot be read must not hide all others of its page.
fn shown(item: &Item) -> Option<LogEntry> {
    let read = read_entry(item);
    if let Err(error) = &read {
        let id = |name, prefix| read_text(item, name).ok().and_then(|key| key.strip_prefix(prefix));
        let (group_id, log_id) = (id("pk", "GROUP#"), id("sk", "LOG#"));
        tracing::error!(group_id, log_id, %error, "log entry left out of a page");
    }
    read.ok()
}

fn read_entry(item: &Item) -> Result<LogEntry, Unreadable> {
    serde_json::from_str(read_text(item, "entry")?).map_err(|_| Unreadable("entry"))
}

fn last_looked_at(key: &HashMap<String, AttributeValue>) -> Option<LogId> {
    read_text(key, "sk").ok()?.strip_prefix("LOG#")?.parse().ok()
}
