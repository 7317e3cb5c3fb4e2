//! An API key as it is stored, and the rules that admit or refuse a request under it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::api_key::{KeyId, SecretHash};
use super::id::{GroupId, Rank};
use super::idempotency::Idempotency;
use super::month::Month;
use super::plan::Plan;

/// No run is longer: the functions' time-out.
const LONGEST_RUN: SignedDuration = SignedDuration::from_secs(10);

/// Whether a key may be used at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    /// In use.
    Active,
    /// Switched off for good by its owner.
    Revoked,
    /// Refused for a while: its group is being moved to another table.
    Held,
}

/// The secret before the last rotation, which stays valid for a while so that running games can be updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviousSecret {
    /// Its hash.
    pub hash: SecretHash,
    /// Until when it still opens the door.
    pub valid_until: Timestamp,
}

/// What one key may do beyond its plan: ceilings that its owner set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RankLimits {
    /// Bounds both the target and the member: who stands above it cannot be touched with this key.
    pub max_rank: Option<Rank>,
    /// Bounds the target.
    pub allowed_ranks: Option<BTreeSet<Rank>>,
}

impl RankLimits {
    /// Whether a member may be brought to `target`.
    pub fn allow_target(&self, target: Rank) -> bool {
        self.max_rank.is_none_or(|max| target <= max)
            && self.allowed_ranks.as_ref().is_none_or(|allowed| allowed.contains(&target))
    }

    /// Whether a member who stands at `rank` may be touched.
    pub fn allow_member(&self, rank: Rank) -> bool {
        self.max_rank.is_none_or(|max| rank <= max)
    }
}

/// An API key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The public half.
    pub key_id: KeyId,
    /// The one group it works in.
    pub group: GroupId,
    /// The one plan it is on.
    pub plan: Plan,
    /// Requests per calendar month (UTC); `None` is unlimited.
    pub limit: Option<u64>,
    /// Requests counted, by month.
    pub usage: BTreeMap<Month, u64>,
    /// In use or revoked.
    pub status: KeyStatus,
    /// What it may do.
    pub limits: RankLimits,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// SHA-256 of the whole key.
    pub secret: SecretHash,
    /// The secret before the last rotation.
    pub previous_secret: Option<PreviousSecret>,
    /// The request that was admitted last, if it had an idempotency key.
    pub last_request: Option<LastRequest>,
}

/// A request that was admitted under an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRequest {
    /// Its idempotency key, and what it asked for.
    pub idempotency: Idempotency,
    /// When it was admitted.
    pub at: Timestamp,
}

/// What a request needs of the key it comes with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Demand {
    /// The group it names; `None` where it means the key's own.
    pub group: Option<GroupId>,
    /// The plans that have it; `None` where all do.
    pub plans: Option<&'static [Plan]>,
    /// The rank it names as its target.
    pub target: Option<Rank>,
    /// Its idempotency key, and what it asks for.
    pub under: Option<Idempotency>,
}

/// The first rule, in the contract's order, that a request breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Unknown key, or the wrong secret: no difference is shown.
    InvalidKey,
    /// Revoked; said only to who has the right secret.
    Revoked,
    /// Held for a while; said only to who has the right secret.
    Held,
    /// Expired; said only to who has the right secret.
    Expired,
    /// The key belongs to another group.
    GroupNotLinked,
    /// The key's plan does not have this.
    PlanRequired,
    /// The key's own limits forbid the target.
    RankNotAllowed,
    /// The month's requests are used up.
    MonthlyLimitReached,
}

/// Where a key stands in its month: the `X-RateLimit-*` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests per month; `None` is unlimited.
    pub limit: Option<u64>,
    /// Requests counted this month, this one included.
    pub used: u64,
    /// The first instant of the next month.
    pub resets_at: Timestamp,
}

impl Quota {
    /// Requests left this month; `None` is unlimited.
    pub fn remaining(&self) -> Option<u64> {
        self.limit.map(|limit| limit.saturating_sub(self.used))
    }
}

impl KeyRecord {
    /// Whether the request that was admitted last is this one, sent before, and can be running still. Where that one took
    /// the month's last place, its repetition is not to be told that the month is used up.
    pub fn may_be_running(&self, demand: &Demand, now: Timestamp) -> bool {
        let same = |last: &&LastRequest| demand.under.as_ref() == Some(&last.idempotency);
        let last = self.last_request.as_ref().filter(same);
        last.is_some_and(|last| now.duration_since(last.at).abs() < LONGEST_RUN)
    }

    /// Whether `secret` opens this key at `now`: the current one, or the one before it during the overlap.
    pub fn opens_with(&self, secret: SecretHash, now: Timestamp) -> bool {
        self.secret == secret
            || self.previous_secret.is_some_and(|previous| previous.hash == secret && previous.valid_until > now)
    }

    /// The month's count and what is left of it.
    pub fn quota(&self, month: Month) -> Quota {
        Quota { limit: self.limit, used: self.usage.get(&month).copied().unwrap_or(0), resets_at: month.end() }
    }

