//! Answers of DynamoDB that come in pages.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;

use super::item::Item;
use super::store_error;
use crate::app::ports::StoreError;

/// Every item that the query finds. Not for a request's path: it takes as many calls as there are pages.
pub(super) async fn every_item(query: QueryFluentBuilder, operation: &'static str) -> Result<Vec<Item>, StoreError> {
    query.into_paginator().items().send().collect::<Result<_, _>>().await.map_err(store_error(operation))
}
