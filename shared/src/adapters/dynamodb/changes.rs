//! Claims on members: one change at a time, each with all that it is to do.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure};
use futures::future::{OptionFuture, join, try_join_all};
use jiff::Timestamp;
use tokio::time::sleep;

use super::admission::condition_failed;
use super::item::{Item, Unreadable, number, read_number, read_text, text, text_key};
use super::{INDEX, Table, answers, groups, store_error};
use crate::app::ports::{
    AnswerSlot, Changes, Claim, ClaimConflict, Claimed, Concluded, Ending, LoadedChange, Member, MemberRecord,
    OpenChange, StoreError, TakeOver, Verdict,
};
use crate::domain::api_key::KeyId;
use crate::domain::audit::LogEntry;
use crate::domain::idempotency::{IdempotencyKey, Known, StoredAnswer};
use crate::domain::log_id::LogId;
use crate::domain::recent_writes::RecentWrites;

/// Open changes are found through the index, spread over this many partitions: one would take 1,000 writes a second.
const SHARDS: u64 = 8;

/// Between the attempts at a batch of which DynamoDB leaves a part unprocessed.
const PAUSES_FOR_THE_REST: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(100), Duration::from_millis(200), Duration::ZERO];

const CLAIM: &str = "SET #holder = :holder, #until = :until, #intent = :intent, #ixPk = :ixPk, #ixSk = :ixSk";
/// What is on the right is the item before the update; a repetition leaves what its first attempt has laid under.
const AND_COVER: &str = ", #under = if_not_exists(#under, #intent)";
const NOT_HELD: &str = "(attribute_not_exists(#holder) OR #holder = :holder)";
const NOT_HELD_OR_OVER: &str =
    "(attribute_not_exists(#holder) OR #holder = :holder OR (#holder = :over AND #until <= :now))";
