//! A group's roles: from this process's memory, from the database, or, when they are old or were found wanting, from
//! Roblox.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};

use futures::future::join;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::App;
use super::ports::{Errand, Roblox, RobloxFailure, RoleList, Store};
use super::read::ladder_of;
use crate::domain::id::GroupId;
use crate::domain::ladder::Ladder;
use crate::telemetry::Causes;

/// How long a role list is good without asking Roblox again. Roles change rarely, and a request that misses a role
/// refreshes the list at once.
const FRESH_FOR: SignedDuration = SignedDuration::from_mins(5);

/// A list younger than this is not read again for a target that it does not have. So a new role is found after this time at
/// most, and a key's loop of mistakes reads some sixty pages a minute and not over a thousand.
const JUST_READ: SignedDuration = SignedDuration::from_secs(2);

/// At most this many groups are remembered; a warm environment of a busy deployment meets many.
const REMEMBERED_GROUPS: usize = 1_000;

/// What this process knows of one group's roles.
#[derive(Debug, Default)]
struct Slot {
    known: SyncMutex<Known>,
    /// Of many requests that miss the list at the same time only one asks Roblox. Those whose list is fresh do not wait
    /// for it.
    reading: Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    /// The one read last, by whichever process.
    newest: Option<Arc<RoleList>>,
    /// The one in the database, as far as this process has seen.
    kept: Option<Arc<RoleList>>,
}

impl Slot {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the database holds.
    fn note_kept(&self, list: &Arc<RoleList>) {
        let mut known = self.known();
        replace_older(&mut known.newest, list);
        replace_older(&mut known.kept, list);
    }

    /// What Roblox has said.
    fn note_read(&self, list: &Arc<RoleList>) {
        replace_older(&mut self.known().newest, list);
    }

    fn newest_since(&self, since: Timestamp) -> Option<Arc<RoleList>> {
        self.known().newest.clone().filter(|list| list.read_at > since)
    }

    /// Whether the database has a copy with the same roles that others still go by: to write it again would tell nobody
    /// anything.
    fn has_kept(&self, list: &RoleList, fresh_since: Timestamp) -> bool {
        let same = |kept: &Arc<RoleList>| kept.read_at > fresh_since && kept.ladder.has_the_roles_of(&list.ladder);
        self.known().kept.as_ref().is_some_and(same)
    }
}

fn replace_older(place: &mut Option<Arc<RoleList>>, list: &Arc<RoleList>) {
    if place.as_ref().is_none_or(|known| known.read_at <= list.read_at) {
        *place = Some(Arc::clone(list));
    }
}

/// By this much another machine's clock may be ahead without its lists being useless.
const AHEAD_AT_MOST: SignedDuration = SignedDuration::from_secs(5);

/// A list that was read at a time that is yet to come, by a clock that is ahead: by a little, it was read just now; by
/// more, nobody knows when it was read, and it would pass for fresh for as long as that clock is ahead.
fn of_its_time(list: RoleList, now: Timestamp) -> Option<RoleList> {
    let latest = now.saturating_add(AHEAD_AT_MOST).unwrap_or(Timestamp::MAX);
    (list.read_at <= latest).then(|| RoleList { read_at: list.read_at.min(now), ..list })
}

/// The role lists that this process has met, one slot a group.
#[derive(Debug, Default)]
pub struct RoleLists {
    slots: SyncMutex<HashMap<GroupId, Arc<Slot>>>,
}

impl RoleLists {
    fn slot(&self, group: GroupId) -> Arc<Slot> {
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
    /// Read so short a time before that a target that is missing from it is taken for one that is not there: who asks for
    /// nothing but roles that are not there would have Roblox asked each time.
    JustRead(Arc<RoleList>),
    /// Read from Roblox for this request.
    Current(Arc<RoleList>),
}

impl KnownRoles {
    pub(super) fn ladder(&self) -> &Ladder {
        match self {
            Self::Remembered(list) | Self::JustRead(list) | Self::Current(list) => &list.ladder,
        }
    }

    /// Whether Roblox's own list may have another role.
    pub(super) fn may_be_outdated(&self) -> bool {
        matches!(self, Self::Remembered(_) | Self::JustRead(_))
    }

    /// Whether it is worth asking Roblox for a target that is missing.
    pub(super) fn may_lack_a_target(&self) -> bool {
        matches!(self, Self::Remembered(_))
    }
}

impl<S: Store, R: Roblox> App<S, R> {
    /// The newer of the lists that `stored` and memory have, if it is fresh; else Roblox's.
    pub(super) async fn roles(
        &self,
        group: GroupId,
        stored: Option<RoleList>,
        errand: &Errand,
    ) -> Result<KnownRoles, RobloxFailure> {
        let slot = self.role_lists.slot(group);
        if let Some(stored) = stored.and_then(|stored| of_its_time(stored, self.now())) {
            slot.note_kept(&Arc::new(stored));
        }
        let fresh_since = self.fresh_since();
        match slot.newest_since(fresh_since) {
            Some(list) if list.read_at > self.just_now() => Ok(KnownRoles::JustRead(list)),
            Some(list) => Ok(KnownRoles::Remembered(list)),
            None => self.read_roles_since(group, &slot, fresh_since, errand).await,
        }
    }

    /// Roblox's list, read after this call began.
    pub(super) async fn refreshed_roles(&self, group: GroupId, errand: &Errand) -> Result<KnownRoles, RobloxFailure> {
        let slot = self.role_lists.slot(group);
        self.read_roles_since(group, &slot, self.now(), errand).await
    }

    async fn read_roles_since(
        &self,
        group: GroupId,
        slot: &Slot,
        since: Timestamp,
        errand: &Errand,
    ) -> Result<KnownRoles, RobloxFailure> {
        let _alone = slot.reading.lock().await;
        if let Some(list) = slot.newest_since(since) {
            return Ok(KnownRoles::Remembered(list));
        }
        let read_at = self.now();
        let ladder = ladder_of(self.roblox.roles(group, errand).await?);
        let list = Arc::new(RoleList { ladder, read_at });
        slot.note_read(&list);
        // Other processes are to know that it was just read.
        if !slot.has_kept(&list, since.max(self.fresh_since()).min(self.just_now())) {
            self.keep(group, Arc::clone(&list)).await;
        }
        Ok(KnownRoles::Current(list))
    }

    fn just_now(&self) -> Timestamp {
        self.now().saturating_sub(JUST_READ).unwrap_or(Timestamp::MIN)
    }

    fn fresh_since(&self) -> Timestamp {
        self.now().saturating_sub(FRESH_FOR).unwrap_or(Timestamp::MIN)
    }

    /// The list is kept for others' sake: a failure is logged, and this request goes on.
    pub(super) async fn keep(&self, group: GroupId, list: Arc<RoleList>) {
        match self.store.save_roles(group, &list).await {
            Ok(()) => self.role_lists.slot(group).note_kept(&list),
            Err(error) => tracing::warn!(group_id = %group, error = %Causes(&error), "role list not kept"),
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
