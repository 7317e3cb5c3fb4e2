//! What each function may do: its own role, exact actions, nothing by a star.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::arn;
use crate::rendering::{Stack, texts};
use crate::{ACME, PRO, ROOT, SHARING, every_kind};

const READ: &[&str] = &["dynamodb:GetItem", "dynamodb:UpdateItem"];
const ADMIT: &[&str] = &["KEY#*"];
const KEEP_ROLES: &[&str] = &["GROUP#*"];
const CLAIM: &[&str] = &["MEMBER#*"];
const CHANGE: &[&str] = &["dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:PutItem"];
const BOT: &[&str] = &["secretsmanager:GetSecretValue"];
const TABLE_KEY: &[&str] =
    &["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"];
const EVERY_FUNCTION: &[&str] = &[
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
];

/// Beside what every function may do.
const RIGHTS: &[(&str, &[&[&str]])] = &[
    ("SetRankFunction", &[READ, CHANGE, BOT]),
    ("PromoteFunction", &[READ, CHANGE, BOT]),
    ("DemoteFunction", &[READ, CHANGE, BOT]),
    ("RankFunction", &[READ, CHANGE, BOT]),
    ("UndoFunction", &[READ, CHANGE, BOT]),
    ("GetRankFunction", &[READ, BOT]),
    ("GroupInfoFunction", &[READ, BOT]),
    ("GroupRolesFunction", &[READ, BOT]),
    ("LogsFunction", &[READ, &["dynamodb:Query"]]),
    ("KeyInfoFunction", &[&["dynamodb:GetItem"]]),
    ("SweepFunction", &[READ, &["dynamodb:PutItem", "dynamodb:Query"], BOT]),
];

/// The statements of a role's policies.
pub(crate) fn statements(stack: &Stack, role: &str) -> Vec<Value> {
    let role = &stack.resource(role)["Properties"];
    assert!(role.get("Policies").is_none(), "rights outside the list of capabilities");
    let policies = texts(&role["ManagedPolicyArns"]).into_iter().flat_map(|policy| {
        let id = policy.strip_prefix(&format!("arn:aws:iam::{}:policy/{}-", arn::ACCOUNT, stack.name));
        let document = &stack.resource(id.unwrap_or_else(|| panic!("{policy} is not this stack's")))["Properties"];
        document["PolicyDocument"]["Statement"].as_array().unwrap().clone()
    });
    policies.collect()
}

/// Every action of a role on every resource.
pub(crate) fn rights(stack: &Stack, role: &str) -> BTreeSet<(String, String)> {
    let pairs = statements(stack, role).into_iter().flat_map(|statement| {
        assert_eq!(statement["Effect"], "Allow");
        let resources = texts(&statement["Resource"]);
        texts(&statement["Action"]).into_iter().flat_map(move |action| {
            resources.clone().into_iter().map(move |resource| (action.clone(), resource)).collect::<Vec<_>>()
        })
    });
    pairs.collect()
}

pub(crate) fn role_of(function: &str) -> String {
    function.replace("Function", "Role")
}

#[test]
fn every_function_may_do_exactly_what_it_needs() {
    for stack in every_kind() {
        for (function, _) in stack.functions() {
            let (_, expected) = RIGHTS.iter().find(|(known, _)| *known == function).unwrap();
            let expected: BTreeSet<&str> = expected.iter().copied().flatten().chain(EVERY_FUNCTION).copied().collect();
            let rights = rights(&stack, &role_of(function));
            let actions: BTreeSet<&str> = rights.iter().map(|(action, _)| action.as_str()).collect();
            assert_eq!(actions, expected, "{function} of {}", stack.name);
        }
    }
}

#[test]
fn every_function_has_a_role_of_its_own_that_only_lambda_may_take() {
    let stack = Stack::deploy("rankbot-pro", PRO);
    for (function, resource) in stack.functions() {
        let role = format!("arn:aws:iam::{}:role/rankbot-pro-{}", arn::ACCOUNT, role_of(function));
        assert_eq!(resource["Properties"]["Role"], role.as_str());
        let trust = &stack.resource(&role_of(function))["Properties"]["AssumeRolePolicyDocument"]["Statement"];
        assert_eq!(trust.as_array().unwrap().len(), 1);
        assert_eq!(trust[0]["Principal"]["Service"], "lambda.amazonaws.com");
    }
    let roles = stack.of_type("AWS::IAM::Role").len();
    assert_eq!(roles, stack.functions().len() + 1, "each function's, and CodeDeploy's");
}

