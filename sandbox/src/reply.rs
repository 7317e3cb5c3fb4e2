//! The shapes in which Roblox answers an error: they differ by who answers, and a client must read them all.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The error codes of Open Cloud v2, each with its status (documented).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are Roblox's own and say all there is")]
pub enum V2Code {
    InvalidArgument,
    PermissionDenied,
    NotFound,
    Aborted,
    ResourceExhausted,
    Cancelled,
    Internal,
    NotImplemented,
    Unavailable,
}

impl V2Code {
    /// The status that goes with the code.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidArgument => 400,
            Self::PermissionDenied => 403,
            Self::NotFound => 404,
            Self::Aborted => 409,
            Self::ResourceExhausted => 429,
            Self::Cancelled => 499,
            Self::Internal => 500,
            Self::NotImplemented => 501,
            Self::Unavailable => 503,
        }
    }

    /// The code that goes with a status; `INTERNAL` for one that Roblox does not list.
    fn of_status(status: u16) -> Self {
        match status {
            400 => Self::InvalidArgument,
            403 => Self::PermissionDenied,
            404 => Self::NotFound,
            409 => Self::Aborted,
            429 => Self::ResourceExhausted,
            499 => Self::Cancelled,
            501 => Self::NotImplemented,
            503 => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

/// The body of an injected error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ErrorBody {
    /// Open Cloud v2's: `{"code":"UNAVAILABLE","message":"…","details":[]}`, the code that goes with the status.
    #[default]
    V2,
    /// As [`ErrorBody::V2`], with a number for a code.
    V2NumericCode,
    /// The gateway's: `{"errors":[{"code":0,"message":"…"}]}`.
    Gateway,
    /// One line of text that is no JSON.
    PlainText,
    /// No body at all.
    Empty,
    /// What you say.
    #[serde(rename_all = "camelCase")]
    Custom {
        /// The value of the `content-type` header.
        content_type: String,
        /// The body, byte for byte.
        body: String,
    },
}

impl ErrorBody {
    pub(crate) fn reply(&self, status: u16, retry_after_s: Option<u64>) -> Response {
        let code = V2Code::of_status(status);
        let mut response = match self {
            Self::V2 => json_reply(status, &v2_body(code, "Injected by the sandbox.")),
            Self::V2NumericCode => {
                json_reply(status, &json!({"code": 13, "message": "Injected by the sandbox.", "details": []}))
            }
            Self::Gateway => json_reply(status, &gateway_body("Injected by the sandbox.")),
            Self::PlainText => reply(status, "text/plain; charset=utf-8", "Injected by the sandbox."),
            Self::Empty => empty_reply(status),
            Self::Custom { content_type, body } => reply(status, content_type, body.clone()),
        };
        if let Some(seconds) = retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// An operation that the sandbox refuses.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) code: V2Code,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: V2Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(V2Code::InvalidArgument, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(V2Code::NotFound, message)
    }

    pub(crate) fn reply(&self) -> Response {
        json_reply(self.code.status(), &v2_body(self.code, &self.message))
    }
}

fn v2_body(code: V2Code, message: &str) -> Value {
    json!({"code": code, "message": message, "details": []})
}

fn gateway_body(message: &str) -> Value {
    json!({"errors": [{"code": 0, "message": message}]})
}

/// An error in the gateway's shape: what Roblox answers before any v2 code has run.
pub(crate) fn gateway_reply(status: u16, message: &str) -> Response {
    json_reply(status, &gateway_body(message))
}

pub(crate) fn json_reply(status: u16, body: &Value) -> Response {
    reply(status, "application/json; charset=utf-8", body.to_string())
}

pub(crate) fn empty_reply(status: u16) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status_code(status);
    response
}

pub(crate) fn reply(status: u16, content_type: &str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status_code(status);
    if let Ok(value) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    response
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
