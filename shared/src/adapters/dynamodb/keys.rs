//! Operators' work on keys.

use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use super::admission::condition_failed;
use super::item::{Item, Unreadable, bytes, instant, number, read_optional_bytes, read_text, text};
use super::key_item::{ACTIVE, REVOKED, from_item, group_pointer, primary_key, to_item};
use super::pages::every_item;
use super::{Table, store_error};
use crate::app::keys::{KeyChange, Keys};
use crate::app::ports::StoreError;
use crate::domain::api_key::KeyId;
use crate::domain::id::GroupId;
use crate::domain::key_record::KeyRecord;

/// DynamoDB's limit for one `BatchGetItem`.
const BATCH: usize = 100;

impl Keys for Table {
    /// Key and group pointer together or not at all. An SDK retry is recognised by the client request token.
    async fn insert(&self, record: &KeyRecord) -> Result<(), StoreError> {
        const OPERATION: &str = "insert key";
        let put = |item: Item| {
            let put = Put::builder()
                .table_name(&self.name)
                .set_item(Some(item))
                .condition_expression("attribute_not_exists(#pk)")
                .expression_attribute_names("#pk", "pk")
                .build();
            put.map(|put| TransactWriteItem::builder().put(put).build()).map_err(store_error(OPERATION))
        };
        let mut pointer = group_pointer(record.group, &record.key_id);
        pointer.insert("keyId".to_owned(), text(record.key_id.as_str()));
        self.client
            .transact_write_items()
            .transact_items(put(to_item(record))?)
            .transact_items(put(pointer)?)
            .send()
            .await
            .map_err(store_error(OPERATION))?;
        Ok(())
    }

    async fn find(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        self.read_key(id).await
    }

    async fn list(&self, group: Option<GroupId>) -> Result<Vec<KeyRecord>, StoreError> {
        let mut records = match group {
            Some(group) => self.keys_of(group).await?,
            None => self.all_keys().await?,
        };
        records.sort_by(|a, b| (a.created_at, &a.key_id).cmp(&(b.created_at, &b.key_id)));
        Ok(records)
    }

    /// Each change is safe to repeat. Rotation copies the current secret to its place as the previous one, so it may
    /// happen only once: the condition tells a repetition by the new secret that is there already.
    async fn change(&self, id: &KeyId, change: &KeyChange) -> Result<Option<KeyRecord>, StoreError> {
        const OPERATION: &str = "change key";
        let ChangeExpression { update, condition, names, values } = ChangeExpression::of(change);
        let mut request = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(primary_key(id)))
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_values(":active", text(ACTIVE))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for name in names {
            request = request.expression_attribute_names(format!("#{name}"), *name);
        }
        for (name, value) in values {
            request = request.expression_attribute_values(name, value);
        }
        let read = |item: &Item| from_item(item).map(Some).map_err(store_error(OPERATION));
        match request.send().await {
            Ok(output) => read(&output.attributes.unwrap_or_default()),
            Err(error) => match condition_failed(&error) {
                Some(failed) => failed.item().filter(|item| is_done_already(item, change)).map_or(Ok(None), read),
                None => Err(store_error(OPERATION)(error)),
            },
        }
    }
}

/// The parts of an update.
struct ChangeExpression {
    update: &'static str,
    condition: &'static str,
    names: &'static [&'static str],
    values: Vec<(&'static str, AttributeValue)>,
}

