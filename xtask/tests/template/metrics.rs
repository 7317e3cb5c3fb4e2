//! The metrics that alarms and the dashboard may use: the one list of them, as who publishes them names them.

/// Namespace, metric, and the sets of dimensions under which it is published. `RankBot` stands for the stack's own
/// namespace, which the functions write to (`METRICS_NAMESPACE`).
pub(crate) const METRICS: &[(&str, &str, &[&[&str]])] = &[
    ("RankBot", "Requests", &[&[], &["Function", "Outcome"]]),
    ("RankBot", "RefusedKeys", &[&[]]),
    ("RankBot", "QuotaRefusals", &[&[]]),
    ("RankBot", "RobloxCalls", &[&[], &["Call"]]),
    ("RankBot", "RobloxFailures", &[&[], &["Call"]]),
    ("RankBot", "RobloxRetries", &[&[], &["Call"]]),
    ("RankBot", "RobloxLatency", &[&[], &["Call"]]),
    ("RankBot", "SweepFound", &[&[]]),
    ("RankBot", "SweepRecovered", &[&[]]),
    // Counted from the access log, by the template's own filter.
    ("RankBot", "ApiThrottles", &[&[]]),
    // https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    ("AWS/Lambda", "Invocations", &[&["FunctionName"]]),
    ("AWS/Lambda", "Errors", &[&["FunctionName"]]),
    ("AWS/Lambda", "Throttles", &[&["FunctionName"]]),
    ("AWS/Lambda", "Duration", &[&["FunctionName"]]),
    // https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
    ("AWS/ApiGateway", "Count", &[&["ApiId", "Stage"]]),
    ("AWS/ApiGateway", "4xx", &[&["ApiId", "Stage"]]),
    ("AWS/ApiGateway", "5xx", &[&["ApiId", "Stage"]]),
    ("AWS/ApiGateway", "Latency", &[&["ApiId", "Stage"]]),
    // https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    ("AWS/DynamoDB", "SystemErrors", &[&["TableName", "Operation"]]),
    ("AWS/DynamoDB", "ReadThrottleEvents", &[&["TableName"], &["TableName", "GlobalSecondaryIndexName"]]),
    ("AWS/DynamoDB", "WriteThrottleEvents", &[&["TableName"], &["TableName", "GlobalSecondaryIndexName"]]),
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits", &[&["TableName"]]),
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits", &[&["TableName"]]),
];

/// The values of the dimension `Outcome`.
pub(crate) const OUTCOMES: &[&str] =
    &["success", "refused", "unauthorized", "over_quota", "roblox_failed", "unavailable", "failed"];

/// Fails unless somebody publishes this.
pub(crate) fn assert_published(stack: &str, namespace: &str, metric: &str, dimensions: &[String]) {
    let family = if namespace == format!("RankBot/{stack}") { "RankBot" } else { namespace };
    let known = METRICS.iter().find(|(known, name, _)| *known == family && *name == metric);
    let (_, _, sets) = known.unwrap_or_else(|| panic!("nobody publishes {metric} in {namespace}"));
    assert!(
        sets.contains(&dimensions.iter().map(String::as_str).collect::<Vec<_>>().as_slice()),
        "{metric} {dimensions:?}"
    );
}
