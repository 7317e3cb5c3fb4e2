//! What is kept: encrypted with the stack's own key, and there after the stack is gone.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::rendering::{Stack, TEMPLATE, texts};
use crate::{ACME, PRO, arn, every_kind};

/// Types that hold something, and where they say with which key.
const ENCRYPTED: &[(&str, &str)] = &[
    ("AWS::DynamoDB::Table", "/Properties/SSESpecification/KMSMasterKeyId"),
    ("AWS::SecretsManager::Secret", "/Properties/KmsKeyId"),
    ("AWS::Logs::LogGroup", "/Properties/KmsKeyId"),
    ("AWS::SNS::Topic", "/Properties/KmsMasterKeyId"),
];

#[test]
fn all_that_is_kept_is_encrypted_with_the_stacks_own_key() {
    for stack in every_kind() {
        for (kind, key) in ENCRYPTED {
            for (id, resource) in stack.of_type(kind) {
                let key = resource.pointer(key).unwrap_or_else(|| panic!("{id} has no key"));
                assert_eq!(*key, arn::key(&stack.name).as_str(), "{id}");
            }
        }
    }
}

#[test]
fn deleting_a_stack_deletes_no_customers_data_and_no_key_to_it() {
    for stack in every_kind() {
        for kind in ["AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::SecretsManager::Secret"] {
            for (id, resource) in stack.of_type(kind) {
                assert_eq!(resource["DeletionPolicy"], "Retain", "{id}");
                assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{id}");
            }
        }
    }
}

/// A name that stays taken by what is retained would keep the stack from being made again.
#[test]
fn what_is_retained_has_no_name_that_a_new_stack_would_want() {
    let stack = Stack::deploy("rankbot-max-acme", ACME);
    assert!(stack.resource("Table")["Properties"].get("TableName").is_none());
    assert!(stack.resource("BotSecret")["Properties"].get("Name").is_none());
    assert!(stack.of_type("AWS::KMS::Alias").is_empty());
}

#[test]
fn the_table_is_protected_and_can_be_restored() {
    let stack = Stack::deploy("rankbot-pro", PRO);
    let table = &stack.resource("Table")["Properties"];
    assert_eq!(table["DeletionProtectionEnabled"], true);
    assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!(table["SSESpecification"]["SSEEnabled"], true);
    assert_eq!(table["SSESpecification"]["SSEType"], "KMS");
    assert_eq!(table["TimeToLiveSpecification"], json!({"AttributeName": "ttl", "Enabled": true}));
}

#[test]
fn the_secret_is_made_empty() {
    let stack = Stack::deploy("rankbot-pro", PRO);
    let secret = stack.resource("BotSecret")["Properties"].as_object().unwrap();
    assert!(secret.keys().all(|name| name == "Description" || name == "KmsKeyId"), "{secret:?}");
}

#[test]
fn functions_and_the_api_write_into_the_stacks_own_logs() {
    let stack = Stack::deploy("rankbot-pro", PRO);
    let groups = stack.of_type("AWS::Logs::LogGroup");
    let names: BTreeSet<&str> =
        groups.iter().map(|(_, group)| group["Properties"]["LogGroupName"].as_str().unwrap()).collect();
    assert_eq!(names, BTreeSet::from(["/rankbot/rankbot-pro", "/aws/vendedlogs/rankbot/rankbot-pro/access"]));
    for (function, resource) in stack.functions() {
        let logging = &resource["Properties"]["LoggingConfig"];
        // At any other level Lambda would drop lines that LogLevel asks for.
        let all = json!({"LogFormat": "JSON", "ApplicationLogLevel": "TRACE", "LogGroup": "/rankbot/rankbot-pro"});
        assert_eq!(*logging, all, "{function}");
    }
    let access = &stack.resource("HttpApi")["Properties"]["AccessLogSettings"]["DestinationArn"];
    assert_eq!(*access, arn::arn("logs", "log-group:/aws/vendedlogs/rankbot/rankbot-pro/access:*").as_str());
}

