//! A group's roles: from this process's memory, from the database, or, when they are old or were found wanting, from
//! Roblox.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};

use futures::future::join;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::App;
use super::ports::{Errand, Roblox, RobloxFailure, RoleList, Store};
use crate::domain::id::GroupId;
use crate::domain::ladder::Ladder;
use crate::telemetry::Causes;

/// How long a role list is good without asking Roblox again. Roles change rarely, and a request that misses a role
/// refreshes the list at once.
const FRESH_FOR: SignedDuration = SignedDuration::from_mins(5);

/// At most this many groups are remembered; a warm environment of a busy deployment meets many.
const REMEMBERED_GROUPS: usize = 1_000;

type Slot = Arc<Mutex<Option<Arc<RoleList>>>>;

/// The role lists that this process has read, one slot a group, so that of many requests that miss one at the same
/// time only one asks Roblox.
#[derive(Debug, Default)]
pub struct RoleLists {
    slots: SyncMutex<HashMap<GroupId, Slot>>,
}

impl RoleLists {
    fn slot(&self, group: GroupId) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= REMEMBERED_GROUPS && !slots.contains_key(&group) {
            slots.clear();
        }
        Arc::clone(slots.entry(group).or_default())
    }
}

/// Where a role list came from, and so whether asking Roblox could tell more.
#[derive(Debug, Clone)]
pub(super) enum KnownRoles {
    /// Read before this request began: a role that is missing from it may exist by now.
    Remembered(Arc<RoleList>),
    /// Read from Roblox for this request.
    Current(Arc<RoleList>),
}

impl KnownRoles {
    pub(super) fn ladder(&self) -> &Ladder {
        match self {
            Self::Remembered(list) | Self::Current(list) => &list.ladder,
        }
    }

    pub(super) fn may_be_outdated(&self) -> bool {
        matches!(self, Self::Remembered(_))
    }
}

impl<S: Store, R: Roblox> App<S, R> {
    /// The list that `stored` or memory has, if it is fresh; else Roblox's.
    pub(super) async fn roles(
        &self,
        group: GroupId,
        stored: Option<RoleList>,
        errand: &Errand,
    ) -> Result<KnownRoles, RobloxFailure> {
        let fresh_since = self.now().saturating_sub(FRESH_FOR).unwrap_or(Timestamp::MIN);
        match stored.filter(|list| list.read_at > fresh_since) {
            Some(list) => Ok(KnownRoles::Remembered(Arc::new(list))),
            None => self.read_roles_since(group, fresh_since, errand).await,
        }
    }

    /// Roblox's list, read after this call began.
    pub(super) async fn refreshed_roles(&self, group: GroupId, errand: &Errand) -> Result<KnownRoles, RobloxFailure> {
        self.read_roles_since(group, self.now(), errand).await
    }

    async fn read_roles_since(
        &self,
        group: GroupId,
        since: Timestamp,
        errand: &Errand,
    ) -> Result<KnownRoles, RobloxFailure> {
        let slot = self.role_lists.slot(group);
        let mut slot = slot.lock().await;
        if let Some(list) = slot.as_ref().filter(|list| list.read_at > since) {
            return Ok(KnownRoles::Remembered(Arc::clone(list)));
        }
        let read_at = self.now();
        let ladder = Ladder::new(self.roblox.roles(group, errand).await?);
        let list = Arc::new(RoleList { ladder, read_at });
        *slot = Some(Arc::clone(&list));
        self.keep(group, &list).await;
        Ok(KnownRoles::Current(list))
    }

    /// The list is kept for others' sake: a failure is logged, and this request goes on.
    pub(super) async fn keep(&self, group: GroupId, list: &RoleList) {
        if let Err(error) = self.store.save_roles(group, list).await {
            tracing::warn!(group_id = %group, error = %Causes(&error), "role list not kept");
        }
    }

    /// The member's roles and the group's, at once.
    pub(super) async fn member_and_roles(
        &self,
        member: super::ports::Member,
        stored: Option<RoleList>,
        errand: &Errand,
    ) -> (Result<Option<Vec<crate::domain::id::RoleId>>, RobloxFailure>, Result<KnownRoles, RobloxFailure>) {
        join(self.roblox.held_roles(member, errand), self.roles(member.group, stored, errand)).await
    }
}
