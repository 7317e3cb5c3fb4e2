//! How much API Gateway lets through, and whether what stands behind it can take that.
//!
//! It throttles by route: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::rendering::Stack;
use crate::{ACME, PRO, SHARING, STARTER, every_kind};

/// The writes in a second that DynamoDB takes of one item, such as a key's, in which each request is counted.
const WRITES_OF_ONE_ITEM: u64 = 1_000;
/// How long a request is worked on, in milliseconds: docs/operations.md has the same figures.
const CHANGE_MS: u64 = 500;
const READ_MS: u64 = 200;

/// Requests a second, and how many may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limit {
    rate: u64,
    burst: u64,
}

impl Limit {
    fn of(settings: &Value) -> Self {
        let [rate, burst] =
            ["ThrottlingRateLimit", "ThrottlingBurstLimit"].map(|name| settings[name].as_u64().unwrap());
        Self { rate, burst }
    }
}

/// The limit of each route that has one.
fn limits(stack: &Stack) -> BTreeMap<String, Limit> {
    let own = stack.resource("HttpApi")["Properties"]["RouteSettings"].as_object().unwrap();
    own.iter().map(|(route, settings)| (route.clone(), Limit::of(settings))).collect()
}

/// The route keys of a function's events.
fn routes(function: &Value) -> Vec<String> {
    let events = function["Properties"]["Events"].as_object().unwrap().values();
    let of_the_api = events.filter(|event| event["Type"] == "HttpApi");
    let key = |event: &Value| {
        let named = event["Properties"]["Method"].as_str().zip(event["Properties"]["Path"].as_str());
        named.map_or("$default".to_owned(), |(method, path)| format!("{method} {path}"))
    };
    of_the_api.map(key).collect()
}

/// The limits of the routes that count a request in its key's item: all functions' but key-info's, which only reads.
fn counting(stack: &Stack) -> Vec<Limit> {
    let limits = limits(stack);
    let functions = stack.functions().into_iter().filter(|(id, _)| *id != "KeyInfoFunction");
    functions.flat_map(|(_, function)| routes(function)).map(|route| limits[&route]).collect()
}

#[test]
fn every_route_has_a_limit_of_its_own() {
    for stack in every_kind() {
        let routes: BTreeSet<String> =
            stack.functions().into_iter().flat_map(|(_, function)| routes(function)).collect();
        assert_eq!(limits(&stack).into_keys().collect::<BTreeSet<_>>(), routes, "{}", stack.name);
        let own = stack.resource("HttpApi")["Properties"]["RouteSettings"].as_object().unwrap();
        // A route's own settings do not fall back to the default ones.
        assert!(own.values().all(|settings| settings["DetailedMetricsEnabled"] == true), "{}", stack.name);
    }
}

#[test]
fn the_limits_follow_the_plan_and_the_kind_of_route() {
    let limit = |rate, burst| Limit { rate, burst };
    for (parameters, change, lookup, other) in [
        (STARTER, limit(10, 20), limit(10, 20), limit(5, 10)),
        (PRO, limit(30, 80), limit(80, 70), limit(10, 10)),
        (ACME, limit(40, 80), limit(150, 70), limit(10, 10)),
    ] {
        for (route, limit) in limits(&Stack::deploy("rankbot", parameters)) {
            let expected = match route.as_str() {
                "POST /v1/setRank" | "POST /v1/promote" | "POST /v1/demote" | "POST /v1/rank" => change,
                "GET /v1/rank/{groupId}/{userId}" => lookup,
                "HEAD /v1/status" => Limit { rate: 2, burst: 2 },
                "$default" => Limit { rate: 3, burst: 2 },
                _ => other,
            };
            assert_eq!(limit, expected, "{route} {parameters:?}");
        }
    }
}

/// A flood that names one key's id on every route, of every stack on its table, must leave the key usable.
#[test]
fn one_key_on_all_routes_at_once_is_within_what_its_item_takes() {
    let on_one_table = [
        vec![Stack::deploy("rankbot-starter", STARTER), Stack::deploy("rankbot-pro", SHARING)],
        vec![Stack::deploy("rankbot-pro", PRO)],
        vec![Stack::deploy("rankbot-max-acme", ACME)],
    ];
    for stacks in on_one_table {
        let limits: Vec<Limit> = stacks.iter().flat_map(counting).collect();
        let rate: u64 = limits.iter().map(|limit| limit.rate).sum();
        let burst: u64 = limits.iter().map(|limit| limit.burst).sum();
        // What is refused after admission is given back, which is a second write.
        assert!(2 * rate < WRITES_OF_ONE_ITEM, "{}: {rate} a second", stacks[0].name);
        assert!(rate + burst < WRITES_OF_ONE_ITEM, "{}: {rate} and {burst} in the first second", stacks[0].name);
    }
}

/// What API Gateway refuses is a 429, which callers know; what Lambda refuses for want of concurrency is a 5xx.
#[test]
fn a_reservation_is_enough_for_what_the_throttles_let_through() {
    let stack = Stack::deploy("rankbot-max-acme", ACME);
    let limits = limits(&stack);
    for (id, function) in stack.functions().into_iter().filter(|(id, _)| *id != "SweepFunction") {
        // All that may come at once, and what arrives until the first of it is answered.
        let at_once = |route: String| {
            let took_ms = if route.starts_with("POST ") { CHANGE_MS } else { READ_MS };
            limits[&route].burst + (limits[&route].rate * took_ms).div_ceil(1_000)
        };
        let needed: u64 = routes(function).into_iter().map(at_once).sum();
        let reserved = function["Properties"]["ReservedConcurrentExecutions"].to_string();
        let reserved: u64 = reserved.trim_matches('"').parse().unwrap();
        assert!(needed <= reserved, "{id} needs {needed} and has {reserved}");
    }
}

#[test]
fn what_stands_for_the_stage_is_no_less_than_its_routes_together() {
    for stack in every_kind() {
        let stage = Limit::of(&stack.resource("HttpApi")["Properties"]["DefaultRouteSettings"]);
        let limits = limits(&stack);
        assert!(limits.values().map(|limit| limit.rate).sum::<u64>() <= stage.rate, "{}", stack.name);
        assert!(limits.values().map(|limit| limit.burst).sum::<u64>() <= stage.burst, "{}", stack.name);
    }
}
