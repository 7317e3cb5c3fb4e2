//! Events of every kind, those included that API Gateway would never send: an answer in the contract's shape to each.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::plan::Plan;
use rankbot_shared::function::Function;
use rankbot_shared::http::routes::ROUTES;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::malformed::assert_no_io;
use crate::world::{GROUP, World};

/// An event as API Gateway could never send it, and as a mistake of ours might.
#[derive(Debug, Clone)]
struct AnyEvent {
    function: usize,
    method: String,
    path: String,
    stage: Option<String>,
    query: String,
    host: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    is_base64: bool,
}

impl AnyEvent {
    fn function(&self) -> Function {
        Function::ALL[self.function % Function::ALL.len()]
    }

    fn json(&self) -> Value {
        let mut headers: serde_json::Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        headers.insert("host".to_owned(), json!(self.host));
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": self.path,
            "rawQueryString": self.query,
            "headers": headers,
            "requestContext": {
                "http": {"method": self.method, "path": self.path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
                "requestId": "request",
                "stage": self.stage,
                "time": "20/Nov/2026:18:01:37 +0000",
                "timeEpoch": 0,
            },
            "body": self.body,
            "isBase64Encoded": self.is_base64,
        })
    }
}

fn any_json() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("action".to_owned()),
        Just("groupId".to_owned()),
        Just("userId".to_owned()),
        Just("targetRank".to_owned()),
        Just("steps".to_owned()),
        Just("dryRun".to_owned()),
        ".{0,8}",
    ];
    let leaf = prop_oneof![
        Just(json!("promote")),
        Just(json!("setRank")),
        Just(json!(GROUP)),
        Just(json!(200_001)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        any::<bool>().prop_map(|flag| json!(flag)),
        ".{0,20}".prop_map(|text| json!(text)),
        Just(Value::Null),
    ];
    let value = leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    value.prop_map(|value| value.to_string())
}

fn any_body() -> impl Strategy<Value = Option<String>> {
    let cut = (any_json(), any::<prop::sample::Index>()).prop_map(|(json, at)| {
        let characters: Vec<char> = json.chars().collect();
        characters[..at.index(characters.len() + 1)].iter().collect()
    });
    let text = prop_oneof![
        any_json(),
        cut,
        ".{0,200}",
        prop::collection::vec(any::<u8>(), 0..64).prop_map(|bytes| { String::from_utf8_lossy(&bytes).into_owned() })
    ];
    prop::option::of(text)
}

fn any_path() -> impl Strategy<Value = String> {
    let routes = prop::sample::select(ROUTES.iter().map(|route| route.path).collect::<Vec<_>>());
    let filled = (routes, "[0-9]{1,3}|[^/]{0,12}", "[0-9]{1,3}|[^/]{0,12}")
        .prop_map(|(path, group, user)| path.replace("{groupId}", &group).replace("{userId}", &user));
    prop_oneof![3 => filled, 1 => "/.{0,40}", 1 => "//.{0,10}/v1/key"]
}

fn any_event(credential: impl Strategy<Value = Option<String>>) -> impl Strategy<Value = AnyEvent> {
    let headers = prop::collection::vec(("[a-z][a-z0-9-]{0,12}", "[ -~]{0,30}"), 0..5);
    let method = prop_oneof![3 => Just("GET".to_owned()), 3 => Just("POST".to_owned()), 1 => "[A-Z]{1,10}"];
    let stage = prop::option::of(prop_oneof![Just("$default".to_owned()), Just("pro".to_owned()), ".{0,8}"]);
    let host = "[ -~¡-ÿ😀]{0,20}";
    let place = (any::<usize>(), method, any_path(), stage, ".{0,30}", host);
    (place, headers, credential, any_body(), any::<bool>()).prop_map(
        |((function, method, path, stage, query, host), mut headers, credential, body, is_base64)| {
            headers.retain(|(name, _)| name != "authorization" && name != "x-api-key");
            headers.extend(credential.map(|credential| ("authorization".to_owned(), credential)));
            AnyEvent { function, method, path, stage, query, host, headers, body, is_base64 }
        },
    )
}