impl ChangeExpression {
    fn of(change: &KeyChange) -> Self {
        match change {
            KeyChange::Rotate { secret, previous_valid_until } => Self {
                update: "SET #previousSecretHash = #secretHash, #previousValidUntil = :until, #secretHash = :secret",
                condition: "#status = :active AND #secretHash <> :secret",
                names: &["status", "secretHash", "previousSecretHash", "previousValidUntil"],
                values: vec![(":secret", bytes(secret.as_bytes())), (":until", instant(*previous_valid_until))],
            },
            KeyChange::Revoke => Self {
                update: "SET #status = :revoked REMOVE #previousSecretHash, #previousValidUntil",
                condition: "#status = :active",
                names: &["status", "previousSecretHash", "previousValidUntil"],
                values: vec![(":revoked", text(REVOKED))],
            },
            KeyChange::SetPlan(plan) => {
                let named = (":plan", text(plan.as_str()));
                match plan.monthly_limit() {
                    Some(limit) => Self {
                        update: "SET #plan = :plan, #limit = :limit",
                        condition: "#status = :active",
                        names: &["status", "plan", "limit"],
                        values: vec![named, (":limit", number(limit))],
                    },
                    None => Self {
                        update: "SET #plan = :plan REMOVE #limit",
                        condition: "#status = :active",
                        names: &["status", "plan", "limit"],
                        values: vec![named],
                    },
                }
            }
        }
    }
}

/// Whether an SDK retry met its own first attempt.
fn is_done_already(item: &Item, change: &KeyChange) -> bool {
    match change {
        KeyChange::Rotate { secret, .. } => {
            read_optional_bytes(item, "secretHash").is_ok_and(|stored| stored == Some(*secret.as_bytes()))
        }
        KeyChange::Revoke => read_text(item, "status").is_ok_and(|status| status == REVOKED),
        KeyChange::SetPlan(_) => false,
    }
}

impl Table {
    /// Strongly consistent: a key just made, rotated or revoked is seen as it is.
    pub(super) async fn read_key(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        const OPERATION: &str = "read key";
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(primary_key(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(store_error(OPERATION))?;
        answer.item().map(from_item).transpose().map_err(store_error(OPERATION))
    }

    /// Which keys a group has.
    pub(super) async fn key_ids(&self, group: GroupId) -> Result<Vec<KeyId>, StoreError> {
        const OPERATION: &str = "list a group's keys";
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :keys)")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#sk", "sk")
            .expression_attribute_values(":pk", text(format!("GROUP#{group}")))
            .expression_attribute_values(":keys", text("KEY#"))
            .consistent_read(true);
        let pointers = every_item(query, OPERATION).await?;
        let id = |pointer| read_text(pointer, "keyId")?.parse().map_err(|_| Unreadable("keyId"));
        pointers.iter().map(id).collect::<Result<_, Unreadable>>().map_err(store_error(OPERATION))
    }

    async fn keys_of(&self, group: GroupId) -> Result<Vec<KeyRecord>, StoreError> {
        let ids = self.key_ids(group).await?;
        let mut records = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            records.extend(self.read_batch(batch).await?);
        }
        Ok(records)
    }

    async fn read_batch(&self, ids: &[KeyId]) -> Result<Vec<KeyRecord>, StoreError> {
        const OPERATION: &str = "read keys";
        let keys = ids.iter().map(primary_key).collect();
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let mut wanted = Some([(self.name.clone(), wanted.map_err(store_error(OPERATION))?)].into());
        let mut records = Vec::with_capacity(ids.len());
        while let Some(request) = wanted.take() {
            let answer = self
                .client
                .batch_get_item()
                .set_request_items(Some(request))
                .send()
                .await
                .map_err(store_error(OPERATION))?;
            for item in answer.responses.unwrap_or_default().into_values().flatten() {
                records.push(from_item(&item).map_err(store_error(OPERATION))?);
            }
            wanted = answer.unprocessed_keys.filter(|rest| !rest.is_empty());
        }
        Ok(records)
    }

    /// A scan: for an operator's eyes, not for a request's path.
    async fn all_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        const OPERATION: &str = "list all keys";
        let items = self
            .client
            .scan()
            .table_name(&self.name)
            .filter_expression("#sk = :key")
            .expression_attribute_names("#sk", "sk")
            .expression_attribute_values(":key", text("KEY"))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<Item>, _>>()
            .await
            .map_err(store_error(OPERATION))?;
        items.iter().map(|item| from_item(item).map_err(store_error(OPERATION))).collect()
    }
}
