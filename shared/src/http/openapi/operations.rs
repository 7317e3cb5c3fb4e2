//! What each route is for, what it takes, and what it can answer.

use std::collections::BTreeMap;

use http::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::{examples, requests, responses};
use crate::domain::rank_change::Action;
use crate::http::routes::{Endpoint, Route};

/// One operation of the document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operation {
    #[serde(rename = "operationId")]
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    tags: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    security: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_body: Option<Value>,
    responses: BTreeMap<String, Value>,
    external_docs: Value,
}

/// The part of an operation that people read.
struct Text {
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    tag: &'static str,
    section: &'static str,
}

impl Operation {
    pub(super) fn of(route: &Route) -> Self {
        let Text { id, summary, description, tag, section } = text(route);
        let needs_a_key = route.endpoint != Endpoint::Status;
        Self {
            id,
            summary,
            description,
            tags: [tag],
            security: (!needs_a_key).then(|| json!([])),
            parameters: parameters(route),
            request_body: body(route.endpoint),
            responses: responses::of(route),
            external_docs: json!({"url": format!("api.md#{section}")}),
        }
    }
}

fn text(route: &Route) -> Text {
    let of_own_group = !route.path.contains("{groupId}");
    let text = |id, summary, description, tag, section| Text { id, summary, description, tag, section };
    match route.endpoint {
        Endpoint::SetRank => text(
            "setRank",
            "Give a member a rank",
            "The member is left with the role at the target, the base role, and no other managed role. Safe to repeat.",
            "Ranks",
            "rank-changes",
        ),
        Endpoint::Promote => text(
            "promote",
            "Move a member up the ladder",
            "One distinct rank up, or `steps` of them, stopping at the end of the ladder.",
            "Ranks",
            "rank-changes",
        ),
        Endpoint::Demote => text(
            "demote",
            "Move a member down the ladder",
            "One distinct rank down, or `steps` of them, stopping at the end of the ladder. Plans: pro, max.",
            "Ranks",
            "rank-changes",
        ),
        Endpoint::AnyRankChange => text(
            "changeRank",
            "Change a member's rank, as `action` says",
            "Any of the three changes at one path. `demote` belongs to the plans pro and max.",
            "Ranks",
            "rank-changes",
        ),
        Endpoint::GetRank => text(
            "getRank",
            "A member's rank and roles",
            "The highest role, and every role held; read from Roblox for each request.",
            "Ranks",
            "a-members-rank",
        ),
        Endpoint::GroupInfo if of_own_group => {
            text("getOwnGroup", "The key's group", "What Roblox leaves out is null.", "Group", "group-and-roles")
        }
        Endpoint::GroupInfo => {
            text("getGroup", "A group", "What Roblox leaves out is null.", "Group", "group-and-roles")
        }
        Endpoint::GroupRoles if of_own_group => text(
            "getOwnGroupRoles",
            "The roles of the key's group",
            "Every role by rank, guest and owner included.",
            "Group",
            "group-and-roles",
        ),
        Endpoint::GroupRoles => text(
            "getGroupRoles",
            "A group's roles",
            "Every role by rank, guest and owner included.",
            "Group",
            "group-and-roles",
        ),
        Endpoint::Logs => text(
            "getLogs",
            "The log of rank changes",
            "The newest first, in pages. Entries are kept for 30 days on starter, a year on pro, without end on max.",
            "Log",
            "the-log-and-undo",
        ),
        Endpoint::LogEntry => {
            text("getLogEntry", "One entry of the log", "By the `logId` of its change.", "Log", "the-log-and-undo")
        }
        Endpoint::Undo => text(
            "undoRankChange",
            "Take a rank change back",
            "Puts the member back to the roles held before, as a change of its own. Refused if the rank was changed since, \
             unless `force` is true.",
            "Log",
            "the-log-and-undo",
        ),
        Endpoint::KeyInfo => text(
            "getKey",
            "What this key may do and has used",
            "Not counted, and answered at the limit, too.",
            "Key",
            "the-key",
        ),
        Endpoint::Status if route.method == Method::HEAD => text(
            "headStatus",
            "Whether RankBot is up, without a body",
            "As GET, for monitors that send HEAD alone.",
            "Key",
            "the-key",
        ),
        Endpoint::Status => text(
            "getStatus",
            "Whether RankBot is up",
            "Needs no key, and asks neither the database nor Roblox.",
            "Key",
            "the-key",
        ),
    }
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = ["groupId", "userId", "logId"].into_iter().filter(|name| route.path.contains(&format!("{{{name}}}")));
    let mut parameters: Vec<Value> = in_path.map(reference).collect();
    match route.endpoint {
        Endpoint::SetRank | Endpoint::Promote | Endpoint::Demote | Endpoint::AnyRankChange | Endpoint::Undo => {
            parameters.push(reference("idempotencyKey"));
        }
        Endpoint::Logs => parameters.extend(requests::log_query()),
        Endpoint::GetRank
        | Endpoint::GroupInfo
        | Endpoint::GroupRoles
        | Endpoint::LogEntry
        | Endpoint::KeyInfo
        | Endpoint::Status => {}
    }
    parameters
}

fn reference(parameter: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{parameter}") })
}

/// `#/components/parameters`
pub(super) fn shared_parameters() -> Value {
    let in_path = |name: &str, description: &str, schema: Value, example: Value| {
        json!({
            "name": name, "in": "path", "required": true, "description": description, "schema": schema, "example": example
        })
    };
    json!({
        "groupId": in_path("groupId", "The Roblox group, which must be the key's.", requests::id(), json!(7_042_001)),
        "userId": in_path("userId", "The Roblox user.", requests::id(), json!(200_004)),
        "logId": in_path(
            "logId",
            "The name of a rank change, as its answer has it.",
            requests::log_id(),
            json!("01M83NDGXZ5MMX7PJ47EWYXAY3"),
        ),
        "idempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "Any text of your own that stands for this one request, for 24 hours: the same request under it \
                            is answered from memory, and another one refused.",
            "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
        },
    })
}

fn body(endpoint: Endpoint) -> Option<Value> {
    let (schema, required) = match endpoint {
        Endpoint::SetRank => (requests::of(&[Action::SetRank]), true),
        Endpoint::Promote => (requests::of(&[Action::Promote]), true),
        Endpoint::Demote => (requests::of(&[Action::Demote]), true),
        Endpoint::AnyRankChange => (requests::of(&Action::ALL), true),
        Endpoint::Undo => (requests::reference("Undo"), false),
        Endpoint::GetRank
        | Endpoint::GroupInfo
        | Endpoint::GroupRoles
        | Endpoint::Logs
        | Endpoint::LogEntry
        | Endpoint::KeyInfo
        | Endpoint::Status => return None,
    };
    let json = json!({ "schema": schema, "examples": examples::requests(endpoint) });
    Some(json!({
        "required": required,
        "description": "At most 16 KiB, before it is compressed; with `Content-Encoding: gzip` or none.",
        "content": { "application/json": json },
    }))
}
