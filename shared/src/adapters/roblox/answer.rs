//! Roblox's answers, read leniently where nothing is lost by it and strictly where a guess could rank someone wrongly.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use super::{text, unexpected};
use crate::app::ports::{Group, Member, RobloxFailure, RoleListing};
use crate::domain::id::{GroupId, Rank, RoleId, UserId};
use crate::domain::ladder::Role;
use crate::metrics::RobloxCall;

/// One page of a group's roles. A page without the list is no page: treating it as empty would lose roles.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RolePage {
    /// Each read by itself: an odd one does not take the others with it.
    group_roles: Vec<Value>,
    /// Empty or missing on the last page.
    #[serde(default)]
    pub(super) next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoleAnswer {
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    display_name: Option<String>,
    rank: u8,
    /// Absent for the guest role. Nothing is decided by it: one that is no number counts as absent.
    #[serde(default)]
    member_count: Option<Value>,
}

/// Where a path leads: `groups/2/roles/3`, or a bare id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RolePath {
    group: Option<u64>,
    role: RoleId,
}

impl RolePath {
    fn parse(path: &str) -> Option<Self> {
        match path.split('/').collect::<Vec<_>>().as_slice() {
            [id] => Some(Self { group: None, role: RoleId::new(id.parse().ok()?).ok()? }),
            ["groups", group, "roles", id] => {
                Some(Self { group: Some(group.parse().ok()?), role: RoleId::new(id.parse().ok()?).ok()? })
            }
            _ => None,
        }
    }

    fn is_of(self, group: GroupId) -> bool {
        self.group.is_none_or(|own| own == group.get())
    }
}

impl RolePage {
    /// Puts the page's roles to the others. One that cannot be read is left out, and its id kept where that can be read; one
    /// of another group is no answer to what was asked.
    pub(super) fn add_to(self, list: &mut RoleListing, group: GroupId) -> Result<Option<String>, RobloxFailure> {
        const CALL: RobloxCall = RobloxCall::ListRoles;
        for value in self.group_roles {
            let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
            let path = text("path").as_deref().and_then(RolePath::parse);
            if path.is_some_and(|path| !path.is_of(group)) {
                return Err(unexpected(CALL, "a role of another group"));
            }
            let id = text("id").as_deref().and_then(RolePath::parse).or(path).map(|path| path.role);
            match RoleAnswer::deserialize(&value) {
                Ok(answer) => match answer.into_role() {
                    Some(role) => list.roles.push(role),
                    None => odd(list, group, id, "its id and its path do not agree, or it has neither"),
                },
                // Read from a value, which has neither lines nor columns.
                Err(_) => odd(list, group, id, "one of its fields is missing, or of another kind"),
            }
        }
        Ok(self.next_page_token.filter(|token| !token.is_empty()))
    }
}

fn odd(list: &mut RoleListing, group: GroupId, id: Option<RoleId>, why: &'static str) {
    tracing::warn!(group_id = %group, role_id = id.map(RoleId::get), why, "Roblox lists a role that cannot be read");
    list.unreadable.extend(id);
}

impl RoleAnswer {
    fn into_role(self) -> Option<Role> {
        let path = self.path.as_deref().map(RolePath::parse);
        let id = self.id.as_deref().map(RolePath::parse);
        let id = match (id, path) {
            (Some(id), None) | (None, Some(id)) => id?.role,
            (Some(id), Some(path)) if id?.role == path?.role => id?.role,
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let name = text::line(&self.display_name.unwrap_or_default());
        let member_count = self.member_count.and_then(|count| count.as_u64());
        Some(Role { id, name, rank: Rank::new(self.rank), member_count })
    }
}

/// The memberships that a filter found: an empty list says "not a member", if it is the last page; a missing one says
/// nothing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MembershipPage {
    group_memberships: Vec<MembershipAnswer>,
    /// Empty or missing on the last page.
    #[serde(default)]
    next_page_token: Option<String>,
}

/// What a page of memberships says of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// They hold these roles.
    Member(Vec<RoleId>),
    /// They are on no page up to this one: the next one is asked for by this token.
    NotYet(String),
    /// They are on no page.
    NotAMember,
}

