//! What the use cases need of the world, one trait per capability. Each states what an implementation owes.

mod changes;
mod roblox;

use std::error::Error;

use jiff::Timestamp;

pub use self::changes::{
    AnswerSlot, Changes, Claim, ClaimConflict, Claimed, Concluded, Ending, LoadedChange, LogPage, LogQuery, Logs,
    MemberRecord, OpenChange, TakeOver, Verdict,
};
pub use self::roblox::{Denial, Errand, Group, Member, Roblox, RobloxFailure, RobloxFault, RoleListing};
use crate::domain::api_key::{ApiKey, KeyId};
use crate::domain::group_settings::{Block, GroupSettings};
use crate::domain::id::{GroupId, UserId};
use crate::domain::key_record::{Demand, KeyRecord};
use crate::domain::ladder::Ladder;
use crate::domain::month::Month;

/// The database could not be reached, would not answer, or holds what this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("the database failed at {operation}")]
pub struct StoreError {
    /// What was attempted, for the log.
    pub operation: &'static str,
    /// Why, for the log.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// Why a request was not admitted.
#[derive(Debug)]
pub enum NotAdmitted {
    /// A rule forbids it; with the key as it stood, `None` where there is no such key.
    Refused(Option<Box<KeyRecord>>),
    /// The database did not answer: refused too, because a request that is not counted may not go on.
    Store(StoreError),
}

/// Admitting and counting requests.
pub trait Admissions: Send + Sync {
    /// Checks every rule of [`KeyRecord::refusal`] and counts the request under its month, as one atomic write.
    /// A refused request writes nothing. Returns the key as it stands after the count.
    fn admit(
        &self,
        key: &ApiKey,
        demand: &Demand,
        now: Timestamp,
    ) -> impl Future<Output = Result<KeyRecord, NotAdmitted>> + Send;

    /// Takes one counted request back, never below zero and never twice. Returns the month's count after it;
    /// `None` if there was nothing to take back, or if as many refusals were given back in the month as may be. `Some(most)`
    /// counts it as one of these.
    fn give_back(
        &self,
        key: &KeyId,
        month: Month,
        most_refusals: Option<u64>,
    ) -> impl Future<Output = Result<Option<u64>, StoreError>> + Send;

    /// Takes the counters of these months out of the key. Safe to repeat.
    fn prune(&self, key: &KeyId, months: &[Month]) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads a key, as it stands now; counts nothing.
    fn key(&self, id: &KeyId) -> impl Future<Output = Result<Option<KeyRecord>, StoreError>> + Send;
}

/// A group's role list and when Roblox gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleList {
    /// The roles.
    pub ladder: Ladder,
    /// When they were read from Roblox.
    pub read_at: Timestamp,
}

/// What the database holds about a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupRecord {
    /// The roles as last read.
    pub roles: Option<RoleList>,
    /// What its owner decided.
    pub settings: GroupSettings,
}

/// Reading and keeping what is known about groups.
pub trait Groups: Send + Sync {
    /// Reads the group; one that nothing is known of is an empty record. Writes nothing.
    fn load_group(&self, group: GroupId) -> impl Future<Output = Result<GroupRecord, StoreError>> + Send;

    /// Keeps a role list for the next request. Safe to repeat.
    fn save_roles(&self, group: GroupId, roles: &RoleList) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A blocked user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedUser {
    /// Who.
    pub user: UserId,
    /// Why and how long.
    pub block: Block,
}

/// Everything that requests need of the database.
pub trait Store: Admissions + Groups + Changes + Logs {}

impl<T: Admissions + Groups + Changes + Logs> Store for T {}
