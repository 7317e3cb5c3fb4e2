//! What can come back: which codes at which route, with which headers, in which shape.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::examples;
use super::requests::reference;
use crate::domain::id::Rank;
use crate::domain::plan::Plan;
use crate::http::error_code::{ErrorCode, Retryable};
use crate::http::routes::{Endpoint, Route};

/// The statuses that API Gateway answers by itself, whatever the route: a malformed request, a body over its own limit,
/// throttling, a function that failed or is not there, one that took too long.
const OF_THE_GATEWAY: [StatusCode; 6] = [
    StatusCode::BAD_REQUEST,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

/// The responses of a route by status.
pub(super) fn of(route: &Route) -> BTreeMap<String, Value> {
    let mut codes: BTreeMap<StatusCode, Vec<ErrorCode>> = BTreeMap::new();
    for status in OF_THE_GATEWAY {
        codes.insert(status, Vec::new());
    }
    for code in ErrorCode::ALL.iter().filter(|code| occurs(**code, route)) {
        codes.entry(code.status()).or_default().push(*code);
    }
    let errors = codes.into_iter().map(|(status, codes)| (status.as_str().to_owned(), error(status, &codes, route)));
    errors.chain([("200".to_owned(), success(route))]).collect()
}

/// Whether this error can be the answer of a request to this path.
fn occurs(code: ErrorCode, route: &Route) -> bool {
    let endpoint = route.endpoint;
    let names = |parameter: &str| route.path.contains(parameter);
    let changes = changes_ranks(endpoint);
    match code {
        ErrorCode::MissingParameter | ErrorCode::InvalidAction | ErrorCode::AmbiguousRole => {
            changes && endpoint != Endpoint::Undo
        }
        ErrorCode::RankMismatch => changes && endpoint != Endpoint::Undo,
        ErrorCode::InvalidParameter => changes || names("{") || endpoint == Endpoint::Logs,
        ErrorCode::RoleNotFound => {
            matches!(endpoint, Endpoint::SetRank | Endpoint::AnyRankChange | Endpoint::Undo)
        }
        ErrorCode::MissingApiKey
        | ErrorCode::InvalidApiKey
        | ErrorCode::ApiKeyRevoked
        | ErrorCode::ApiKeyExpired
        | ErrorCode::ServiceUnavailable => endpoint != Endpoint::Status,
        ErrorCode::GroupNotLinked => (changes && endpoint != Endpoint::Undo) || names("{groupId}"),
        ErrorCode::PlanRequired => matches!(endpoint, Endpoint::Demote | Endpoint::AnyRankChange),
        ErrorCode::LogNotFound => names("{logId}"),
        ErrorCode::UserNotInGroup => changes || endpoint == Endpoint::GetRank,
        ErrorCode::InvalidJson
        | ErrorCode::UnsupportedEncoding
        | ErrorCode::RankNotAllowed
        | ErrorCode::UserBlocked
        | ErrorCode::TargetNotManageable
        | ErrorCode::RankChangeInProgress
        | ErrorCode::IdempotencyInProgress
        | ErrorCode::IdempotencyKeyReused
        | ErrorCode::RobloxUnverified => changes,
        ErrorCode::ChangedSince => endpoint == Endpoint::Undo,
        // Of the path rather than of the operation, and the same everywhere.
        ErrorCode::RouteNotFound
        | ErrorCode::MethodNotAllowed
        | ErrorCode::PayloadTooLarge
        | ErrorCode::InternalError => true,
        ErrorCode::MonthlyLimitReached => is_counted(endpoint),
        ErrorCode::RobloxUnavailable
        | ErrorCode::RobloxTimeout
        | ErrorCode::RobloxRateLimited
        | ErrorCode::RobloxPermissionDenied
        | ErrorCode::RobloxCredentialInvalid
        | ErrorCode::RobloxUnexpectedResponse => route.function.calls_roblox(),
    }
}

const fn changes_ranks(endpoint: Endpoint) -> bool {
    match endpoint {
        Endpoint::SetRank | Endpoint::Promote | Endpoint::Demote | Endpoint::AnyRankChange | Endpoint::Undo => true,
        Endpoint::GetRank
        | Endpoint::GroupInfo
        | Endpoint::GroupRoles
        | Endpoint::Logs
        | Endpoint::LogEntry
        | Endpoint::KeyInfo
        | Endpoint::Status => false,
    }
}

fn is_counted(endpoint: Endpoint) -> bool {
    !matches!(endpoint, Endpoint::KeyInfo | Endpoint::Status)
}

fn success(route: &Route) -> Value {
    let endpoint = route.endpoint;
    let (schema, description) = match endpoint {
        Endpoint::SetRank => {
            (reference("RankChangeDone"), "The member stands at the target, or above it and is kept there.")
        }
        Endpoint::Undo => (reference("RankChangeDone"), "The member holds the roles from before."),
        Endpoint::Promote => (done_or("LadderEndsAbove"), "Moved, or at the top of the ladder already."),
        Endpoint::Demote => (done_or("LadderEndsBelow"), "Moved, or at the foot of the ladder already."),
        Endpoint::AnyRankChange => (
            json!({"oneOf": (["RankChangeDone", "LadderEndsAbove", "LadderEndsBelow"].map(reference))}),
            "The member stands at the target, was moved, or stood at the end of the ladder already.",
        ),
        Endpoint::GetRank => (reference("MemberRank"), "The rank."),
        Endpoint::GroupInfo => (reference("Group"), "The group."),
        Endpoint::GroupRoles => (reference("GroupRoles"), "The roles."),
        Endpoint::Logs => (reference("Logs"), "A page of the log."),
        Endpoint::LogEntry => (reference("OneLogEntry"), "The entry."),
        Endpoint::KeyInfo => (reference("Key"), "The key."),
        Endpoint::Status => (reference("Status"), "It is up."),
    };
    let mut headers = vec![required("X-Request-Id")];
    if endpoint != Endpoint::Status {
        headers.extend(RATE_LIMIT.map(required));
    }
    let mut response = json!({"description": description});
    if changes_ranks(endpoint) {
        headers.push(optional("Idempotency-Replayed"));
        insert(&mut response, "links", links());
    }
    insert(&mut response, "headers", headers.into_iter().collect());
    if route.method != Method::HEAD {
        let json = json!({"schema": schema, "examples": examples::answers(endpoint)});
        insert(&mut response, "content", json!({"application/json": json}));
    }
    response
}

fn done_or(end: &str) -> Value {
    json!({"oneOf": [reference("RankChangeDone"), reference(end)]})
}

/// What the `logId` of a change is good for.
fn links() -> Value {
    let link = |operation: &str, description: &str| {
        json!({
            "operationId": operation, "description": description, "parameters": {"logId": "$response.body#/logId"}
        })
    };
    json!({
        "entry": link("getLogEntry", "The change in the log; a dry run is not there."),
        "undo": link("undoRankChange", "Taking the change back; a dry run has nothing to take back."),
    })
}

fn error(status: StatusCode, codes: &[ErrorCode], route: &Route) -> Value {
    let of_the_gateway = OF_THE_GATEWAY.contains(&status);
    let gateway = of_the_gateway.then(|| reference("GatewayMessage"));
    let schemas: Vec<Value> = codes.iter().map(|code| reference(&schema_name(*code))).chain(gateway).collect();
    let schema = match schemas.as_slice() {
        [only] => only.clone(),
        several => json!({"oneOf": several}),
    };
    let mut shown: Map<String, Value> = codes
        .iter()
        .map(|code| (code.as_str().to_owned(), json!({"$ref": format!("#/components/examples/{}", code.as_str())})))
        .collect();
    if of_the_gateway {
        shown.insert("gateway".to_owned(), json!({"value": {"message": gateway_message(status)}}));
    }
    let headers: Map<String, Value> = headers_of(status, codes, of_the_gateway, route).into_iter().collect();
    json!({
        "description": description(codes, of_the_gateway),
        "headers": headers,
        "content": {"application/json": {"schema": schema, "examples": shown}},
    })
}

fn headers_of(status: StatusCode, codes: &[ErrorCode], of_the_gateway: bool, route: &Route) -> Vec<(String, Value)> {
    let mut headers = vec![if of_the_gateway { optional("X-Request-Id") } else { required("X-Request-Id") }];
    let recognised = |code: &ErrorCode| key_is_recognised(*code);
    if !of_the_gateway && codes.iter().all(recognised) {
        headers.extend(RATE_LIMIT.map(required));
    } else if route.endpoint != Endpoint::Status && status != StatusCode::METHOD_NOT_ALLOWED && !codes.is_empty() {
        headers.extend(RATE_LIMIT.map(optional));
    }
    match status {
        StatusCode::METHOD_NOT_ALLOWED => headers.push(required("Allow")),
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::CONFLICT
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE => headers.push(optional("Retry-After")),
        _ => {}
    }
    headers
}

/// Whether the key is known whenever this error is answered, so that its month is, too.
const fn key_is_recognised(code: ErrorCode) -> bool {
    match code {
        ErrorCode::InvalidJson
        | ErrorCode::MissingParameter
        | ErrorCode::InvalidParameter
        | ErrorCode::InvalidAction
        | ErrorCode::MissingApiKey
        | ErrorCode::InvalidApiKey
        | ErrorCode::RouteNotFound
        | ErrorCode::MethodNotAllowed
        | ErrorCode::PayloadTooLarge
        | ErrorCode::UnsupportedEncoding
        | ErrorCode::InternalError
        | ErrorCode::ServiceUnavailable => false,
        ErrorCode::RoleNotFound
        | ErrorCode::AmbiguousRole
        | ErrorCode::ApiKeyRevoked
        | ErrorCode::ApiKeyExpired
        | ErrorCode::GroupNotLinked
        | ErrorCode::PlanRequired
        | ErrorCode::RankNotAllowed
        | ErrorCode::UserBlocked
        | ErrorCode::TargetNotManageable
        | ErrorCode::UserNotInGroup
        | ErrorCode::LogNotFound
        | ErrorCode::RankChangeInProgress
        | ErrorCode::IdempotencyInProgress
        | ErrorCode::ChangedSince
        | ErrorCode::RankMismatch
        | ErrorCode::IdempotencyKeyReused
        | ErrorCode::MonthlyLimitReached
        | ErrorCode::RobloxUnavailable
        | ErrorCode::RobloxTimeout
        | ErrorCode::RobloxRateLimited
        | ErrorCode::RobloxPermissionDenied
        | ErrorCode::RobloxCredentialInvalid
        | ErrorCode::RobloxUnverified
        | ErrorCode::RobloxUnexpectedResponse => true,
    }
}

fn description(codes: &[ErrorCode], of_the_gateway: bool) -> String {
    let names: Vec<String> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
    match (names.as_slice(), of_the_gateway) {
        ([], _) => "API Gateway's own answer.".to_owned(),
        (names, true) => format!("{}, or API Gateway's own answer.", names.join(", ")),
        (names, false) => format!("{}.", names.join(", ")),
    }
}

fn gateway_message(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "Bad Request",
        StatusCode::PAYLOAD_TOO_LARGE => "Request Too Long",
        StatusCode::TOO_MANY_REQUESTS => "Too Many Requests",
        StatusCode::INTERNAL_SERVER_ERROR => "Internal Server Error",
        _ => "Service Unavailable",
    }
}

