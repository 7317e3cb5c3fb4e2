//! A table shaped as RankBot's, and short ways to write items and values.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};
use rankbot_store::testing::{TestStore, unique_table_name};

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) const INDEX: &str = "gsi1";

/// A store with one empty table: `pk`/`sk`, a sparse index on `gsi1pk`/`gsi1sk`, expiry on `ttl`.
pub(crate) struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) store: TestStore,
}

impl Table {
    pub(crate) async fn new() -> Self {
        let store = TestStore::start().await;
        let client = store.client();
        let name = unique_table_name();
        create_table(&client, &name).await;
        Self { client, name, store }
    }

    pub(crate) async fn put(&self, item: Item) {
        self.client.put_item().table_name(&self.name).set_item(Some(item)).send().await.expect("the item is valid");
    }

    pub(crate) async fn get(&self, pk: &str, sk: &str) -> Option<Item> {
        let get = self.client.get_item().table_name(&self.name).set_key(Some(key(pk, sk))).consistent_read(true);
        get.send().await.expect("the key is valid").item
    }
}

pub(crate) async fn create_table(client: &Client, name: &str) {
    let index = GlobalSecondaryIndex::builder()
        .index_name(INDEX)
        .key_schema(part("gsi1pk", KeyType::Hash))
        .key_schema(part("gsi1sk", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .expect("every required member is set");
    let mut create = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(part("pk", KeyType::Hash))
        .key_schema(part("sk", KeyType::Range))
        .global_secondary_indexes(index);
    for attribute in ["pk", "sk", "gsi1pk", "gsi1sk"] {
        let definition =
            AttributeDefinition::builder().attribute_name(attribute).attribute_type(ScalarAttributeType::S);
        create = create.attribute_definitions(definition.build().expect("every required member is set"));
    }
    create.send().await.expect("the table is new");
    let expiry = TimeToLiveSpecification::builder().enabled(true).attribute_name("ttl").build();
    let enable = client.update_time_to_live().table_name(name);
    enable.time_to_live_specification(expiry.expect("every required member is set")).send().await.expect("ttl is off");
}

fn part(attribute: &str, key_type: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(attribute).key_type(key_type).build().expect("every member is set")
}

pub(crate) fn s(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(crate) fn n(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn b(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

pub(crate) fn m<const N: usize>(entries: [(&str, AttributeValue); N]) -> AttributeValue {
    AttributeValue::M(entries.map(|(name, value)| (name.to_owned(), value)).into())
}

pub(crate) fn key(pk: &str, sk: &str) -> Item {
    item(pk, sk, [])
}

pub(crate) fn item<const N: usize>(pk: &str, sk: &str, attributes: [(&str, AttributeValue); N]) -> Item {
    let mut item: Item = attributes.map(|(name, value)| (name.to_owned(), value)).into();
    item.insert("pk".to_owned(), s(pk));
    item.insert("sk".to_owned(), s(sk));
    item
}

/// The number at `path` inside `item`.
pub(crate) fn number(item: &Item, path: &[&str]) -> i64 {
    let (last, parents) = path.split_last().expect("a path has a last part");
    let mut map = item;
    for parent in parents {
        map = map[*parent].as_m().expect("a parent is a map");
    }
    map[*last].as_n().expect("it is a number").parse().expect("it is an integer")
}

/// The sort keys of `items`, in their order.
pub(crate) fn sort_keys(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| item["sk"].as_s().expect("a sort key is a string").as_str()).collect()
}
