//! Queries, pages, the sparse index, batches, and what a table says of itself.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{KeysAndAttributes, TableStatus, TimeToLiveStatus};

use crate::fixture::{INDEX, Table, item, key, s, sort_keys};

async fn table_with_log() -> Table {
    let table = Table::new().await;
    for log in ["LOG#1", "LOG#2", "LOG#3", "LOG#4", "META", "KEY#a"] {
        table.put(item("GROUP#1", log, [("note", s(log))])).await;
    }
    table.put(item("GROUP#2", "LOG#9", [])).await;
    table
}

fn query(table: &Table, condition: &str) -> QueryFluentBuilder {
    let query = table.client.query().table_name(&table.name).key_condition_expression(condition);
    query.expression_attribute_values(":pk", s("GROUP#1"))
}

#[tokio::test]
async fn begins_with_returns_one_kind_of_item_in_order() {
    let table = table_with_log().await;
    let query =
        query(&table, "pk = :pk AND begins_with(sk, :prefix)").expression_attribute_values(":prefix", s("LOG#"));
    let found = query.send().await.expect("valid");
    assert_eq!(sort_keys(found.items()), ["LOG#1", "LOG#2", "LOG#3", "LOG#4"]);
    assert_eq!(found.last_evaluated_key(), None);
}

#[tokio::test]
async fn between_includes_both_ends() {
    let table = table_with_log().await;
    let query = query(&table, "pk = :pk AND sk BETWEEN :from AND :to")
        .expression_attribute_values(":from", s("LOG#2"))
        .expression_attribute_values(":to", s("LOG#3"));
    assert_eq!(sort_keys(query.send().await.expect("valid").items()), ["LOG#2", "LOG#3"]);
}

#[tokio::test]
async fn pages_backwards_meet_every_item_once() {
    let table = table_with_log().await;
    let mut pages = Vec::new();
    let mut from = None;
    loop {
        let page = query(&table, "pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":prefix", s("LOG#"))
            .scan_index_forward(false)
            .limit(3)
            .set_exclusive_start_key(from)
            .send()
            .await
            .expect("valid");
        pages.push(sort_keys(page.items()).join(" "));
        from = page.last_evaluated_key;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(pages, ["LOG#4 LOG#3 LOG#2", "LOG#1"]);
}

#[tokio::test]
async fn filter_and_projection_leave_the_rest_out() {
    let table = table_with_log().await;
    let found = query(&table, "pk = :pk")
        .filter_expression("contains(note, :part) AND NOT note = :not")
        .projection_expression("sk")
        .expression_attribute_values(":part", s("#"))
        .expression_attribute_values(":not", s("LOG#1"))
        .send()
        .await
        .expect("valid");
    assert_eq!(sort_keys(found.items()), ["KEY#a", "LOG#2", "LOG#3", "LOG#4"]);
    assert!(found.items().iter().all(|item| item.len() == 1));
}

#[tokio::test]
async fn sparse_index_holds_only_items_that_have_its_keys() {
    let table = table_with_log().await;
    let open = [("gsi1pk", s("OPEN")), ("gsi1sk", s("2026-11-02"))];
    table.put(item("MEMBER#1#2", "CLAIM", open)).await;
    table.put(item("MEMBER#1#3", "CLAIM", [("gsi1pk", s("OPEN")), ("gsi1sk", s("2026-11-01"))])).await;
    table.put(item("MEMBER#1#4", "CLAIM", [("gsi1pk", s("OPEN"))])).await;
    let open_claims = || {
        let query = table.client.query().table_name(&table.name).index_name(INDEX);
        query.key_condition_expression("gsi1pk = :open").expression_attribute_values(":open", s("OPEN")).send()
    };
    let found = open_claims().await.expect("valid").items.expect("two are open");
    assert_eq!(found.iter().map(|item| item["pk"].clone()).collect::<Vec<_>>(), [s("MEMBER#1#3"), s("MEMBER#1#2")]);

    table.put(item("MEMBER#1#3", "CLAIM", [])).await;
    let found = open_claims().await.expect("valid").items.expect("one is open");
    assert_eq!(found.iter().map(|item| item["pk"].clone()).collect::<Vec<_>>(), [s("MEMBER#1#2")]);
}

#[tokio::test]
async fn batch_get_returns_what_is_there() {
    let table = table_with_log().await;
    let wanted = KeysAndAttributes::builder()
        .keys(key("GROUP#1", "META"))
        .keys(key("GROUP#2", "LOG#9"))
        .keys(key("GROUP#3", "META"))
        .consistent_read(true)
        .build()
        .expect("there are keys");
    let found = table.client.batch_get_item().request_items(&table.name, wanted).send().await.expect("valid");
    let mut items = found.responses.expect("a table was asked").remove(&table.name).expect("it is the one asked");
    items.sort_by_key(|item| item["pk"].as_s().expect("a string").clone());
    assert_eq!(sort_keys(&items), ["META", "LOG#9"]);
    assert_eq!(found.unprocessed_keys.unwrap_or_default(), HashMap::new());
}

#[tokio::test]
async fn table_is_active_with_its_index_and_expiry() {
    let table = Table::new().await;
    let described = table.client.describe_table().table_name(&table.name).send().await.expect("it is there");
    let described = described.table.expect("a table is described");
    assert_eq!(described.table_status(), Some(&TableStatus::Active));
    assert_eq!(described.global_secondary_indexes()[0].index_name(), Some(INDEX));

    let expiry = table.client.describe_time_to_live().table_name(&table.name).send().await.expect("it is there");
    let expiry = expiry.time_to_live_description.expect("expiry is described");
    assert_eq!(expiry.time_to_live_status(), Some(&TimeToLiveStatus::Enabled));
    assert_eq!(expiry.attribute_name(), Some("ttl"));
}

#[tokio::test]
async fn absent_table_is_a_resource_not_found_error() {
    let table = Table::new().await;
    let missing = table.client.get_item().table_name("rankbot-absent").set_key(Some(key("a", "b"))).send().await;
    assert!(missing.expect_err("there is none").into_service_error().is_resource_not_found_exception());
}
