//! An API key as an item.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::admission::REFUSALS;
use super::item::{
    Item, Unreadable, bytes, instant, number, parse_number, read_number, read_optional_bytes, read_optional_instant,
    read_optional_number, read_text, text, text_key,
};
use crate::domain::api_key::{KeyId, SecretHash};
use crate::domain::id::{GroupId, Rank};
use crate::domain::idempotency::Idempotency;
use crate::domain::key_record::{KeyRecord, KeyStatus, LastRequest, PreviousSecret, RankLimits};
use crate::domain::month::Month;

pub(super) const ACTIVE: &str = "active";
pub(super) const REVOKED: &str = "revoked";
pub(super) const HELD: &str = "held";
pub(super) const LAST_REQUEST: &str = "lastRequest";

/// The primary key of an API key's item.
pub(super) fn primary_key(id: &KeyId) -> Item {
    text_key(&[("pk", &format!("KEY#{id}")), ("sk", "KEY")])
}

/// The primary key of the item that tells which keys a group has.
pub(super) fn group_pointer(group: GroupId, id: &KeyId) -> Item {
    text_key(&[("pk", &format!("GROUP#{group}")), ("sk", &format!("KEY#{id}"))])
}

/// The whole item of a new key. `usage` and the refusals are there from the start: an update cannot count inside a map that
/// is absent.
pub(super) fn to_item(record: &KeyRecord) -> Item {
    let mut item = primary_key(&record.key_id);
    let mut put = |name: &str, value| item.insert(name.to_owned(), value);
    put("keyId", text(record.key_id.as_str()));
    put("groupId", number(record.group));
    put("plan", text(record.plan.as_str()));
    put("status", text(status_text(record.status)));
    put("createdAt", instant(record.created_at));
    put("secretHash", bytes(record.secret.as_bytes()));
    let usage = record.usage.iter().map(|(month, used)| (month.to_string(), number(used))).collect();
    put("usage", AttributeValue::M(usage));
    put(REFUSALS, AttributeValue::M(HashMap::new()));
    if let Some(limit) = record.limit {
        put("limit", number(limit));
    }
    if let Some(rank) = record.limits.max_rank {
        put("maxRank", number(rank));
    }
    if let Some(ranks) = record.limits.allowed_ranks.as_ref().filter(|ranks| !ranks.is_empty()) {
        put("allowedRanks", AttributeValue::Ns(ranks.iter().map(Rank::to_string).collect()));
    }
    if let Some(at) = record.expires_at {
        put("expiresAt", instant(at));
    }
    if let Some(previous) = record.previous_secret {
        put("previousSecretHash", bytes(previous.hash.as_bytes()));
        put("previousValidUntil", instant(previous.valid_until));
    }
    item
}

const fn status_text(status: KeyStatus) -> &'static str {
    match status {
        KeyStatus::Active => ACTIVE,
        KeyStatus::Revoked => REVOKED,
        KeyStatus::Held => HELD,
    }
}

/// Reads the whole item.
pub(super) fn from_item(item: &Item) -> Result<KeyRecord, Unreadable> {
    Ok(KeyRecord {
        key_id: read_text(item, "keyId")?.parse().map_err(|_| Unreadable("keyId"))?,
        group: GroupId::new(read_number(item, "groupId")?).map_err(|_| Unreadable("groupId"))?,
        plan: read_text(item, "plan")?.parse().map_err(|_| Unreadable("plan"))?,
        limit: read_optional_number(item, "limit")?,
        usage: usage(item)?,
        status: match read_text(item, "status")? {
            ACTIVE => KeyStatus::Active,
            REVOKED => KeyStatus::Revoked,
            HELD => KeyStatus::Held,
            _ => return Err(Unreadable("status")),
        },
        limits: RankLimits {
            max_rank: read_optional_number(item, "maxRank")?.map(Rank::new),
            allowed_ranks: allowed_ranks(item)?,
        },
        expires_at: read_optional_instant(item, "expiresAt")?,
        created_at: read_optional_instant(item, "createdAt")?.ok_or(Unreadable("createdAt"))?,
        secret: SecretHash::from_bytes(read_optional_bytes(item, "secretHash")?.ok_or(Unreadable("secretHash"))?),
        previous_secret: previous_secret(item)?,
        last_request: last_request(item)?,
    })
}

fn usage(item: &Item) -> Result<BTreeMap<Month, u64>, Unreadable> {
    let unreadable = || Unreadable("usage");
    let months: &HashMap<String, AttributeValue> =
        item.get("usage").and_then(|value| value.as_m().ok()).ok_or_else(unreadable)?;
    let entry = |(month, used): (&String, &AttributeValue)| Some((month.parse().ok()?, parse_number(used)?));
    months.iter().map(|month| entry(month).ok_or_else(unreadable)).collect()
}

fn allowed_ranks(item: &Item) -> Result<Option<BTreeSet<Rank>>, Unreadable> {
    let Some(value) = item.get("allowedRanks") else { return Ok(None) };
    let unreadable = || Unreadable("allowedRanks");
    let ranks = value.as_ns().map_err(|_| unreadable())?;
    ranks.iter().map(|rank| rank.parse().map(Rank::new).map_err(|_| unreadable())).collect::<Result<_, _>>().map(Some)
}

/// What an admission leaves of a request with an idempotency key: the hashes of both, and when, in Unix milliseconds.
pub(super) fn last_request_text(own: &Idempotency, at: Timestamp) -> String {
    format!("{} {} {}", own.key.as_str(), own.request.as_str(), at.as_millisecond())
}

fn last_request(item: &Item) -> Result<Option<LastRequest>, Unreadable> {
    if !item.contains_key(LAST_REQUEST) {
        return Ok(None);
    }
    let unreadable = || Unreadable(LAST_REQUEST);
    let mut parts = read_text(item, LAST_REQUEST)?.split(' ');
    let (Some(key), Some(request), Some(at)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(unreadable());
    };
    let at = at.parse().ok().and_then(|at| Timestamp::from_millisecond(at).ok()).ok_or_else(unreadable)?;
    Ok(Some(LastRequest { idempotency: Idempotency { key: key.into(), request: request.into() }, at }))
}

fn previous_secret(item: &Item) -> Result<Option<PreviousSecret>, Unreadable> {
    let hash = read_optional_bytes(item, "previousSecretHash")?.map(SecretHash::from_bytes);
    let valid_until = read_optional_instant(item, "previousValidUntil")?;
    Ok(hash.zip(valid_until).map(|(hash, valid_until)| PreviousSecret { hash, valid_until }))
}
