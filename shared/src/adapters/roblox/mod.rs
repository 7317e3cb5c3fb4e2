//! Roblox Open Cloud v2, the groups part of it.
//!
//! Facts are from Roblox's published Open Cloud description and creator documentation (2026).

mod answer;
mod text;
mod transport;

use std::fmt::Display;

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use self::answer::{Found, GroupAnswer, MembershipAnswer, MembershipPage, RolePage, read};
use self::transport::{Call, LARGEST_ANSWER, Retries};
use super::bots::Bots;
use super::http_client::HttpClient;
use crate::app::ports::{Errand, Group, Member, Roblox, RobloxFailure, RobloxFault, RoleListing};
use crate::domain::id::{GroupId, RoleId};
use crate::metrics::{RobloxCall, misunderstood};

/// The largest page of roles that Roblox gives.
const ROLES_PER_PAGE: u32 = 20;
/// Far more pages than any list here has (there are 256 ranks): one that goes on for ever is a fault, and one that leads
/// back to a page that was read is known as such at once.
const MOST_PAGES: u32 = 100;

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
            largest: LARGEST_ANSWER,
        };
        let body = self.send(&call, errand).await?;
        understood(kind, read::<MembershipAnswer>(kind, &body).and_then(|answer| answer.role_ids(kind, member)))
    }

    async fn get(&self, kind: RobloxCall, path: String, errand: &Errand) -> Result<Vec<u8>, RobloxFailure> {
        self.get_at_most(LARGEST_ANSWER, kind, path, errand).await
    }

    async fn get_at_most(
        &self,
        largest: usize,
        kind: RobloxCall,
        path: String,
        errand: &Errand,
    ) -> Result<Vec<u8>, RobloxFailure> {
        let call = Call { kind, method: Method::GET, path, body: None, retries: Retries::Freely, largest };
        self.send(&call, errand).await
    }
}

impl Roblox for OpenCloud {
    async fn group(&self, group: GroupId, errand: &Errand) -> Result<Group, RobloxFailure> {
        const KIND: RobloxCall = RobloxCall::GetGroup;
        let body = self.get(KIND, format!("/cloud/v2/groups/{group}"), errand).await?;
        understood(KIND, read::<GroupAnswer>(KIND, &body).and_then(|answer| answer.into_group(KIND, group)))
    }

    async fn roles(&self, group: GroupId, errand: &Errand) -> Result<RoleListing, RobloxFailure> {
        const KIND: RobloxCall = RobloxCall::ListRoles;
        let mut list = RoleListing::default();
        let mut pages = Pages::new(KIND, format!("/cloud/v2/groups/{group}/roles?maxPageSize={ROLES_PER_PAGE}"));
        loop {
            let body = pages.read(self, errand).await?;
            let next = understood(KIND, read::<RolePage>(KIND, &body).and_then(|page| page.add_to(&mut list, group)))?;
            match next {
                None => return Ok(list),
                Some(token) => understood(KIND, pages.turn_to(token))?,
            }
        }
    }

    async fn held_roles(&self, member: Member, errand: &Errand) -> Result<Option<Vec<RoleId>>, RobloxFailure> {
        const KIND: RobloxCall = RobloxCall::GetMembership;
        let Member { group, user } = member;
        let filter = format!("user == 'users/{user}'");
        let filter = utf8_percent_encode(&filter, NON_ALPHANUMERIC);
        let mut pages = Pages::new(KIND, format!("/cloud/v2/groups/{group}/memberships?filter={filter}"));
        loop {
            let body = pages.read(self, errand).await?;
            let found = read::<MembershipPage>(KIND, &body).and_then(|page| page.find(KIND, member));
            match understood(KIND, found)? {
                Found::Member(roles) => return Ok(Some(roles)),
                Found::NotAMember => return Ok(None),
                Found::NotYet(token) => understood(KIND, pages.turn_to(token))?,
            }
        }
    }

    async fn assign(&self, member: Member, role: RoleId, errand: &Errand) -> Result<Vec<RoleId>, RobloxFailure> {
        self.write(member, RobloxCall::AssignRole, "assignRole", role, errand).await
    }

    async fn unassign(&self, member: Member, role: RoleId, errand: &Errand) -> Result<Vec<RoleId>, RobloxFailure> {
        self.write(member, RobloxCall::UnassignRole, "unassignRole", role, errand).await
    }
}

/// The pages of one list. All of them together are one answer: no longer than one, and with an end.
struct Pages {
    kind: RobloxCall,
    /// With a query already.
    path: String,
    /// Those that led on, the newest last.
    tokens: Vec<String>,
    /// In bytes.
    left: usize,
}

impl Pages {
    fn new(kind: RobloxCall, path: String) -> Self {
        Self { kind, path, tokens: Vec::new(), left: LARGEST_ANSWER }
    }

    async fn read(&mut self, client: &OpenCloud, errand: &Errand) -> Result<Vec<u8>, RobloxFailure> {
        let mut path = self.path.clone();
        if let Some(token) = self.tokens.last() {
            path.push_str("&pageToken=");
            path.extend(utf8_percent_encode(token, NON_ALPHANUMERIC));
        }
        let body = client.get_at_most(self.left, self.kind, path, errand).await?;
        self.left = self.left.saturating_sub(body.len());
        Ok(body)
    }

    fn turn_to(&mut self, token: String) -> Result<(), RobloxFailure> {
        if self.tokens.contains(&token) {
            return Err(unexpected(self.kind, "a page token that came before"));
        }
        self.tokens.push(token);
        if self.tokens.len() >= MOST_PAGES as usize {
            return Err(unexpected(self.kind, format!("more than {MOST_PAGES} pages")));
        }
        Ok(())
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
