//! What operators do with API keys.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::ports::StoreError;
use crate::domain::api_key::{ApiKey, KeyId, NoRandomness, SecretHash};
use crate::domain::id::GroupId;
use crate::domain::key_record::{KeyRecord, KeyStatus, RankLimits};
use crate::domain::plan::Plan;

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The one group it will work in.
    pub group: GroupId,
    /// Its plan.
    pub plan: Plan,
    /// Requests per month where they differ from the plan's.
    pub limit: Option<u64>,
    /// What it may do.
    pub limits: RankLimits,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// Why an operator's command failed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no such key.
    #[error("there is no key {0}")]
    NotFound(KeyId),
    /// The key is revoked, which is final.
    #[error("key {0} is revoked, which is final: make a new one")]
    Revoked(KeyId),
    /// Its group is being moved to another table, which would not see the change.
    #[error("key {0} is held while its group is being moved: change it in the new table, once it is there")]
    Held(KeyId),
    /// A key that may give no rank at all is of no use, and an empty list could be taken for "no limit".
    #[error("a key must be allowed at least one rank: name them, or leave the limit out")]
    NoAllowedRank,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No key can be made without it.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// Keeping keys. Each change is one conditional write, so two operators cannot undo each other's unseen.
pub trait Keys: Send + Sync {
    /// Stores a key that is new. Fails if the id is taken.
    fn insert(&self, record: &KeyRecord) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads a key.
    fn find(&self, id: &KeyId) -> impl Future<Output = Result<Option<KeyRecord>, StoreError>> + Send;

    /// Every key, or every key of one group, oldest first.
    fn list(&self, group: Option<GroupId>) -> impl Future<Output = Result<Vec<KeyRecord>, StoreError>> + Send;

    /// Changes a key that exists and is not revoked; `None` if there is none such. Returns it as it stands after.
    fn change(
        &self,
        id: &KeyId,
        change: &KeyChange,
    ) -> impl Future<Output = Result<Option<KeyRecord>, StoreError>> + Send;
}

/// One change to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// A new secret; the one before stays valid for a while.
    Rotate {
        /// The new key's hash.
        secret: SecretHash,
        /// Until when the secret that is current until now still opens.
        previous_valid_until: Timestamp,
    },
    /// Switched off for good, whatever secret is shown.
    Revoke,
    /// Another plan, and its monthly limit.
    SetPlan(Plan),
}

/// Makes a key. The clear key is returned this once.
pub async fn create<K: Keys>(keys: &K, new: NewKey, now: Timestamp) -> Result<(ApiKey, KeyRecord), KeyError> {
    if new.limits.allowed_ranks.as_ref().is_some_and(BTreeSet::is_empty) {
        return Err(KeyError::NoAllowedRank);
    }
    let key = ApiKey::generate()?;
    let record = KeyRecord {
        key_id: key.id().clone(),
        group: new.group,
        plan: new.plan,
        limit: new.limit.or(new.plan.monthly_limit()),
        usage: [].into(),
        status: KeyStatus::Active,
        limits: new.limits,
        expires_at: new.expires_at,
        created_at: now,
        secret: key.hash(),
        previous_secret: None,
        last_request: None,
    };
    keys.insert(&record).await?;
    Ok((key, record))
}

/// Every key, or every key of one group, oldest first.
pub async fn list<K: Keys>(keys: &K, group: Option<GroupId>) -> Result<Vec<KeyRecord>, KeyError> {
    Ok(keys.list(group).await?)
}

/// One key.
pub async fn show<K: Keys>(keys: &K, id: &KeyId) -> Result<KeyRecord, KeyError> {
    keys.find(id).await?.ok_or_else(|| KeyError::NotFound(id.clone()))
}

/// A key with a new secret.
#[derive(Debug, Clone)]
pub struct Rotated {
    /// The key in the clear, this once.
    pub key: ApiKey,
    /// The key as it stands now.
    pub record: KeyRecord,
    /// Until when the secret before the old one was to work. It has ended with this rotation: beside the new secret only
    /// the one just replaced works. As read before the write; a rotation at the same time is not seen.
    pub cut_short: Option<Timestamp>,
}

/// Gives the key a new secret; the old one works until `overlap` from now is over, and one that was old before ends at
/// once. Counters stay.
pub async fn rotate<K: Keys>(
    keys: &K,
    id: &KeyId,
    overlap: SignedDuration,
    now: Timestamp,
) -> Result<Rotated, KeyError> {
    let older = show(keys, id).await?.previous_secret;
    let key = ApiKey::generate_for(id.clone())?;
    let previous_valid_until = now.saturating_add(overlap).unwrap_or(Timestamp::MAX);
    let record = change(keys, id, &KeyChange::Rotate { secret: key.hash(), previous_valid_until }).await?;
    let cut_short = older.map(|older| older.valid_until).filter(|until| *until > now);
    Ok(Rotated { key, record, cut_short })
}

/// Switches the key off for good.
pub async fn revoke<K: Keys>(keys: &K, id: &KeyId) -> Result<KeyRecord, KeyError> {
    match change(keys, id, &KeyChange::Revoke).await {
        Err(KeyError::Revoked(_)) => show(keys, id).await,
        done => done,
    }
}

/// Moves the key to another plan and its monthly limit; what was counted this month stays counted.
pub async fn set_plan<K: Keys>(keys: &K, id: &KeyId, plan: Plan) -> Result<KeyRecord, KeyError> {
    change(keys, id, &KeyChange::SetPlan(plan)).await
}

async fn change<K: Keys>(keys: &K, id: &KeyId, change: &KeyChange) -> Result<KeyRecord, KeyError> {
    match keys.change(id, change).await? {
        Some(record) => Ok(record),
        None => show(keys, id).await.and_then(|record| Err(unchangeable(record))),
    }
}

/// A key that is active by now was held, or made, a moment ago.
fn unchangeable(record: KeyRecord) -> KeyError {
    match record.status {
        KeyStatus::Revoked => KeyError::Revoked(record.key_id),
        KeyStatus::Held | KeyStatus::Active => KeyError::Held(record.key_id),
    }
}
