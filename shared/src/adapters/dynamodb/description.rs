//! What the table is: for whom, how full, how protected.

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::{SseStatus, TableDescription as Described, Tag, TimeToLiveStatus};

use super::{TTL_ATTRIBUTE, Table, store_error};
use crate::app::ports::StoreError;
use crate::domain::tenancy::Tenancy;

/// For whom the table is, by its tags.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    /// `None`: it does not say, or its store knows no tags.
    pub tenancy: Option<Tenancy>,
    /// The one customer it is for.
    pub tenant: Option<String>,
}

/// How the table's items are encrypted where they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// With a KMS key of this account.
    AccountKey,
    /// As DynamoDB does by itself; a store on this machine may not at all.
    StoreDefault,
}

/// The table, as its store describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDescription {
    /// `ACTIVE`, where it can be used.
    pub status: String,
    /// For whom it is.
    pub labels: Labels,
    /// Roughly how many items it has: DynamoDB counts every six hours or so.
    pub items: u64,
    /// Whether it is kept from being deleted.
    pub deletion_protection: bool,
    /// Whether items are deleted by their `ttl`.
    pub expires_items: bool,
    /// How it is encrypted.
    pub encryption: Encryption,
}

impl Table {
    /// Reads the table's tags. A store without tags, such as DynamoDB Local, has a table without them.
    pub async fn labels(&self) -> Result<Labels, StoreError> {
        let described = self.described().await?;
        self.labels_of(&described).await
    }

    /// Describes the table.
    pub async fn describe(&self) -> Result<TableDescription, StoreError> {
        let described = self.described().await?;
        let encryption = match described.sse_description().and_then(|sse| sse.status()) {
            Some(SseStatus::Enabled | SseStatus::Updating) => Encryption::AccountKey,
            Some(_) | None => Encryption::StoreDefault,
        };
        Ok(TableDescription {
            status: described.table_status().map_or_else(String::new, |status| status.as_str().to_owned()),
            labels: self.labels_of(&described).await?,
            items: described.item_count().and_then(|count| u64::try_from(count).ok()).unwrap_or_default(),
            deletion_protection: described.deletion_protection_enabled().unwrap_or_default(),
            expires_items: self.expires_items().await?,
            encryption,
        })
    }

    pub(super) async fn described(&self) -> Result<Described, StoreError> {
        const OPERATION: &str = "describe table";
        let answer = self.client.describe_table().table_name(&self.name).send().await;
        let described = answer.map_err(store_error(OPERATION))?.table;
        described.ok_or_else(|| store_error(OPERATION)("the answer describes no table"))
    }

    async fn labels_of(&self, described: &Described) -> Result<Labels, StoreError> {
        let Some(arn) = described.table_arn() else { return Ok(Labels::default()) };
        let mut labels = Labels::default();
        for tag in self.tags(arn).await? {
            match tag.key() {
                Tenancy::TAG => labels.tenancy = Some(tag.value().parse().map_err(store_error("read table tags"))?),
                Tenancy::TENANT_TAG => labels.tenant = Some(tag.value().to_owned()),
                _ => {}
            }
        }
        Ok(labels)
    }

    async fn tags(&self, arn: &str) -> Result<Vec<Tag>, StoreError> {
        let mut tags = Vec::new();
        let mut next = None;
        loop {
            let page = self.client.list_tags_of_resource().resource_arn(arn).set_next_token(next).send().await;
            let page = match page {
                Ok(page) => page,
                Err(error) if error.code() == Some("UnknownOperationException") => return Ok(Vec::new()),
                Err(error) => return Err(store_error("read table tags")(error)),
            };
            tags.extend(page.tags.unwrap_or_default());
            next = page.next_token;
            if next.is_none() {
                return Ok(tags);
            }
        }
    }

    pub(super) async fn expires_items(&self) -> Result<bool, StoreError> {
        let answer = self.client.describe_time_to_live().table_name(&self.name).send().await;
        let answer = answer.map_err(store_error("describe item expiry"))?;
        Ok(answer.time_to_live_description().is_some_and(|expiry| {
            let on = [TimeToLiveStatus::Enabled, TimeToLiveStatus::Enabling];
            expiry.attribute_name() == Some(TTL_ATTRIBUTE)
                && expiry.time_to_live_status().is_some_and(|is| on.contains(is))
        }))
    }
}
