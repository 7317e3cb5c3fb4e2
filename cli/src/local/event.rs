//! The events that an HTTP API of API Gateway sends to a function (payload format 2.0).
//!
//! Facts that AWS does not document are from what others have measured against the real service: the path arrives
//! percent-decoded and cut at a decoded `?`; only `text/*` and JSON, XML and JavaScript arrive as text, so that a body
//! without a content type, or a form, is base64.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::body::Bytes;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HOST, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, Method, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;
use serde::Serialize;

use super::stage::Stage;

/// The account of Amazon's own examples.
const ACCOUNT_ID: &str = "123456789012";
const API_ID: &str = "local";

/// A request as it arrived, its body read.
#[derive(Debug)]
pub(crate) struct Arrived<'a> {
    pub(crate) method: &'a Method,
    pub(crate) version: Version,
    pub(crate) headers: &'a HeaderMap,
    /// The query as sent, without the question mark.
    pub(crate) query: &'a str,
    pub(crate) body: &'a Bytes,
    pub(crate) source: IpAddr,
    /// The port that it arrived on.
    pub(crate) port: u16,
}

/// What the gateway knows of a request beyond what arrived.
#[derive(Debug)]
pub(crate) struct Routing<'a> {
    pub(crate) stage: Stage,
    pub(crate) route_key: String,
    /// Decoded, its stage included.
    pub(crate) path: &'a str,
    pub(crate) path_parameters: BTreeMap<String, String>,
    pub(crate) request_id: &'a str,
    pub(crate) now: Timestamp,
}

/// The event. Fields that a request has nothing for are left out, as API Gateway leaves them out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event<'a> {
    version: &'static str,
    route_key: &'a str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookies: Option<Vec<String>>,
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    query_string_parameters: BTreeMap<String, String>,
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    path_parameters: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    is_base64_encoded: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    account_id: &'static str,
    api_id: &'static str,
    domain_name: &'a str,
    domain_prefix: &'a str,
    http: HttpDescription<'a>,
    request_id: &'a str,
    route_key: &'a str,
    stage: &'static str,
    time: String,
    time_epoch: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HttpDescription<'a> {
    method: &'a str,
    path: &'a str,
    protocol: &'static str,
    source_ip: String,
    user_agent: String,
}

impl<'a> Event<'a> {
    pub(crate) fn new(arrived: &'a Arrived<'a>, routing: &'a Routing<'a>) -> Self {
        let (body, is_base64_encoded) = body(arrived.headers, arrived.body);
        Self {
            version: "2.0",
            route_key: &routing.route_key,
            raw_path: routing.path,
            raw_query_string: arrived.query,
            cookies: cookies(arrived.headers),
            headers: headers(arrived),
            query_string_parameters: query_parameters(arrived.query),
            request_context: RequestContext::new(arrived, routing),
            path_parameters: &routing.path_parameters,
            body,
            is_base64_encoded,
        }
    }
}

impl<'a> RequestContext<'a> {
    fn new(arrived: &'a Arrived<'a>, routing: &'a Routing<'a>) -> Self {
        let host = arrived.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let domain_name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
        Self {
            account_id: ACCOUNT_ID,
            api_id: API_ID,
            domain_name,
            domain_prefix: domain_name.split('.').next().unwrap_or(domain_name),
            http: HttpDescription {
                method: arrived.method.as_str(),
                path: routing.path,
                protocol: if arrived.version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" },
                source_ip: arrived.source.to_string(),
                user_agent: arrived.headers.get(USER_AGENT).map(text).unwrap_or_default(),
            },
            request_id: routing.request_id,
            route_key: &routing.route_key,
            stage: routing.stage.name(),
            time: routing.now.to_zoned(TimeZone::UTC).strftime("%d/%b/%Y:%H:%M:%S %z").to_string(),
            time_epoch: routing.now.as_millisecond(),
        }
    }
}

/// The path as the event carries it: decoded, and cut where the decoded text reads as the start of a query.
pub(crate) fn decoded_path(raw: &str) -> String {
    let decoded = percent_decode_str(raw).decode_utf8_lossy();
    decoded.split('?').next().unwrap_or_default().to_owned()
}

/// Names in lower case, repeated headers joined with commas, cookies apart; and what the gateway adds or overrules.
fn headers(arrived: &Arrived<'_>) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    for name in arrived.headers.keys().filter(|name| **name != COOKIE) {
        let values: Vec<String> = arrived.headers.get_all(name).iter().map(text).collect();
        headers.insert(name.as_str().to_owned(), values.join(","));
    }
    let source = arrived.source.to_string();
    let forwarded_for = match headers.get("x-forwarded-for") {
        Some(before) => format!("{before}, {source}"),
        None => source,
    };
    headers.insert("x-forwarded-for".to_owned(), forwarded_for);
    headers.insert("x-forwarded-port".to_owned(), arrived.port.to_string());
    headers.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    headers.insert("content-length".to_owned(), arrived.body.len().to_string());
    headers
}

fn cookies(headers: &HeaderMap) -> Option<Vec<String>> {
    let lines = headers.get_all(COOKIE).iter().map(text);
    let cookies: Vec<String> = lines
        .flat_map(|line| line.split(';').map(|cookie| cookie.trim().to_owned()).collect::<Vec<_>>())
        .filter(|cookie| !cookie.is_empty())
        .collect();
    (!cookies.is_empty()).then_some(cookies)
}

/// Decoded; a name that comes several times has its values joined with commas.
fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded_component(value);
        parameters
            .entry(decoded_component(name))
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert(value);
    }
    parameters
}

fn decoded_component(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// The body and whether it is base64. What is compressed is no text, whatever its content type; and what is no UTF-8 is
/// base64 too: an event cannot carry it otherwise.
fn body(headers: &HeaderMap, bytes: &Bytes) -> (Option<String>, bool) {
    if bytes.is_empty() {
        return (None, false);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if arrives_as_text(headers) && !headers.contains_key(CONTENT_ENCODING) => {
            (Some(text.to_owned()), false)
        }
        Ok(_) | Err(_) => (Some(BASE64.encode(bytes)), true),
    }
}

fn arrives_as_text(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(text).unwrap_or_default().to_ascii_lowercase();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.starts_with("text/")
        || matches!(media_type, "application/json" | "application/xml" | "application/javascript")
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests;
