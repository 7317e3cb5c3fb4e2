//! What the sandbox assumes where Roblox's texts say nothing.

use serde::{Deserialize, Serialize};

use crate::paging::LastPage;
use crate::reply::V2Code;

/// Choices where Roblox's behaviour is unstated. Code that is right must work under every one of them, so tests may
/// switch them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Assumptions {
    /// The answer where the bot may not do it: the member is the bot itself or stands at or above it, the role stands at
    /// or above it, or its roles do not let it change ranks.
    pub outranked: V2Code,
    /// The answer to a write for somebody who is not a member.
    pub not_a_member: V2Code,
    /// The answer to a write of a role that the group does not have.
    pub unknown_role: V2Code,
    /// The answer to a write of a role that can never be assigned: guest, owner and, unless
    /// [`RankOneWrites::NoEffect`], a role of rank 1.
    pub unassignable_role: V2Code,
    /// What a write of a role of rank 1 does.
    pub rank_one: RankOneWrites,
    /// How lists end.
    pub last_page: LastPage,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            outranked: V2Code::PermissionDenied,
            not_a_member: V2Code::NotFound,
            unknown_role: V2Code::NotFound,
            unassignable_role: V2Code::InvalidArgument,
            rank_one: RankOneWrites::Refused,
            last_page: LastPage::Alternating,
        }
    }
}

/// What assigning or unassigning a role of rank 1 does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RankOneWrites {
    /// Refused for every role of rank 1, the strictest reading.
    #[default]
    Refused,
    /// Refused for the base role; another role of rank 1 is one like any other.
    BaseRefused,
    /// Answered 200 and without effect.
    NoEffect,
}
