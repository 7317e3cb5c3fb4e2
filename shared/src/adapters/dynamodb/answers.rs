//! Idempotency keys: held while a request runs, then its answer, for 24 hours.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemError, DeleteItemOutput};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::item::{Item, Unreadable, instant, number, read_number, read_text, text, text_key};
use super::{TTL_ATTRIBUTE, Table, store_error};
use crate::app::ports::{AnswerSlot, StoreError};
use crate::domain::api_key::KeyId;
use crate::domain::hold::latest_end;
use crate::domain::idempotency::{IdempotencyKey, KEPT_FOR, Known, RequestHash, StoredAnswer};

pub(super) const SORT_KEY: &str = "IDEMP";

const RUNNING: &str = "running";
const ANSWERED: &str = "answered";

/// The place is free, over (DynamoDB deletes late), given up, held by a clock that is far ahead, or this run's own.
const FREE: &str = "attribute_not_exists(#pk) OR #ttl <= :second \
    OR (#state = :running AND (#until <= :now OR #until > :latest OR #holder = :holder))";
/// For the answer itself: or it is there already, and this is a repetition of the attempt that kept it.
const FREE_OR_KEPT: &str = "attribute_not_exists(#pk) OR #ttl <= :second OR #holder = :holder \
    OR (#state = :running AND (#until <= :now OR #until > :latest))";

impl Table {
    /// Holds the key for a run; `false` if another has it. Repeated, it finds it its own.
    pub(super) async fn put_hold(
        &self,
        slot: AnswerSlot<'_>,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let attributes = [("state", text(RUNNING)), ("until", number(until.as_millisecond()))];
        self.put_answer(slot, attributes, FREE, now, "hold idempotency key").await
    }

    pub(super) async fn store_answer(
        &self,
        slot: AnswerSlot<'_>,
        answer: &StoredAnswer,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let attributes =
            [("state", text(ANSWERED)), ("statusCode", number(answer.status)), ("body", text(&answer.body))];
        // Another run's answer stays: it was given to somebody.
        self.put_answer(slot, attributes, FREE_OR_KEPT, now, "keep answer").await
    }

    /// Frees a key that this run holds.
    pub(super) async fn delete_hold(&self, slot: AnswerSlot<'_>) -> Result<(), StoreError> {
        let request = self.delete_own(slot, "#holder = :holder AND #state = :running");
        deleted(
            request
                .expression_attribute_names("#state", "state")
                .expression_attribute_values(":running", text(RUNNING))
                .send()
                .await,
        )
    }

    /// Frees a key that this run holds or has answered.
    pub(super) async fn delete_hold_or_answer(&self, slot: AnswerSlot<'_>) -> Result<(), StoreError> {
        deleted(self.delete_own(slot, "#holder = :holder").send().await)
    }

    fn delete_own(&self, slot: AnswerSlot<'_>, condition: &str) -> DeleteItemFluentBuilder {
        self.client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(primary_key(slot.key_id, &slot.idempotency.key)))
            .condition_expression(condition)
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_values(":holder", text(slot.holder.to_string()))
    }

    async fn put_answer<const N: usize>(
        &self,
        slot: AnswerSlot<'_>,
        attributes: [(&str, AttributeValue); N],
        condition: &str,
        now: Timestamp,
        operation: &'static str,
    ) -> Result<bool, StoreError> {
        let mut item = primary_key(slot.key_id, &slot.idempotency.key);
        item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        item.insert("request".to_owned(), text(slot.idempotency.request.as_str()));
        item.insert("holder".to_owned(), text(slot.holder.to_string()));
        item.insert("change".to_owned(), text(slot.change.to_string()));
        let kept_until = now.saturating_add(KEPT_FOR).unwrap_or(Timestamp::MAX);
        item.insert(TTL_ATTRIBUTE.to_owned(), instant(kept_until));
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression(condition)
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#ttl", TTL_ATTRIBUTE)
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_values(":second", instant(now))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":latest", number(latest_end(now).as_millisecond()))
            .expression_attribute_values(":running", text(RUNNING))
            .expression_attribute_values(":holder", text(slot.holder.to_string()))
            .send()
            .await;
        match put {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(false)
            }
            Err(error) => Err(store_error(operation)(error)),
        }
    }
}

/// One that is another's by now is left alone.
fn deleted(result: Result<DeleteItemOutput, SdkError<DeleteItemError>>) -> Result<(), StoreError> {
    match result {
        Err(error) if !error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) => {
            Err(store_error("free idempotency key")(error))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The primary key of an idempotency key's item.
pub(super) fn primary_key(key_id: &KeyId, key: &IdempotencyKey) -> Item {
    text_key(&[("pk", &format!("IDEMP#{key_id}#{}", key.as_str())), ("sk", SORT_KEY)])
}

/// What the item says.
pub(super) fn known(item: &Item) -> Result<Known, Unreadable> {
    let request = RequestHash::from(read_text(item, "request")?);
    match read_text(item, "state")? {
        RUNNING => {
            let until = Timestamp::from_millisecond(read_number(item, "until")?).map_err(|_| Unreadable("until"))?;
            let kept_until = kept_until(item)?;
            let id = |name: &'static str| read_text(item, name)?.parse().map_err(|_| Unreadable(name));
            Ok(Known::Running { request, until, kept_until, change: id("change")?, holder: id("holder")? })
        }
        ANSWERED => {
            let answer =
                StoredAnswer { status: read_number(item, "statusCode")?, body: read_text(item, "body")?.to_owned() };
            Ok(Known::Answered { request, answer, kept_until: kept_until(item)? })
        }
        _ => Err(Unreadable("state")),
    }
}

fn kept_until(item: &Item) -> Result<Timestamp, Unreadable> {
    Timestamp::from_second(read_number(item, TTL_ATTRIBUTE)?).map_err(|_| Unreadable("ttl"))
}
