//! Claims on members: one change at a time, each with all that it is to do.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure};
use futures::future::{OptionFuture, join, try_join_all};
use jiff::Timestamp;

use super::admission::condition_failed;
use super::item::{Item, Unreadable, number, read_number, read_text, text, text_key};
use super::{INDEX, Table, answers, groups, store_error};
use crate::app::ports::{
    AnswerSlot, Changes, Claim, ClaimConflict, Claimed, Ending, LoadedChange, Member, MemberRecord, OpenChange,
    StoreError, Verdict,
};
use crate::domain::api_key::KeyId;
use crate::domain::audit::LogEntry;
use crate::domain::idempotency::{IdempotencyKey, Known, StoredAnswer};
use crate::domain::log_id::LogId;

/// Open changes are found through the index, spread over this many partitions: one would take 1,000 writes a second.
const SHARDS: u64 = 8;

const CLAIM: &str = "SET #holder = :holder, #until = :until, #intent = :intent, #ixPk = :ixPk, #ixSk = :ixSk";
const NOT_HELD: &str = "(attribute_not_exists(#holder) OR #holder = :holder)";
const TAKE_OVER: &str = "SET #holder = :holder, #until = :until, #ixSk = :ixSk";

impl Changes for Table {
    async fn load_change(
        &self,
        member: Member,
        answer: Option<(&KeyId, &IdempotencyKey)>,
    ) -> Result<LoadedChange, StoreError> {
        const OPERATION: &str = "load change";
        let mut keys =
            vec![groups::primary_key(member.group), groups::block_key(member.group, member.user), primary_key(member)];
        keys.extend(answer.map(|(key_id, key)| answers::primary_key(key_id, key)));
        let mut loaded = LoadedChange::default();
        for item in self.read_all(keys, OPERATION).await? {
            sort_in(&mut loaded, &item).map_err(store_error(OPERATION))?;
        }
        Ok(loaded)
    }

    async fn known_answer(&self, key_id: &KeyId, key: &IdempotencyKey) -> Result<Option<Known>, StoreError> {
        const OPERATION: &str = "read kept answer";
        let items = self.read_all(vec![answers::primary_key(key_id, key)], OPERATION).await?;
        items.first().map(answers::known).transpose().map_err(store_error(OPERATION))
    }

    /// Each of the two writes is on condition that its place is free or this run's own, so an SDK retry meets itself.
    async fn claim(&self, claim: &Claim<'_>) -> Result<Claimed, ClaimConflict> {
        let Claim { holder, until, intent, .. } = *claim;
        let member = Member { group: intent.group, user: intent.user };
        let slot = intent.idempotency.as_ref();
        let slot =
            slot.map(|idempotency| AnswerSlot { key_id: &intent.key_id, idempotency, change: intent.log_id, holder });
        let holding = OptionFuture::from(slot.map(|slot| self.hold_answer(slot, until, claim.now)));
        let (member_claimed, answer_held) = join(self.claim_member(member, claim), holding).await;
        let claimed = Claimed { member, holder, until };
        let conflict = match (member_claimed, answer_held.unwrap_or(Ok(true))) {
            (Ok(true), Ok(true)) => return Ok(claimed),
            (Err(error), _) | (_, Err(error)) => ClaimConflict::Store(error),
            (Ok(false), Ok(_)) => ClaimConflict::Member,
            (Ok(true), Ok(false)) => ClaimConflict::Idempotency,
        };
        let freeing = OptionFuture::from(slot.map(|slot| self.free_answer(slot)));
        // What cannot be taken off now ends with its lease.
        let _ = join(self.close(&claimed, Ending::Unchanged), freeing).await;
        Err(conflict)
    }

