//! The world in the words of Roblox's OpenAPI document.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::filter;
use crate::world::{Authority, GUEST_RANK, Group, Member, OWNER_RANK, Role};

pub(crate) fn group(group: &Group) -> Value {
    let mut view = json!({
        "path": format!("groups/{}", group.id),
        "createTime": group.created.to_string(),
        "updateTime": group.updated.to_string(),
        "id": group.id.to_string(),
        "displayName": group.display_name,
        "description": group.description,
        "memberCount": group.members.len(),
        "publicEntryAllowed": group.public_entry_allowed,
        "locked": group.locked,
        "verified": group.verified,
    });
    if let (Some(owner), Some(fields)) = (group.owner, view.as_object_mut()) {
        fields.insert("owner".to_owned(), json!(format!("users/{owner}")));
    }
    view
}

/// A role as `viewer` sees it: anyone sees the guest's permissions, a member those of the roles held, the owner all.
pub(crate) fn role(group: &Group, role: &Role, viewer: u64) -> Value {
    let mut view = Map::new();
    view.insert("path".to_owned(), json!(role_path(group.id, role.id)));
    view.insert("id".to_owned(), json!(role.id.to_string()));
    view.insert("displayName".to_owned(), json!(role.name));
    view.insert("rank".to_owned(), json!(role.rank));
    if role.rank != GUEST_RANK {
        view.insert("memberCount".to_owned(), json!(group.holders(role.id)));
    }
    let holds = group.members.get(&viewer).is_some_and(|member| member.roles.contains(&role.id));
    if role.rank == GUEST_RANK || holds || group.owner == Some(viewer) {
        view.insert("permissions".to_owned(), permissions(role));
    }
    Value::Object(view)
}

fn permissions(role: &Role) -> Value {
    let manages = role.rank == OWNER_RANK || role.authority == Authority::ChangesRanks;
    let member = role.rank != GUEST_RANK;
    json!({
        "viewWallPosts": true,
        "createWallPosts": member,
        "viewGroupShout": true,
        "changeRank": manages,
        "acceptRequests": manages,
        "exileMembers": manages,
    })
}

pub(crate) fn membership(group: &Group, user: u64, member: &Member) -> Value {
    let held = group.roles_of(user).unwrap_or_default();
    let mut view = json!({
        "path": format!("groups/{}/memberships/{}", group.id, membership_id(user)),
        "createTime": member.created.to_string(),
        "updateTime": member.updated.to_string(),
        "user": format!("users/{user}"),
        "roles": held.iter().map(|role| role_path(group.id, role.id)).collect::<Vec<_>>(),
    });
    if let (Some(highest), Some(fields)) = (held.first(), view.as_object_mut()) {
        fields.insert("role".to_owned(), json!(role_path(group.id, highest.id)));
    }
    view
}

fn role_path(group: u64, role: u64) -> String {
    format!("groups/{group}/roles/{role}")
}

/// A membership's own id: opaque to clients, and on purpose not the user's id, which merely stands in for it.
fn membership_id(user: u64) -> String {
    URL_SAFE_NO_PAD.encode(user.to_string())
}

/// The user behind a membership segment: a user id, or a membership's own id.
pub(crate) fn member_of_segment(segment: &str) -> Option<u64> {
    filter::id(segment).or_else(|| {
        let bytes = URL_SAFE_NO_PAD.decode(segment).ok()?;
        filter::id(std::str::from_utf8(&bytes).ok()?)
    })
}
