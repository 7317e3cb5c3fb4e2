use axum::http::HeaderName;
use serde_json::{Value, json};

use super::*;

/// A request to build the event of; `POST /v1/setRank` from a curl, unless told otherwise.
struct Sample {
    headers: Vec<(&'static str, &'static [u8])>,
    query: &'static str,
    body: &'static [u8],
    stage: Stage,
    path: &'static str,
    path_parameters: BTreeMap<String, String>,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            headers: vec![("host", b"127.0.0.1:3000"), ("user-agent", b"curl/8.5.0")],
            query: "",
            body: b"",
            stage: Stage::Default,
            path: "/v1/setRank",
            path_parameters: BTreeMap::new(),
        }
    }
}

impl Sample {
    fn event(self) -> Value {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
        }
        let body = Bytes::from_static(self.body);
        let arrived = Arrived {
            method: &Method::POST,
            version: Version::HTTP_11,
            headers: &headers,
            query: self.query,
            body: &body,
            source: IpAddr::from([127, 0, 0, 1]),
            port: 3000,
        };
        let routing = Routing {
            stage: self.stage,
            route_key: "POST /v1/setRank".to_owned(),
            path: self.path,
            path_parameters: self.path_parameters,
            request_id: "JKJaXmPLvHcESHA=",
            now: "2026-11-05T09:08:07.006Z".parse().unwrap(),
        };
        serde_json::to_value(Event::new(&arrived, &routing)).unwrap()
    }

    fn with_headers(headers: &[(&'static str, &'static [u8])]) -> Self {
        let mut sample = Self::default();
        sample.headers.extend(headers);
        sample
    }

    fn with_body(content_type: Option<&'static [u8]>, body: &'static [u8]) -> Self {
        let mut sample = Self { body, ..Self::default() };
        sample.headers.extend(content_type.map(|value| ("content-type", value)));
        sample
    }
}

#[test]
fn event_has_the_fields_of_payload_format_2() {
    let mut sample = Sample::with_body(Some(b"application/json"), br#"{"userId":1}"#);
    sample.query = "a=1";
    sample.path_parameters = BTreeMap::from([("groupId".to_owned(), "7".to_owned())]);
    assert_eq!(
        sample.event(),
        json!({
            "version": "2.0",
            "routeKey": "POST /v1/setRank",
            "rawPath": "/v1/setRank",
            "rawQueryString": "a=1",
            "headers": {
                "content-length": "12",
                "content-type": "application/json",
                "host": "127.0.0.1:3000",
                "user-agent": "curl/8.5.0",
                "x-forwarded-for": "127.0.0.1",
                "x-forwarded-port": "3000",
                "x-forwarded-proto": "http"
            },
            "queryStringParameters": { "a": "1" },
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "local",
                "domainName": "127.0.0.1",
                "domainPrefix": "127",
                "http": {
                    "method": "POST",
                    "path": "/v1/setRank",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "curl/8.5.0"
                },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": "POST /v1/setRank",
                "stage": "$default",
                "time": "05/Nov/2026:09:08:07 +0000",
                "timeEpoch": 1_793_869_687_006_i64
            },
            "pathParameters": { "groupId": "7" },
            "body": "{\"userId\":1}",
            "isBase64Encoded": false
        })
    );
}

#[test]
fn what_a_request_does_not_have_is_left_out() {
    let event = Sample::default().event();
    for field in ["cookies", "queryStringParameters", "pathParameters", "body"] {
        assert!(event.get(field).is_none(), "{field}");
    }
    assert_eq!(event["rawQueryString"], "");
    assert_eq!(event["isBase64Encoded"], false);
}

#[test]
fn repeated_headers_are_joined_and_cookies_stand_apart() {
    let event = Sample::with_headers(&[
        ("x-api-key", b"one"),
        ("x-api-key", b"two"),
        ("cookie", b"a=1; b=2"),
        ("cookie", b"c=3"),
    ])
    .event();
    assert_eq!(event["headers"]["x-api-key"], "one,two");
    assert_eq!(event["headers"].get("cookie"), None);
    assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
}

#[test]
fn forwarding_headers_are_the_gateways_own() {
    let event = Sample::with_headers(&[
        ("x-forwarded-for", b"203.0.113.9"),
        ("x-forwarded-proto", b"gopher"),
        ("x-forwarded-port", b"1"),
    ])
    .event();
    assert_eq!(event["headers"]["x-forwarded-for"], "203.0.113.9, 127.0.0.1");
    assert_eq!(event["headers"]["x-forwarded-proto"], "http");
    assert_eq!(event["headers"]["x-forwarded-port"], "3000");
}

#[test]
fn query_parameters_are_decoded_and_repeated_ones_joined() {
    let event = Sample { query: "a=1&b=x%20y+z&a=2&flag&=", ..Sample::default() }.event();
    assert_eq!(event["rawQueryString"], "a=1&b=x%20y+z&a=2&flag&=");
    assert_eq!(event["queryStringParameters"], json!({ "a": "1,2", "b": "x y z", "flag": "", "": "" }));
}

#[test]
fn only_known_text_types_arrive_as_text() {
    let is_base64 = |content_type| Sample::with_body(content_type, b"{}").event()["isBase64Encoded"].clone();
    let texts: [&[u8]; 5] = [
        b"application/json",
        b"Application/JSON; charset=utf-8",
        b"text/plain",
        b"application/xml",
        b"application/javascript",
    ];
    for text in texts {
        assert_eq!(is_base64(Some(text)), false, "{}", String::from_utf8_lossy(text));
    }
    let binaries: [&[u8]; 4] =
        [b"application/x-www-form-urlencoded", b"application/problem+json", b"application/octet-stream", b""];
    for binary in binaries {
        assert_eq!(is_base64(Some(binary)), true, "{}", String::from_utf8_lossy(binary));
    }
    assert_eq!(is_base64(None), true);
}

#[test]
fn binary_bodies_and_text_that_is_no_utf_8_are_base64() {
    let event = Sample::with_body(Some(b"application/json"), &[0xff, 0x00]).event();
    assert_eq!(event["body"], "/wA=");
    assert_eq!(event["isBase64Encoded"], true);
}

#[test]
fn header_bytes_that_are_no_utf_8_still_make_an_event() {
    let event = Sample::with_headers(&[("authorization", b"Bearer \xff")]).event();
    assert_eq!(event["headers"]["authorization"], "Bearer \u{fffd}");
}

#[test]
fn the_stage_is_in_the_context_and_in_the_path() {
    let event = Sample {
        stage: Stage::Plan(rankbot_shared::domain::plan::Plan::Pro),
        path: "/pro/v1/setRank",
        ..Sample::default()
    }
    .event();
    assert_eq!(event["requestContext"]["stage"], "pro");
    assert_eq!(event["rawPath"], "/pro/v1/setRank");
    assert_eq!(event["requestContext"]["http"]["path"], "/pro/v1/setRank");
}

#[test]
fn the_path_is_decoded_and_cut_at_a_decoded_question_mark() {
    assert_eq!(decoded_path("/v1/rank/7%20/x"), "/v1/rank/7 /x");
    assert_eq!(decoded_path("/v1/rank%3Fa=1"), "/v1/rank");
    assert_eq!(decoded_path("/v1/%zz/%ff"), "/v1/%zz/\u{fffd}");
}