const RATE_LIMIT: [&str; 3] = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];

fn required(name: &str) -> (String, Value) {
    (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")}))
}

/// In the document, a header is required or not where it is described, so that each has two descriptions.
fn optional(name: &str) -> (String, Value) {
    (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}-optional")}))
}

/// `#/components/headers`
pub(super) fn headers() -> Value {
    let number_or_unlimited = json!({"oneOf": [{"type": "integer", "minimum": 0}, {"const": "unlimited"}]});
    let text = json!({"type": "string", "minLength": 1});
    let described = [
        ("X-Request-Id", "Names the request in the logs.", text.clone()),
        ("X-RateLimit-Limit", "Requests in this month, or `unlimited`.", number_or_unlimited.clone()),
        ("X-RateLimit-Remaining", "Of these, how many are left, or `unlimited`.", number_or_unlimited),
        ("X-RateLimit-Reset", "When the count begins anew, in Unix seconds.", json!({"type": "integer", "minimum": 0})),
        ("Retry-After", "Whole seconds to wait, where that is known.", json!({"type": "integer", "minimum": 1})),
        ("Allow", "The methods that the path has.", text),
        ("Idempotency-Replayed", "That this is the answer from before.", json!({"type": "string", "const": "true"})),
    ];
    let mut headers = Map::new();
    for (name, description, schema) in described {
        for (name, required) in [(name.to_owned(), true), (format!("{name}-optional"), false)] {
            headers.insert(name, json!({"description": description, "required": required, "schema": schema}));
        }
    }
    Value::Object(headers)
}

/// Adds the schemas that say more than the types can: how a rank change can end, and each error by its code.
pub(super) fn specialise(schemas: &mut Map<String, Value>) {
    let more = |name: &str, rest: Value| json!({"allOf": [reference(name), rest]});
    let ladder_end = |code: &str| {
        more(
            "RankChange",
            json!({
                "properties": {"success": {"const": false}, "changed": {"const": false}, "code": {"const": code}},
                "required": ["code", "message"],
            }),
        )
    };
    let done = json!({
        "properties": {"success": {"const": true}},
        "not": {"anyOf": [{"required": ["code"]}, {"required": ["message"]}]},
    });
    schemas.insert("RankChangeDone".to_owned(), more("RankChange", done));
    schemas.insert("LadderEndsAbove".to_owned(), ladder_end("ALREADY_HIGHEST_RANK"));
    schemas.insert("LadderEndsBelow".to_owned(), ladder_end("ALREADY_LOWEST_RANK"));
    schemas.insert(
        "Problems".to_owned(),
        json!({
            "type": "array",
            "description": "Every fault of the body, the first of which is the answer's own.",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": ["string", "null"], "description": "null for the body as a whole."},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
                "required": ["field", "code", "message"],
            },
        }),
    );
    schemas.insert(
        "GatewayMessage".to_owned(),
        json!({
            "type": "object",
            "description": "What API Gateway answers by itself.",
            "properties": {"message": {"type": ["string", "null"]}},
            "required": ["message"],
            "not": {"required": ["code"]},
        }),
    );
    for code in ErrorCode::ALL {
        schemas.insert(schema_name(*code), more("Error", special_fields(*code)));
    }
}

