//! Making the table where no `CloudFormation` does: locally, and for self-hosters.

use std::time::Duration;

use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, StreamSpecification, StreamViewType, TableStatus, Tag, TimeToLiveSpecification,
};

use super::{INDEX, TTL_ATTRIBUTE, Table, store_error};
use crate::app::ports::StoreError;
use crate::domain::tenancy::Tenancy;

/// Whether the table had to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// It was made.
    Created,
    /// It was there.
    AlreadyThere,
}

impl Table {
    /// Makes the table as `template.yaml` does, except for what only AWS has (backups, encryption, protection), and
    /// waits until it can be used. One that is there is left as it is.
    pub async fn create(&self) -> Result<Creation, StoreError> {
        self.create_for(None).await
    }

    /// As [`Table::create`]; the table's tag says for whom it is.
    pub async fn create_for(&self, tenancy: Option<Tenancy>) -> Result<Creation, StoreError> {
        const OPERATION: &str = "create table";
        let attribute = |name: &str| {
            AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build()
        };
        let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
        let stream = StreamSpecification::builder()
            .stream_enabled(true)
            .stream_view_type(StreamViewType::NewAndOldImages)
            .build()
            .map_err(store_error(OPERATION))?;
        let index = GlobalSecondaryIndex::builder()
            .index_name(INDEX)
            .key_schema(key("ixPk", KeyType::Hash).map_err(store_error(OPERATION))?)
            .key_schema(key("ixSk", KeyType::Range).map_err(store_error(OPERATION))?)
            .projection(Projection::builder().projection_type(ProjectionType::All).build())
            .build();
        let tag = |tenancy: Tenancy| Tag::builder().key(Tenancy::TAG).value(tenancy.as_str()).build();
        let tag = tenancy.map(tag).transpose().map_err(store_error(OPERATION))?;
        let created = self
            .client
            .create_table()
            .set_tags(tag.map(|tag| vec![tag]))
            .table_name(&self.name)
            .attribute_definitions(attribute("pk").map_err(store_error(OPERATION))?)
            .attribute_definitions(attribute("sk").map_err(store_error(OPERATION))?)
            .attribute_definitions(attribute("ixPk").map_err(store_error(OPERATION))?)
            .attribute_definitions(attribute("ixSk").map_err(store_error(OPERATION))?)
            .global_secondary_indexes(index.map_err(store_error(OPERATION))?)
            .key_schema(key("pk", KeyType::Hash).map_err(store_error(OPERATION))?)
            .key_schema(key("sk", KeyType::Range).map_err(store_error(OPERATION))?)
            .billing_mode(BillingMode::PayPerRequest)
            .stream_specification(stream)
            .send()
            .await;
        if let Err(error) = created {
            let there = error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception);
            return if there { Ok(Creation::AlreadyThere) } else { Err(store_error(OPERATION)(error)) };
        }
        self.wait_until_active().await?;
        self.expire_items().await?;
        Ok(Creation::Created)
    }

    async fn wait_until_active(&self) -> Result<(), StoreError> {
        const OPERATION: &str = "describe table";
        loop {
            let described = self.client.describe_table().table_name(&self.name).send().await;
            let described = described.map_err(store_error(OPERATION))?;
            let status = described.table().and_then(|table| table.table_status());
            if status == Some(&TableStatus::Active) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    async fn expire_items(&self) -> Result<(), StoreError> {
        const OPERATION: &str = "switch on item expiry";
        let expiry = TimeToLiveSpecification::builder().attribute_name(TTL_ATTRIBUTE).enabled(true).build();
        self.client
            .update_time_to_live()
            .table_name(&self.name)
            .time_to_live_specification(expiry.map_err(store_error(OPERATION))?)
            .send()
            .await
            .map_err(store_error(OPERATION))?;
        Ok(())
    }
}
