//! Admission: authentication, rules, quota and count in one conditional write.

use std::collections::HashMap;

use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::error::ConditionalCheckFailedException;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;

use super::item::{Item, bytes, instant, number, parse_number, text};
use super::key_item::{ACTIVE, LAST_REQUEST, from_item, last_request_text, primary_key};
use super::{Table, store_error};
use crate::app::ports::{Admissions, NotAdmitted, StoreError};
use crate::domain::api_key::{ApiKey, KeyId};
use crate::domain::idempotency::Idempotency;
use crate::domain::key_record::{Demand, KeyRecord};
use crate::domain::month::Month;

/// The rules of [`KeyRecord::refusal`], as DynamoDB judges them. Every name is aliased: many are reserved words.
const ALWAYS: &str = "(#secretHash = :secret OR (#previousSecretHash = :secret AND #previousValidUntil > :now)) \
    AND #status = :active \
    AND (attribute_not_exists(#expiresAt) OR #expiresAt > :now) \
    AND (attribute_not_exists(#limit) OR (attribute_not_exists(#usage.#month) AND #limit > :zero) \
         OR #usage.#month < #limit)";
const OF_GROUP: &str = " AND #groupId = :group";
const WITH_TARGET: &str = " AND (attribute_not_exists(#maxRank) OR #maxRank >= :target) \
    AND (attribute_not_exists(#allowedRanks) OR contains(#allowedRanks, :target))";

const COUNT: &str = "SET #usage.#month = if_not_exists(#usage.#month, :zero) + :one";

/// An update's condition and everything that it names.
struct Condition {
    expression: String,
    /// What is written if it holds.
    update: String,
    names: HashMap<String, String>,
    values: Item,
}

impl Condition {
    fn new(key: &ApiKey, demand: &Demand, now: Timestamp) -> Self {
        let names = ["secretHash", "previousSecretHash", "previousValidUntil", "status", "expiresAt", "limit", "usage"];
        let mut condition = Self {
            expression: ALWAYS.to_owned(),
            update: COUNT.to_owned(),
            names: names.map(|name| (format!("#{name}"), name.to_owned())).into(),
            values: HashMap::from([
                (":secret".to_owned(), bytes(key.hash().as_bytes())),
                (":now".to_owned(), instant(now)),
                (":active".to_owned(), text(ACTIVE)),
                (":zero".to_owned(), number(0)),
                (":one".to_owned(), number(1)),
            ]),
        };
        condition.names.insert("#month".to_owned(), Month::of(now).to_string());
        condition.add_demand(demand);
        condition.add_last_request(demand.under.as_ref(), now);
        condition
    }

    fn add_demand(&mut self, demand: &Demand) {
        if let Some(group) = demand.group {
            self.and(OF_GROUP, &["groupId"], [(":group".to_owned(), number(group))]);
        }
        if let Some(target) = demand.target {
            self.and(WITH_TARGET, &["maxRank", "allowedRanks"], [(":target".to_owned(), number(target))]);
        }
        if let Some(plans) = demand.plans {
            let values: Vec<(String, AttributeValue)> =
                plans.iter().map(|plan| (format!(":{plan}"), text(plan.as_str()))).collect();
            let list = values.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            self.and(&format!(" AND #plan IN ({list})"), &["plan"], values);
        }
    }

    /// In the same write, so that a repetition that meets the limit knows whether it was it that took the last place.
    fn add_last_request(&mut self, under: Option<&Idempotency>, now: Timestamp) {
        self.names.insert("#lastRequest".to_owned(), LAST_REQUEST.to_owned());
        match under {
            None => self.update.push_str(" REMOVE #lastRequest"),
            Some(own) => {
                self.update.push_str(", #lastRequest = :lastRequest");
                self.values.insert(":lastRequest".to_owned(), text(last_request_text(own, now)));
            }
        }
    }

    fn and(&mut self, rule: &str, names: &[&str], values: impl IntoIterator<Item = (String, AttributeValue)>) {
        self.expression.push_str(rule);
        self.names.extend(names.iter().map(|name| (format!("#{name}"), (*name).to_owned())));
        self.values.extend(values);
    }
}

