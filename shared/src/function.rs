//! The Lambda functions: what the binaries, the routes and `template.yaml` call them.

use std::fmt;

/// The Lambda functions, one binary each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// `set-rank`
    SetRank,
    /// `promote`
    Promote,
    /// `demote`
    Demote,
    /// `rank`: any rank change, told apart by its `action`.
    Rank,
    /// `get-rank`
    GetRank,
    /// `group-info`
    GroupInfo,
    /// `group-roles`
    GroupRoles,
    /// `logs`
    Logs,
    /// `undo`
    Undo,
    /// `sweep`: on a schedule, and on no route.
    Sweep,
    /// `key-info`: the key, the status, and whatever has no route.
    KeyInfo,
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 11] = [
        Self::SetRank,
        Self::Promote,
        Self::Demote,
        Self::Rank,
        Self::GetRank,
        Self::GroupInfo,
        Self::GroupRoles,
        Self::Logs,
        Self::Undo,
        Self::Sweep,
        Self::KeyInfo,
    ];

    /// The name of its crate, its binary and its folder under `functions/`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SetRank => "set-rank",
            Self::Promote => "promote",
            Self::Demote => "demote",
            Self::Rank => "rank",
            Self::GetRank => "get-rank",
            Self::GroupInfo => "group-info",
            Self::GroupRoles => "group-roles",
            Self::Logs => "logs",
            Self::Undo => "undo",
            Self::Sweep => "sweep",
            Self::KeyInfo => "key-info",
        }
    }

    /// The function of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// Whether it ever calls Roblox, and so needs a bot.
    pub const fn calls_roblox(self) -> bool {
        match self {
            Self::SetRank
            | Self::Promote
            | Self::Demote
            | Self::Rank
            | Self::GetRank
            | Self::GroupInfo
            | Self::GroupRoles
            | Self::Undo
            | Self::Sweep => true,
            Self::Logs | Self::KeyInfo => false,
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
