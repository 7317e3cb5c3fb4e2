//! The reading use cases: a member's rank, the group, its roles, the key.

use std::sync::Arc;

use super::App;
use super::admission::{Done, Metered};
use super::deadline::Deadline;
use super::error::{AppError, Refused, RefusedKey};
use super::ports::{
    Errand, Group, GroupRecord, Member, Roblox, RobloxFailure, RobloxFault, RoleList, RoleListing, Store, StoreError,
};
use super::role_lists::KnownRoles;
use crate::domain::api_key::ApiKey;
use crate::domain::id::{GroupId, RoleId};
use crate::domain::key_record::{Demand, KeyRecord, Refusal};
use crate::domain::ladder::{Ladder, Role};
use crate::domain::month::Month;
use crate::domain::recent_writes::RecentWrites;
use crate::domain::role_change::HeldRoles;

/// A member and the roles they hold, highest first; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRank {
    /// Who, and where.
    pub member: Member,
    /// The highest role: the member's rank.
    pub highest: Role,
    /// Every role held, the highest first.
    pub roles: Vec<Role>,
}

impl<S: Store, R: Roblox> App<S, R> {
    /// The member's highest role, and every role held.
    pub async fn get_rank(&self, key: &ApiKey, member: Member) -> Metered<MemberRank> {
        let deadline = Deadline::for_request();
        let demand = Demand { group: Some(member.group), ..Demand::default() };
        let loading = self.store.load_group(member.group);
        self.metered(key, demand, loading, no_rescue, |_, group| async move {
            let errand = Errand { bot: group.settings.bot, deadline };
            // What Roblox says now is what was asked for, whatever was written a moment ago.
            let (_, held) = self.standing(member, group.roles, &RecentWrites::NONE, &errand).await?;
            let highest = held.highest().cloned().ok_or_else(no_role)?;
            Ok(Done::Counted(MemberRank { member, highest, roles: held.all().to_vec() }))
        })
        .await
    }

    /// The group's description; the key's own group where the request names none.
    pub async fn group_info(&self, key: &ApiKey, group: Option<GroupId>) -> Metered<(GroupId, Group)> {
        let deadline = Deadline::for_request();
        let demand = Demand { group, ..Demand::default() };
        self.metered(key, demand, self.load_if_named(group), no_rescue, |key, record| async move {
            let errand = Errand { bot: record.settings.bot, deadline };
            Ok(Done::Counted((key.group, self.roblox.group(key.group, &errand).await?)))
        })
        .await
    }

    /// Every role of the group, as Roblox lists them now: member counts change all the time.
    pub async fn group_roles(&self, key: &ApiKey, group: Option<GroupId>) -> Metered<(GroupId, Ladder)> {
        let deadline = Deadline::for_request();
        let demand = Demand { group, ..Demand::default() };
        self.metered(key, demand, self.load_if_named(group), no_rescue, |key, record| async move {
            let errand = Errand { bot: record.settings.bot, deadline };
            let read_at = self.now();
            let ladder = ladder_of(self.roblox.roles(key.group, &errand).await?);
            if record.roles.is_some_and(|stored| !stored.ladder.has_the_roles_of(&ladder)) {
                self.keep(key.group, Arc::new(RoleList { ladder: ladder.clone(), read_at })).await;
            }
            Ok(Done::Counted((key.group, ladder)))
        })
        .await
    }

    /// A request that names no group means its key's, which is known only with the admission. Groups can be read by
    /// any bot, so such a request goes without the settings rather than wait for another round trip.
    async fn load_if_named(&self, group: Option<GroupId>) -> Result<GroupRecord, StoreError> {
        match group {
            Some(group) => self.store.load_group(group).await,
            None => Ok(GroupRecord::default()),
        }
    }

    /// The key itself. Not counted, and answered also when the month is used up.
    pub async fn key_info(&self, key: &ApiKey) -> Metered<KeyRecord> {
        let now = self.now();
        let record = match self.store.key(key.id()).await {
            Ok(record) => record,
            Err(error) => return Metered { quota: None, result: Err(error.into()) },
        };
        let refuse = |refusal, key| Refused { refusal, key, required_plans: &[], at: now };
        let Some(record) = record.filter(|record| record.opens_with(key.hash(), now)) else {
            return Metered { quota: None, result: Err(AppError::Refused(refuse(Refusal::InvalidKey, None))) };
        };
        let quota = record.quota(Month::of(now));
        let known = Some(RefusedKey { plan: record.plan, quota });
        let result = match record.refusal(key.hash(), &Demand::default(), now) {
            Some(refusal @ (Refusal::Revoked | Refusal::Held | Refusal::Expired)) => {
                Err(AppError::Refused(refuse(refusal, known)))
            }
            None
            | Some(
                Refusal::MonthlyLimitReached
                | Refusal::InvalidKey
                | Refusal::GroupNotLinked
                | Refusal::PlanRequired
                | Refusal::RankNotAllowed,
            ) => Ok(record),
        };
        Metered { quota: Some(quota), result }
    }

    /// The group's roles and those of them that the member holds. A remembered list that lacks a held role is read
    /// again, and so is a member who may be told of as they were before a recent write.
    pub(super) async fn standing(
        &self,
        member: Member,
        stored: Option<RoleList>,
        recent: &RecentWrites,
        errand: &Errand,
    ) -> Result<(KnownRoles, HeldRoles), AppError> {
        let (held, roles) = self.member_and_roles(member, stored, errand).await;
        let held = self.past_the_lag(member, held?, recent, errand).await?.ok_or(AppError::UserNotInGroup)?;
        let roles = roles?;
        self.look_up(member.group, &held, roles, errand).await
    }

    /// The held roles by these ids, from this list; one that is remembered and lacks a held role is read again.
    pub(super) async fn look_up(
        &self,
        group: GroupId,
        held: &[RoleId],
        roles: KnownRoles,
        errand: &Errand,
    ) -> Result<(KnownRoles, HeldRoles), AppError> {
        if let Ok(found) = HeldRoles::of(roles.ladder(), held) {
            return Ok((roles, found));
        }
        let roles = if roles.may_be_outdated() { self.refreshed_roles(group, errand).await? } else { roles };
        let found = HeldRoles::of(roles.ladder(), held).map_err(|unknown| RobloxFailure {
            fault: RobloxFault::Unexpected,
            retry_after: None,
            detail: format!("a member holds role {}, which the group's role list does not have", unknown.0),
        })?;
        Ok((roles, found))
    }
}

/// A read has no answer from before.
pub(super) const fn no_rescue<L, T>(_: &L) -> Option<Result<T, AppError>> {
    None
}

/// The ladder that Roblox's list makes.
pub(super) fn ladder_of(listing: RoleListing) -> Ladder {
    Ladder::new(listing.roles).with_unreadable(listing.unreadable)
}

/// The role that is needed is there, and could not be read.
pub(super) fn unreadable_role() -> AppError {
    AppError::Roblox(RobloxFailure {
        fault: RobloxFault::Unexpected,
        retry_after: None,
        detail: "the target role is listed, and cannot be read".to_owned(),
    })
}

/// Roblox gives every member at least the base role.
pub(super) fn no_role() -> AppError {
    AppError::Roblox(RobloxFailure {
        fault: RobloxFault::Unexpected,
        retry_after: None,
        detail: "a member without any role".to_owned(),
    })
}
