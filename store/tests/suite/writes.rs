//! Conditional puts and deletes, give-backs, batches and transactions.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, Put, PutRequest, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update, WriteRequest,
};

use crate::fixture::{Item, Table, item, key, m, n, number, s};

const CLAIM: (&str, &str) = ("MEMBER#1#2", "CLAIM");

fn claim(run: &str, lease_until: i64) -> Item {
    item(CLAIM.0, CLAIM.1, [("run", s(run)), ("leaseUntil", n(lease_until))])
}

#[tokio::test]
async fn conditional_put_takes_a_free_or_expired_claim_and_no_other() {
    let table = Table::new().await;
    let take = |run: &'static str, now: i64| {
        table
            .client
            .put_item()
            .table_name(&table.name)
            .set_item(Some(claim(run, now + 10)))
            .condition_expression("attribute_not_exists(pk) OR leaseUntil < :now")
            .expression_attribute_values(":now", n(now))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
    };
    assert_eq!(take("first", 100).await.expect("it is free").attributes, None);

    let error = take("second", 105).await.expect_err("the lease still runs").into_service_error();
    let PutItemError::ConditionalCheckFailedException(failure) = error else { panic!("{error:?}") };
    assert_eq!(failure.item(), Some(&claim("first", 110)));

    assert_eq!(take("third", 111).await.expect("the lease is over").attributes, Some(claim("first", 110)));
    assert_eq!(table.get(CLAIM.0, CLAIM.1).await, Some(claim("third", 121)));
}

#[tokio::test]
async fn conditional_delete_releases_only_the_own_claim() {
    let table = Table::new().await;
    table.put(claim("mine", 100)).await;
    let release = |run: &'static str| {
        table
            .client
            .delete_item()
            .table_name(&table.name)
            .set_key(Some(key(CLAIM.0, CLAIM.1)))
            .condition_expression("run = :run")
            .expression_attribute_values(":run", s(run))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
    };
    let error = release("other").await.expect_err("it is not theirs").into_service_error();
    let DeleteItemError::ConditionalCheckFailedException(failure) = error else { panic!("{error:?}") };
    assert_eq!(failure.item(), Some(&claim("mine", 100)));

    assert_eq!(release("mine").await.expect("it is ours").attributes, Some(claim("mine", 100)));
    assert_eq!(table.get(CLAIM.0, CLAIM.1).await, None);
    assert!(
        release("mine").await.expect_err("it is gone").into_service_error().is_conditional_check_failed_exception()
    );
}

#[tokio::test]
async fn give_back_stops_at_zero_and_remove_prunes_one_month() {
    let table = Table::new().await;
    table.put(item("KEY#a", "KEY", [("usage", m([("2026-11", n(1)), ("2025-01", n(9))]))])).await;
    let give_back = || {
        table
            .client
            .update_item()
            .table_name(&table.name)
            .set_key(Some(key("KEY#a", "KEY")))
            .update_expression("SET #usage.#m = #usage.#m - :one REMOVE #usage.#old")
            .condition_expression("#usage.#m > :zero")
            .expression_attribute_names("#usage", "usage")
            .expression_attribute_names("#m", "2026-11")
            .expression_attribute_names("#old", "2025-01")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":zero", n(0))
            .return_values(ReturnValue::AllNew)
            .send()
    };
    let item = give_back().await.expect("one is counted").attributes.expect("ALL_NEW");
    assert_eq!(item["usage"], m([("2026-11", n(0))]));
    assert!(give_back().await.expect_err("none is left").into_service_error().is_conditional_check_failed_exception());
}

