//! The names that AWS would give.

use serde_json::Value;

/// The account that the tests deploy to.
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "eu-central-1";

/// An ARN in the tests' account and region.
pub(crate) fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

pub(crate) fn table(stack: &str) -> String {
    arn("dynamodb", &format!("table/{stack}-Table"))
}

pub(crate) fn key(stack: &str) -> String {
    arn("kms", &format!("key/{stack}-Key"))
}

pub(crate) fn secret(stack: &str) -> String {
    arn("secretsmanager", &format!("secret:{stack}-BotSecret-a1B2c3"))
}

/// What CloudWatch calls all streams of the stack's log.
pub(crate) fn log_streams(stack: &str) -> String {
    arn("logs", &format!("log-group:/rankbot/{stack}:*"))
}

pub(crate) fn function(stack: &str, id: &str) -> String {
    arn("lambda", &format!("function:{stack}-{id}"))
}

pub(crate) fn topic(stack: &str) -> String {
    arn("sns", &format!("{stack}-AlarmTopic"))
}

/// What `Ref` gives.
pub(crate) fn reference(stack: &str, id: &str, resource: &Value, text_of: impl Fn(&Value) -> String) -> String {
    match resource["Type"].as_str().unwrap() {
        "AWS::SecretsManager::Secret" | "AWS::SNS::Topic" | "AWS::IAM::ManagedPolicy" => {
            of(stack, id, resource, text_of)
        }
        "AWS::Logs::LogGroup" => text_of(&resource["Properties"]["LogGroupName"]),
        "AWS::CloudWatch::Alarm" => text_of(&resource["Properties"]["AlarmName"]),
        "AWS::CloudWatch::Dashboard" => text_of(&resource["Properties"]["DashboardName"]),
        _ => format!("{stack}-{id}"),
    }
}

/// What the attribute `Arn` gives.
pub(crate) fn of(stack: &str, id: &str, resource: &Value, text_of: impl Fn(&Value) -> String) -> String {
    match resource["Type"].as_str().unwrap() {
        "AWS::DynamoDB::Table" => table(stack),
        "AWS::KMS::Key" => key(stack),
        "AWS::SecretsManager::Secret" => secret(stack),
        "AWS::SNS::Topic" => topic(stack),
        "AWS::Serverless::Function" => function(stack, id),
        "AWS::Logs::LogGroup" => {
            arn("logs", &format!("log-group:{}:*", text_of(&resource["Properties"]["LogGroupName"])))
        }
        "AWS::IAM::Role" => format!("arn:aws:iam::{ACCOUNT}:role/{stack}-{id}"),
        "AWS::IAM::ManagedPolicy" => format!("arn:aws:iam::{ACCOUNT}:policy/{stack}-{id}"),
        kind => panic!("the ARN of a {kind} is not known here"),
    }
}
