//! Whether a flood that fills a route's throttle rings: which lines of the access log are counted, and when the alarm
//! counts them as one.
//!
//! The filter is applied here to lines as the template's own format makes them, so that neither changes without the
//! other.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::metrics::assert_published;
use crate::rendering::{Stack, text};
use crate::watching::alarms;
use crate::{PRO, every_kind};

/// A variable of the access log.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$context\.[A-Za-z.]+").unwrap());
/// A condition of a filter on JSON, as far as the template uses them:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>.
static CONDITION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"^\$\.([A-Za-z]+) (=|!=) "([^"*]+)"$"#).unwrap());

/// What the access log may have for the status of a function that did not run. AWS does not document what it writes there:
/// docs/operations.md knows a hyphen, and the filter must not depend on it.
const NO_STATUS: [&str; 2] = ["-", ""];

/// The one filter of a stack, its properties.
fn filter(stack: &Stack) -> &Value {
    let filters = stack.of_type("AWS::Logs::MetricFilter");
    let [(_, filter)] = filters.as_slice() else { panic!("{} has one filter", stack.name) };
    &filter["Properties"]
}

fn alarm(stack: &Stack) -> Value {
    let all = alarms(stack);
    let alarm = all.iter().find(|(name, _)| name == "api-throttles").unwrap_or_else(|| panic!("no such alarm"));
    alarm.1.clone()
}

/// The access log's line for a request to this route that was answered with this status, where the function answered with
/// that one.
fn line(stack: &Stack, route: &str, status: &str, function: &str) -> Value {
    let format = text(&stack.resource("HttpApi")["Properties"]["AccessLogSettings"]["Format"]);
    let value = |variable: &regex::Captures<'_>| match &variable[0] {
        "$context.routeKey" => route.to_owned(),
        "$context.status" => status.to_owned(),
        "$context.integration.status" => function.to_owned(),
        _ => "-".to_owned(),
    };
    serde_json::from_str(&VARIABLE.replace_all(&format, value)).unwrap()
}

/// Whether the stack's filter counts the line. Panics at what this reading of filters does not know.
fn counts(stack: &Stack, line: &Value) -> bool {
    let pattern = text(&filter(stack)["FilterPattern"]);
    let conditions = pattern.strip_prefix("{ ").and_then(|pattern| pattern.strip_suffix(" }")).unwrap();
    conditions.split(" && ").all(|condition| {
        let parts = CONDITION.captures(condition).unwrap_or_else(|| panic!("{condition} is not known here"));
        let found = line[&parts[1]].as_str().unwrap_or_else(|| panic!("the access log has no {}", &parts[1]));
        (found == &parts[3]) == (&parts[2] == "=")
    })
}

/// The routes that have a throttle, and so all of them.
fn routes(stack: &Stack) -> Vec<String> {
    stack.resource("HttpApi")["Properties"]["RouteSettings"].as_object().unwrap().keys().cloned().collect()
}

/// Whether the filter counts a request that API Gateway itself answered with this status.
fn counts_without_a_function(stack: &Stack, route: &str, status: &str) -> bool {
    let [with_hyphen, empty] = NO_STATUS.map(|none| counts(stack, &line(stack, route, status, none)));
    assert_eq!(with_hyphen, empty, "{status} of {route}");
    empty
}

#[test]
fn what_api_gateway_refuses_on_a_customers_route_is_counted() {
    for stack in every_kind() {
        for route in routes(&stack).iter().filter(|route| *route != "$default") {
            assert!(counts_without_a_function(&stack, route, "429"), "{route} of {}", stack.name);
        }
    }
}

/// Scanners fill the throttle of what is no route, and take it from nobody.
#[test]
fn what_api_gateway_refuses_of_mistakes_and_scanners_is_not_counted() {
    for stack in every_kind() {
        assert!(!counts_without_a_function(&stack, "$default", "429"), "{}", stack.name);
    }
}

/// Games with wrong keys, wrong bodies and used up quotas: all of these are 4xx, or a 429 that a function gave.
#[test]
fn what_a_function_answers_is_not_counted() {
    let stack = Stack::deploy("rankbot-pro", PRO);
    for status in ["200", "400", "401", "403", "404", "409", "422", "429", "502", "503"] {
        for route in routes(&stack) {
            assert!(!counts(&stack, &line(&stack, &route, status, status)), "{status} of {route}");
        }
    }
}

#[test]
fn what_api_gateway_answers_for_another_reason_is_not_counted() {
    let stack = Stack::deploy("rankbot-pro", PRO);
    for status in ["400", "404", "413", "500", "503"] {
        assert!(!counts_without_a_function(&stack, "POST /v1/setRank", status), "{status}");
    }
}

#[test]
fn a_stack_counts_its_own_access_log_for_its_own_alarm() {
    for stack in every_kind() {
        let filter = filter(&stack);
        let log = text(&filter["LogGroupName"]);
        assert_eq!(log, format!("/aws/vendedlogs/rankbot/{}/access", stack.name));
        let [counted] = filter["MetricTransformations"].as_array().unwrap().as_slice() else { panic!("one metric") };
        assert!(counted.get("Dimensions").is_none(), "the alarm looks at the metric without dimensions");
        assert_eq!((&counted["MetricValue"], &counted["DefaultValue"]), (&Value::from("1"), &Value::from(0)));
        let (namespace, metric) = (text(&counted["MetricNamespace"]), text(&counted["MetricName"]));
        assert_published(&stack.name, &namespace, &metric, &[]);
        let alarm = alarm(&stack);
        assert_eq!((text(&alarm["Namespace"]), text(&alarm["MetricName"])), (namespace, metric));
    }
}

/// Whether the alarm rings after so many were refused in each of the latest minutes. A minute without a figure is `None`.
fn rings(stack: &Stack, minutes: &[Option<u64>]) -> bool {
    let alarm = alarm(stack);
    let number = |name: &str| alarm[name].as_u64().unwrap();
    assert_eq!((number("Period"), text(&alarm["Statistic"])), (60, "Sum".to_owned()));
    assert_eq!(text(&alarm["ComparisonOperator"]), "GreaterThanThreshold");
    assert_eq!(text(&alarm["TreatMissingData"]), "notBreaching");
    let latest = minutes.iter().rev().take(usize::try_from(number("EvaluationPeriods")).unwrap());
    let breaching = latest.filter(|refused| refused.is_some_and(|refused| refused > number("Threshold")));
    u64::try_from(breaching.count()).unwrap() >= number("DatapointsToAlarm")
}

/// A flood of twice what a route takes leaves customers every other request at best.
#[test]
fn minutes_of_a_flood_on_any_one_route_ring() {
    for stack in every_kind() {
        let api = &stack.resource("HttpApi")["Properties"]["RouteSettings"];
        for route in routes(&stack).iter().filter(|route| *route != "$default") {
            let refused = Some(60 * api[route]["ThrottlingRateLimit"].as_u64().unwrap());
            // The last two minutes' lines may not be there yet.
            assert!(rings(&stack, &[refused, refused, refused, None, None]), "{route} of {}", stack.name);
        }
    }
}

/// However much came at once: it is over, and those who were refused have sent it again.
#[test]
fn a_burst_does_not_ring() {
    for stack in every_kind() {
        let across_two_minutes = [Some(0), Some(0), Some(100_000), Some(100_000), Some(0)];
        assert!(!rings(&stack, &across_two_minutes), "{}", stack.name);
    }
}

#[test]
fn a_few_that_are_refused_again_and_again_do_not_ring() {
    for stack in every_kind() {
        assert!(!rings(&stack, &[Some(60); 5]), "{}", stack.name);
    }
}

#[test]
fn a_night_without_requests_does_not_ring() {
    for stack in every_kind() {
        assert!(!rings(&stack, &[None; 5]), "{}", stack.name);
    }
}