#[test]
fn nothing_is_allowed_by_a_star() {
    for stack in every_kind() {
        for (role, _) in stack.of_type("AWS::IAM::Role") {
            for (action, resource) in rights(&stack, role) {
                assert!(!action.contains('*'), "{role} may do {action}");
                // The streams of the one log, which Lambda names; and a list that CloudWatch gives as a whole.
                let explained = resource == arn::log_streams(&stack.name)
                    || (role == "RolloutRole" && action == "cloudwatch:DescribeAlarms" && resource == "*");
                assert!(explained || !resource.contains('*'), "{role} may do {action} on {resource}");
            }
        }
    }
}

#[test]
fn every_role_and_policy_is_needed() {
    for stack in every_kind() {
        let used: BTreeSet<String> = stack
            .of_type("AWS::IAM::Role")
            .into_iter()
            .flat_map(|(_, role)| texts(&role["Properties"]["ManagedPolicyArns"]))
            .collect();
        for (id, _) in stack.of_type("AWS::IAM::ManagedPolicy") {
            assert!(used.iter().any(|policy| policy.ends_with(&format!("-{id}"))), "{id} of {}", stack.name);
        }
    }
}

#[test]
fn a_function_is_told_of_the_secret_only_if_it_may_read_it() {
    for stack in every_kind() {
        for (function, resource) in stack.functions() {
            let told = !resource["Properties"]["Environment"]["Variables"]["ROBLOX_SECRET_ARN"].is_null();
            let may = rights(&stack, &role_of(function)).iter().any(|(action, _)| action == BOT[0]);
            assert_eq!(told, may, "{function}");
        }
    }
}

#[test]
fn the_table_key_opens_only_the_one_table_and_only_through_dynamodb() {
    let dynamodb = format!("dynamodb.{}.amazonaws.com", arn::REGION);
    for (stack, table, key) in [
        (Stack::deploy("rankbot-max-acme", ACME), "rankbot-max-acme-Table", arn::key("rankbot-max-acme")),
        (Stack::deploy("rankbot-pro", SHARING), crate::SHARED_TABLE, crate::SHARED_KEY.to_owned()),
    ] {
        for (function, _) in stack.functions() {
            let decrypting =
                statements(&stack, &role_of(function)).into_iter().filter(|one| texts(&one["Action"]) == TABLE_KEY);
            let through_dynamodb: Vec<Value> = decrypting
                .filter(|one| one["Condition"]["StringEquals"]["kms:ViaService"] == dynamodb.as_str())
                .collect();
            assert_eq!(through_dynamodb.len(), 1, "{function}");
            assert_eq!(through_dynamodb[0]["Resource"], key.as_str());
            let only = &through_dynamodb[0]["Condition"]["StringEquals"];
            assert_eq!(only["kms:EncryptionContext:aws:dynamodb:tableName"], table);
            assert_eq!(only["kms:EncryptionContext:aws:dynamodb:subscriberId"], arn::ACCOUNT);
        }
    }
}

#[test]
fn every_right_to_decrypt_is_bound_to_a_service_and_to_one_thing() {
    for stack in every_kind() {
        for (role, _) in stack.of_type("AWS::IAM::Role") {
            for statement in
                statements(&stack, role).iter().filter(|one| texts(&one["Action"]).contains(&"kms:Decrypt".to_owned()))
            {
                let only = &statement["Condition"]["StringEquals"];
                assert!(only["kms:ViaService"].is_string(), "{role}");
                let bound = ["kms:EncryptionContext:aws:dynamodb:tableName", "kms:EncryptionContext:SecretARN"];
                assert!(bound.iter().any(|context| only[*context].is_string()), "{role}");
            }
        }
    }
}

