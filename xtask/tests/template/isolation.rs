//! What a stack can reach of what is kept: a dedicated one its own alone, a sharing one the table that it is given.

use std::collections::BTreeSet;

use crate::rendering::{Parameters, Stack, text};
use crate::rights::{rights, role_of};
use crate::{ACME, PRO, SHARED_KEY, SHARED_TABLE, SHARING, STARTER, arn, every_kind};

/// Every table, index, key, secret and log that a function of the stack may do anything with.
fn reach(stack: &Stack) -> BTreeSet<String> {
    let roles = stack.functions().into_iter().map(|(function, _)| role_of(function));
    roles.flat_map(|role| rights(stack, &role)).map(|(_, resource)| resource).collect()
}

fn own(stack: &str) -> BTreeSet<String> {
    let table = arn::table(stack);
    let index = format!("{table}/index/index");
    BTreeSet::from([table, index, arn::key(stack), arn::secret(stack), arn::log_streams(stack)])
}

#[test]
fn a_dedicated_stack_reaches_only_what_is_its_own() {
    let stack = Stack::deploy("rankbot-max-acme", ACME);
    assert_eq!(reach(&stack), own("rankbot-max-acme"));
}

#[test]
fn a_stack_with_a_table_of_its_own_reaches_only_what_is_its_own() {
    for (name, parameters) in [("rankbot-starter", STARTER), ("rankbot-pro", PRO)] {
        assert_eq!(reach(&Stack::deploy(name, parameters)), own(name));
    }
}

#[test]
fn two_customers_instances_reach_nothing_in_common() {
    let globex: Parameters<'_> = &[("Plan", "max"), ("Tenant", "globex")];
    let acme = reach(&Stack::deploy("rankbot-max-acme", ACME));
    let globex = reach(&Stack::deploy("rankbot-max-globex", globex));
    assert!(acme.is_disjoint(&globex));
}

#[test]
fn a_sharing_stack_reaches_exactly_the_named_table_and_its_key_and_has_none_of_its_own() {
    let stack = Stack::deploy("rankbot-pro", SHARING);
    assert!(stack.of_type("AWS::DynamoDB::Table").is_empty());
    let table = arn::table("rankbot-starter");
    let index = format!("{table}/index/index");
    let expected = [table, index, SHARED_KEY.to_owned()].into_iter();
    let of_its_own = [arn::key("rankbot-pro"), arn::secret("rankbot-pro"), arn::log_streams("rankbot-pro")];
    assert_eq!(reach(&stack), expected.chain(of_its_own).collect());
}

#[test]
fn every_function_works_on_the_table_that_it_may_reach() {
    for stack in every_kind() {
        let expected =
            if stack.name.ends_with("sharing") { SHARED_TABLE.to_owned() } else { format!("{}-Table", stack.name) };
        for (function, resource) in stack.functions() {
            let variables = &resource["Properties"]["Environment"]["Variables"];
            assert_eq!(variables["TABLE_NAME"], expected.as_str(), "{function}");
        }
        assert_eq!(stack.outputs["TableName"], expected);
    }
}

#[test]
fn a_stack_names_its_table_and_key_for_those_that_share_it() {
    let owner = Stack::deploy("rankbot-starter", STARTER);
    assert_eq!(owner.outputs["TableName"], SHARED_TABLE);
    assert_eq!(owner.outputs["TableKeyArn"], SHARED_KEY);
    let sharing = Stack::deploy("rankbot-pro", SHARING);
    assert_eq!(sharing.outputs["TableKeyArn"], SHARED_KEY);
}

/// Who takes a stack down deletes what these name: `TableName` and `TableKeyArn` can be another stack's.
#[test]
fn a_stack_tells_what_is_its_own_from_what_it_shares() {
    for stack in every_kind() {
        assert_eq!(stack.outputs["OwnKeyArn"], arn::key(&stack.name));
        let own_table = stack.resources.contains_key("Table").then(|| format!("{}-Table", stack.name));
        assert_eq!(stack.outputs.get("OwnTableName"), own_table.as_ref(), "{}", stack.name);
    }
}

#[test]
fn a_table_says_whether_it_is_one_customers_and_whose() {
    let tags = |parameters| {
        let stack = Stack::deploy("rankbot", parameters);
        let tags = stack.resource("Table")["Properties"]["Tags"].as_array().unwrap().clone();
        tags.iter().map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect::<Vec<_>>()
    };
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(tags(STARTER), [tag("rankbot:tenancy", "shared")]);
    assert_eq!(tags(PRO), [tag("rankbot:tenancy", "shared")]);
    assert_eq!(tags(ACME), [tag("rankbot:tenancy", "dedicated"), tag("rankbot:tenant", "acme")]);
}

#[test]
fn a_table_is_swept_once_by_the_stack_that_has_it() {
    for stack in every_kind() {
        let swept = stack.resources.contains_key("SweepFunction");
        assert_eq!(swept, stack.resources.contains_key("Table"), "{}", stack.name);
    }
}
