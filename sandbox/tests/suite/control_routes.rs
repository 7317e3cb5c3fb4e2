use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{Answer, BASE_ROLE, CREW_ROLE, Fixture, NEWCOMER, PILOT_ROLE, STRANGER, read};

async fn send(fixture: &Fixture, method: Method, path: &str, body: Value) -> Answer {
    // Without a content type, as `curl -d` sends it.
    read(fixture.request(method, path).body(body.to_string())).await
}

async fn empty(fixture: &Fixture, method: Method, path: &str) -> Answer {
    read(fixture.request(method, path)).await
}

#[tokio::test]
async fn index_lists_the_groups_and_the_control_routes() {
    let fixture = Fixture::start().await;
    let index = fixture.get("/").await.json();
    assert_eq!(index["groups"][0]["id"], 70);
    assert!(index["control"].as_array().unwrap().contains(&json!("GET, DELETE /sandbox/calls")));
}

#[tokio::test]
async fn calls_are_read_and_cleared() {
    let fixture = Fixture::start().await;
    fixture.assign(NEWCOMER, CREW_ROLE).await;
    let calls = fixture.get("/sandbox/calls").await.json();
    assert_eq!(calls["calls"][0]["endpoint"], "assignRole");
    assert_eq!(calls["calls"][0]["status"], 200);
    empty(&fixture, Method::DELETE, "/sandbox/calls").await;
    assert_eq!(fixture.get("/sandbox/calls").await.json(), json!({"calls": []}));
}

#[tokio::test]
async fn faults_are_injected_as_documented_and_cleared() {
    let fixture = Fixture::start().await;
    for effect in [
        json!({"status": {"status": 503}}),
        json!({"status": {"status": 429, "body": "gateway", "retryAfterS": 2, "timing": "after"}}),
        json!({"status": {"status": 502, "body": {"custom": {"contentType": "text/html", "body": "<html>"}}}}),
        json!({"delayMs": 1}),
        json!({"drop": "before"}),
        json!({"hang": "after"}),
        json!("hold"),
        json!("brokenBody"),
        json!("noEffect"),
    ] {
        let on = json!({"endpoint": "getGroup", "group": 1, "user": 2, "role": 3, "nth": 4});
        let fault = json!({"on": on, "times": 1, "effect": effect});
        let answer = send(&fixture, Method::POST, "/sandbox/faults", fault).await;
        assert_eq!(answer.status, 200, "{effect}: {}", answer.text);
    }
    send(&fixture, Method::POST, "/sandbox/faults", json!({"effect": {"status": {"status": 503}}})).await;
    assert_eq!(fixture.get("/sandbox/faults").await.json()["faults"].as_array().unwrap().len(), 10);
    assert_eq!(fixture.assign(NEWCOMER, CREW_ROLE).await.status, 503);
    empty(&fixture, Method::DELETE, "/sandbox/faults").await;
    assert_eq!(fixture.assign(NEWCOMER, CREW_ROLE).await.status, 200);
}

#[tokio::test]
async fn members_are_put_read_and_removed() {
    let fixture = Fixture::start().await;
    let path = format!("/sandbox/groups/70/members/{STRANGER}");
    assert_eq!(fixture.get(&path).await.status, 404);
    assert_eq!(send(&fixture, Method::PUT, &path, json!({"roles": [PILOT_ROLE]})).await.status, 200);
    assert_eq!(fixture.get(&path).await.json(), json!({"roles": [BASE_ROLE, PILOT_ROLE], "rank": 20}));
    empty(&fixture, Method::DELETE, &path).await;
    assert_eq!(fixture.roles_of(STRANGER), None);
    let stray = send(&fixture, Method::PUT, &path, json!({"roles": [424_242]})).await;
    assert_eq!((stray.status, stray.json()), (404, json!({"error": "the group has no role 424242"})));
}

#[tokio::test]
async fn group_that_was_read_can_be_put_under_another_id() {
    let fixture = Fixture::start().await;
    let group = fixture.get("/sandbox/groups/70").await.json();
    assert_eq!(send(&fixture, Method::PUT, "/sandbox/groups/80", group).await.status, 200);
    assert_eq!(fixture.control().rank_of(80, 3), Some(20));
    assert_eq!(fixture.get("/cloud/v2/groups/80").await.json()["displayName"], "Test Air");
}