const TAKE_OVER: &str = "SET #holder = :holder, #until = :until, #ixSk = :ixSk";
const AND_FORGET_THE_VERDICT: &str = " REMOVE #verdict";

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
        let Claim { holder, until, intent, recent, .. } = *claim;
        let member = Member { group: intent.group, user: intent.user };
        let slot = intent.idempotency.as_ref();
        let slot =
            slot.map(|idempotency| AnswerSlot { key_id: &intent.key_id, idempotency, change: intent.log_id, holder });
        let holding = OptionFuture::from(slot.map(|slot| self.put_hold(slot, until, claim.now)));
        let (member_claimed, answer_held) = join(self.claim_member(member, claim), holding).await;
        let covers_another = claim.over.is_some();
        let claimed = Claimed { member, holder, until, covers_another, recent: recent.clone() };
        let conflict = match (member_claimed, answer_held.unwrap_or(Ok(true))) {
            (Ok(true), Ok(true)) => return Ok(claimed),
            (Err(error), _) | (_, Err(error)) => ClaimConflict::Store(error),
            (Ok(false), Ok(_)) => ClaimConflict::Member,
            (Ok(true), Ok(false)) => ClaimConflict::Idempotency,
        };
        let freeing = OptionFuture::from(slot.map(|slot| self.delete_hold(slot)));
        // What cannot be taken off now ends with its lease.
        let _ = join(self.close(&claimed, Ending::Unchanged), freeing).await;
        Err(conflict)
    }

    async fn take_over(
        &self,
        open: &OpenChange,
        what_for: TakeOver,
        holder: LogId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<(Claimed, Verdict)>, StoreError> {
        const OPERATION: &str = "take over claim";
        let member = Member { group: open.intent.group, user: open.intent.user };
        let (update, used) = match what_for {
            TakeOver::PutRight => (TAKE_OVER.to_owned(), &["holder", "until", "ixSk"][..]),
            TakeOver::Finish => {
                (format!("{TAKE_OVER}{AND_FORGET_THE_VERDICT}"), &["holder", "until", "ixSk", "verdict"][..])
            }
        };
        let taken = self
            .update_member(member, holder)
            .update_expression(update)
            .condition_expression("#holder = :before AND #until <= :now")
            .set_expression_attribute_names(Some(names(used)))
            .expression_attribute_values(":before", text(open.holder.to_string()))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .expression_attribute_values(":ixSk", text(padded(until)))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let item = match taken {
            Ok(output) => output.attributes,
            Err(error) => match condition_failed(&error) {
                // An SDK retry has met its own first attempt.
                Some(failed) => failed.item().filter(|item| holds(item, holder)).cloned(),
                None => return Err(store_error(OPERATION)(error)),
            },
        };
        let Some(item) = item else { return Ok(None) };
        let verdict = read_verdict(&item).map_err(store_error(OPERATION))?;
        let recent = read_recent(&item).map_err(store_error(OPERATION))?;
        let covers_another = item.contains_key("under");
        Ok(Some((Claimed { member, holder, until, covers_another, recent }, verdict)))
    }

    async fn close(&self, claimed: &Claimed, ending: Ending) -> Result<(), StoreError> {
        self.close_claim(claimed, ending).await
    }

    async fn conclude(&self, claimed: &Claimed, ending: Ending, entry: &LogEntry) -> Result<Concluded, StoreError> {
        self.conclude_change(claimed, ending, entry).await
    }

    async fn hold_answer(&self, slot: AnswerSlot<'_>, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        self.put_hold(slot, until, now).await
    }

    async fn leave_answer(&self, slot: AnswerSlot<'_>, now: Timestamp) -> Result<(), StoreError> {
        self.put_hold(slot, Timestamp::UNIX_EPOCH, now).await.map(|_| ())
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
        self.delete_hold(slot).await
    }

    async fn withdraw_answer(&self, slot: AnswerSlot<'_>) -> Result<(), StoreError> {
        self.delete_hold_or_answer(slot).await
    }

    async fn shorten(&self, open: &OpenChange, until: Timestamp) -> Result<(), StoreError> {
        let member = Member { group: open.intent.group, user: open.intent.user };
        let shortened = self
            .update_member(member, open.holder)
            .update_expression("SET #until = :until, #ixSk = :ixSk")
            .condition_expression("#holder = :holder AND #until > :until")
            .set_expression_attribute_names(Some(names(&["holder", "until", "ixSk"])))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .expression_attribute_values(":ixSk", text(padded(until)))
            .send()
            .await;
        match shortened {
            Err(error) if condition_failed(&error).is_none() => Err(store_error("shorten claim")(error)),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn open_changes(&self, limit: usize) -> Result<Vec<OpenChange>, StoreError> {
        let shards = (0..SHARDS).map(|shard| self.open_in(shard, limit));
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
        let mut used = names(&["holder", "until", "intent", "ixPk", "ixSk", "version", "verdict"]);
        let cover = if claim.over.is_some() { AND_COVER } else { "" };
        used.extend(claim.over.iter().flat_map(|_| names(&["under"])));
        let mut request = self
            .update_member(member, claim.holder)
            .update_expression(format!("{CLAIM}{cover}{AND_FORGET_THE_VERDICT}"))
            .set_expression_attribute_names(Some(used))
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
        let free = match claim.over {
            Some(over) => {
                request = request.expression_attribute_values(":over", text(over.to_string()));
                request = request.expression_attribute_values(":now", number(claim.now.as_millisecond()));
                NOT_HELD_OR_OVER
            }
            None => NOT_HELD,
        };
        let request = request.condition_expression(format!("{free} AND {unchanged}"));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if condition_failed(&error).is_some() => Ok(false),
            Err(error) => Err(store_error(OPERATION)(error)),
        }
    }

    async fn open_in(&self, shard: u64, limit: usize) -> Result<Vec<OpenChange>, StoreError> {
        const OPERATION: &str = "find open changes";
        let answer = self
            .client
            .query()
            .table_name(&self.name)
            .index_name(INDEX)
            .key_condition_expression("#ixPk = :shard")
            .set_expression_attribute_names(Some(names(&["ixPk"])))
            .expression_attribute_values(":shard", text(format!("OPEN#{shard}")))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(store_error(OPERATION))?;
        let open = answer.items().iter().filter_map(|item| match open_change(item) {
            Ok(open) => open,
            // One that this version cannot read must not keep the sweep from the others.
            Err(error) => {
                let member = read_text(item, "pk").unwrap_or_default();
                tracing::error!(member, %error, "an open change cannot be read");
                None
            }
        });
        Ok(open.collect())
    }

    /// Reads these items, strongly consistent. What DynamoDB leaves unprocessed, which is how a batch is told that it is
    /// throttled, is asked for again, later each time.
    async fn read_all(&self, keys: Vec<Item>, operation: &'static str) -> Result<Vec<Item>, StoreError> {
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let mut wanted = HashMap::from([(self.name.clone(), wanted.map_err(store_error(operation))?)]);
        let mut items = Vec::new();
        for pause in PAUSES_FOR_THE_REST {
            let answer = self.client.batch_get_item().set_request_items(Some(wanted)).send().await;
            let answer = answer.map_err(store_error(operation))?;
            items.extend(answer.responses.unwrap_or_default().into_values().flatten());
            wanted = answer.unprocessed_keys.unwrap_or_default();
            if wanted.is_empty() {
                return Ok(items);
            }
            sleep(pause).await;
        }
        Err(store_error(operation)("DynamoDB leaves a part of the batch unprocessed"))
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

/// A member whom an older version has written has none, and so has one who was never written.
fn read_recent(item: &Item) -> Result<RecentWrites, Unreadable> {
    if !item.contains_key("recent") {
        return Ok(RecentWrites::default());
    }
    serde_json::from_str(read_text(item, "recent")?).map_err(|_| Unreadable("recent"))
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
    let (open, recent) = (open_change(item)?, read_recent(item)?);
    Ok(MemberRecord { version: id("version")?, last_change: id("lastChange")?, open, recent })
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
    Ok(Some(OpenChange { holder, until, intent, verdict: read_verdict(item)?, recent: read_recent(item)? }))
}