impl MembershipPage {
    /// The ids of all roles that the user holds.
    pub(super) fn find(self, call: RobloxCall, member: Member) -> Result<Found, RobloxFailure> {
        let is_empty = self.group_memberships.is_empty();
        let theirs = self.group_memberships.into_iter().find(|membership| membership.is_of(member.user));
        match theirs {
            Some(theirs) => theirs.role_ids(call, member).map(Found::Member),
            None if !is_empty => Err(unexpected(call, "other users than the one asked for")),
            None => Ok(self.next_page_token.filter(|token| !token.is_empty()).map_or(Found::NotAMember, Found::NotYet)),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MembershipAnswer {
    #[serde(default)]
    path: Option<String>,
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

    /// The ids of all roles held. A user, a group or a role's group that is named must be the one that was asked for: an
    /// answer about anything else would be taken for a success. What is not named is taken as asked.
    pub(super) fn role_ids(self, call: RobloxCall, member: Member) -> Result<Vec<RoleId>, RobloxFailure> {
        if self.user.is_some() && !self.is_of(member.user) {
            return Err(unexpected(call, "a membership of another user"));
        }
        if self.path.as_deref().is_some_and(|path| !is_within(path, member.group)) {
            return Err(unexpected(call, "a membership in another group"));
        }
        let roles = self.roles.filter(|roles| !roles.is_empty());
        let paths = roles.unwrap_or_else(|| self.role.into_iter().collect());
        let read = paths.iter().map(|path| RolePath::parse(path)).collect::<Option<Vec<RolePath>>>();
        let read = read.filter(|read| !read.is_empty());
        let read = read.ok_or_else(|| unexpected(call, "a membership without readable roles"))?;
        if !read.iter().all(|path| path.is_of(member.group)) {
            return Err(unexpected(call, "a membership with roles of another group"));
        }
        Ok(read.into_iter().map(|path| path.role).collect())
    }
}

/// `groups/2/…` of this very group.
fn is_within(path: &str, group: GroupId) -> bool {
    let mut parts = path.split('/');
    parts.next() == Some("groups") && parts.next().and_then(|id| id.parse().ok()) == Some(group.get())
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
    pub(super) fn into_group(self, call: RobloxCall, group: GroupId) -> Result<Group, RobloxFailure> {
        if self.path.is_none() && self.id.is_none() {
            return Err(unexpected(call, "no group in the answer"));
        }
        let is_asked_for = |id: &str| last_id(id) == Some(group.get());
        if ![&self.path, &self.id].into_iter().flatten().all(|id| is_asked_for(id)) {
            return Err(unexpected(call, "another group than the one asked for"));
        }
        Ok(Group {
            name: self.display_name.as_deref().map(text::line),
            description: self.description.as_deref().map(text::lines),
            owner: self.owner.as_deref().and_then(last_id).and_then(|id| UserId::new(id).ok()),
            member_count: self.member_count,
            public_entry_allowed: self.public_entry_allowed,
            locked: self.locked,
            verified: self.verified,
            created_at: self.create_time.as_deref().map(text::line),
            updated_at: self.update_time.as_deref().map(text::line),
        })
    }
}

/// Reads a 200's body; anything that is not what was asked for is [`RobloxFault::Unexpected`].
///
/// [`RobloxFault::Unexpected`]: crate::app::ports::RobloxFault::Unexpected
pub(super) fn read<T: DeserializeOwned>(call: RobloxCall, body: &[u8]) -> Result<T, RobloxFailure> {
    serde_json::from_slice(body)
        .map_err(|error| unexpected(call, format_args!("unreadable answer: {}", misfit(&error))))
}

/// Where an answer is not as expected. The error's own words would quote what is there, however long, and it may be the key.
fn misfit(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        Category::Io | Category::Eof => "it ends too early",
        Category::Syntax => "it is no JSON",
        Category::Data => "it has another shape",
    };
    format!("{kind}, at line {}, column {}", error.line(), error.column())
}

/// Ids are strings, alone or at the end of a path: `users/1`, `groups/2`.
fn last_id(path: &str) -> Option<u64> {
    path.rsplit('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: RobloxCall = RobloxCall::GetMembership;

    fn member() -> Member {
        Member { group: GroupId::new(1).unwrap(), user: UserId::new(5).unwrap() }
    }

    fn membership(json: &str) -> Option<Vec<u64>> {
        let answer: MembershipAnswer = read(CALL, json.as_bytes()).ok()?;
        Some(answer.role_ids(CALL, member()).ok()?.into_iter().map(RoleId::get).collect())
    }

    #[test]
    fn every_role_held_is_read_and_the_single_role_is_the_fall_back() {
        let both = r#"{"role":"groups/1/roles/9","roles":["groups/1/roles/9","groups/1/roles/2"]}"#;
        assert_eq!(membership(both), Some(vec![9, 2]));
        assert_eq!(membership(r#"{"role":"groups/1/roles/9"}"#), Some(vec![9]));
        assert_eq!(membership(r#"{"roles":["9"]}"#), Some(vec![9]), "a bare id names no other group");
        assert_eq!(membership("{}"), None);
        assert_eq!(membership(r#"{"roles":["groups/1/roles/x"]}"#), None);
        assert_eq!(membership(r#"{"roles":["groups/1/users/9"]}"#), None);
    }

    #[test]
    fn a_membership_of_anybody_or_anywhere_else_is_no_answer() {
        let own = r#"{"path":"groups/1/memberships/x","user":"users/5","roles":["groups/1/roles/9"]}"#;
        assert_eq!(membership(own), Some(vec![9]));
        for (right, wrong) in [("users/5", "users/6"), ("groups/1/m", "groups/2/m"), ("groups/1/r", "groups/2/r")] {
            assert_eq!(membership(&own.replace(right, wrong)), None, "{wrong}");
        }
        let mixed = r#"{"roles":["groups/1/roles/9","groups/2/roles/8"]}"#;
        assert_eq!(membership(mixed), None);
    }

    fn found(json: &str) -> Option<Found> {
        read::<MembershipPage>(CALL, json.as_bytes()).ok()?.find(CALL, member()).ok()
    }

    #[test]
    fn only_the_last_page_says_that_somebody_is_no_member() {
        assert_eq!(found(r#"{"groupMemberships":[]}"#), Some(Found::NotAMember));
        assert_eq!(found(r#"{"groupMemberships":[],"nextPageToken":""}"#), Some(Found::NotAMember));
        assert_eq!(found(r#"{"groupMemberships":[],"nextPageToken":"a"}"#), Some(Found::NotYet("a".to_owned())));
        assert_eq!(found(r#"{"groupMemberships":[{"user":"users/6","roles":["1"]}]}"#), None, "others were asked for");
        assert_eq!(found("{}"), None, "a page without its list is not an empty page");
    }

    fn listed(roles: &str) -> Option<RoleListing> {
        let page: RolePage = read(CALL, format!(r#"{{"groupRoles":[{roles}]}}"#).as_bytes()).ok()?;
        let mut list = RoleListing::default();
        page.add_to(&mut list, member().group).ok()?;
        Some(list)
    }

    #[test]
    fn an_odd_role_is_left_out_and_the_others_are_read() {
        let good = r#"{"id":"2","path":"groups/1/roles/2","displayName":"Crew","rank":10,"memberCount":3}"#;
        for (odd, id) in [
            (r#"{"id":"3"}"#, Some(3)),
            (r#"{"id":"3","rank":"ten"}"#, Some(3)),
            (r#"{"id":"3","rank":300}"#, Some(3)),
            (r#"{"path":"groups/1/roles/3","rank":-1}"#, Some(3)),
            (r#"{"id":"3","path":"groups/1/roles/4","rank":1}"#, Some(3)),
            (r#"{"rank":5}"#, None),
            ("7", None),
            ("null", None),
        ] {
            let list = listed(&format!("{odd},{good}")).unwrap();
            assert_eq!(list.roles.iter().map(|role| role.id.get()).collect::<Vec<_>>(), [2], "{odd}");
            assert_eq!(list.unreadable.iter().map(|id| id.get()).collect::<Vec<_>>(), Vec::from_iter(id), "{odd}");
        }
        let odd_count = listed(&good.replace('3', r#""three""#)).unwrap();
        assert_eq!(
            (odd_count.roles.len(), odd_count.roles[0].member_count),
            (1, None),
            "nothing is decided by the count"
        );
    }

    #[test]
    fn a_list_with_a_role_of_another_group_is_no_answer() {
        assert_eq!(listed(r#"{"id":"2","path":"groups/8/roles/2","rank":10}"#), None);
        assert!(read::<RolePage>(CALL, b"{}").is_err(), "a page without its list is not an empty page");
    }

    #[test]
    fn texts_are_told_without_what_commands_a_terminal() {
        let list = listed(r#"{"id":"2","displayName":"Cap\u001b[2Jtain","rank":10}"#).unwrap();
        assert_eq!(list.roles[0].name, "Cap[2Jtain");
    }

    #[test]
    fn an_unreadable_answer_is_not_quoted() {
        let body = serde_json::to_vec(&format!("no such key: {}", "s3cr3t".repeat(1_000))).unwrap();
        let failure = read::<MembershipPage>(CALL, &body).err().unwrap().to_string();
        assert!(!failure.contains("s3cr3t") && failure.len() < 200, "{failure}");
        assert!(failure.contains("another shape, at line 1"), "{failure}");
    }
}