#[tokio::test]
async fn delay_limits_and_assumptions_are_set_and_reset_undoes_everything_but_assumptions() {
    let fixture = Fixture::start().await;
    for (path, body) in [
        ("/sandbox/delay", json!({"delayMs": 0})),
        ("/sandbox/rate-limits", json!("perMinute")),
        ("/sandbox/rate-limits", json!({"custom": {"windowMs": 3_600_000, "getGroup": 1}})),
        ("/sandbox/assumptions", json!({"outranked": "INVALID_ARGUMENT", "rankOne": "noEffect"})),
    ] {
        let answer = send(&fixture, Method::PUT, path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
    let assumed = fixture.get("/sandbox/assumptions").await.json();
    assert_eq!((&assumed["outranked"], &assumed["notAMember"]), (&json!("INVALID_ARGUMENT"), &json!("NOT_FOUND")));
    fixture.assign(NEWCOMER, CREW_ROLE).await;
    fixture.get("/cloud/v2/groups/70").await;
    assert_eq!(fixture.get("/cloud/v2/groups/70").await.status, 429);

    assert_eq!(empty(&fixture, Method::POST, "/sandbox/reset").await.status, 200);
    assert!(fixture.control().calls().is_empty());
    assert_eq!(fixture.roles_of(NEWCOMER), Some(vec![BASE_ROLE]));
    let unlimited = fixture.get("/cloud/v2/groups/70").await;
    assert!(unlimited.headers.get("x-ratelimit-limit").is_none());
}

#[tokio::test]
async fn unreadable_control_request_is_refused_with_the_reason() {
    let fixture = Fixture::start().await;
    for (method, path, body) in [
        (Method::POST, "/sandbox/faults", json!({"effect": "explode"})),
        (Method::POST, "/sandbox/faults", json!({"on": {"path": "/"}, "effect": "hold"})),
        (Method::PUT, "/sandbox/rate-limits", json!("hourly")),
        (Method::PUT, "/sandbox/groups/70", json!({"nickname": "x"})),
    ] {
        let answer = send(&fixture, method, path, body).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.json()["error"].is_string());
    }
    assert_eq!(fixture.get("/sandbox/nothing-here").await.status, 404);
}

#[tokio::test]
async fn lists_and_answers_tell_how_it_was_as_long_ago_as_they_lag() {
    let fixture = Fixture::start().await;
    let lag = json!({"listsMs": 3_600_000, "answersMs": 3_600_000});
    send(&fixture, Method::PUT, "/sandbox/lag", lag.clone()).await;
    assert_eq!(fixture.get("/sandbox/lag").await.json(), lag);
    let base = json!([format!("groups/70/roles/{BASE_ROLE}")]);
    let crew = json!([format!("groups/70/roles/{CREW_ROLE}"), format!("groups/70/roles/{BASE_ROLE}")]);
    assert_eq!(fixture.assign(NEWCOMER, CREW_ROLE).await.json()["roles"], base, "the answer lags");
    assert_eq!(listed(&fixture).await, base, "the list lags");
    assert_eq!(fixture.roles_of(NEWCOMER), Some(vec![BASE_ROLE, CREW_ROLE]), "the write took effect");

    // Each by itself.
    send(&fixture, Method::PUT, "/sandbox/lag", json!({"listsMs": 3_600_000})).await;
    assert_eq!(fixture.assign(NEWCOMER, CREW_ROLE).await.json()["roles"], crew);
    assert_eq!(listed(&fixture).await, base);
    empty(&fixture, Method::POST, "/sandbox/reset").await;
    fixture.assign(NEWCOMER, CREW_ROLE).await;
    assert_eq!(listed(&fixture).await, crew);
}

async fn listed(fixture: &Fixture) -> Value {
    let filter = format!("user == 'users/{NEWCOMER}'");
    let list = fixture.query("/cloud/v2/groups/70/memberships", &[("filter", &filter)]).await.json();
    list["groupMemberships"][0]["roles"].clone()
}
