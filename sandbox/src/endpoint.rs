//! Which of Roblox's operations a request asks for.
//!
//! The paths are taken apart by hand, because a router cannot match a colon inside a segment
//! (`/memberships/{id}:assignRole`).

use axum::http::Method;
use serde::{Deserialize, Serialize};

/// The operations of Open Cloud that the sandbox tells apart; each is limited by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Endpoint {
    /// `GET /cloud/v2/groups/{g}`
    GetGroup,
    /// `GET /cloud/v2/groups/{g}/roles`
    ListRoles,
    /// `GET /cloud/v2/groups/{g}/roles/{r}`
    GetRole,
    /// `GET /cloud/v2/groups/{g}/memberships`
    ListMemberships,
    /// `POST /cloud/v2/groups/{g}/memberships/{m}:assignRole`
    AssignRole,
    /// `POST /cloud/v2/groups/{g}/memberships/{m}:unassignRole`
    UnassignRole,
    /// `PATCH /cloud/v2/groups/{g}/memberships/{m}`: deprecated by Roblox, recognised here so that a test can see that
    /// nobody calls it, and answered 501.
    UpdateMembership,
    /// Anything else.
    Other,
}

impl Endpoint {
    /// Whether the operation changes a member's roles.
    pub fn is_write(self) -> bool {
        match self {
            Self::AssignRole | Self::UnassignRole | Self::UpdateMembership => true,
            Self::GetGroup | Self::ListRoles | Self::GetRole | Self::ListMemberships | Self::Other => false,
        }
    }
}

/// A request's path, taken apart. The ids are as written: whether they are any good is judged when it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) endpoint: Endpoint,
    /// The group segment; `-` is the wildcard.
    pub(crate) group: String,
    /// The role or membership segment, where there is one.
    pub(crate) item: String,
}

impl Target {
    pub(crate) fn parse(method: &Method, path: &str) -> Self {
        Self::recognise(method, path).unwrap_or_else(|| Self {
            endpoint: Endpoint::Other,
            group: String::new(),
            item: String::new(),
        })
    }

    fn recognise(method: &Method, path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/cloud/v2/groups/")?;
        let segments: Vec<&str> = rest.split('/').collect();
        let (endpoint, group, item) = match (method.as_str(), segments.as_slice()) {
            ("GET", [group]) => (Endpoint::GetGroup, *group, ""),
            ("GET", [group, "roles"]) => (Endpoint::ListRoles, *group, ""),
            ("GET", [group, "roles", role]) => (Endpoint::GetRole, *group, *role),
            ("GET", [group, "memberships"]) => (Endpoint::ListMemberships, *group, ""),
            ("POST", [group, "memberships", call]) => {
                let (membership, verb) = split_verb(call)?;
                (verb, *group, membership)
            }
            ("PATCH", [group, "memberships", membership]) => (Endpoint::UpdateMembership, *group, *membership),
            _ => return None,
        };
        Some(Self { endpoint, group: group.to_owned(), item: item.to_owned() })
    }
}

fn split_verb(call: &str) -> Option<(&str, Endpoint)> {
    // Some clients percent-encode the colon, which stands for the same character.
    let (membership, verb) =
        call.split_once(':').or_else(|| call.split_once("%3A")).or_else(|| call.split_once("%3a"))?;
    match verb {
        "assignRole" => Some((membership, Endpoint::AssignRole)),
        "unassignRole" => Some((membership, Endpoint::UnassignRole)),
        _ => None,
    }
}
