//! What API Gateway hands to a function: payload format 2.0, with the headers that a game server sends.

use reqwest::Method;
use serde_json::{Value, json};

/// The event of a request under an API key.
pub(crate) fn of_request(method: &Method, path: &str, body: Option<&Value>, key: &str) -> Value {
    let mut event = json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "accept-encoding": "gzip, deflate",
            "authorization": format!("Bearer {key}"),
            "content-type": "application/json",
            "host": "api.rankbot.example",
            "roblox-id": "1818",
            "user-agent": "Roblox/Linux",
            "x-amzn-trace-id": "Root=1-6b008b62-782bc55eec18b4860baef558",
            "x-forwarded-for": "203.0.113.24",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": "api.rankbot.example",
            "domainPrefix": "api",
            "http": {
                "method": method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.24",
                "userAgent": "Roblox/Linux",
            },
            "requestId": "rb0N2ExORTsvNCI=",
            "routeKey": format!("{method} {path}"),
            "stage": "$default",
            "time": "20/Nov/2026:18:03:14 +0000",
            "timeEpoch": 1_795_197_794_687_u64,
        },
        "isBase64Encoded": false,
    });
    if let (Some(body), Some(event)) = (body, event.as_object_mut()) {
        event.insert("body".to_owned(), Value::String(body.to_string()));
    }
    event
}

/// What the schedule sends to `sweep`, whose content says nothing that matters.
pub(crate) fn of_schedule() -> Value {
    json!({
        "version": "0",
        "id": "5b2c6a0e-7d41-4e0b-9b3f-2f1f0c8a6d17",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-11-20T18:12:00Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:events:eu-central-1:123456789012:rule/rankbot-sweep"],
        "detail": {},
    })
}