/// Beside `usage`, and by month as that is: the refusals that were given back.
pub(super) const REFUSALS: &str = "refusals";
const TAKE_BACK: &str = "SET #usage.#month = #usage.#month - :one";
const AND_COUNT_THE_REFUSAL: &str = ", #refusals.#month = if_not_exists(#refusals.#month, :zero) + :one";
const COUNTED: &str = "#usage.#month > :zero";
const AND_FEW_REFUSALS: &str = " AND (attribute_not_exists(#refusals.#month) OR #refusals.#month < :most)";

impl Admissions for Table {
    /// An SDK retry after an answer that got lost counts the request twice: that costs the caller one request, and
    /// never gives one away. The condition holds again at the retry, so the limit is never passed. For the same reason the
    /// retry of the month's last request (99 of 100, counted, its answer lost) meets 100 and is refused as over the limit:
    /// it is counted and not served, and costs the caller that one request too.
    async fn admit(&self, key: &ApiKey, demand: &Demand, now: Timestamp) -> Result<KeyRecord, NotAdmitted> {
        const OPERATION: &str = "admit";
        let condition = Condition::new(key, demand, now);
        let answer = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(primary_key(key.id())))
            .update_expression(condition.update)
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let read = |item: &Item| from_item(item).map_err(store_error(OPERATION)).map_err(NotAdmitted::Store);
        match answer {
            Ok(output) => read(&output.attributes.unwrap_or_default()),
            Err(error) => match condition_failed(&error).map(|failed| failed.item().map(read).transpose()) {
                Some(record) => Err(NotAdmitted::Refused(record?.map(Box::new))),
                None => Err(NotAdmitted::Store(store_error(OPERATION)(error))),
            },
        }
    }

    /// Not retried: a give-back whose answer got lost may have taken effect, and a second one would give a request
    /// away. A lost give-back costs the caller one request.
    async fn give_back(
        &self,
        key: &KeyId,
        month: Month,
        most_refusals: Option<u64>,
    ) -> Result<Option<u64>, StoreError> {
        const OPERATION: &str = "give back";
        let request = self.client.update_item().table_name(&self.name).set_key(Some(primary_key(key)));
        let request = match most_refusals {
            None => request.update_expression(TAKE_BACK).condition_expression(COUNTED),
            Some(most) => request
                .update_expression(format!("{TAKE_BACK}{AND_COUNT_THE_REFUSAL}"))
                .condition_expression(format!("{COUNTED}{AND_FEW_REFUSALS}"))
                .expression_attribute_names("#refusals", REFUSALS)
                .expression_attribute_values(":most", number(most)),
        };
        let answer = request
            .expression_attribute_names("#usage", "usage")
            .expression_attribute_names("#month", month.to_string())
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":zero", number(0))
            .return_values(ReturnValue::UpdatedNew)
            .customize()
            .config_override(Builder::new().retry_config(RetryConfig::disabled()))
            .send()
            .await;
        match answer {
            Ok(output) => Ok(output.attributes.as_ref().and_then(|item| count_of(item, month))),
            Err(error) if condition_failed(&error).is_some() => Ok(None),
            Err(error) => Err(store_error(OPERATION)(error)),
        }
    }

    /// An SDK retry takes out what is gone already, which changes nothing: nobody counts in a month that is over. On
    /// condition that the key is there: an update would make an item of a key that was deleted.
    async fn prune(&self, key: &KeyId, months: &[Month]) -> Result<(), StoreError> {
        let mut request = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(primary_key(key)))
            .condition_expression("attribute_exists(#usage)")
            .expression_attribute_names("#usage", "usage")
            .expression_attribute_names("#refusals", REFUSALS);
        let mut paths = Vec::with_capacity(months.len());
        for (place, month) in months.iter().enumerate() {
            paths.push(format!("#usage.#month{place}, #refusals.#month{place}"));
            request = request.expression_attribute_names(format!("#month{place}"), month.to_string());
        }
        let request = request.update_expression(format!("REMOVE {}", paths.join(", ")));
        request.send().await.map_err(store_error("prune counters"))?;
        Ok(())
    }

    async fn key(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        self.read_key(id).await
    }
}

/// The failed condition, if that is what the error is; its item is how the item stood, `None` if there is none.
pub(super) fn condition_failed(error: &SdkError<UpdateItemError>) -> Option<&ConditionalCheckFailedException> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(failed)) => Some(failed),
        _ => None,
    }
}

fn count_of(item: &Item, month: Month) -> Option<u64> {
    item.get("usage").and_then(|usage| usage.as_m().ok()?.get(&month.to_string()).and_then(parse_number))
}
