//! What follows from the plan.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::rendering::{Parameters, Stack, TEMPLATE, text};
use crate::{ACME, PRO, ROOT, STARTER};

struct Plan {
    stack: Stack,
    memory: u64,
    retention_days: u64,
}

fn plans() -> [Plan; 3] {
    let plan = |name, parameters, memory, retention_days| Plan {
        stack: Stack::deploy(name, parameters),
        memory,
        retention_days,
    };
    [
        plan("rankbot-starter", STARTER, 256, 14),
        plan("rankbot-pro", PRO, 512, 30),
        plan("rankbot-max-acme", ACME, 1024, 90),
    ]
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
fn the_stage_bears_the_plans_name() {
    for (plan, name) in plans().into_iter().zip(["starter", "pro", "max"]) {
        assert_eq!(plan.stack.resource("HttpApi")["Properties"]["StageName"], name);
        assert!(plan.stack.outputs["ApiUrl"].ends_with(&format!(".amazonaws.com/{name}")));
        for (_, function) in plan.stack.functions() {
            assert_eq!(function["Properties"]["Environment"]["Variables"]["STAGE"], name);
        }
    }
}

/// Those that a game waits for.
const FOR_GAMES: [&str; 5] =
    ["DemoteFunction", "GetRankFunction", "PromoteFunction", "RankFunction", "SetRankFunction"];

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
    let raised: Parameters<'_> = &[("Plan", "max"), ("Tenant", "acme"), ("ReservedConcurrency", "200")];
    for (parameters, of_games) in [(ACME, "100"), (raised, "200")] {
        for (function, reserved) in reserved(parameters) {
            let expected = match function.as_str() {
                "SweepFunction" => "1",
                function if FOR_GAMES.contains(&function) => of_games,
                _ => "30",
            };
            assert_eq!(reserved.to_string().trim_matches('"'), expected, "{function}");
        }
    }
    let none: Parameters<'_> = &[("Plan", "max"), ("Tenant", "acme"), ("ReservedConcurrency", "0")];
    assert!(reserved(none).iter().all(|(_, reserved)| reserved.is_null()));
}

/// AWS wants this much to be left over for functions that reserve nothing.
const UNRESERVED: u64 = 100;

#[test]
fn what_an_account_must_be_allowed_is_documented() {
    let count = |(_, reserved): (String, Value)| reserved.to_string().trim_matches('"').parse::<u64>().unwrap();
    let all: u64 = reserved(ACME).into_iter().map(count).sum();
    let description = text(&TEMPLATE["Parameters"]["ReservedConcurrency"]["Description"]);
    assert!(description.contains(&format!("are {all}, and AWS wants {UNRESERVED} more")), "{all}");
    let documentation = fs::read_to_string(format!("{ROOT}/docs/deploy.md")).unwrap();
    assert!(documentation.contains(&format!("must be {} or more", all + UNRESERVED)), "{all}");
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
    assert_eq!(two, FOR_GAMES.map(|id| (id.to_owned(), "2".to_owned())));
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
