//! The shapes of the answers.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use lambda_http::{Body, Response};
use serde::Serialize;
use serde_json::Value;

use super::error_code::Retryable;
use super::problem::Problem;
use crate::app::change_rank::{Ending, RankChanged};
use crate::app::ports::Group;
use crate::app::read::MemberRank;
use crate::domain::api_key::KeyId;
use crate::domain::audit::LoggedAction;
use crate::domain::id::{GroupId, Rank, RoleId, UserId};
use crate::domain::idempotency::StoredAnswer;
use crate::domain::key_record::{KeyRecord, Quota};
use crate::domain::ladder::{Ladder, Role};
use crate::domain::log_id::LogId;
use crate::domain::month::Month;
use crate::domain::plan::Plan;
use crate::domain::rank_change::Mode;

/// A role as answers name it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Role"))]
pub(super) struct RoleView<'a> {
    id: RoleId,
    name: &'a str,
    rank: Rank,
}

impl<'a> RoleView<'a> {
    pub(super) fn of(role: &'a Role) -> Self {
        Self { id: role.id, name: &role.name, rank: role.rank }
    }
}

/// The answer to set rank, promote and demote: `success` is false only where the ladder ended.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "RankChange"))]
pub(super) struct RankChangeAnswer<'a> {
    /// Whether the member stands where they were to stand; false only where the ladder ended.
    success: bool,
    group_id: GroupId,
    user_id: UserId,
    action: LoggedAction,
    /// The rank before: that of the member's highest role.
    from_rank: Rank,
    /// The rank after; in a dry run, the rank that would be.
    to_rank: Rank,
    /// Whether any role was added or removed, or, in a dry run, would be.
    changed: bool,
    /// Present, and true, only where `neverLower` kept a member above the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<bool>,
    from_role: RoleView<'a>,
    to_role: RoleView<'a>,
    /// The log entry that this change undoes.
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<LogId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    /// There for a dry run only, and true.
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<bool>,
    /// Names this change in the log. Ids sort by time.
    log_id: String,
    request_id: &'a str,
}

impl<'a> RankChangeAnswer<'a> {
    pub(super) fn of(done: &'a RankChanged, request_id: &'a str) -> Self {
        let (code, message) = match done.ending {
            Ending::AtTarget | Ending::Kept => (None, None),
            Ending::AlreadyHighest => (
                Some("ALREADY_HIGHEST_RANK"),
                Some("The member stands at the highest rank already: nothing was changed."),
            ),
            Ending::AlreadyLowest => (
                Some("ALREADY_LOWEST_RANK"),
                Some("The member stands at the lowest rank already: nothing was changed."),
            ),
        };
        Self {
            success: code.is_none(),
            group_id: done.group,
            user_id: done.user,
            action: done.action,
            from_rank: done.from.rank,
            to_rank: done.to.rank,
            changed: done.changed,
            kept: (done.ending == Ending::Kept).then_some(true),
            from_role: RoleView::of(&done.from),
            to_role: RoleView::of(&done.to),
            undoes: done.undoes,
            code,
            message,
            dry_run: (done.mode == Mode::DryRun).then_some(true),
            log_id: done.log_id.to_string(),
            request_id,
        }
    }
}

/// A member's rank and every role held, the highest first.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "MemberRank"))]
pub(super) struct MemberRankAnswer<'a> {
    success: bool,
    group_id: GroupId,
    user_id: UserId,
    /// The highest role's rank.
    rank: Rank,
    /// The highest role's name.
    role_name: &'a str,
    /// The highest role's id.
    role_id: RoleId,
    /// Every role held, the highest first.
    roles: Vec<RoleView<'a>>,
}

impl<'a> MemberRankAnswer<'a> {
    pub(super) fn of(rank: &'a MemberRank) -> Self {
        Self {
            success: true,
            group_id: rank.member.group,
            user_id: rank.member.user,
            rank: rank.highest.rank,
            role_name: &rank.highest.name,
            role_id: rank.highest.id,
            roles: rank.roles.iter().map(RoleView::of).collect(),
        }
    }
}

/// A group; what Roblox leaves out is null.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Group"))]
pub(super) struct GroupAnswer<'a> {
    success: bool,
    group_id: GroupId,
    name: Option<&'a str>,
    description: Option<&'a str>,
    /// Null in a group without an owner.
    owner_id: Option<UserId>,
    member_count: Option<u64>,
    /// Whether anybody may join without being approved.
    public_entry_allowed: Option<bool>,
    locked: Option<bool>,
    verified: Option<bool>,
    created_at: Option<&'a str>,
    updated_at: Option<&'a str>,
}

impl<'a> GroupAnswer<'a> {
    pub(super) fn of(id: GroupId, group: &'a Group) -> Self {
        Self {
            success: true,
            group_id: id,
            name: group.name.as_deref(),
            description: group.description.as_deref(),
            owner_id: group.owner,
            member_count: group.member_count,
            public_entry_allowed: group.public_entry_allowed,
            locked: group.locked,
            verified: group.verified,
            created_at: group.created_at.as_deref(),
            updated_at: group.updated_at.as_deref(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "GroupRole"))]
struct ListedRole<'a> {
    id: RoleId,
    name: &'a str,
    rank: Rank,
    /// Null where Roblox does not say.
    member_count: Option<u64>,
    /// Whether the rank is one from 1 to 254. Whether the bot stands high enough is for Roblox to say.
    assignable: bool,
}

