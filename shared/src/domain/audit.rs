//! The audit log: what was done to whom, by which key, and how it ended.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::api_key::KeyId;
use super::id::{GroupId, UserId};
use super::idempotency::Idempotency;
use super::ladder::Role;
use super::log_id::LogId;
use super::plan::Plan;
use super::rank_change::{Action, Reason};
use super::role_change::RoleChange;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
pub enum LoggedAction {
    /// To a named rank or role.
    SetRank,
    /// Up the ladder.
    Promote,
    /// Down the ladder.
    Demote,
    /// Back to the roles before another entry.
    Undo,
}

/// A text that names no logged action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a logged action is setRank, promote, demote or undo")]
pub struct UnknownLoggedAction;

impl LoggedAction {
    /// Every action.
    pub const ALL: [Self; 4] = [Self::SetRank, Self::Promote, Self::Demote, Self::Undo];

    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SetRank => "setRank",
            Self::Promote => "promote",
            Self::Demote => "demote",
            Self::Undo => "undo",
        }
    }
}

impl std::str::FromStr for LoggedAction {
    type Err = UnknownLoggedAction;
    fn from_str(text: &str) -> Result<Self, UnknownLoggedAction> {
        Self::ALL.into_iter().find(|action| action.as_str() == text).ok_or(UnknownLoggedAction)
    }
}

impl From<Action> for LoggedAction {
    fn from(action: Action) -> Self {
        match action {
            Action::SetRank => Self::SetRank,
            Action::Promote => Self::Promote,
            Action::Demote => Self::Demote,
        }
    }
}

/// How a change ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
pub enum Outcome {
    /// The member stands at the target, and roles were added or removed for it.
    Changed,
    /// The member stood there already.
    Unchanged,
    /// A promotion at the top of the ladder.
    AlreadyHighest,
    /// A demotion at its foot.
    AlreadyLowest,
    /// The member keeps the rank they had.
    Failed,
}

/// A text that names no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an outcome is changed, unchanged, alreadyHighest, alreadyLowest or failed")]
pub struct UnknownOutcome;

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] =
        [Self::Changed, Self::Unchanged, Self::AlreadyHighest, Self::AlreadyLowest, Self::Failed];

    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::AlreadyHighest => "alreadyHighest",
            Self::AlreadyLowest => "alreadyLowest",
            Self::Failed => "failed",
        }
    }
}

impl std::str::FromStr for Outcome {
    type Err = UnknownOutcome;
    fn from_str(text: &str) -> Result<Self, UnknownOutcome> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text).ok_or(UnknownOutcome)
    }
}

/// What a change set out to do: kept with its claim, so that whoever finds it half-done can finish it, take it back,
/// and write its log entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its name.
    pub log_id: LogId,
    /// The key that asked.
    pub key_id: KeyId,
    /// The key's plan, which says how long the entry is kept.
    pub plan: Plan,
    /// Where.
    pub group: GroupId,
    /// Whose rank.
    pub user: UserId,
    /// What was asked for.
    pub action: LoggedAction,
    /// Why, as the caller says.
    pub reason: Option<Reason>,
    /// The Roblox user who asked, as the caller says.
    pub actor: Option<UserId>,
    /// The entry that this change undoes.
    pub undoes: Option<LogId>,
    /// The writes.
    pub change: RoleChange,
    /// The caller's idempotency key and the request under it.
    pub idempotency: Option<Idempotency>,
}

/// One entry of the log. Never changed once written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// What was to be done.
    pub intent: Intent,
    /// How it ended.
    pub outcome: Outcome,
    /// From the request's arrival to this entry, in milliseconds.
    pub duration_ms: u64,
}

impl LogEntry {
    /// The roles that were added.
    pub fn added(&self) -> &[Role] {
        if self.outcome == Outcome::Changed { &self.intent.change.assign } else { &[] }
    }

    /// The roles that were removed.
    pub fn removed(&self) -> &[Role] {
        if self.outcome == Outcome::Changed { &self.intent.change.unassign } else { &[] }
    }

    /// When DynamoDB may delete it: by plan 30 days, 1 year, never.
    pub fn kept_until(&self) -> Option<Timestamp> {
        let days = match self.intent.plan {
            Plan::Starter => 30,
            Plan::Pro => 365,
            Plan::Max => return None,
        };
        self.intent.log_id.instant().checked_add(SignedDuration::from_hours(days * 24)).ok()
    }
}
