//! Alarms and the dashboard.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::metrics::{OUTCOMES, assert_published};
use crate::rendering::{Stack, text, texts};
use crate::{ACME, PRO, SHARING, arn, every_kind};

/// Every alarm of a stack with a table of its own, and what missing data means to it.
const ALARMS: &[(&str, &str)] = &[
    ("api-5xx", "notBreaching"),
    ("api-throttles", "notBreaching"),
    ("database-errors", "notBreaching"),
    ("database-throttles", "notBreaching"),
    ("failed-requests", "notBreaching"),
    ("function-errors", "notBreaching"),
    ("function-throttles", "notBreaching"),
    ("refused-keys", "notBreaching"),
    ("roblox-failures", "notBreaching"),
    ("slow-requests", "notBreaching"),
    ("sweep-not-running", "breaching"),
    ("sweep-stuck", "notBreaching"),
];
/// Those about the table, which are with the stack that has it.
const OF_THE_TABLE: &[&str] = &["database-errors", "database-throttles", "sweep-not-running", "sweep-stuck"];

/// The alarms' properties, by what their name is after the stack's.
pub(crate) fn alarms(stack: &Stack) -> Vec<(String, &Value)> {
    let prefix = format!("{}-", stack.name);
    let alarms = stack.of_type("AWS::CloudWatch::Alarm").into_iter().map(|(_, alarm)| &alarm["Properties"]);
    let mut named: Vec<_> =
        alarms.map(|alarm| (text(&alarm["AlarmName"]).strip_prefix(&prefix).unwrap().to_owned(), alarm)).collect();
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    named
}

/// What an alarm looks at: `MetricStat`s, of an alarm on one metric its own.
fn stats(alarm: &Value) -> Vec<Value> {
    if alarm.get("Metrics").is_none() {
        let metric = json!({"Namespace": alarm["Namespace"], "MetricName": alarm["MetricName"]});
        return vec![json!({"Metric": metric, "Period": alarm["Period"], "Stat": alarm["Statistic"]})];
    }
    let entries = alarm["Metrics"].as_array().unwrap();
    entries.iter().filter_map(|entry| entry.get("MetricStat").cloned()).collect()
}

fn dimensions(metric: &Value) -> Vec<(String, String)> {
    let dimensions = metric["Dimensions"].as_array().cloned().unwrap_or_default();
    dimensions.iter().map(|dimension| (text(&dimension["Name"]), text(&dimension["Value"]))).collect()
}

#[test]
fn every_alarm_is_there_and_knows_what_silence_means() {
    for stack in every_kind() {
        let owns_table = stack.resources.contains_key("Table");
        let expected = ALARMS.iter().filter(|(name, _)| owns_table || !OF_THE_TABLE.contains(name));
        let found = alarms(&stack);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(name, alarm)| (name.as_str(), alarm["TreatMissingData"].as_str().unwrap_or_default()))
            .collect();
        assert_eq!(found, expected.copied().collect::<Vec<_>>(), "{}", stack.name);
    }
}

#[test]
fn every_alarm_tells_the_one_topic_and_says_what_to_do() {
    for stack in every_kind() {
        for (name, alarm) in alarms(&stack) {
            for actions in ["AlarmActions", "OKActions"] {
                assert_eq!(texts(&alarm[actions]), [arn::topic(&stack.name)], "{name}");
            }
            let description = text(&alarm["AlarmDescription"]);
            let (advice, section) = description.rsplit_once(' ').unwrap();
            assert_eq!(section, format!("docs/operations.md#alarm-{name}"));
            assert!(advice.contains(": ") && advice.ends_with('.'), "{name} says what and what to do: {advice}");
        }
        assert_eq!(stack.of_type("AWS::SNS::Topic").len(), 1);
        assert_eq!(stack.outputs["AlarmTopicArn"], arn::topic(&stack.name));
    }
}

