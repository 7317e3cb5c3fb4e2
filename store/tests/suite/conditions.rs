//! The conditional update that admits a request: every clause, alone, decides.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use futures::future::join_all;

use crate::fixture::{Item, Table, b, item, m, n, number, s};

const KEY: &str = "KEY#abc";
const MONTH: &str = "2026-11";
const NOW: i64 = 1_000;

/// The condition of an admission: secret, state (or its grace period), expiry, plan, allowed rank, and the limit.
const CONDITION: &str = "attribute_exists(pk) AND #secret = :secret \
    AND (#status = :active OR (#status = :rotated AND #grace > :now)) \
    AND (attribute_not_exists(#expires) OR #expires > :now) \
    AND #plan IN (:starter, :pro) AND (attribute_not_exists(#allowed) OR contains(#allowed, :rank)) \
    AND (attribute_not_exists(#limit) OR attribute_not_exists(#usage.#m) OR #usage.#m < #limit)";

fn key_item() -> Item {
    item(
        KEY,
        "KEY",
        [
            ("secret", b(b"digest")),
            ("status", s("active")),
            ("plan", s("pro")),
            ("limit", n(2)),
            ("usage", m([])),
            ("expiresAt", n(NOW + 1)),
            ("allowedRanks", AttributeValue::Ns(vec!["10".to_owned(), "20".to_owned()])),
        ],
    )
}

fn with(attribute: &str, value: AttributeValue) -> Item {
    let mut item = key_item();
    item.insert(attribute.to_owned(), value);
    item
}

fn without(attribute: &str) -> Item {
    let mut item = key_item();
    item.remove(attribute);
    item
}

async fn admit(table: &Table) -> Result<UpdateItemOutput, SdkError<UpdateItemError>> {
    let mut update = table
        .client
        .update_item()
        .table_name(&table.name)
        .key("pk", s(KEY))
        .key("sk", s("KEY"))
        .update_expression("SET #usage.#m = if_not_exists(#usage.#m, :zero) + :one")
        .condition_expression(CONDITION)
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    for (alias, name) in [
        ("#usage", "usage"),
        ("#m", MONTH),
        ("#secret", "secret"),
        ("#status", "status"),
        ("#grace", "graceUntil"),
        ("#expires", "expiresAt"),
        ("#plan", "plan"),
        ("#allowed", "allowedRanks"),
        ("#limit", "limit"),
    ] {
        update = update.expression_attribute_names(alias, name);
    }
    for (alias, value) in [
        (":zero", n(0)),
        (":one", n(1)),
        (":secret", b(b"digest")),
        (":active", s("active")),
        (":rotated", s("rotated")),
        (":now", n(NOW)),
        (":starter", s("starter")),
        (":pro", s("pro")),
        (":rank", n(20)),
    ] {
        update = update.expression_attribute_values(alias, value);
    }
    update.send().await
}

async fn admitted(stored: Item) -> Item {
    let table = Table::new().await;
    table.put(stored).await;
    admit(&table).await.expect("the condition holds").attributes.expect("ALL_NEW returns the item")
}

async fn refused(stored: Item) {
    let table = Table::new().await;
    table.put(stored.clone()).await;
    let error = admit(&table).await.expect_err("the condition does not hold").into_service_error();
    let UpdateItemError::ConditionalCheckFailedException(failure) = error else {
        panic!("not a failed condition: {error:?}")
    };
    assert_eq!(failure.item(), Some(&stored), "ALL_OLD returns the item as it was");
    assert_eq!(table.get(KEY, "KEY").await, Some(stored), "a refused update changes nothing");
}

#[tokio::test]
async fn nested_counter_starts_at_one_and_returns_the_whole_item() {
    let mut expected = key_item();
    expected.insert("usage".to_owned(), m([(MONTH, n(1))]));
    assert_eq!(admitted(key_item()).await, expected);
}

#[tokio::test]
async fn nested_counter_goes_up_by_one_below_the_limit() {
    let item = admitted(with("usage", m([(MONTH, n(1)), ("2026-10", n(77))]))).await;
    assert_eq!(number(&item, &["usage", MONTH]), 2);
    assert_eq!(number(&item, &["usage", "2026-10"]), 77, "another month is left alone");
}

#[tokio::test]
async fn comparison_of_two_attributes_refuses_at_the_limit() {
    refused(with("usage", m([(MONTH, n(2))]))).await;
}

#[tokio::test]
async fn numbers_compare_by_value_and_not_by_digits() {
    let mut item = with("usage", m([(MONTH, n(9))]));
    item.insert("limit".to_owned(), n(10));
    admitted(item).await;
}

#[tokio::test]
async fn absent_limit_never_refuses() {
    let mut item = without("limit");
    item.insert("usage".to_owned(), m([(MONTH, n(1_000_000))]));
    assert_eq!(number(&admitted(item).await, &["usage", MONTH]), 1_000_001);
}

#[tokio::test]
async fn other_secret_is_refused() {
    refused(with("secret", b(b"Digest"))).await;
}

#[tokio::test]
async fn text_never_equals_binary() {
    refused(with("secret", s("digest"))).await;
}

#[tokio::test]
async fn other_status_is_refused() {
    refused(with("status", s("revoked"))).await;
}

#[tokio::test]
async fn second_branch_of_an_or_admits_while_its_own_time_lasts() {
    let mut item = with("status", s("rotated"));
    item.insert("graceUntil".to_owned(), n(NOW + 1));
    admitted(item.clone()).await;
    item.insert("graceUntil".to_owned(), n(NOW));
    refused(item.clone()).await;
    item.remove("graceUntil");
    refused(item).await;
}

#[tokio::test]
async fn passed_expiry_is_refused_and_absent_expiry_is_not() {
    refused(with("expiresAt", n(NOW))).await;
    admitted(without("expiresAt")).await;
}

#[tokio::test]
async fn plan_outside_the_list_is_refused() {
    refused(with("plan", s("max"))).await;
}

#[tokio::test]
async fn number_set_without_the_number_is_refused() {
    refused(with("allowedRanks", AttributeValue::Ns(vec!["2".to_owned(), "200".to_owned()]))).await;
    admitted(without("allowedRanks")).await;
}

#[tokio::test]
async fn update_of_an_absent_item_is_refused_without_an_item_and_creates_none() {
    let table = Table::new().await;
    let error = admit(&table).await.expect_err("there is no item").into_service_error();
    let UpdateItemError::ConditionalCheckFailedException(failure) = error else {
        panic!("not a failed condition: {error:?}")
    };
    assert_eq!(failure.item(), None);
    assert_eq!(table.get(KEY, "KEY").await, None);
}

#[tokio::test]
async fn update_under_a_missing_parent_map_is_a_validation_error() {
    let table = Table::new().await;
    table.put(without("usage")).await;
    let error = admit(&table).await.expect_err("there is no map to count in").into_service_error();
    assert_eq!(error.meta().code(), Some("ValidationException"));
}

#[tokio::test]
async fn concurrent_updates_pass_the_limit_never_and_each_sees_its_own_count() {
    let table = Table::new().await;
    table.put(with("limit", n(100))).await;
    let outcomes = join_all((0..200).map(|_| admit(&table))).await;

    let mut counts = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(output) => counts.push(number(&output.attributes.expect("ALL_NEW"), &["usage", MONTH])),
            Err(error) => assert!(error.into_service_error().is_conditional_check_failed_exception()),
        }
    }
    counts.sort_unstable();
    assert_eq!(counts, (1..=100).collect::<Vec<_>>());
}
