//! Making the table where no `CloudFormation` does: locally, and for self-hosters.

use std::time::Duration;

use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::update_continuous_backups::UpdateContinuousBackupsError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, ContinuousBackupsDescription, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, Projection, ProjectionType, ScalarAttributeType,
    StreamSpecification, StreamViewType, TableStatus, Tag, TimeToLiveSpecification,
};

use super::{INDEX, TTL_ATTRIBUTE, Table, store_error};
use crate::app::ports::StoreError;
use crate::domain::tenancy::Tenancy;

/// Between two looks at something that DynamoDB is about.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How long a new table may take until its backups can be set up.
const LOOKS_AT_BACKUPS: u32 = 240;

/// Whether the table had to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation {
    /// It was made.
    Created,
    /// It was there. What it lacked, from a creation that was cut off or by hand, is switched on now.
    AlreadyThere(Vec<Feature>),
}

/// What a table needs that DynamoDB does not take with its creation, or that a table can be without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Items are deleted by their `ttl`.
    TimeToLive,
    /// The table cannot be deleted until this is switched off.
    DeletionProtection,
    /// The table can be restored to any second of the last 35 days.
    PointInTimeRecovery,
}

impl Feature {
    /// Its name in a sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TimeToLive => "time to live",
            Self::DeletionProtection => "deletion protection",
            Self::PointInTimeRecovery => "point-in-time recovery",
        }
    }
}

/// Whether a table is kept from being lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// By deletion protection and point-in-time recovery, which not every store off AWS has.
    Kept,
    /// By nothing: it is for trying things out.
    Disposable,
}

impl Table {
    /// Makes a table to try things out on, and waits until it can be used. See [`Table::create_for`].
    pub async fn create(&self) -> Result<Creation, StoreError> {
        self.create_for(None, Safety::Disposable).await
    }

    /// Makes the table as `template.yaml` does, but for encryption with a key of one's own, and waits until it can be
    /// used. The table's tag says for whom it is. One to try things out on has no stream: the embedded store keeps a
    /// stream's records for ever, and goes through them all with each write.
    ///
    /// Safe to repeat: a table that is there keeps its keys, its index and its tag, and is given what it lacks of the
    /// rest.
    pub async fn create_for(&self, tenancy: Option<Tenancy>, safety: Safety) -> Result<Creation, StoreError> {
        let is_new = self.create_bare(tenancy, safety).await?;
        self.wait_until_settled().await?;
        let mut added = Vec::new();
        if safety == Safety::Kept && self.protect_from_deletion().await? {
            added.push(Feature::DeletionProtection);
        }
        if self.expire_items().await? {
            added.push(Feature::TimeToLive);
        }
        if safety == Safety::Kept && self.recover_to_points_in_time().await? {
            added.push(Feature::PointInTimeRecovery);
        }
        Ok(if is_new { Creation::Created } else { Creation::AlreadyThere(added) })
    }

    /// Whether it was not there.
    async fn create_bare(&self, tenancy: Option<Tenancy>, safety: Safety) -> Result<bool, StoreError> {
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
            .set_stream_specification((safety == Safety::Kept).then_some(stream))
            .set_deletion_protection_enabled((safety == Safety::Kept).then_some(true))
            .send()
            .await;
        match created {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => {
                Ok(false)
            }
            Err(error) => Err(store_error(OPERATION)(error)),
        }
    }

    async fn wait_until_settled(&self) -> Result<(), StoreError> {
        const PASSING: [TableStatus; 3] = [TableStatus::Creating, TableStatus::Updating, TableStatus::Deleting];
        while self.described().await?.table_status().is_some_and(|status| PASSING.contains(status)) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// Whether that had to be switched on, here and below. DynamoDB refuses what is on already, so an SDK retry after an
    /// answer that got lost fails the command, and the next one finds everything as it should be.
    async fn expire_items(&self) -> Result<bool, StoreError> {
        const OPERATION: &str = "switch on item expiry";
        if self.expires_items().await? {
            return Ok(false);
        }
        let expiry = TimeToLiveSpecification::builder().attribute_name(TTL_ATTRIBUTE).enabled(true).build();
        self.client
            .update_time_to_live()
            .table_name(&self.name)
            .time_to_live_specification(expiry.map_err(store_error(OPERATION))?)
            .send()
            .await
            .map_err(store_error(OPERATION))?;
        Ok(true)
    }

    async fn protect_from_deletion(&self) -> Result<bool, StoreError> {
        const OPERATION: &str = "switch on deletion protection";
        if self.described().await?.deletion_protection_enabled() == Some(true) {
            return Ok(false);
        }
        let update = self.client.update_table().table_name(&self.name).deletion_protection_enabled(true);
        update.send().await.map_err(store_error(OPERATION))?;
        self.wait_until_settled().await?;
        Ok(true)
    }

    /// A new table's backups take a moment to be there.
    async fn recover_to_points_in_time(&self) -> Result<bool, StoreError> {
        const OPERATION: &str = "switch on point-in-time recovery";
        let described = self.client.describe_continuous_backups().table_name(&self.name).send().await;
        let described = described.map_err(store_error("describe backups"))?;
        if described.continuous_backups_description().is_some_and(recovers) {
            return Ok(false);
        }
        let recovery = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
        let recovery = recovery.map_err(store_error(OPERATION))?;
        let mut looks = 1;
        loop {
            let update = self.client.update_continuous_backups().table_name(&self.name);
            match update.point_in_time_recovery_specification(recovery.clone()).send().await {
                Ok(_) => return Ok(true),
                Err(error) if looks < LOOKS_AT_BACKUPS && is_not_there_yet(error.as_service_error()) => {
                    looks += 1;
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Err(error) => return Err(store_error(OPERATION)(error)),
            }
        }
    }
}

fn recovers(backups: &ContinuousBackupsDescription) -> bool {
    let recovery = backups.point_in_time_recovery_description();
    recovery.and_then(|recovery| recovery.point_in_time_recovery_status()) == Some(&PointInTimeRecoveryStatus::Enabled)
}

fn is_not_there_yet(error: Option<&UpdateContinuousBackupsError>) -> bool {
    error.is_some_and(UpdateContinuousBackupsError::is_continuous_backups_unavailable_exception)
}
