//! Roblox Open Cloud v2, the groups part of it.
//!
//! Facts are from Roblox's published Open Cloud description and creator documentation (2026).

mod answer;
mod transport;

use std::collections::HashSet;
use std::fmt::Display;

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use self::answer::{GroupAnswer, MembershipAnswer, MembershipPage, RolePage, read};
use self::transport::{Call, Retries};
use super::bots::Bots;
use super::http_client::HttpClient;
use crate::app::ports::{Errand, Group, Member, Roblox, RobloxFailure, RobloxFault};
use crate::domain::id::{GroupId, RoleId};
use crate::domain::ladder::Role;
use crate::metrics::{RobloxCall, misunderstood};

/// The largest page of roles that Roblox gives.
const ROLES_PER_PAGE: u32 = 20;
/// Far more pages of roles than any group has (there are 256 ranks): a list that goes on for ever is a fault, and one
/// that leads back to a page that was read is known as such at once.
const MOST_ROLE_PAGES: u32 = 100;

/// The client: one per process, with its connections kept open between requests.
#[derive(Debug)]
pub struct OpenCloud {
    http: HttpClient,
    base_url: String,
    bots: Bots,
}

impl OpenCloud {
    /// A client for `base_url` (`https://apis.roblox.com`, or a double of it); calls nothing.
    pub fn new(http: HttpClient, base_url: &str, bots: Bots) -> Self {
        Self { http, base_url: base_url.trim_end_matches('/').to_owned(), bots }
    }

    /// The bots' keys, for warming up.
    pub const fn bots(&self) -> &Bots {
        &self.bots
    }

    async fn write(
        &self,
        member: Member,
        kind: RobloxCall,
        verb: &'static str,
        role: RoleId,
        errand: &Errand,
    ) -> Result<Vec<RoleId>, RobloxFailure> {
        let Member { group, user } = member;
        let body = serde_json::json!({ "role": format!("groups/{group}/roles/{role}") }).to_string();
        let call = Call {
            kind,
            method: Method::POST,
            path: format!("/cloud/v2/groups/{group}/memberships/{user}:{verb}"),
            body: Some(body),
            retries: Retries::OnlyWhereNothingHappened,
        };
        let body = self.send(&call, errand).await?;
        understood(kind, read::<MembershipAnswer>(kind, &body).and_then(|answer| answer.role_ids(kind)))
    }

    async fn get(&self, kind: RobloxCall, path: String, errand: &Errand) -> Result<Vec<u8>, RobloxFailure> {
        let call = Call { kind, method: Method::GET, path, body: None, retries: Retries::Freely };
        self.send(&call, errand).await
    }
}

impl Roblox for OpenCloud {
    async fn group(&self, group: GroupId, errand: &Errand) -> Result<Group, RobloxFailure> {
        const KIND: RobloxCall = RobloxCall::GetGroup;
        let body = self.get(KIND, format!("/cloud/v2/groups/{group}"), errand).await?;
        understood(KIND, read::<GroupAnswer>(KIND, &body).and_then(|answer| answer.into_group(KIND)))
    }

    async fn roles(&self, group: GroupId, errand: &Errand) -> Result<Vec<Role>, RobloxFailure> {
        const KIND: RobloxCall = RobloxCall::ListRoles;
        let mut roles = Vec::new();
        let mut token = String::new();
        let mut followed = HashSet::new();
        for _ in 0..MOST_ROLE_PAGES {
            let mut path = format!("/cloud/v2/groups/{group}/roles?maxPageSize={ROLES_PER_PAGE}");
            if !token.is_empty() {
                path.push_str("&pageToken=");
                path.extend(utf8_percent_encode(&token, NON_ALPHANUMERIC));
            }
            let body = self.get(KIND, path, errand).await?;
            let page: RolePage = understood(KIND, read(KIND, &body))?;
            token = page.next_page_token.unwrap_or_default();
            for role in page.group_roles {
                roles.push(understood(KIND, role.into_role(KIND))?);
            }
            if token.is_empty() {
                return Ok(roles);
            }
            if !followed.insert(token.clone()) {
                return understood(KIND, Err(unexpected(KIND, "a page token that came before")));
            }
        }
        understood(KIND, Err(unexpected(KIND, format!("more than {MOST_ROLE_PAGES} pages"))))
    }

    async fn held_roles(&self, member: Member, errand: &Errand) -> Result<Option<Vec<RoleId>>, RobloxFailure> {
        const KIND: RobloxCall = RobloxCall::GetMembership;
        let Member { group, user } = member;
        let filter = format!("user == 'users/{user}'");
        let filter = utf8_percent_encode(&filter, NON_ALPHANUMERIC);
        let path = format!("/cloud/v2/groups/{group}/memberships?filter={filter}");
        let body = self.get(KIND, path, errand).await?;
        understood(KIND, read::<MembershipPage>(KIND, &body).and_then(|page| page.role_ids_of(KIND, user)))
    }

    async fn assign(&self, member: Member, role: RoleId, errand: &Errand) -> Result<Vec<RoleId>, RobloxFailure> {
        self.write(member, RobloxCall::AssignRole, "assignRole", role, errand).await
    }

    async fn unassign(&self, member: Member, role: RoleId, errand: &Errand) -> Result<Vec<RoleId>, RobloxFailure> {
        self.write(member, RobloxCall::UnassignRole, "unassignRole", role, errand).await
    }
}

/// What was read of an answer, noted as a failure of the call if it makes no sense.
fn understood<T>(kind: RobloxCall, read: Result<T, RobloxFailure>) -> Result<T, RobloxFailure> {
    read.inspect_err(|_| misunderstood(kind))
}

fn unexpected(kind: RobloxCall, detail: impl Display) -> RobloxFailure {
    let detail = format!("{}: {detail}", kind.name());
    RobloxFailure { fault: RobloxFault::Unexpected, retry_after: None, detail }
}