#[tokio::test]
async fn set_members_are_added_and_taken_off_by_one_update() {
    let table = Table::new().await;
    table.put(item("GROUP#1", "META", [])).await;
    let update = |expression: &'static str| {
        table
            .client
            .update_item()
            .table_name(&table.name)
            .set_key(Some(key("GROUP#1", "META")))
            .update_expression(expression)
            .expression_attribute_values(":done", aws_sdk_dynamodb::types::AttributeValue::Ss(vec!["r1".to_owned()]))
            .return_values(ReturnValue::AllNew)
            .send()
    };
    let added = update("ADD givenBack :done").await.expect("ADD makes the set").attributes.expect("ALL_NEW");
    assert_eq!(added["givenBack"].as_ss().expect("a set"), &["r1"]);
    let emptied = update("DELETE givenBack :done").await.expect("it is a member").attributes.expect("ALL_NEW");
    assert!(!emptied.contains_key("givenBack"), "an empty set is no attribute");
}

#[tokio::test]
async fn batch_write_puts_every_item() {
    let table = Table::new().await;
    let writes = (0..25).map(|i| {
        let put = PutRequest::builder().set_item(Some(item("GROUP#1", &format!("LOG#{i:02}"), []))).build();
        WriteRequest::builder().put_request(put.expect("the item is set")).build()
    });
    let written = table.client.batch_write_item().request_items(&table.name, writes.collect()).send().await;
    assert!(written.expect("25 are allowed").unprocessed_items.is_none_or(|left| left.is_empty()));
    assert!(table.get("GROUP#1", "LOG#24").await.is_some());
}

fn transaction(table: &Table) -> [TransactWriteItem; 4] {
    let put = Put::builder()
        .table_name(&table.name)
        .set_item(Some(item("T", "put", [])))
        .condition_expression("attribute_not_exists(pk)")
        .build();
    let update = Update::builder()
        .table_name(&table.name)
        .set_key(Some(key("T", "counter")))
        .update_expression("SET used = used + :one")
        .expression_attribute_values(":one", n(1))
        .build();
    let delete = Delete::builder().table_name(&table.name).set_key(Some(key("T", "delete"))).build();
    let check = ConditionCheck::builder()
        .table_name(&table.name)
        .set_key(Some(key("T", "check")))
        .condition_expression("attribute_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build();
    [
        TransactWriteItem::builder().put(put.expect("complete")).build(),
        TransactWriteItem::builder().update(update.expect("complete")).build(),
        TransactWriteItem::builder().delete(delete.expect("complete")).build(),
        TransactWriteItem::builder().condition_check(check.expect("complete")).build(),
    ]
}

#[tokio::test]
async fn transaction_does_all_or_says_which_part_refused_and_does_nothing() {
    let table = Table::new().await;
    table.put(item("T", "counter", [("used", n(1))])).await;
    table.put(item("T", "delete", [])).await;
    let write = || table.client.transact_write_items().set_transact_items(Some(transaction(&table).to_vec())).send();

    let error = write().await.expect_err("the checked item is not there").into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { panic!("{error:?}") };
    let codes: Vec<_> = cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("")).collect();
    assert_eq!(codes, ["None", "None", "None", "ConditionalCheckFailed"]);
    assert_eq!(table.get("T", "put").await, None);
    assert_eq!(number(&table.get("T", "counter").await.expect("kept"), &["used"]), 1);
    assert!(table.get("T", "delete").await.is_some());

    table.put(item("T", "check", [])).await;
    write().await.expect("every condition holds");
    assert!(table.get("T", "put").await.is_some());
    assert_eq!(number(&table.get("T", "counter").await.expect("kept"), &["used"]), 2);
    assert_eq!(table.get("T", "delete").await, None);
}

#[tokio::test]
async fn transaction_repeated_with_its_token_takes_effect_once() {
    let table = Table::new().await;
    table.put(item("T", "counter", [("used", n(1))])).await;
    table.put(item("T", "check", [])).await;
    // A token belongs to the whole store, which tests may share, and holds 36 characters at most.
    let token = &table.name[table.name.len().saturating_sub(36)..];
    for _ in 0..2 {
        let write = table.client.transact_write_items().client_request_token(token);
        write.set_transact_items(Some(transaction(&table).to_vec())).send().await.expect("the repeat is answered too");
    }
    assert_eq!(number(&table.get("T", "counter").await.expect("kept"), &["used"]), 2);
}