/// A header would hold the API key, the path and the query name members.
#[test]
fn the_access_log_is_json_without_headers_paths_and_bodies() {
    let stack = Stack::deploy("rankbot-pro", PRO);
    let format = stack.resource("HttpApi")["Properties"]["AccessLogSettings"]["Format"].as_str().unwrap();
    let line: Value = serde_json::from_str(format).unwrap();
    let variables: BTreeSet<&str> = line.as_object().unwrap().values().map(|value| value.as_str().unwrap()).collect();
    let expected = BTreeSet::from([
        "$context.requestTimeEpoch",
        "$context.requestId",
        "$context.routeKey",
        "$context.status",
        "$context.error.message",
        "$context.responseLatency",
        // The function's own status; $context.integrationStatus is Lambda's, 200 for whatever the function answers.
        "$context.integration.status",
        "$context.integrationLatency",
        "$context.integrationErrorMessage",
        "$context.responseLength",
        "$context.protocol",
        "$context.identity.sourceIp",
    ]);
    assert_eq!(variables, expected);
}

/// Each statement of the key's own policy, where `*` as the resource is the key.
fn key_policy(stack: &Stack) -> Vec<Value> {
    let statements = &stack.resource("Key")["Properties"]["KeyPolicy"]["Statement"];
    statements.as_array().unwrap().clone()
}

#[test]
fn the_key_turns_every_year_and_its_policy_spells_out_every_action() {
    let stack = Stack::deploy("rankbot-max-acme", ACME);
    assert_eq!(stack.resource("Key")["Properties"]["EnableKeyRotation"], true);
    for statement in key_policy(&stack) {
        assert!(texts(&statement["Action"]).iter().all(|action| !action.contains('*')), "{statement}");
        assert_ne!(statement["Principal"], "*");
    }
}

#[test]
fn nobody_uses_the_key_but_through_a_service_and_for_this_stack() {
    let using = ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:CreateGrant"];
    let stack = Stack::deploy("rankbot-max-acme", ACME);
    let account = format!("arn:aws:iam::{}:root", arn::ACCOUNT);
    let mut principals = BTreeSet::new();
    for statement in key_policy(&stack) {
        if !texts(&statement["Action"]).iter().any(|action| using.contains(&action.as_str())) {
            continue;
        }
        let condition = &statement["Condition"];
        if statement["Principal"]["AWS"] == account.as_str() {
            let services = ["dynamodb", "secretsmanager"].map(|name| format!("{name}.{}.amazonaws.com", arn::REGION));
            assert_eq!(texts(&condition["StringEquals"]["kms:ViaService"]), services);
            assert_eq!(condition["StringEquals"]["kms:CallerAccount"], arn::ACCOUNT);
            continue;
        }
        let principal = statement["Principal"]["Service"].as_str().unwrap().to_owned();
        if principal.starts_with("logs.") {
            let logs = texts(&condition["ArnEquals"]["kms:EncryptionContext:aws:logs:arn"]);
            let groups = stack.of_type("AWS::Logs::LogGroup").into_iter();
            let own = groups.map(|(_, group)| group["Properties"]["LogGroupName"].as_str().unwrap().to_owned());
            let own: BTreeSet<String> = own.map(|name| arn::arn("logs", &format!("log-group:{name}"))).collect();
            assert_eq!(logs.into_iter().collect::<BTreeSet<_>>(), own);
        } else {
            assert_eq!(condition["StringEquals"]["aws:SourceAccount"], arn::ACCOUNT);
            assert_eq!(
                condition["ArnLike"]["aws:SourceArn"],
                arn::arn("cloudwatch", "alarm:rankbot-max-acme-*").as_str()
            );
        }
        principals.insert(principal);
    }
    let logs = format!("logs.{}.amazonaws.com", arn::REGION);
    assert_eq!(principals, BTreeSet::from([logs, "cloudwatch.amazonaws.com".to_owned()]));
}

/// Every type of resource is one that holds nothing, or is in the lists above.
#[test]
fn a_new_kind_of_resource_is_looked_at_before_it_is_deployed() {
    let holds_nothing = [
        "AWS::ApiGatewayV2::ApiMapping",
        "AWS::ApiGatewayV2::DomainName",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Role",
        "AWS::KMS::Key",
        "AWS::Logs::MetricFilter",
        "AWS::Route53::RecordSet",
        "AWS::SNS::Subscription",
        "AWS::SNS::TopicPolicy",
        "AWS::Serverless::Function",
        "AWS::Serverless::HttpApi",
    ];
    for (id, resource) in TEMPLATE["Resources"].as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        let known = holds_nothing.contains(&kind) || ENCRYPTED.iter().any(|(known, _)| *known == kind);
        assert!(known, "{id} is a {kind}: does it hold data? Say so in this file.");
    }
}
