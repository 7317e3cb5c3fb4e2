//! How a new version takes over.

use crate::PRO;
use crate::rendering::{Stack, texts};

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
