//! Roblox's answers, read leniently where nothing is lost by it and strictly where a guess could rank someone wrongly.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::unexpected;
use crate::app::ports::{Group, RobloxFailure};
use crate::domain::id::{Rank, RoleId, UserId};
use crate::domain::ladder::Role;
use crate::metrics::RobloxCall;

/// One page of a group's roles. A page without the list is no page: treating it as empty would lose roles.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RolePage {
    pub(super) group_roles: Vec<RoleAnswer>,
    /// Empty or missing on the last page.
    #[serde(default)]
    pub(super) next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoleAnswer {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    display_name: Option<String>,
    rank: u8,
    /// Absent for the guest role.
    #[serde(default)]
    member_count: Option<u64>,
}

impl RoleAnswer {
    pub(super) fn into_role(self, call: RobloxCall) -> Result<Role, RobloxFailure> {
        let id = self.id.as_deref().or(self.path.as_deref()).and_then(role_id);
        let id = id.ok_or_else(|| unexpected(call, "a role without an id"))?;
        let name = self.display_name.unwrap_or_default();
        Ok(Role { id, name, rank: Rank::new(self.rank), member_count: self.member_count })
    }
}

/// The memberships that a filter found: an empty list says "not a member", a missing one says nothing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MembershipPage {
    group_memberships: Vec<MembershipAnswer>,
}

impl MembershipPage {
    /// The ids of all roles that the user holds; `None` if they are not a member.
    pub(super) fn role_ids_of(self, call: RobloxCall, user: UserId) -> Result<Option<Vec<RoleId>>, RobloxFailure> {
        if self.group_memberships.is_empty() {
            return Ok(None);
        }
        let theirs = self.group_memberships.into_iter().find(|membership| membership.is_of(user));
        theirs.ok_or_else(|| unexpected(call, "other users than the one asked for"))?.role_ids(call).map(Some)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MembershipAnswer {
    #[serde(default)]
    user: Option<String>,
    /// The highest role held.
    #[serde(default)]
    role: Option<String>,
    /// Every role held, since March 2026.
    #[serde(default)]
    roles: Option<Vec<String>>,
}

impl MembershipAnswer {
    fn is_of(&self, user: UserId) -> bool {
        self.user.as_deref().and_then(last_id) == Some(user.get())
    }

    /// The ids of all roles held.
    pub(super) fn role_ids(self, call: RobloxCall) -> Result<Vec<RoleId>, RobloxFailure> {
        let roles = self.roles.filter(|roles| !roles.is_empty());
        let paths = roles.unwrap_or_else(|| self.role.into_iter().collect());
        let ids = paths.iter().map(|path| role_id(path)).collect::<Option<Vec<RoleId>>>();
        ids.filter(|ids| !ids.is_empty()).ok_or_else(|| unexpected(call, "a membership without readable roles"))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupAnswer {
    /// The one field that tells a group from any other object.
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    /// `users/1`; absent where nobody owns the group.
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    member_count: Option<u64>,
    #[serde(default)]
    public_entry_allowed: Option<bool>,
    #[serde(default)]
    locked: Option<bool>,
    #[serde(default)]
    verified: Option<bool>,
    #[serde(default)]
    create_time: Option<String>,
    #[serde(default)]
    update_time: Option<String>,
}

impl GroupAnswer {
    pub(super) fn into_group(self, call: RobloxCall) -> Result<Group, RobloxFailure> {
        if self.path.is_none() && self.id.is_none() {
            return Err(unexpected(call, "no group in the answer"));
        }
        Ok(Group {
            name: self.display_name,
            description: self.description,
            owner: self.owner.as_deref().and_then(last_id).and_then(|id| UserId::new(id).ok()),
            member_count: self.member_count,
            public_entry_allowed: self.public_entry_allowed,
            locked: self.locked,
            verified: self.verified,
            created_at: self.create_time,
            updated_at: self.update_time,
        })
    }
}

/// Reads a 200's body; anything that is not what was asked for is [`RobloxFault::Unexpected`].
///
/// [`RobloxFault::Unexpected`]: crate::app::ports::RobloxFault::Unexpected
pub(super) fn read<T: DeserializeOwned>(call: RobloxCall, body: &[u8]) -> Result<T, RobloxFailure> {
    serde_json::from_slice(body).map_err(|error| unexpected(call, format_args!("unreadable answer: {error}")))
}

/// Ids are strings, alone or at the end of a path: `users/1`, `groups/2/roles/3`.
fn last_id(path: &str) -> Option<u64> {
    path.rsplit('/').next()?.parse().ok()
}

fn role_id(path: &str) -> Option<RoleId> {
    RoleId::new(last_id(path)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn membership(json: &str) -> Option<Vec<u64>> {
        let answer: MembershipAnswer = read(RobloxCall::GetMembership, json.as_bytes()).ok()?;
        Some(answer.role_ids(RobloxCall::GetMembership).ok()?.into_iter().map(RoleId::get).collect())
    }

    #[test]
    fn every_role_held_is_read_and_the_single_role_is_the_fall_back() {
        let both = r#"{"role":"groups/1/roles/9","roles":["groups/1/roles/9","groups/1/roles/2"]}"#;
        assert_eq!(membership(both), Some(vec![9, 2]));
        assert_eq!(membership(r#"{"role":"groups/1/roles/9"}"#), Some(vec![9]));
        assert_eq!(membership("{}"), None);
        assert_eq!(membership(r#"{"roles":["groups/1/roles/x"]}"#), None);
    }

    #[test]
    fn a_page_without_its_list_is_not_an_empty_page() {
        assert!(read::<MembershipPage>(RobloxCall::GetMembership, b"{}").is_err());
        assert!(read::<RolePage>(RobloxCall::GetMembership, b"{}").is_err());
        assert!(read::<MembershipPage>(RobloxCall::GetMembership, br#"{"groupMemberships":[]}"#).is_ok());
    }
}