/// The partitions in which a role may do this, on the table or on the index.
fn partitions(stack: &Stack, role: &str, action: &str, resource: &str) -> BTreeSet<String> {
    let has = |value: &Value, wanted: &str| texts(value).contains(&wanted.to_owned());
    let all = statements(stack, role).into_iter();
    let found = all.filter(|one| has(&one["Action"], action) && has(&one["Resource"], resource));
    found.flat_map(|one| texts(&one["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])).collect()
}

#[test]
fn every_right_to_the_table_is_for_named_partitions() {
    for stack in every_kind() {
        for (function, _) in stack.functions() {
            for statement in statements(&stack, &role_of(function)) {
                if texts(&statement["Action"]).iter().any(|action| action.starts_with("dynamodb:")) {
                    let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
                    let named = |key: &String| key == "WARM" || (key.ends_with("#*") && key.len() > 2);
                    assert!(keys.is_array() && texts(keys).iter().all(named), "{function}: {statement}");
                }
            }
        }
    }
}

#[test]
fn no_function_can_make_or_delete_a_key_nor_delete_anything_but_answers() {
    let stack = Stack::deploy("rankbot-pro", PRO);
    let table = arn::table("rankbot-pro");
    for (function, _) in stack.functions() {
        let role = role_of(function);
        assert!(!partitions(&stack, &role, "dynamodb:PutItem", &table).contains("KEY#*"), "{function}");
        let deleting = partitions(&stack, &role, "dynamodb:DeleteItem", &table);
        assert!(deleting.iter().all(|partition| partition == "IDEMP#*"), "{function}");
    }
}

/// Who may change a group can change its settings. So it is for those alone that keep a role list which they had to ask
/// Roblox for.
const UPDATES: &[(&str, &[&[&str]])] = &[
    ("SetRankFunction", &[ADMIT, KEEP_ROLES, CLAIM]),
    ("PromoteFunction", &[ADMIT, KEEP_ROLES, CLAIM]),
    ("DemoteFunction", &[ADMIT, KEEP_ROLES, CLAIM]),
    ("RankFunction", &[ADMIT, KEEP_ROLES, CLAIM]),
    ("UndoFunction", &[ADMIT, KEEP_ROLES, CLAIM]),
    ("GetRankFunction", &[ADMIT, KEEP_ROLES]),
    ("GroupRolesFunction", &[ADMIT, KEEP_ROLES]),
    ("GroupInfoFunction", &[ADMIT]),
    ("LogsFunction", &[ADMIT]),
    ("KeyInfoFunction", &[]),
    ("SweepFunction", &[CLAIM]),
];

#[test]
fn every_function_updates_only_the_partitions_that_it_needs_to() {
    let stack = Stack::deploy("rankbot-pro", PRO);
    let table = arn::table("rankbot-pro");
    for (function, _) in stack.functions() {
        let (_, expected) = UPDATES.iter().find(|(known, _)| *known == function).unwrap();
        let expected: BTreeSet<String> = expected.iter().copied().flatten().map(|&key| key.to_owned()).collect();
        assert_eq!(partitions(&stack, &role_of(function), "dynamodb:UpdateItem", &table), expected, "{function}");
    }
    let key_info = partitions(&stack, "KeyInfoRole", "dynamodb:GetItem", &table);
    assert_eq!(key_info, BTreeSet::from(["KEY#*".to_owned(), "WARM".to_owned()]));
}

/// The prefixes that the policies name are those that the code writes.
#[test]
fn the_partitions_of_the_policies_are_the_documented_ones() {
    let architecture = std::fs::read_to_string(format!("{ROOT}/docs/architecture.md")).unwrap();
    for prefix in ["`KEY#<", "`GROUP#<", "`MEMBER#<", "`IDEMP#<", "`OPEN#<", "`LOG#<"] {
        assert!(architecture.contains(prefix), "{prefix}");
    }
}

#[test]
fn codedeploy_moves_this_stacks_aliases_and_no_others() {
    let stack = Stack::deploy("rankbot-max-acme", ACME);
    let mut reach: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (action, resource) in rights(&stack, "RolloutRole") {
        reach.entry(action).or_default().insert(resource);
    }
    let canaries = stack.functions().into_iter().map(|(function, _)| function).filter(|id| *id != "SweepFunction");
    let own: BTreeSet<String> = canaries
        .map(|function| arn::function("rankbot-max-acme", function))
        .flat_map(|function| [format!("{function}:live"), function])
        .collect();
    assert_eq!(reach.remove("cloudwatch:DescribeAlarms"), Some(BTreeSet::from(["*".to_owned()])));
    let moving = ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"];
    assert_eq!(reach.keys().map(String::as_str).collect::<Vec<_>>(), moving);
    assert!(reach.values().all(|resources| *resources == own));
    let trust = &stack.resource("RolloutRole")["Properties"]["AssumeRolePolicyDocument"]["Statement"];
    assert_eq!(trust[0]["Principal"]["Service"], "codedeploy.amazonaws.com");
}
