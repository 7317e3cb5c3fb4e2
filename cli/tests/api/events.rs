//! The events under `events/`, each run through the real handler of its function.

use std::collections::BTreeSet;

use rankbot_events::{Address, Event};
use rankbot_shared::domain::plan::Plan;
use rankbot_shared::function::Function;
use rankbot_shared::http::routes::ROUTES;
use serde_json::{Value, json};

use crate::world::{GROUP, World};

/// The functions that answer a caller, as the sweep does not.
fn answering() -> impl Iterator<Item = Function> {
    Function::ALL.into_iter().filter(|function| *function != Function::Sweep)
}

#[tokio::test]
async fn every_event_is_answered_with_the_status_in_its_name() {
    let world = World::start().await;
    rankbot_events::seed(&world.table).await.unwrap();
    for event in answering().flat_map(Event::of) {
        // Each finds the group as it is at the start.
        world.roblox.reset();
        let answer = world.invoke(event.function, &event.payload).await;
        assert_eq!(Some(answer.status), event.expected_status(), "{event}: {}", answer.body);
        assert_eq!(answer.header("x-request-id"), event.payload["requestContext"]["requestId"].as_str(), "{event}");
    }
}

/// Each address that each plan's deployment has, and every route of it.
#[tokio::test]
async fn every_event_is_answered_at_every_plans_stage_and_below_a_domain() {
    let addresses = Plan::ALL.into_iter().flat_map(|plan| Address::ALL.map(|address| (plan, address)));
    for (plan, address) in addresses {
        let world = World::start().await;
        rankbot_events::seed(&world.table).await.unwrap();
        let mut routes = BTreeSet::new();
        for event in answering().flat_map(Event::of).map(|event| event.at(address, plan)) {
            world.roblox.reset();
            let answer = world.invoke(event.function, &event.payload).await;
            assert_eq!(Some(answer.status), event.expected_status(), "{plan} {address:?} {event}: {}", answer.body);
            routes.insert(event.payload["routeKey"].as_str().unwrap().to_owned());
        }
        let all = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path));
        let missing: Vec<String> = all.chain(["$default".to_owned()]).filter(|key| !routes.contains(key)).collect();
        assert!(missing.is_empty(), "no event is sent to {missing:?}");
    }
}

/// `path` as the event's address, at this stage.
fn moved(event: &Event, stage: &str, path: &str) -> Value {
    let mut payload = event.payload.clone();
    payload["rawPath"] = json!(path);
    payload["requestContext"]["http"]["path"] = json!(path);
    payload["requestContext"]["stage"] = json!(stage);
    payload
}

/// All events at one address, which `path` makes of the one below a domain, in a world of their own: some can happen but
/// once.
async fn check_all(stage: &str, path: impl Fn(&str) -> String) {
    let world = World::start().await;
    rankbot_events::seed(&world.table).await.unwrap();
    for event in answering().flat_map(Event::of).map(|event| event.at(Address::CustomDomain, Plan::Pro)) {
        let path = path(event.payload["rawPath"].as_str().unwrap());
        world.roblox.reset();
        let answer = world.invoke(event.function, &moved(&event, stage, &path)).await;
        assert_eq!(Some(answer.status), event.expected_status(), "{path}: {}", answer.body);
    }
}

/// At its own address and below a domain: the first part of either path can be taken for the stage.
#[tokio::test]
async fn a_stage_called_as_the_paths_begin_is_told_from_the_path() {
    check_all("v1", |path| format!("/v1{path}")).await;
    check_all("v1", str::to_owned).await;
}

/// A custom domain can map the API below a base path of any number of segments, `v1` included: what tells the route is what
/// the gateway has matched.
#[tokio::test]
async fn every_event_is_answered_below_every_base_path() {
    for base in ["/ranking", "/a/b/c", "/v1", "/v1/v1", "/pro", "/setRank"] {
        check_all("pro", |path| format!("{base}{path}")).await;
    }
}

#[tokio::test]
async fn a_wrong_method_below_a_base_path_is_405() {
    let world = World::start().await;
    let events = Event::of(Function::KeyInfo);
    let event = events.iter().find(|event| event.name() == "405-method-not-allowed").unwrap();
    for base in ["", "/pro", "/ranking", "/a/b/c", "/v1"] {
        let path = format!("{base}{}", event.payload["rawPath"].as_str().unwrap().trim_start_matches("/pro"));
        let answer = world.invoke(Function::KeyInfo, &moved(event, "pro", &path)).await;
        assert_eq!(answer.code(), Some("METHOD_NOT_ALLOWED"), "{path}: {}", answer.body);
    }
}

/// API Gateway hands on decoded paths. What still looks encoded in one was encoded twice, and means itself.
#[tokio::test]
async fn a_path_is_not_decoded_a_second_time() {
    let world = World::start().await;
    let events = Event::of(Function::GetRank);
    let event = events.iter().find(|event| event.expected_status() == Some(200)).unwrap();
    for user in ["%32", "2%30"] {
        let mut payload = moved(event, "pro", &format!("/v1/rank/{GROUP}/{user}"));
        payload["pathParameters"]["userId"] = json!(user);
        world.invoke(Function::GetRank, &payload).await.expect("INVALID_PARAMETER");
    }
    // Without a route that the gateway has matched, the path tells.
    for (path, code) in [
        (format!("/v1/rank/{GROUP}/%32"), "INVALID_PARAMETER"),
        (format!("/v1/%72ank/{GROUP}/2"), "ROUTE_NOT_FOUND"),
        (format!("/v1/rank%2F{GROUP}%2F2"), "ROUTE_NOT_FOUND"),
    ] {
        let mut payload = moved(event, "pro", &path);
        payload["routeKey"] = json!("$default");
        payload["requestContext"]["routeKey"] = json!("$default");
        world.invoke(Function::GetRank, &payload).await.expect(code);
    }
    assert!(world.store.calls().is_empty() && world.roblox.calls().is_empty());
}

/// An event that reaches another function than its own, by a slip in the template, is not carried out there.
#[tokio::test]
async fn a_function_answers_only_its_own_routes() {
    let world = World::start().await;
    rankbot_events::seed(&world.table).await.unwrap();
    let events = Event::of(Function::SetRank);
    let event = events.iter().find(|event| event.expected_status() == Some(200)).unwrap();
    for function in answering().filter(|function| *function != Function::SetRank) {
        world.invoke(function, &event.payload).await.expect("ROUTE_NOT_FOUND");
    }
    assert!(world.roblox.calls().is_empty());
}
