//! What a group's owner has decided about ranking in their group.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::{Rank, RoleId};
use super::ladder::Role;

/// What happens to the roles that a member has besides the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoleMode {
    /// The classic single ladder: the target, and no other managed role.
    #[default]
    Exclusive,
    /// Roles add up: managed roles below the target stay, those above it go.
    Additive,
}

/// A text that names no mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role mode is exclusive or additive")]
pub struct UnknownRoleMode;

impl RoleMode {
    /// Both modes.
    pub const ALL: [Self; 2] = [Self::Exclusive, Self::Additive];

    /// As commands and items write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exclusive => "exclusive",
            Self::Additive => "additive",
        }
    }
}

impl fmt::Display for RoleMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RoleMode {
    type Err = UnknownRoleMode;
    fn from_str(text: &str) -> Result<Self, UnknownRoleMode> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text).ok_or(UnknownRoleMode)
    }
}

/// The roles that rank changes may assign and unassign; others are never touched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ManagedRoles {
    /// Every role of rank 2 to 254.
    #[default]
    All,
    /// Of those, only these.
    Only(BTreeSet<RoleId>),
}

impl ManagedRoles {
    /// Whether rank changes may touch this role.
    pub fn include(&self, role: &Role) -> bool {
        role.rank.is_above_base()
            && match self {
                Self::All => true,
                Self::Only(ids) => ids.contains(&role.id),
            }
    }
}

/// A bot account's name in the bot secret: 1 to 64 of `a-z A-Z 0-9 - _`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BotName(String);

/// A text that cannot name a bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a bot's name is 1 to 64 letters, digits, - and _")]
pub struct InvalidBotName;

impl BotName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for BotName {
    /// The bot of every group that is bound to none.
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl FromStr for BotName {
    type Err = InvalidBotName;
    fn from_str(text: &str) -> Result<Self, InvalidBotName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.is_empty() || text.len() > 64 || !text.bytes().all(allowed) {
            return Err(InvalidBotName);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for BotName {
    type Error = InvalidBotName;
    fn try_from(text: String) -> Result<Self, InvalidBotName> {
        text.parse()
    }
}

impl From<BotName> for String {
    fn from(name: BotName) -> String {
        name.0
    }
}

impl fmt::Display for BotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A group's settings; the default is what a group has that set nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupSettings {
    /// Single ladder, or roles that add up.
    pub mode: RoleMode,
    /// The roles that rank changes may touch.
    pub managed: ManagedRoles,
    /// Like a key's `maxRank`, over all keys of the group.
    pub max_rank: Option<Rank>,
    /// The bot account that acts in the group.
    pub bot: BotName,
}

/// The highest rank in a group, as an operator sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceiling {
    /// Up to this rank.
    At(Rank),
    /// As high as keys and bot may.
    Lifted,
}

/// What an operator sets; everything that is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettingsChange {
    /// Single ladder, or roles that add up.
    pub mode: Option<RoleMode>,
    /// The roles that rank changes may touch.
    pub managed: Option<ManagedRoles>,
    /// The highest rank for all keys of the group.
    pub ceiling: Option<Ceiling>,
    /// The bot account that acts in the group.
    pub bot: Option<BotName>,
}

impl SettingsChange {
    /// Whether nothing is to be set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why and for how long a user's rank is not to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// For the operator's eyes; not shown to callers.
    pub reason: Option<String>,
    /// When it ends; `None` is never.
    pub until: Option<Timestamp>,
}

impl Block {
    /// Whether it holds at `now`.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}