    /// The months before the last twelve, whose counters nobody asks for any more.
    pub fn months_to_prune(&self, month: Month) -> Vec<Month> {
        self.usage.keys().copied().filter(|old| old.is_over_a_year_before(month)).collect()
    }

    /// The first rule that a request with this secret and this demand breaks.
    ///
    /// The same rules stand as one condition in the store's admission, which counts the request in the same write.
    /// This is how a refused one learns why, and the two must say the same: a property test holds them together.
    pub fn refusal(&self, secret: SecretHash, demand: &Demand, now: Timestamp) -> Option<Refusal> {
        if !self.opens_with(secret, now) {
            return Some(Refusal::InvalidKey);
        }
        if self.status == KeyStatus::Revoked {
            return Some(Refusal::Revoked);
        }
        if self.status == KeyStatus::Held {
            return Some(Refusal::Held);
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return Some(Refusal::Expired);
        }
        if demand.group.is_some_and(|group| group != self.group) {
            return Some(Refusal::GroupNotLinked);
        }
        if demand.plans.is_some_and(|plans| !plans.contains(&self.plan)) {
            return Some(Refusal::PlanRequired);
        }
        if demand.target.is_some_and(|target| !self.limits.allow_target(target)) {
            return Some(Refusal::RankNotAllowed);
        }
        (self.quota(Month::of(now)).remaining() == Some(0)).then_some(Refusal::MonthlyLimitReached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::api_key::ApiKey;

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn record(key: &ApiKey) -> KeyRecord {
        KeyRecord {
            key_id: key.id().clone(),
            group: GroupId::new(7).unwrap(),
            plan: Plan::Starter,
            limit: Some(100),
            usage: BTreeMap::new(),
            status: KeyStatus::Active,
            limits: RankLimits::default(),
            expires_at: None,
            created_at: now(),
            secret: key.hash(),
            previous_secret: None,
            last_request: None,
        }
    }

    #[test]
    fn rules_are_judged_in_the_contracts_order() {
        let key = ApiKey::generate().unwrap();
        let mut record = record(&key);
        record.usage.insert(Month::of(now()), 100);
        record.limits.max_rank = Some(Rank::new(10));
        record.status = KeyStatus::Revoked;
        record.expires_at = Some(now());
        let demand =
            Demand { group: GroupId::new(8).ok(), plans: Some(&[Plan::Pro]), target: Some(Rank::new(11)), under: None };
        let refusal = |record: &KeyRecord, demand: &Demand| record.refusal(key.hash(), demand, now());

        assert_eq!(record.refusal(ApiKey::generate().unwrap().hash(), &demand, now()), Some(Refusal::InvalidKey));
        assert_eq!(refusal(&record, &demand), Some(Refusal::Revoked));
        record.status = KeyStatus::Active;
        assert_eq!(refusal(&record, &demand), Some(Refusal::Expired));
        record.expires_at = None;
        assert_eq!(refusal(&record, &demand), Some(Refusal::GroupNotLinked));
        let demand = Demand { group: GroupId::new(7).ok(), ..demand };
        assert_eq!(refusal(&record, &demand), Some(Refusal::PlanRequired));
        record.plan = Plan::Pro;
        assert_eq!(refusal(&record, &demand), Some(Refusal::RankNotAllowed));
        record.limits.max_rank = None;
        assert_eq!(refusal(&record, &demand), Some(Refusal::MonthlyLimitReached));
        record.usage.insert(Month::of(now()), 99);
        assert_eq!(refusal(&record, &demand), None);
    }

    #[test]
    fn old_secret_opens_until_the_overlap_ends() {
        let old = ApiKey::generate().unwrap();
        let new = ApiKey::generate_for(old.id().clone()).unwrap();
        let mut record = record(&new);
        record.previous_secret = Some(PreviousSecret { hash: old.hash(), valid_until: now() });
        let before = now() - jiff::SignedDuration::from_secs(1);
        assert!(record.opens_with(old.hash(), before) && record.opens_with(new.hash(), before));
        assert!(!record.opens_with(old.hash(), now()));
    }

    #[test]
    fn last_months_count_does_not_matter() {
        let key = ApiKey::generate().unwrap();
        let mut record = record(&key);
        record.usage.insert("2026-10".parse().unwrap(), 100);
        assert_eq!(record.refusal(key.hash(), &Demand::default(), now()), None);
    }

    #[test]
    fn counters_are_kept_for_a_year() {
        let mut record = record(&ApiKey::generate().unwrap());
        for month in ["2024-01", "2025-10", "2025-11", "2026-10", "2026-11"] {
            record.usage.insert(month.parse().unwrap(), 1);
        }
        let pruned: Vec<String> = record.months_to_prune(Month::of(now())).iter().map(Month::to_string).collect();
        assert_eq!(pruned, ["2024-01", "2025-10"]);
    }

    #[test]
    fn allowed_ranks_bound_the_target_and_not_the_member() {
        let limits = RankLimits { max_rank: None, allowed_ranks: Some([Rank::new(5)].into()) };
        assert!(limits.allow_target(Rank::new(5)) && !limits.allow_target(Rank::new(6)));
        assert!(limits.allow_member(Rank::new(200)));
    }
}
