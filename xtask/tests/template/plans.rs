//! What follows from the plan.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::rendering::{Parameters, Stack, text};
use crate::{ACME, PRO, ROOT, STARTER};

struct Plan {
    stack: Stack,
    memory: u64,
    retention_days: u64,
    /// Rate and burst: of all routes together, of each that changes ranks, of what has no route.
    throttles: [[u64; 2]; 3],
}

fn plans() -> [Plan; 3] {
    let plan = |name, parameters, memory, retention_days, throttles| Plan {
        stack: Stack::deploy(name, parameters),
        memory,
        retention_days,
        throttles,
    };
    [
        plan("rankbot-starter", STARTER, 256, 14, [[50, 100], [10, 20], [5, 10]]),
        plan("rankbot-pro", PRO, 512, 30, [[200, 400], [50, 150], [5, 10]]),
        plan("rankbot-max-acme", ACME, 1024, 90, [[500, 1000], [50, 200], [10, 20]]),
    ]
}

fn throttle(settings: &Value) -> [u64; 2] {
    ["ThrottlingRateLimit", "ThrottlingBurstLimit"].map(|name| settings[name].as_u64().unwrap())
}

/// The route keys of the functions' events.
fn routes(stack: &Stack) -> BTreeSet<String> {
    let events = stack.functions().into_iter().flat_map(|(_, function)| {
        let events = function["Properties"]["Events"].as_object().unwrap();
        events.values().filter(|event| event["Type"] == "HttpApi").cloned().collect::<Vec<_>>()
    });
    let key = |event: Value| {
        let named = event["Properties"]["Method"].as_str().zip(event["Properties"]["Path"].as_str());
        named.map_or("$default".to_owned(), |(method, path)| format!("{method} {path}"))
    };
    events.map(key).collect()
}

#[test]
fn memory_and_retention_follow_the_plan() {
    for plan in plans() {
        for (function, resource) in plan.stack.functions() {
            assert_eq!(resource["Properties"]["MemorySize"], plan.memory, "{function} of {}", plan.stack.name);
        }
        for (group, resource) in plan.stack.of_type("AWS::Logs::LogGroup") {
            assert_eq!(resource["Properties"]["RetentionInDays"], plan.retention_days, "{group}");
        }
    }
}

#[test]
fn every_route_that_changes_ranks_and_the_default_route_have_limits_of_their_own() {
    for plan in plans() {
        let api = &plan.stack.resource("HttpApi")["Properties"];
        let [all, changes, unknown] = plan.throttles;
        assert_eq!(throttle(&api["DefaultRouteSettings"]), all);
        let own = api["RouteSettings"].as_object().unwrap();
        let expected: BTreeSet<String> =
            routes(&plan.stack).into_iter().filter(|key| key.starts_with("POST ") || key == "$default").collect();
        assert_eq!(own.keys().cloned().collect::<BTreeSet<_>>(), expected);
        for (route, settings) in own {
            assert_eq!(throttle(settings), if route == "$default" { unknown } else { changes }, "{route}");
            assert_eq!(settings["DetailedMetricsEnabled"], true, "{route}");
        }
    }
}

#[test]
fn the_stage_bears_the_plans_name() {
    for (plan, name) in plans().into_iter().zip(["starter", "pro", "max"]) {
        assert_eq!(plan.stack.resource("HttpApi")["Properties"]["StageName"], name);
        assert!(plan.stack.outputs["ApiUrl"].ends_with(&format!(".amazonaws.com/{name}")));
        for (_, function) in plan.stack.functions() {
            assert_eq!(function["Properties"]["Environment"]["Variables"]["STAGE"], name);
        }
    }
}

fn reserved(parameters: Parameters<'_>) -> Vec<(String, Value)> {
    let stack = Stack::deploy("rankbot", parameters);
    let reserved = |function: &Value| function["Properties"]["ReservedConcurrentExecutions"].clone();
    stack.functions().into_iter().map(|(id, function)| (id.to_owned(), reserved(function))).collect()
}

#[test]
fn only_a_dedicated_instance_reserves_concurrency_and_the_sweep_has_its_place_in_it() {
    for parameters in [STARTER, PRO] {
        assert!(reserved(parameters).iter().all(|(_, reserved)| reserved.is_null()));
    }
    for (function, reserved) in reserved(ACME) {
        assert_eq!(reserved.to_string().trim_matches('"'), if function == "SweepFunction" { "1" } else { "25" });
    }
    let none: Parameters<'_> = &[("Plan", "max"), ("Tenant", "acme"), ("ReservedConcurrency", "0")];
    assert!(reserved(none).iter().all(|(_, reserved)| reserved.is_null()));
}

#[test]
fn environments_are_kept_warm_only_where_asked_and_only_where_a_game_waits() {
    let warm = |parameters| {
        let stack = Stack::deploy("rankbot", parameters);
        let kept = stack.functions().into_iter().filter_map(|(id, function)| {
            let config = function["Properties"].get("ProvisionedConcurrencyConfig")?;
            Some((id.to_owned(), text(&config["ProvisionedConcurrentExecutions"])))
        });
        kept.collect::<Vec<_>>()
    };
    assert_eq!(warm(PRO), []);
    let two = warm(&[("Plan", "pro"), ("WarmEnvironments", "2")]);
    let waited_for = ["DemoteFunction", "GetRankFunction", "PromoteFunction", "RankFunction", "SetRankFunction"];
    assert_eq!(two, waited_for.map(|id| (id.to_owned(), "2".to_owned())));
}

#[test]
fn every_function_crate_is_deployed_by_the_resource_named_after_it() {
    let crates: BTreeSet<String> = fs::read_dir(format!("{ROOT}/functions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut deployed = BTreeSet::new();
    let stack = Stack::deploy("rankbot-pro", PRO);
    for (name, function) in stack.functions() {
        let binary = text(&function["Metadata"]["BuildProperties"]["Binary"]);
        assert_eq!(text(&function["Properties"]["CodeUri"]), format!("functions/{binary}/"));
        assert_eq!(name.to_lowercase(), format!("{}function", binary.replace('-', "")));
        deployed.insert(binary);
    }
    assert_eq!(deployed, crates);
}