#[test]
fn only_this_stacks_alarms_may_speak_through_the_topic() {
    let stack = Stack::deploy("rankbot-max-acme", ACME);
    let statements = &stack.resource("AlarmTopicPolicy")["Properties"]["PolicyDocument"]["Statement"];
    let [statement] = statements.as_array().unwrap().as_slice() else { panic!("one statement") };
    assert_eq!(statement["Principal"], json!({"Service": "cloudwatch.amazonaws.com"}));
    assert_eq!(statement["Resource"], arn::topic("rankbot-max-acme").as_str());
    assert_eq!(statement["Condition"]["StringEquals"]["aws:SourceAccount"], arn::ACCOUNT);
    let named = arn::arn("cloudwatch", "alarm:rankbot-max-acme-*");
    assert_eq!(statement["Condition"]["ArnLike"]["aws:SourceArn"], named.as_str());
    assert!(stack.of_type("AWS::SNS::Subscription").is_empty(), "nobody is told who was not named");
}

#[test]
fn the_given_address_is_told() {
    let stack = Stack::deploy("rankbot-pro", &[("Plan", "pro"), ("AlarmEmail", "ops@example.com")]);
    let subscription = &stack.resource("AlarmSubscription")["Properties"];
    let expected = json!({"TopicArn": arn::topic("rankbot-pro"), "Protocol": "email", "Endpoint": "ops@example.com"});
    assert_eq!(*subscription, expected);
}

#[test]
fn an_alarm_looks_only_at_what_is_published() {
    for stack in every_kind() {
        for (name, alarm) in alarms(&stack) {
            let stats = stats(alarm);
            assert!((1..=10).contains(&stats.len()), "{name}: CloudWatch adds up ten metrics at most");
            for stat in stats {
                let metric = &stat["Metric"];
                let dimensions = dimensions(metric);
                let names: Vec<String> = dimensions.iter().map(|(name, _)| name.clone()).collect();
                assert_published(&stack.name, &text(&metric["Namespace"]), &text(&metric["MetricName"]), &names);
                for (_, outcome) in dimensions.iter().filter(|(name, _)| name == "Outcome") {
                    assert!(OUTCOMES.contains(&outcome.as_str()), "{name}: {outcome}");
                }
            }
        }
    }
}

#[test]
fn an_alarm_that_adds_up_gives_back_one_figure_and_names_only_what_it_has() {
    for stack in every_kind() {
        for (name, alarm) in alarms(&stack).into_iter().filter(|(_, alarm)| alarm.get("Metrics").is_some()) {
            let entries = alarm["Metrics"].as_array().unwrap();
            let returned: Vec<&Value> = entries.iter().filter(|entry| entry["ReturnData"] == true).collect();
            let [returned] = returned.as_slice() else { panic!("{name} gives back one figure") };
            let expression = text(&returned["Expression"]);
            let ids: Vec<String> = entries.iter().map(|entry| text(&entry["Id"])).collect();
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{name}");
            let words = expression.split(|letter: char| !letter.is_ascii_alphanumeric());
            for word in words.filter(|word| word.starts_with(|letter: char| letter.is_ascii_lowercase())) {
                assert!(ids.contains(&word.to_owned()), "{name}: {expression} names {word}");
            }
            let all_periods: BTreeSet<String> = stats(alarm).iter().map(|stat| stat["Period"].to_string()).collect();
            assert_eq!(all_periods.len(), 1, "{name}: figures of different periods cannot be put together");
        }
    }
}

#[test]
fn what_is_added_up_over_the_functions_leaves_none_out() {
    let stack = Stack::deploy("rankbot-pro", PRO);
    let functions = stack.functions().into_iter().filter(|(id, _)| *id != "SweepFunction");
    let (names, binaries): (BTreeSet<String>, BTreeSet<String>) = functions
        .map(|(id, function)| (format!("rankbot-pro-{id}"), text(&function["Metadata"]["BuildProperties"]["Binary"])))
        .unzip();
    for (alarm, dimension, expected) in [
        ("function-errors", "FunctionName", &names),
        ("function-throttles", "FunctionName", &names),
        ("slow-requests", "FunctionName", &names),
        ("failed-requests", "Function", &binaries),
    ] {
        let all = alarms(&stack);
        let (_, alarm) = all.iter().find(|(name, _)| name == alarm).unwrap();
        let values = stats(alarm).into_iter().flat_map(|stat| dimensions(&stat["Metric"]));
        let found: BTreeSet<String> = values.filter(|(name, _)| name == dimension).map(|(_, value)| value).collect();
        assert_eq!(found, *expected);
    }
}

