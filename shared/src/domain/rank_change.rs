//! What a caller can ask for: set, promote, demote.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::id::{GroupId, Rank, RoleId, UserId};
use super::idempotency::RequestHash;

/// The name of a rank change, as the body's `action` spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// To a named rank or role.
    SetRank,
    /// Up the ladder.
    Promote,
    /// Down the ladder; Pro and Max.
    Demote,
}

/// A text that names no action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an action is setRank, promote or demote")]
pub struct UnknownAction;

impl Action {
    /// Every action.
    pub const ALL: [Self; 3] = [Self::SetRank, Self::Promote, Self::Demote];

    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SetRank => "setRank",
            Self::Promote => "promote",
            Self::Demote => "demote",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = UnknownAction;
    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        Self::ALL.into_iter().find(|action| action.as_str() == text).ok_or(UnknownAction)
    }
}

/// Where a set-rank leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The role at this rank; parsed to 1 to 254.
    Rank(Rank),
    /// This very role: the way to name one of two that share a rank.
    Role(RoleId),
    /// The role of this name.
    Name(RoleName),
}

/// A role's whole name; two that differ in case alone are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleName(String);

impl RoleName {
    /// The longest name, in Unicode characters: as long as Roblox's, and some.
    pub const MAX_CHARACTERS: usize = 100;

    /// Accepts 1 to [`Self::MAX_CHARACTERS`] characters that are not all blank.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty() && text.chars().count() <= Self::MAX_CHARACTERS).then(|| Self(text.to_lowercase()))
    }

    /// Whether a role bears this name.
    pub fn is(&self, name: &str) -> bool {
        name.trim().to_lowercase() == self.0
    }
}

/// What must hold of the member's rank, where they stand on the ladder when they are read for the change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Only if they stand within these ranks, both included.
    pub if_rank: Option<(Rank, Rank)>,
    /// Whoever stands above the target stays.
    pub never_lower: bool,
}

/// How many distinct ranks a promotion or demotion moves: 1 to 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps(u8);

impl Steps {
    /// One step, the default.
    pub const ONE: Self = Self(1);

    /// Accepts 1 to 10.
    pub const fn new(count: u8) -> Option<Self> {
        if count >= 1 && count <= 10 { Some(Self(count)) } else { None }
    }

    /// The number of steps.
    pub const fn count(self) -> usize {
        self.0 as usize
    }
}

/// The movement asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Movement {
    /// To a named place.
    Set(Target),
    /// Up.
    Promote(Steps),
    /// Down.
    Demote(Steps),
}

impl Movement {
    /// Its name.
    pub const fn action(&self) -> Action {
        match self {
            Self::Set(_) => Action::SetRank,
            Self::Promote(_) => Action::Promote,
            Self::Demote(_) => Action::Demote,
        }
    }

    /// The rank asked for, where the request itself names one: what a key's limits can judge before Roblox is asked.
    pub const fn named_rank(&self) -> Option<Rank> {
        match self {
            Self::Set(Target::Rank(rank)) => Some(*rank),
            Self::Set(Target::Role(_) | Target::Name(_)) | Self::Promote(_) | Self::Demote(_) => None,
        }
    }
}

/// Why somebody's rank is changed, for the log: 1 to 200 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reason(String);

impl Reason {
    /// The longest reason, in Unicode characters.
    pub const MAX_CHARACTERS: usize = 200;

    /// Accepts 1 to [`Self::MAX_CHARACTERS`] characters.
    pub fn new(text: String) -> Option<Self> {
        (!text.is_empty() && text.chars().count() <= Self::MAX_CHARACTERS).then_some(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RankChange {
    /// What tells this request from another one under the same idempotency key.
    pub fn hash(&self) -> RequestHash {
        let (target, steps) = match &self.movement {
            Movement::Set(Target::Rank(rank)) => (Some(format!("rank {rank}")), None),
            Movement::Set(Target::Role(role)) => (Some(format!("role {role}")), None),
            Movement::Set(Target::Name(RoleName(name))) => (Some(format!("name {name}")), None),
            Movement::Promote(steps) | Movement::Demote(steps) => (None, Some(steps.count())),
        };
        let request = json!({
            "action": self.movement.action(),
            "group": self.group,
            "user": self.user,
            "target": target,
            "steps": steps,
            "reason": self.reason,
            "actor": self.actor,
            "dryRun": self.mode == Mode::DryRun,
        });
        // Only where they are there: without them the hash is what it was before there were any.
        match self.conditions {
            Conditions { if_rank: None, never_lower: false } => RequestHash::of(&request),
            Conditions { if_rank, never_lower } => RequestHash::of(&json!([request, if_rank, never_lower])),
        }
    }
}

/// Whether Roblox is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Make the change.
    Apply,
    /// Answer what would happen.
    DryRun,
}

/// One request to change one member's rank, fully parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankChange {
    /// In which group.
    pub group: GroupId,
    /// Whose rank.
    pub user: UserId,
    /// To where.
    pub movement: Movement,
    /// And only if.
    pub conditions: Conditions,
    /// For the log.
    pub reason: Option<Reason>,
    /// The Roblox user who asked, for the log.
    pub actor: Option<UserId>,
    /// Really, or only to see.
    pub mode: Mode,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roles_name_is_whole_and_its_case_does_not_matter() {
        let name = RoleName::new(" First Officer ").unwrap();
        assert!(name.is("first officer") && name.is("FIRST OFFICER"));
        assert!(!name.is("First") && !name.is("First Officer II"));
        assert!(RoleName::new("Ärzte").unwrap().is("ÄRZTE"));
        assert_eq!((RoleName::new(" "), RoleName::new(&"x".repeat(101))), (None, None));
    }
}
