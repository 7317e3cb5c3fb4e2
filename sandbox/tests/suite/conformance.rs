//! The sandbox against Roblox's own OpenAPI document, where there is a copy of it.

use rankbot_sandbox::openapi::{OpenApi, VARIABLE};
use reqwest::Method;
use serde_json::json;

use crate::fixture::{CREW_ROLE, Fixture, GROUP, NEWCOMER, OTHER_GROUP, PILOT_ROLE, read, role_path};

/// A document of the same shape as Roblox's, small enough to check the checker with.
const SMALL: &str = r##"{
  "paths": {
    "/things/{thing_id}": {"get": {
      "parameters": [{"name": "size", "in": "query", "schema": {"type": "integer"}}],
      "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}
    }},
    "/things/{thing_id}:turn": {"post": {
      "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Turn"}}}}
    }}
  },
  "components": {"schemas": {
    "Thing": {"type": "object", "properties": {
      "at": {"type": "string", "format": "date-time"},
      "path": {"type": "string", "description": "Where.\n\nFormat: `things/{thing_id}`"},
      "tags": {"type": "array", "items": {"type": "string"}},
      "count": {"type": "integer", "format": "int32"}
    }},
    "Turn": {"type": "object", "required": ["side"], "properties": {"side": {"type": "string"}}}
  }}
}"##;

#[test]
fn answer_that_differs_from_the_document_is_noticed() {
    let document = OpenApi::parse(SMALL).unwrap();
    let check = |body| document.check_answer("GET", "/things/1", &body);
    let good = json!({"at": "2026-03-16T12:00:00Z", "path": "things/1", "tags": ["a"], "count": 1});
    assert_eq!(check(good), Vec::<String>::new());
    for bad in [
        json!({"at": "yesterday"}),
        json!({"path": "1"}),
        json!({"tags": "a"}),
        json!({"tags": [1]}),
        json!({"count": "1"}),
        json!({"count": 1.5}),
        json!({"count": 3_000_000_000_u32}),
        json!({"colour": "red"}),
        json!([]),
    ] {
        assert_eq!(check(bad.clone()).len(), 1, "{bad}");
    }
    assert_eq!(document.check_answer("GET", "/things/1:turn", &json!({})).len(), 1);
}

#[tokio::test]
async fn request_that_differs_from_the_document_is_noticed() {
    let document = OpenApi::parse(SMALL).unwrap();
    let fixture = Fixture::start().await;
    let mismatches = async |request| {
        fixture.control().clear_calls();
        read(request).await;
        document.check_request(&fixture.control().calls()[0])
    };
    let get = |path| fixture.request(Method::GET, path);
    let turn = || fixture.request(Method::POST, "/things/1:turn");
    assert_eq!(mismatches(get("/things/1?size=5")).await, Vec::<String>::new());
    assert_eq!(mismatches(turn().json(&json!({"side": "left"}))).await, Vec::<String>::new());
    assert_eq!(mismatches(get("/things/1?size=big")).await, ["parameter size: 'big' is no int32"]);
    assert_eq!(mismatches(get("/things/1?colour=red")).await, ["no parameter 'colour'"]);
    assert_eq!(mismatches(get("/thing/1")).await, ["no operation GET /thing/1"]);
    assert_eq!(mismatches(turn()).await, ["no body"]);
    assert_eq!(mismatches(turn().json(&json!({}))).await, ["body.side is missing"]);
    let keyless = fixture.client.get(format!("{}/things/1", fixture.sandbox.url()));
    assert_eq!(mismatches(keyless).await, ["no x-api-key"]);
}

/// One request of each kind whose answer is described: method, path, body.
fn requests() -> Vec<(Method, String, Option<serde_json::Value>)> {
    let group = format!("/cloud/v2/groups/{GROUP}");
    let write = |verb| format!("{group}/memberships/{NEWCOMER}:{verb}");
    let role = || Some(json!({"role": role_path(CREW_ROLE)}));
    vec![
        (Method::GET, group.clone(), None),
        (Method::GET, format!("/cloud/v2/groups/{OTHER_GROUP}"), None),
        (Method::GET, format!("{group}/roles?maxPageSize=3"), None),
        (Method::GET, format!("{group}/roles"), None),
        (Method::GET, format!("{group}/roles"), None),
        (Method::GET, format!("{group}/roles/{PILOT_ROLE}"), None),
        (Method::GET, format!("{group}/memberships"), None),
        (Method::GET, format!("{group}/memberships?filter=user%20%3D%3D%20%27users%2F3%27"), None),
        (Method::GET, format!("{group}/memberships?filter=user%20%3D%3D%20%27users%2F99%27"), None),
        (Method::GET, "/cloud/v2/groups/-/memberships?filter=user%20in%20%5B%27users%2F3%27%5D".to_owned(), None),
        (Method::POST, write("assignRole"), role()),
        (Method::POST, write("unassignRole"), role()),
    ]
}

#[tokio::test]
async fn every_answer_is_as_roblox_describes_it() {
    let Some(document) = OpenApi::from_env().unwrap() else {
        eprintln!("NOT RUN: set {VARIABLE} to Roblox's OpenAPI document to check the sandbox's answers against it.");
        return;
    };
    let fixture = Fixture::start().await;
    for (method, path, body) in requests() {
        let mut request = fixture.request(method.clone(), &path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = read(request).await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
        let bare = path.split('?').next().unwrap();
        let mismatches = document.check_answer(method.as_str(), bare, &answer.json());
        assert_eq!(mismatches, Vec::<String>::new(), "{method} {path}: {}", answer.text);
    }
    for call in fixture.control().calls() {
        assert_eq!(document.check_request(&call), Vec::<String>::new(), "{call:?}");
    }
}