/// A group's roles, rank ascending.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "GroupRoles"))]
pub(super) struct GroupRolesAnswer<'a> {
    success: bool,
    group_id: GroupId,
    /// By rank, guest (0) and owner (255) included.
    roles: Vec<ListedRole<'a>>,
}

impl<'a> GroupRolesAnswer<'a> {
    pub(super) fn of(group: GroupId, ladder: &'a Ladder) -> Self {
        let listed = |role: &'a Role| ListedRole {
            id: role.id,
            name: &role.name,
            rank: role.rank,
            member_count: role.member_count,
            assignable: role.rank.is_assignable(),
        };
        Self { success: true, group_id: group, roles: ladder.roles().iter().map(listed).collect() }
    }
}

/// The key itself; null where there is no limit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Key"))]
pub(super) struct KeyAnswer<'a> {
    success: bool,
    /// The public part of the key.
    key_id: &'a KeyId,
    group_id: GroupId,
    plan: Plan,
    /// Requests in a month; null where there is no limit.
    limit: Option<u64>,
    /// Requests counted in this month.
    used: u64,
    /// Requests left in this month; null where there is no limit.
    remaining: Option<u64>,
    /// The next month's first instant, UTC.
    resets_at: Timestamp,
    /// The highest rank that the key may give or touch.
    max_rank: Option<Rank>,
    /// The ranks that the key may give.
    allowed_ranks: Option<Vec<Rank>>,
    /// When the key ends.
    expires_at: Option<Timestamp>,
}

impl<'a> KeyAnswer<'a> {
    pub(super) fn of(key: &'a KeyRecord, now: Timestamp) -> Self {
        let quota = key.quota(Month::of(now));
        Self {
            success: true,
            key_id: &key.key_id,
            group_id: key.group,
            plan: key.plan,
            limit: quota.limit,
            used: quota.used,
            remaining: quota.remaining(),
            resets_at: quota.resets_at,
            max_rank: key.limits.max_rank,
            allowed_ranks: key.limits.allowed_ranks.as_ref().map(|ranks| ranks.iter().copied().collect()),
            expires_at: key.expires_at,
        }
    }
}

/// That RankBot is up.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Status"))]
pub(super) struct StatusAnswer {
    success: bool,
    status: &'static str,
    version: &'static str,
}

impl StatusAnswer {
    pub(super) const fn ok() -> Self {
        Self { success: true, status: "ok", version: env!("CARGO_PKG_VERSION") }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Error"))]
pub(super) struct ErrorAnswer<'a> {
    success: bool,
    /// What went wrong, for a program. Codes never change; new ones may come.
    code: &'static str,
    /// What went wrong and what mends it, for a person.
    message: &'a str,
    /// Whether the same request may succeed later.
    retryable: bool,
    /// The same as X-Request-Id: name it when you ask for help.
    request_id: &'a str,
    /// The path of the code's page in the documentation.
    docs: String,
    /// More about it, by code.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Value>,
}

/// A response that is ready but for the headers that every response has.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    body: String,
    headers: HeaderMap,
    /// For the log: the error's code.
    pub(super) code: Option<&'static str>,
}

impl Reply {
    /// A 200 with this body.
    pub(super) fn ok(body: &impl Serialize) -> Self {
        // None of these types has a map with keys that are no text, the one thing that JSON cannot write.
        let body = serde_json::to_string(body).unwrap_or_default();
        Self { status: StatusCode::OK, body, headers: HeaderMap::new(), code: None }
    }

    /// An answer that was kept, word for word, and says so.
    pub(super) fn replayed(answer: StoredAnswer) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
        Self { status, body: answer.body, headers, code: None }
    }

    /// For a HEAD, which is answered as a GET but for the body (RFC 9110, 9.3.2).
    pub(super) fn leave_body_out(&mut self) {
        self.body.clear();
    }

    /// What is kept of it for a repetition of the request.
    pub(super) fn to_stored(&self) -> StoredAnswer {
        StoredAnswer { status: self.status.as_u16(), body: self.body.clone() }
    }

    /// The error in the contract's shape.
    pub(super) fn problem(problem: &Problem, request_id: &str) -> Self {
        let code = problem.code;
        let answer = ErrorAnswer {
            success: false,
            code: code.as_str(),
            message: &problem.message,
            retryable: code.retryable() == Retryable::Yes,
            request_id,
            docs: code.docs_path(),
            details: problem.details.as_ref(),
        };
        let mut reply = Self { status: code.status(), code: Some(code.as_str()), ..Self::ok(&answer) };
        if let Some(wait) = problem.retry_after {
            // A part of a second is a whole one: coming back early would be in vain.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            reply.headers.insert(header::RETRY_AFTER, seconds.max(1).into());
        }
        if let Some(allow) = problem.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            reply.headers.insert(header::ALLOW, allow);
        }
        reply
    }

    /// The response, with the headers that it owes.
    pub(super) fn into_response(self, request_id: &str, quota: Option<Quota>) -> Response<Body> {
        let mut response = Response::new(Body::Text(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.extend(self.headers);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert("x-request-id", id);
        }
        if let Some(quota) = quota {
            headers.insert("x-ratelimit-limit", number_or_unlimited(quota.limit));
            headers.insert("x-ratelimit-remaining", number_or_unlimited(quota.remaining()));
            headers.insert("x-ratelimit-reset", quota.resets_at.as_second().into());
        }
        response
    }
}

fn number_or_unlimited(value: Option<u64>) -> HeaderValue {
    value.map_or(HeaderValue::from_static("unlimited"), HeaderValue::from)
}