    async fn take_over(
        &self,
        open: &OpenChange,
        holder: LogId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Claimed>, StoreError> {
        let member = Member { group: open.intent.group, user: open.intent.user };
        let request = self
            .update_member(member, holder)
            .update_expression(TAKE_OVER)
            .condition_expression("#holder = :before AND #until <= :now")
            .set_expression_attribute_names(Some(names(&["holder", "until", "ixSk"])))
            .expression_attribute_values(":before", text(open.holder.to_string()))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .expression_attribute_values(":ixSk", text(padded(until)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let claimed = Claimed { member, holder, until };
        match request.send().await {
            Ok(_) => Ok(Some(claimed)),
            Err(error) => match condition_failed(&error) {
                // An SDK retry has met its own first attempt.
                Some(failed) if failed.item().is_some_and(|item| holds(item, holder)) => Ok(Some(claimed)),
                Some(_) => Ok(None),
                None => Err(store_error("take over claim")(error)),
            },
        }
    }

    async fn close(&self, claimed: &Claimed, ending: Ending) -> Result<(), StoreError> {
        self.close_claim(claimed, ending).await
    }

    async fn conclude(&self, claimed: &Claimed, ending: Ending, entry: &LogEntry) -> Result<(), StoreError> {
        self.conclude_change(claimed, ending, entry).await
    }

    async fn keep_answer(
        &self,
        slot: AnswerSlot<'_>,
        answer: &StoredAnswer,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.store_answer(slot, answer, now).await
    }

    async fn free_answer(&self, slot: AnswerSlot<'_>) -> Result<(), StoreError> {
        self.delete_answer(slot).await
    }

    async fn abandoned(&self, now: Timestamp, limit: usize) -> Result<Vec<OpenChange>, StoreError> {
        let shards = (0..SHARDS).map(|shard| self.abandoned_in(shard, now, limit));
        let mut open: Vec<OpenChange> = try_join_all(shards).await?.into_iter().flatten().collect();
        // By when somebody last tried: what cannot be put right must not keep the sweep from the others.
        open.sort_by_key(|open| open.holder);
        open.truncate(limit);
        Ok(open)
    }
}

impl Table {
    fn update_member(&self, member: Member, holder: LogId) -> UpdateItemFluentBuilder {
        let request = self.client.update_item().table_name(&self.name).set_key(Some(primary_key(member)));
        request.expression_attribute_values(":holder", text(holder.to_string()))
    }

    /// `false` if the member is held or was changed since it was looked at.
    async fn claim_member(&self, member: Member, claim: &Claim<'_>) -> Result<bool, StoreError> {
        const OPERATION: &str = "claim member";
        let intent = serde_json::to_string(claim.intent).map_err(store_error(OPERATION))?;
        let mut request = self
            .update_member(member, claim.holder)
            .update_expression(CLAIM)
            .set_expression_attribute_names(Some(names(&["holder", "until", "intent", "ixPk", "ixSk", "version"])))
            .expression_attribute_values(":until", number(claim.until.as_millisecond()))
            .expression_attribute_values(":intent", text(intent))
            .expression_attribute_values(":ixPk", text(shard_of(member)))
            .expression_attribute_values(":ixSk", text(padded(claim.until)));
        let unchanged = match claim.seen {
            Some(version) => {
                request = request.expression_attribute_values(":seen", text(version.to_string()));
                "#version = :seen"
            }
            None => "attribute_not_exists(#version)",
        };
        let request = request.condition_expression(format!("{NOT_HELD} AND {unchanged}"));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if condition_failed(&error).is_some() => Ok(false),
            Err(error) => Err(store_error(OPERATION)(error)),
        }
    }

    async fn abandoned_in(&self, shard: u64, now: Timestamp, limit: usize) -> Result<Vec<OpenChange>, StoreError> {
        const OPERATION: &str = "find abandoned changes";
        let answer = self
            .client
            .query()
            .table_name(&self.name)
            .index_name(INDEX)
            .key_condition_expression("#ixPk = :shard AND #ixSk < :now")
            .set_expression_attribute_names(Some(names(&["ixPk", "ixSk"])))
            .expression_attribute_values(":shard", text(format!("OPEN#{shard}")))
            .expression_attribute_values(":now", text(padded(now)))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(store_error(OPERATION))?;
        let open = answer.items().iter().filter_map(|item| open_change(item).transpose());
        open.collect::<Result<_, _>>().map_err(store_error(OPERATION))
    }

    /// Reads these items, strongly consistent, whatever DynamoDB leaves unprocessed included.
    async fn read_all(&self, keys: Vec<Item>, operation: &'static str) -> Result<Vec<Item>, StoreError> {
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let mut wanted = Some([(self.name.clone(), wanted.map_err(store_error(operation))?)].into());
        let mut items = Vec::new();
        while let Some(request) = wanted.take() {
            let answer = self.client.batch_get_item().set_request_items(Some(request)).send().await;
            let answer = answer.map_err(store_error(operation))?;
            items.extend(answer.responses.unwrap_or_default().into_values().flatten());
            wanted = answer.unprocessed_keys.filter(|rest| !rest.is_empty());
        }
        Ok(items)
    }
}

pub(super) fn primary_key(member: Member) -> Item {
    text_key(&[("pk", &format!("MEMBER#{}#{}", member.group, member.user)), ("sk", "MEMBER")])
}

/// What an open change is marked with that may be taken over at once. Among those it queues behind the ones that were
/// tried longer ago.
pub(super) fn left(claimed: &Claimed, verdict: Verdict) -> [(String, AttributeValue); 3] {
    [
        (":zero".to_owned(), number(0)),
        (":ixSk".to_owned(), text(padded(claimed.holder.instant()))),
        (":verdict".to_owned(), text(verdict_text(verdict))),
    ]
}

const fn verdict_text(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pending => "pending",
        Verdict::Succeeded => "succeeded",
        Verdict::Failed => "failed",
    }
}

fn read_verdict(item: &Item) -> Result<Verdict, Unreadable> {
    if !item.contains_key("verdict") {
        return Ok(Verdict::Pending);
    }
    let text = read_text(item, "verdict")?;
    let all = [Verdict::Pending, Verdict::Succeeded, Verdict::Failed];
    all.into_iter().find(|verdict| verdict_text(*verdict) == text).ok_or(Unreadable("verdict"))
}

fn shard_of(member: Member) -> String {
    format!("OPEN#{}", member.user.get() % SHARDS)
}

/// Milliseconds in 15 digits, which sort as text like the instants that they are.
fn padded(instant: Timestamp) -> String {
    format!("{:015}", instant.as_millisecond().max(0))
}

/// The names behind the aliases.
pub(super) fn names(attributes: &[&str]) -> HashMap<String, String> {
    let attribute = |alias: &str| match alias {
        "holder" => "claimHolder".to_owned(),
        "until" => "claimUntil".to_owned(),
        other => other.to_owned(),
    };
    attributes.iter().map(|alias| (format!("#{alias}"), attribute(alias))).collect()
}

fn holds(item: &Item, holder: LogId) -> bool {
    read_text(item, "claimHolder").is_ok_and(|stored| stored == holder.to_string())
}

/// Puts an item that was read where it belongs.
fn sort_in(loaded: &mut LoadedChange, item: &Item) -> Result<(), Unreadable> {
    let kind = read_text(item, "sk")?;
    match kind {
        "GROUP" => loaded.group = groups::record(item)?,
        "MEMBER" => loaded.member = member_record(item)?,
        answers::SORT_KEY => loaded.answer = Some(answers::known(item)?),
        _ if kind.starts_with("BLOCK#") => loaded.block = Some(groups::block(item)?),
        _ => {}
    }
    Ok(())
}

fn member_record(item: &Item) -> Result<MemberRecord, Unreadable> {
    let id = |name: &'static str| match item.get(name) {
        None => Ok(None),
        Some(value) => parsed_id(value).map(Some).ok_or(Unreadable(name)),
    };
    Ok(MemberRecord { version: id("version")?, last_change: id("lastChange")?, open: open_change(item)? })
}

fn parsed_id(value: &AttributeValue) -> Option<LogId> {
    value.as_s().ok()?.parse().ok()
}

/// The change that holds the member, if one does.
fn open_change(item: &Item) -> Result<Option<OpenChange>, Unreadable> {
    let Some(holder) = item.get("claimHolder") else { return Ok(None) };
    let until = Timestamp::from_millisecond(read_number(item, "claimUntil")?).map_err(|_| Unreadable("claimUntil"))?;
    let intent = serde_json::from_str(read_text(item, "intent")?).map_err(|_| Unreadable("intent"))?;
    let holder = parsed_id(holder).ok_or(Unreadable("claimHolder"))?;
    Ok(Some(OpenChange { holder, until, intent, verdict: read_verdict(item)? }))
}
