//! Roblox Open Cloud, as far as ranking needs it.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::app::deadline::Deadline;
use crate::domain::group_settings::BotName;
use crate::domain::id::{GroupId, RoleId, UserId};
use crate::domain::ladder::Role;

/// What went wrong with Roblox, as far as a caller may act on it differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RobloxFault {
    /// A 5xx answer but 501, 409 or 499, or a connection that was refused or dropped.
    Unavailable,
    /// No answer in time, or 408.
    Timeout,
    /// 429: the bot's requests of this minute are spent.
    RateLimited,
    /// 403: the bot may not do this.
    PermissionDenied(Denial),
    /// 401: the bot's credential is not accepted.
    CredentialInvalid,
    /// Answered with success, but the change is not there.
    Unverified,
    /// The thing named in the request is not there, or the request makes no sense to Roblox: 400 or 404.
    Rejected,
    /// Unreadable, or a status that is not foreseen.
    Unexpected,
}

/// Which cause of a 403 is the likelier one. No text of Roblox's says which answer means what: both are always named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// The group's: the bot stands too low, or its role may not change ranks. The group service answers in Open Cloud v2's
    /// shape, with a code.
    ByGroup,
    /// The key's: it may not write to this group (`group:write`). The gateway in front judges keys, and has a shape of its
    /// own; scopes are named in the text.
    ByKey,
}

/// A call to Roblox that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RobloxFailure {
    /// Its kind.
    pub fault: RobloxFault,
    /// How long Roblox asks to wait, where it says so.
    pub retry_after: Option<Duration>,
    /// For the log: the call, the status, the start of the body. Never shown to a caller.
    pub detail: String,
}

impl RobloxFailure {
    /// Whether a write that failed so has taken effect, or may have.
    pub const fn may_have_taken_effect(&self) -> bool {
        self.outcome_is_unknown() || matches!(self.fault, RobloxFault::Unverified)
    }

    /// Whether Roblox does not say what became of a write that failed so: it is worth sending again.
    pub const fn outcome_is_unknown(&self) -> bool {
        match self.fault {
            RobloxFault::Unavailable | RobloxFault::Timeout | RobloxFault::Unexpected => true,
            RobloxFault::RateLimited
            | RobloxFault::PermissionDenied(_)
            | RobloxFault::CredentialInvalid
            | RobloxFault::Unverified
            | RobloxFault::Rejected => false,
        }
    }
}

impl fmt::Display for RobloxFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roblox: {:?}: {}", self.fault, self.detail)
    }
}

impl Error for RobloxFailure {}

/// A group as Roblox describes it; what Roblox leaves out is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// The owner; absent in an abandoned group.
    pub owner: Option<UserId>,
    /// Members in all.
    pub member_count: Option<u64>,
    /// Whether anybody can join.
    pub public_entry_allowed: Option<bool>,
    /// Whether Roblox locked the group.
    pub locked: Option<bool>,
    /// Whether it has the verified badge.
    pub verified: Option<bool>,
    /// RFC 3339, as Roblox writes it.
    pub created_at: Option<String>,
    /// RFC 3339, as Roblox writes it.
    pub updated_at: Option<String>,
}

/// A group's roles as Roblox lists them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoleListing {
    /// Those that can be read, in no particular order.
    pub roles: Vec<Role>,
    /// The ids of those that cannot, where they can be told.
    pub unreadable: Vec<RoleId>,
}

/// One user in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Member {
    /// The group.
    pub group: GroupId,
    /// The user.
    pub user: UserId,
}

/// By whom and until when Roblox is called.
#[derive(Debug, Clone)]
pub struct Errand {
    /// The bot account that acts.
    pub bot: BotName,
    /// When it must be over.
    pub deadline: Deadline,
}

impl Errand {
    /// The same, less the time that undoing may need.
    #[must_use]
    pub fn with_undo_reserved(&self) -> Self {
        Self { bot: self.bot.clone(), deadline: self.deadline.with_undo_reserved() }
    }
}

/// Roblox Open Cloud, as far as ranking needs it.
///
/// Reads are retried inside the deadline. A write is sent once, or again where Roblox said that it did nothing: what
/// to do about one whose outcome is unknown is for the use case to decide. Nothing is sent after the deadline.
pub trait Roblox: Send + Sync {
    /// The group's description.
    fn group(&self, group: GroupId, errand: &Errand) -> impl Future<Output = Result<Group, RobloxFailure>> + Send;

    /// Every role of the group, all pages of them. One that cannot be read does not take the others with it.
    fn roles(&self, group: GroupId, errand: &Errand)
    -> impl Future<Output = Result<RoleListing, RobloxFailure>> + Send;

    /// The roles that the user holds; `None` if they are not a member.
    fn held_roles(
        &self,
        member: Member,
        errand: &Errand,
    ) -> impl Future<Output = Result<Option<Vec<RoleId>>, RobloxFailure>> + Send;

    /// Gives the role. Returns the roles held then, as Roblox's answer has them. Idempotent.
    fn assign(
        &self,
        member: Member,
        role: RoleId,
        errand: &Errand,
    ) -> impl Future<Output = Result<Vec<RoleId>, RobloxFailure>> + Send;

    /// Takes the role. Returns the roles held then, as Roblox's answer has them. Idempotent.
    fn unassign(
        &self,
        member: Member,
        role: RoleId,
        errand: &Errand,
    ) -> impl Future<Output = Result<Vec<RoleId>, RobloxFailure>> + Send;
}