/// CloudWatch leaves an alarm on DynamoDB's metrics as it is while nothing is counted, whatever the alarm says of missing
/// data: one that rang would ring on.
#[test]
fn alarms_on_dynamodb_count_silence_as_nothing() {
    let stack = Stack::deploy("rankbot-pro", PRO);
    for (name, alarm) in alarms(&stack).into_iter().filter(|(name, _)| name.starts_with("database-")) {
        assert!(alarm["Metrics"].to_string().contains("FILL(METRICS(), 0)"), "{name}");
    }
}

#[test]
fn functions_publish_into_their_stacks_namespace() {
    for stack in every_kind() {
        for (function, resource) in stack.functions() {
            let namespace = &resource["Properties"]["Environment"]["Variables"]["METRICS_NAMESPACE"];
            assert_eq!(*namespace, format!("RankBot/{}", stack.name).as_str(), "{function}");
        }
    }
}

/// The dashboard's metrics as namespace, metric and dimensions' names, its abbreviations written out.
fn dashboard_metrics(widget: &Value) -> Vec<(String, String, Vec<String>)> {
    let mut before: Vec<String> = Vec::new();
    let mut metrics = Vec::new();
    for row in widget["properties"]["metrics"].as_array().unwrap() {
        let words: Vec<String> = row.as_array().unwrap().iter().filter(|word| word.is_string()).map(text).collect();
        let words = match words.split_first() {
            Some((first, rest)) if first == "..." => [&before[..before.len() - rest.len()], rest].concat(),
            Some(_) => words,
            None => continue,
        };
        let names = words[2..].iter().step_by(2).cloned().collect();
        metrics.push((words[0].clone(), words[1].clone(), names));
        before = words;
    }
    metrics
}

#[test]
fn the_dashboard_shows_only_what_is_published() {
    for stack in every_kind() {
        let body = text(&stack.resource("Dashboard")["Properties"]["DashboardBody"]);
        let body: Value = serde_json::from_str(&body).unwrap();
        let widgets = body["widgets"].as_array().unwrap();
        for widget in widgets.iter().filter(|widget| widget["type"] == "metric") {
            for (namespace, metric, dimensions) in dashboard_metrics(widget) {
                assert_published(&stack.name, &namespace, &metric, &dimensions);
            }
        }
        let searched = |needle: &str| body.to_string().contains(needle);
        // CloudWatch wants quotation marks around a namespace with a hyphen in it.
        for dimensions in ["Function,Outcome", "Call"] {
            let schema = format!(r#"{{\"RankBot/{}\",{dimensions}}} MetricName"#, stack.name);
            assert!(searched(&schema), "{schema}");
        }
        assert!(searched("${PROP('Dim.Outcome')}"), "a label of CloudWatch's, not of CloudFormation's");
    }
}

#[test]
fn the_dashboard_shows_every_alarm_of_the_stack() {
    for parameters in [PRO, SHARING, ACME] {
        let stack = Stack::deploy("rankbot", parameters);
        let body = text(&stack.resource("Dashboard")["Properties"]["DashboardBody"]);
        let body: Value = serde_json::from_str(&body).unwrap();
        let widget = body["widgets"].as_array().unwrap().iter().find(|widget| widget["type"] == "alarm").unwrap();
        let shown: BTreeSet<String> = texts(&widget["properties"]["alarms"]).into_iter().collect();
        let there =
            alarms(&stack).into_iter().map(|(name, _)| arn::arn("cloudwatch", &format!("alarm:rankbot-{name}")));
        assert_eq!(shown, there.collect());
    }
}
