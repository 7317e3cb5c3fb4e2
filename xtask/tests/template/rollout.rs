//! How a new version takes over.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::rendering::{Parameters, Stack, TEMPLATE, text, texts};
use crate::{ACME, PRO, SHARED_KEY, SHARING, STARTER};

#[test]
fn requests_go_to_an_alias_that_a_new_version_takes_over_by_canary() {
    let stack = Stack::deploy("rankbot-pro", PRO);
    for (function, resource) in stack.functions() {
        assert_eq!(resource["Properties"]["AutoPublishAlias"], "live", "{function}");
        let preference = &resource["Properties"]["DeploymentPreference"];
        if function == "SweepFunction" {
            assert_eq!(preference["Enabled"], false);
        } else {
            assert_eq!(preference["Type"], "Canary10Percent5Minutes", "{function}");
        }
    }
}

#[test]
fn a_canary_goes_back_on_alarms_that_exist_and_that_only_rankbot_rings() {
    let stack = Stack::deploy("rankbot-pro", PRO);
    let alarms = stack.of_type("AWS::CloudWatch::Alarm").into_iter();
    let names: Vec<String> = alarms.map(|(_, alarm)| alarm["Properties"]["AlarmName"].to_string()).collect();
    for (function, resource) in stack.functions().into_iter().filter(|(id, _)| *id != "SweepFunction") {
        let watched = texts(&resource["Properties"]["DeploymentPreference"]["Alarms"]);
        assert_eq!(watched, ["rankbot-pro-function-errors", "rankbot-pro-failed-requests"], "{function}");
        assert!(watched.iter().all(|alarm| names.contains(&format!("{alarm:?}"))), "{function}");
    }
}

/// Else the alarm that a defect rings would hold up its mend.
#[test]
fn a_mend_can_be_deployed_while_the_alarms_ring() {
    let stack = Stack::deploy("rankbot-pro", &[("Plan", "pro"), ("Rollout", "at-once")]);
    for (function, resource) in stack.functions().into_iter().filter(|(id, _)| *id != "SweepFunction") {
        let preference = &resource["Properties"]["DeploymentPreference"];
        assert_eq!(preference["Type"], "AllAtOnce", "{function}");
        assert_eq!(texts(&preference["Alarms"]), Vec::<String>::new(), "{function}");
    }
}

/// Parameters of which each changes something, every one of the template's among them.
const SETTINGS: &[Parameters<'_>] = &[
    STARTER,
    PRO,
    SHARING,
    ACME,
    &[("Plan", "pro"), ("LogLevel", "debug")],
    &[("Plan", "pro"), ("RobloxBaseUrl", "https://roblox.example.com")],
    &[("Plan", "pro"), ("AlarmEmail", "ops@example.com")],
    &[("Plan", "pro"), ("WarmEnvironments", "2")],
    &[("Plan", "pro"), ("Rollout", "at-once")],
    &[("Plan", "pro"), ("Architecture", "x86_64")],
    &[
        ("Plan", "pro"),
        ("DomainName", "ranks.example.com"),
        ("CertificateArn", "arn:aws:acm:…"),
        ("HostedZoneId", "Z1"),
    ],
    &[("Plan", "max"), ("Tenant", "acme"), ("ReservedConcurrency", "50")],
];
/// What is not of a version: it is the function's or the alias's, or comes with other code.
const OF_NO_VERSION: [&str; 6] = [
    "Architectures",
    "DeploymentPreference",
    "Events",
    "ProvisionedConcurrencyConfig",
    "ReservedConcurrentExecutions",
    "VersionDescription",
];

/// Each function's version: its settings, and the description.
fn versions(parameters: Parameters<'_>) -> BTreeMap<String, (BTreeMap<String, Value>, String)> {
    let version = |(id, function): (&str, &Value)| {
        let all = function["Properties"].as_object().unwrap().clone();
        let settings = all.into_iter().filter(|(name, _)| !OF_NO_VERSION.contains(&name.as_str())).collect();
        (id.to_owned(), (settings, text(&function["Properties"]["VersionDescription"])))
    };
    Stack::deploy("rankbot", parameters).functions().into_iter().map(version).collect()
}

/// `CloudFormation` publishes a version where the description has changed, and Lambda none that differs from the last in
/// nothing else. (SAM's own part, new code, is not seen here.)
#[test]
fn a_changed_parameter_makes_a_version_of_each_function_that_it_concerns_and_of_no_other() {
    let all: Vec<_> = SETTINGS.iter().map(|parameters| (parameters, versions(parameters))).collect();
    for (one, of_one) in &all {
        for (other, of_other) in &all {
            for (id, (settings, description)) in of_one {
                let Some((others_settings, others_description)) = of_other.get(id) else { continue };
                let same = settings == others_settings;
                assert_eq!(description == others_description, same, "{id}: {one:?} {other:?}");
            }
        }
    }
    let tried: BTreeSet<&str> = SETTINGS.iter().copied().flatten().map(|(name, _)| *name).collect();
    let there = TEMPLATE["Parameters"].as_object().unwrap().keys().map(String::as_str);
    assert_eq!(tried, there.collect(), "a parameter that is tried nowhere");
}

/// Else the deployment would fail in the middle.
#[test]
fn a_versions_description_is_never_longer_than_lambda_takes() {
    let (level, address, table) = ("x".repeat(30), format!("https://{}", "x".repeat(56)), "x".repeat(148));
    for plan in ["starter", "pro"] {
        let longest: Parameters<'_> = &[
            ("Plan", plan),
            ("LogLevel", &level),
            ("RobloxBaseUrl", &address),
            ("TableName", &table),
            ("TableKeyArn", SHARED_KEY),
        ];
        for (id, (_, description)) in versions(longest) {
            assert!(description.len() <= 256, "{id}: {}", description.len());
        }
    }
    let one_more = "x".repeat(31);
    assert!(Stack::try_deploy("rankbot", &[("Plan", "pro"), ("LogLevel", &one_more)]).is_err());
}

#[test]
fn a_failed_sweep_is_not_repeated_by_lambda() {
    let stack = Stack::deploy("rankbot-pro", PRO);
    let sweep = &stack.resource("SweepFunction")["Properties"];
    assert_eq!(sweep["EventInvokeConfig"]["MaximumRetryAttempts"], 0);
    let schedules = sweep["Events"].as_object().unwrap().values();
    for schedule in schedules {
        assert_eq!(schedule["Properties"]["Schedule"], "rate(1 minute)");
        assert_eq!(schedule["Properties"]["RetryPolicy"]["MaximumRetryAttempts"], 0);
    }
}
