//! An answer, checked against what the contract promises of every answer.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rankbot_shared::domain::month::Month;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde_json::{Map, Value};

use crate::document;

/// The contract's table of errors: code, status, whether the same request may succeed later.
pub(crate) const CATALOGUE: &[(&str, u16, bool)] = &[
    ("INVALID_JSON", 400, false),
    ("MISSING_PARAMETER", 400, false),
    ("INVALID_PARAMETER", 400, false),
    ("INVALID_ACTION", 400, false),
    ("ROLE_NOT_FOUND", 400, false),
    ("AMBIGUOUS_ROLE", 400, false),
    ("MISSING_API_KEY", 401, false),
    ("INVALID_API_KEY", 401, false),
    ("API_KEY_REVOKED", 401, false),
    ("API_KEY_EXPIRED", 401, false),
    ("GROUP_NOT_LINKED", 403, false),
    ("PLAN_REQUIRED", 403, false),
    ("RANK_NOT_ALLOWED", 403, false),
    ("RANK_MISMATCH", 409, false),
    ("UNSUPPORTED_ENCODING", 415, false),
    ("USER_BLOCKED", 403, false),
    ("TARGET_NOT_MANAGEABLE", 403, false),
    ("USER_NOT_IN_GROUP", 404, false),
    ("ROUTE_NOT_FOUND", 404, false),
    ("LOG_NOT_FOUND", 404, false),
    ("METHOD_NOT_ALLOWED", 405, false),
    ("PAYLOAD_TOO_LARGE", 413, false),
    ("RANK_CHANGE_IN_PROGRESS", 409, true),
    ("IDEMPOTENCY_IN_PROGRESS", 409, true),
    ("CHANGED_SINCE", 409, false),
    ("IDEMPOTENCY_KEY_REUSED", 422, false),
    ("MONTHLY_LIMIT_REACHED", 429, false),
    ("INTERNAL_ERROR", 500, true),
    ("ROBLOX_UNAVAILABLE", 502, true),
    ("ROBLOX_TIMEOUT", 502, true),
    ("ROBLOX_RATE_LIMITED", 502, true),
    ("ROBLOX_PERMISSION_DENIED", 502, false),
    ("ROBLOX_CREDENTIAL_INVALID", 502, false),
    ("ROBLOX_UNVERIFIED", 502, false),
    ("ROBLOX_UNEXPECTED_RESPONSE", 502, false),
    ("SERVICE_UNAVAILABLE", 503, true),
];

/// Errors that are found before a key is looked up, or because there is none.
const KEY_NOT_RECOGNISED: &[&str] = &[
    "INVALID_JSON",
    "MISSING_PARAMETER",
    "INVALID_PARAMETER",
    "INVALID_ACTION",
    "MISSING_API_KEY",
    "INVALID_API_KEY",
    "ROUTE_NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "PAYLOAD_TOO_LARGE",
    "UNSUPPORTED_ENCODING",
];
/// Errors that occur before the key is known and after.
const KEY_PERHAPS_RECOGNISED: &[&str] = &["SERVICE_UNAVAILABLE", "INTERNAL_ERROR"];
const RATE_LIMIT_HEADERS: [&str; 3] = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
const PLACEHOLDER_HEADERS: [&str; 2] = ["apigw-requestid", "x-request-id"];
const PLACEHOLDER_FIELDS: [&str; 7] = ["requestId", "logId", "keyId", "createdAt", "updatedAt", "resetsAt", "version"];

/// What came back. That it keeps the general promises has been asserted.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    asked: String,
}

