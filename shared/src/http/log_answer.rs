//! The shapes of the audit log.

use jiff::Timestamp;
use serde::Serialize;

use super::answer::RoleView;
use crate::app::ports::LogPage;
use crate::domain::api_key::KeyId;
use crate::domain::audit::{LogEntry, LoggedAction, Outcome};
use crate::domain::id::{GroupId, Rank, UserId};
use crate::domain::log_id::LogId;
use crate::domain::rank_change::Reason;

/// One entry.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "LogEntry"))]
struct EntryView<'a> {
    log_id: LogId,
    /// When the change began.
    time: Timestamp,
    /// The key that asked, by its public part.
    key_id: &'a KeyId,
    group_id: GroupId,
    user_id: UserId,
    action: LoggedAction,
    outcome: Outcome,
    /// Whether any role was added or removed.
    changed: bool,
    from_rank: Rank,
    /// Where the member stood afterwards: the same as before, where the change failed.
    to_rank: Rank,
    from_role: RoleView<'a>,
    to_role: RoleView<'a>,
    roles_added: Vec<RoleView<'a>>,
    roles_removed: Vec<RoleView<'a>>,
    /// As the caller gave it.
    reason: Option<&'a str>,
    /// Who asked for it, as the caller says.
    actor_id: Option<UserId>,
    /// The entry that this change undid.
    undoes: Option<LogId>,
    /// From the request's arrival to the entry, in milliseconds.
    duration_ms: u64,
}

impl<'a> EntryView<'a> {
    fn of(entry: &'a LogEntry) -> Self {
        let intent = &entry.intent;
        // A change that failed left the member where they were.
        let to = if entry.outcome == Outcome::Failed { &intent.change.from } else { &intent.change.to };
        Self {
            log_id: intent.log_id,
            time: intent.log_id.instant(),
            key_id: &intent.key_id,
            group_id: intent.group,
            user_id: intent.user,
            action: intent.action,
            outcome: entry.outcome,
            changed: entry.outcome == Outcome::Changed,
            from_rank: intent.change.from.rank,
            to_rank: to.rank,
            from_role: RoleView::of(&intent.change.from),
            to_role: RoleView::of(to),
            roles_added: entry.added().iter().map(RoleView::of).collect(),
            roles_removed: entry.removed().iter().map(RoleView::of).collect(),
            reason: intent.reason.as_ref().map(Reason::as_str),
            actor_id: intent.actor,
            undoes: intent.undoes,
            duration_ms: entry.duration_ms,
        }
    }
}

/// A page of entries, newest first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Logs"))]
pub(super) struct LogsAnswer<'a> {
    success: bool,
    group_id: GroupId,
    /// The newest first.
    entries: Vec<EntryView<'a>>,
    /// Send it as cursor for the next page; null on the last.
    next_cursor: Option<LogId>,
}

impl<'a> LogsAnswer<'a> {
    pub(super) fn of(group: GroupId, page: &'a LogPage) -> Self {
        let entries = page.entries.iter().map(EntryView::of).collect();
        Self { success: true, group_id: group, entries, next_cursor: page.next }
    }
}

/// One entry alone.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "OneLogEntry"))]
pub(super) struct LogEntryAnswer<'a> {
    success: bool,
    entry: EntryView<'a>,
}

impl<'a> LogEntryAnswer<'a> {
    pub(super) fn of(entry: &'a LogEntry) -> Self {
        Self { success: true, entry: EntryView::of(entry) }
    }
}