/// Runs `check` on many events. The runner is not asynchronous, and the world is.
fn for_any_event(credential: impl Strategy<Value = Option<String>>, check: impl Fn(&World, &AnyEvent, &Answer)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::start());
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&any_event(credential), |event| {
            let answer = runtime.block_on(world.invoke(event.function(), &event.json()));
            check(&world, &event, &answer);
            Ok(())
        })
        .unwrap();
}

/// That every answer has the contract's shape is asserted as it is read.
#[test]
fn no_event_without_a_key_is_answered_5xx_or_reaches_anything() {
    for_any_event(prop::option::of("[ -~]{0,60}"), |world, event, answer| {
        assert!(answer.status < 500, "{event:?}: {}", answer.body);
        assert_no_io(world, &format!("{event:?}"));
    });
}

#[test]
fn no_event_with_a_well_formed_key_is_answered_5xx() {
    // A key that nobody has is let as far as the database; what it asks for is made up, and refused there.
    let key = ApiKey::generate().unwrap();
    let credential = Just(Some(format!("Bearer {}", key.reveal())));
    for_any_event(credential, |world, event, answer| {
        assert!(answer.status < 500, "{event:?}: {}", answer.body);
        assert!(world.roblox.calls().is_empty(), "{event:?}");
    });
}

#[tokio::test]
async fn what_claims_to_be_base64_and_is_not_is_a_malformed_body() {
    let world = World::start().await;
    let event = AnyEvent {
        function: 0,
        method: "POST".to_owned(),
        path: "/v1/setRank".to_owned(),
        stage: None,
        query: "a b\u{7f}".to_owned(),
        host: "not a host".to_owned(),
        headers: vec![("authorization".to_owned(), format!("Bearer {}", world.key(Plan::Pro).reveal()))],
        body: Some("{\"action\":\"setRank\"".to_owned()),
        is_base64: true,
    };
    world.invoke(Function::SetRank, &event.json()).await.expect("INVALID_JSON");
}

fn get(path: String, query: String) -> AnyEvent {
    AnyEvent {
        function: 0,
        method: "GET".to_owned(),
        path,
        stage: Some("pro".to_owned()),
        query,
        host: "localhost".to_owned(),
        headers: Vec::new(),
        body: None,
        is_base64: false,
    }
}

/// API Gateway refuses them by itself; whoever else hands an event to a function need not.
#[tokio::test]
async fn paths_and_queries_that_no_uri_can_hold_are_answered() {
    let world = World::start().await;
    let key = json!(format!("Bearer {}", world.key(Plan::Pro).reveal()));
    for (path, query, code) in [
        (format!("/v1/{}", "x".repeat(70_000)), String::new(), Some("ROUTE_NOT_FOUND")),
        (format!("/v1/{}", "ä".repeat(15_000)), String::new(), Some("ROUTE_NOT_FOUND")),
        (":99999/v1/status".to_owned(), String::new(), Some("ROUTE_NOT_FOUND")),
        (String::new(), String::new(), Some("ROUTE_NOT_FOUND")),
        ("/v1/status".to_owned(), "x".repeat(70_000), None),
        ("/v1/status".to_owned(), "{".repeat(25_000), None),
        // Left out, it would show everything.
        ("/v1/logs".to_owned(), format!("userId=8{}", "&".repeat(70_000)), Some("INVALID_PARAMETER")),
        ("/v1/logs".to_owned(), format!("userId={}8", "0".repeat(1_000)), None),
    ] {
        let function = if path == "/v1/logs" { Function::Logs } else { Function::KeyInfo };
        let shown = format!("{path:.20} {query:.20}");
        let mut event = get(path, query).json();
        event["headers"]["authorization"] = key.clone();
        let answer = world.invoke(function, &event).await;
        let shown = format!("{shown}: {} {}", answer.status, answer.body);
        assert_eq!(answer.code(), code, "{shown}");
        assert!(code.is_some() || answer.status == 200, "{shown}");
    }
}