impl Answer {
    pub(crate) fn checked(asked: String, status: u16, headers: HeaderMap, body: &[u8]) -> Self {
        let mut answer = Self { status, headers, body: Value::Null, asked };
        let text = String::from_utf8_lossy(body).into_owned();
        let content_type = answer.headers.get(CONTENT_TYPE).map(HeaderValueText::text);
        assert_eq!(content_type, Some("application/json; charset=utf-8"), "{} {status} {text}", answer.asked);
        assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()), "{} has no X-Request-Id", answer.asked);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.asked);
        if answer.asked.contains("HEAD ") {
            assert!(body.is_empty(), "{}: {text}", answer.asked);
        } else {
            answer.body =
                serde_json::from_slice(body).unwrap_or_else(|error| panic!("{}: {error}: {text}", answer.asked));
            document::check(&answer.asked, status, &answer.headers, &answer.body);
            answer.check_shape();
            answer.check_rate_limit();
        }
        answer.check_retry_after();
        answer
    }

    fn check_shape(&self) {
        let asked = &self.asked;
        let success =
            self.body["success"].as_bool().unwrap_or_else(|| panic!("{asked} {}: {}", self.status, self.body));
        if self.status == 200 {
            assert!(success || self.code().is_some_and(|code| code.starts_with("ALREADY_")), "{asked}: {}", self.body);
            return;
        }
        let code = self.code().unwrap_or_else(|| panic!("{asked} {}: {}", self.status, self.body));
        let (_, status, retryable) = CATALOGUE.iter().find(|(known, ..)| *known == code).unwrap();
        assert_eq!((success, self.status), (false, *status), "{asked}: {}", self.body);
        assert_eq!(self.body["retryable"], *retryable, "{asked}: {}", self.body);
        assert_eq!(self.body["docs"], format!("/docs/errors/{code}"), "{asked}");
        assert_eq!(self.body["requestId"].as_str(), self.header("x-request-id"), "{asked}");
        let message = self.body["message"].as_str().unwrap();
        assert!(message.ends_with('.') && message.len() > 20, "{asked}: {message}");
        let known = ["success", "code", "message", "retryable", "requestId", "docs", "details"];
        let others: Vec<_> =
            self.body.as_object().unwrap().keys().filter(|name| !known.contains(&name.as_str())).collect();
        assert!(others.is_empty(), "{asked}: {others:?}");
    }

    fn check_rate_limit(&self) {
        let present = RATE_LIMIT_HEADERS.iter().filter(|name| self.headers.contains_key(**name)).count();
        let expected: &[usize] = match self.code() {
            Some(code) if KEY_NOT_RECOGNISED.contains(&code) => &[0],
            Some(code) if KEY_PERHAPS_RECOGNISED.contains(&code) => &[0, 3],
            None if self.body["status"] == "ok" => &[0],
            _ => &[3],
        };
        assert!(expected.contains(&present), "{} {}: {:?}", self.asked, self.body, self.headers);
        if present == 3 {
            let reset = self.header("x-ratelimit-reset").unwrap();
            // A month may have ended between the answer and now.
            let ends =
                [10, 0].map(|ago| Month::of(Timestamp::now() - SignedDuration::from_secs(ago)).end().as_second());
            assert!(ends.map(|end| end.to_string()).contains(&reset.to_owned()), "{}: {reset}", self.asked);
        }
    }

    fn check_retry_after(&self) {
        let retry_after = self.headers.get(RETRY_AFTER).map(|value| value.text().parse::<u64>());
        assert!(retry_after.as_ref().is_none_or(|wait| wait.as_ref().is_ok_and(|s| *s >= 1)), "{}", self.asked);
        assert!(retry_after.is_some() || self.status != 429, "{} has no Retry-After", self.asked);
    }

    /// The `code` of an error or of a graceful failure.
    pub(crate) fn code(&self) -> Option<&str> {
        self.body["code"].as_str()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(HeaderValueText::text)
    }

    /// `X-RateLimit-Remaining`, where it is a number.
    pub(crate) fn remaining(&self) -> Option<u64> {
        self.header("x-ratelimit-remaining")?.parse().ok()
    }

    /// This answer, if it is an error of this code.
    #[track_caller]
    pub(crate) fn expect(self, code: &str) -> Self {
        assert_eq!(self.code(), Some(code), "{} {}: {}", self.asked, self.status, self.body);
        self
    }

    /// This answer, if it is a success.
    #[track_caller]
    pub(crate) fn expect_success(self) -> Self {
        assert_eq!((self.status, &self.body["success"]), (200, &Value::Bool(true)), "{}: {}", self.asked, self.body);
        self
    }

    /// Status, headers and body for a snapshot, with placeholders for what differs from run to run.
    pub(crate) fn shown(&self) -> String {
        let mut lines = vec![self.status.to_string()];
        let headers: BTreeMap<&str, &str> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.text())).collect();
        for (name, value) in headers {
            match name {
                "date" | "content-length" | "connection" => {}
                "x-ratelimit-reset" => lines.push(format!("{name}: [next month]")),
                "retry-after" if self.status == 429 => lines.push(format!("{name}: [until next month]")),
                _ if PLACEHOLDER_HEADERS.contains(&name) => lines.push(format!("{name}: [id]")),
                _ => lines.push(format!("{name}: {value}")),
            }
        }
        let body = serde_json::to_string_pretty(&with_placeholders(&self.body)).unwrap();
        lines.push(format!("\n{body}"));
        lines.join("\n")
    }
}

/// Fields in the order of their names, whatever order this build's JSON keeps.
fn with_placeholders(value: &Value) -> Value {
    if let Value::Array(items) = value {
        return Value::Array(items.iter().map(with_placeholders).collect());
    }
    let Value::Object(fields) = value else { return value.clone() };
    let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
    let shown = sorted.into_iter().map(|(name, value)| {
        let varies = value.is_string() && PLACEHOLDER_FIELDS.contains(&name.as_str());
        (name.clone(), if varies { Value::String(format!("[{name}]")) } else { with_placeholders(value) })
    });
    Value::Object(shown.collect::<Map<_, _>>())
}

trait HeaderValueText {
    fn text(&self) -> &str;
}

impl HeaderValueText for reqwest::header::HeaderValue {
    fn text(&self) -> &str {
        self.to_str().unwrap()
    }
}
