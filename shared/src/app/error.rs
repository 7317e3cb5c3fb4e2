//! Every way in which a well-formed request can end without success.

use std::time::Duration;

use jiff::Timestamp;

use super::ports::{RobloxFailure, StoreError};
use crate::domain::id::Rank;
use crate::domain::key_record::{Quota, Refusal};
use crate::domain::ladder::Role;
use crate::domain::plan::Plan;

/// Why a request was turned away at the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The rule.
    pub refusal: Refusal,
    /// The key's plan and quota, where the key was recognised.
    pub key: Option<RefusedKey>,
    /// The plans that have what was asked for.
    pub required_plans: &'static [Plan],
    /// When it was judged.
    pub at: Timestamp,
}

/// What may be said about a recognised key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedKey {
    /// Its plan.
    pub plan: Plan,
    /// Its month.
    pub quota: Quota,
}

/// Why there is no success. A variant is one thing that a caller may do differently about it.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Not admitted.
    #[error("refused at admission: {:?}", .0.refusal)]
    Refused(Refused),
    /// The user is not in the group.
    #[error("the user is not a member of the group")]
    UserNotInGroup,
    /// The group's owner blocked the user.
    #[error("the user is blocked")]
    UserBlocked {
        /// When it ends; `None` is never.
        until: Option<Timestamp>,
    },
    /// No role stands at the target.
    #[error("no role at the target")]
    RoleNotFound {
        /// The ranks that there are.
        available: Vec<Rank>,
    },
    /// Several roles share the target's rank.
    #[error("several roles at the target rank")]
    AmbiguousRole {
        /// These.
        candidates: Vec<Role>,
    },
    /// The key's or the group's limits forbid the target or the member.
    #[error("the limits forbid this rank")]
    RankNotAllowed,
    /// The member does not stand where the request requires it.
    #[error("the member stands at another rank")]
    RankMismatch {
        /// Where they stand.
        rank: Rank,
    },
    /// The member is the group's owner.
    #[error("the member is the group's owner")]
    TargetNotManageable,
    /// Another change of this member is running.
    #[error("another change of this member is running")]
    RankChangeInProgress {
        /// When to come back.
        retry_after: Duration,
    },
    /// Roblox does not show what was written to this member last, and there is no time left to wait for it.
    #[error("Roblox does not show the member's last change yet")]
    LastChangeNotShown {
        /// When to come back.
        retry_after: Duration,
    },
    /// Another run took over this run's claim, because this run paused for longer than its lease, or the clocks differ. The
    /// other run records how the change ends.
    #[error("the claim was lost to another run")]
    ClaimLost,
    /// The first request with this idempotency key is running.
    #[error("the first request with this idempotency key is running")]
    IdempotencyInProgress {
        /// When to come back.
        retry_after: Duration,
    },
    /// The idempotency key stands for another request.
    #[error("the idempotency key stands for another request")]
    IdempotencyKeyReused,
    /// The member's roles were changed after the entry that is to be undone.
    #[error("the member was changed since")]
    ChangedSince {
        /// Where they stand now.
        current: Role,
    },
    /// The group's log has no such entry, or no longer.
    #[error("no such log entry")]
    LogNotFound,
    /// Roblox failed.
    #[error("Roblox failed")]
    Roblox(#[from] RobloxFailure),
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// A defect of ours; the text is for the log alone.
    #[error("defect: {0}")]
    Defect(&'static str),
}

/// What becomes of the count of a request that was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// It counts.
    Stands,
    /// It is given back.
    GivenBack,
    /// It is given back as long as the plan gives refusals back ([`Plan::monthly_refusals`]).
    GivenBackAsRefusal,
}

impl AppError {
    /// What becomes of the request's count. The failures that count are plain answers: "not a member", "no such entry".
    /// Somebody was asked, and the caller has what they wanted to know.
    pub const fn count(&self) -> Count {
        match self {
            Self::UserNotInGroup | Self::LogNotFound | Self::Refused(_) => Count::Stands,
            Self::UserBlocked { .. }
            | Self::RoleNotFound { .. }
            | Self::AmbiguousRole { .. }
            | Self::RankNotAllowed
            | Self::TargetNotManageable
            | Self::RankMismatch { .. }
            | Self::IdempotencyKeyReused
            | Self::ChangedSince { .. } => Count::GivenBackAsRefusal,
            Self::RankChangeInProgress { .. }
            | Self::LastChangeNotShown { .. }
            | Self::ClaimLost
            | Self::IdempotencyInProgress { .. }
            | Self::Roblox(_)
            | Self::Store(_)
            | Self::Defect(_) => Count::GivenBack,
        }
    }
}