fn schema_name(code: ErrorCode) -> String {
    format!("{code:?}")
}

fn special_fields(code: ErrorCode) -> Value {
    let mut properties = json!({
        "code": {"const": code.as_str()},
        "retryable": {"const": code.retryable() == Retryable::Yes},
        "docs": {"const": code.docs_path()},
    });
    let (details, always) = match details(code) {
        Details::Never => return json!({"properties": properties, "not": {"required": ["details"]}}),
        Details::Perhaps(details) => (details, false),
        Details::Always(details) => (details, true),
    };
    let names: Vec<String> = details.as_object().map(|details| details.keys().cloned().collect()).unwrap_or_default();
    // Which parameters there are instead is said where that helps, and all faults where it is a body that has them.
    let is_there = |name: &String| name != "known" && (name != "problems" || code == ErrorCode::InvalidJson);
    let names: Vec<String> = names.into_iter().filter(is_there).collect();
    insert(&mut properties, "details", json!({"type": "object", "properties": details, "required": names}));
    let mut schema = json!({"properties": properties});
    if always {
        insert(&mut schema, "required", json!(["details"]));
    }
    schema
}

enum Details {
    Never,
    Perhaps(Value),
    Always(Value),
}

fn details(code: ErrorCode) -> Details {
    let text = || json!({"type": "string"});
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    let plan = || json!({"type": "string", "enum": Plan::ALL});
    let count = || json!({"type": "integer", "minimum": 0});
    match code {
        ErrorCode::MissingParameter => Details::Always(json!({"parameter": text(), "problems": reference("Problems")})),
        ErrorCode::InvalidParameter => {
            Details::Always(json!({"parameter": text(), "known": texts(), "problems": reference("Problems")}))
        }
        ErrorCode::InvalidAction => {
            Details::Always(json!({"parameter": text(), "allowed": texts(), "problems": reference("Problems")}))
        }
        ErrorCode::InvalidJson => Details::Always(json!({"problems": reference("Problems")})),
        ErrorCode::UnsupportedEncoding => Details::Always(json!({"encoding": text(), "supported": texts()})),
        ErrorCode::RankMismatch => {
            let rank = json!({"type": "integer", "minimum": Rank::BASE, "maximum": Rank::OWNER});
            Details::Always(json!({"rank": rank}))
        }
        ErrorCode::RoleNotFound => {
            let rank = json!({"type": "integer", "minimum": Rank::BASE, "maximum": Rank::HIGHEST_ASSIGNABLE});
            Details::Always(json!({"availableRanks": {"type": "array", "items": rank}}))
        }
        ErrorCode::AmbiguousRole => {
            Details::Always(json!({"candidates": {"type": "array", "items": reference("Role"), "minItems": 2}}))
        }
        ErrorCode::PlanRequired => {
            let plans = json!({"type": "array", "items": plan(), "minItems": 1});
            Details::Always(json!({"requiredPlans": plans, "plan": {"oneOf": [plan(), {"type": "null"}]}}))
        }
        ErrorCode::UserBlocked => {
            Details::Always(json!({"until": {"type": ["string", "null"], "format": "date-time"}}))
        }
        ErrorCode::ChangedSince => Details::Always(json!({"currentRole": reference("Role")})),
        ErrorCode::MonthlyLimitReached => Details::Perhaps(json!({
            "plan": plan(),
            "limit": {"oneOf": [count(), {"type": "null"}]},
            "used": count(),
            "resetsAt": {"type": "string", "format": "date-time"},
        })),
        ErrorCode::MissingApiKey
        | ErrorCode::InvalidApiKey
        | ErrorCode::ApiKeyRevoked
        | ErrorCode::ApiKeyExpired
        | ErrorCode::GroupNotLinked
        | ErrorCode::RankNotAllowed
        | ErrorCode::TargetNotManageable
        | ErrorCode::UserNotInGroup
        | ErrorCode::LogNotFound
        | ErrorCode::RouteNotFound
        | ErrorCode::MethodNotAllowed
        | ErrorCode::PayloadTooLarge
        | ErrorCode::RankChangeInProgress
        | ErrorCode::IdempotencyInProgress
        | ErrorCode::IdempotencyKeyReused
        | ErrorCode::InternalError
        | ErrorCode::RobloxUnavailable
        | ErrorCode::RobloxTimeout
        | ErrorCode::RobloxRateLimited
        | ErrorCode::RobloxPermissionDenied
        | ErrorCode::RobloxCredentialInvalid
        | ErrorCode::RobloxUnverified
        | ErrorCode::RobloxUnexpectedResponse
        | ErrorCode::ServiceUnavailable => Details::Never,
    }
}

fn insert(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}
