//! Operators' work on keys, and what becomes of it when an answer gets lost and the SDK sends the request again.

use jiff::{SignedDuration, Timestamp};
use rankbot_shared::app::keys::{self, KeyError, Keys as _, NewKey, Rotated};
use rankbot_shared::app::ports::Admissions as _;
use rankbot_shared::domain::api_key::{ApiKey, KeyId};
use rankbot_shared::domain::id::Rank;
use rankbot_shared::domain::key_record::{Demand, KeyRecord, KeyStatus, RankLimits};
use rankbot_shared::domain::month::Month;
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{CallMatch, Effect, InjectedFault, Operation, StoreFault};

use crate::fixture::{Fixture, group, now, record};

const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

impl Fixture {
    async fn key(&self) -> ApiKey {
        let key = ApiKey::generate().unwrap();
        self.table.insert(&record(&key)).await.unwrap();
        key
    }

    async fn stored(&self, id: &KeyId) -> KeyRecord {
        self.table.find(id).await.unwrap().unwrap()
    }

    /// The next write takes effect, and its answer gets lost.
    fn lose_an_answer(&self, operation: Operation) -> InjectedFault {
        self.recorder.inject(StoreFault::after(CallMatch::of(operation), Effect::CloseConnection).times(1))
    }

    async fn opens(&self, key: &ApiKey, at: Timestamp) -> bool {
        self.table.admit(key, &Demand::default(), at).await.is_ok()
    }
}

fn new_key(id: u64, plan: Plan) -> NewKey {
    NewKey { group: group(id), plan, limit: None, limits: RankLimits::default(), expires_at: None }
}

#[tokio::test]
async fn a_key_is_stored_as_it_was_made_and_its_secret_is_not() {
    let fixture = Fixture::start().await;
    let limits =
        RankLimits { max_rank: Some(Rank::new(100)), allowed_ranks: Some([Rank::new(5), Rank::new(50)].into()) };
    let expires_at = Some(now() + OVERLAP);
    let new = NewKey { limit: Some(77), limits, expires_at, ..new_key(7, Plan::Starter) };
    let (key, made) = keys::create(&fixture.table, new, now()).await.unwrap();
    let stored = fixture.stored(key.id()).await;
    assert_eq!(stored, made);
    assert_eq!((stored.limit, stored.secret), (Some(77), key.hash()));
    let secret = key.reveal().rsplit('_').next().unwrap();
    for call in fixture.recorder.calls() {
        assert!(!String::from_utf8_lossy(&call.request).contains(secret), "the secret was sent to the store");
    }
}

#[tokio::test]
async fn keys_are_listed_oldest_first_by_group_or_all() {
    let fixture = Fixture::start().await;
    let mut made = Vec::new();
    for (place, of) in [7, 8, 7].into_iter().enumerate() {
        let at = now() + SignedDuration::from_secs(i64::try_from(place).unwrap());
        made.push(keys::create(&fixture.table, new_key(of, Plan::Pro), at).await.unwrap().1);
    }
    let ids = |records: Vec<KeyRecord>| records.into_iter().map(|record| record.key_id).collect::<Vec<_>>();
    let all = ids(keys::list(&fixture.table, None).await.unwrap());
    assert_eq!(all, ids(made.clone()));
    let of_seven = ids(keys::list(&fixture.table, Some(group(7))).await.unwrap());
    assert_eq!(of_seven, [made[0].key_id.clone(), made[2].key_id.clone()]);
    assert!(keys::list(&fixture.table, Some(group(9))).await.unwrap().is_empty());
}

/// More than one `BatchGetItem` takes.
#[tokio::test]
async fn a_group_with_over_a_hundred_keys_is_listed_whole() {
    let fixture = Fixture::start().await;
    for _ in 0..103 {
        fixture.key().await;
    }
    assert_eq!(keys::list(&fixture.table, Some(group(7))).await.unwrap().len(), 103);
}

#[tokio::test]
async fn rotation_keeps_id_counters_and_limits_and_lets_the_old_secret_live_out_the_overlap() {
    let fixture = Fixture::start().await;
    let old = fixture.key().await;
    assert!(fixture.opens(&old, now()).await);
    let Rotated { key: new, record: rotated, .. } =
        keys::rotate(&fixture.table, old.id(), OVERLAP, now()).await.unwrap();
    assert_eq!((new.id(), rotated.usage[&Month::of(now())]), (old.id(), 1));
    assert_eq!(rotated, fixture.stored(old.id()).await);
    let last_second = now() + OVERLAP - SignedDuration::from_secs(1);
    assert!(fixture.opens(&old, last_second).await && fixture.opens(&new, last_second).await);
    assert!(!fixture.opens(&old, now() + OVERLAP).await);
    assert!(fixture.opens(&new, now() + OVERLAP).await);
}

#[tokio::test]
async fn a_rotation_within_an_overlap_ends_the_oldest_secret_and_says_so() {
    let fixture = Fixture::start().await;
    let first = fixture.key().await;
    let rotate = async |at| keys::rotate(&fixture.table, first.id(), OVERLAP, at).await.unwrap();
    let second = rotate(now()).await;
    assert_eq!(second.cut_short, None);
    let later = now() + SignedDuration::from_hours(1);
    let third = rotate(later).await;
    assert_eq!(third.cut_short, Some(now() + OVERLAP), "the first secret was promised until then");
    assert!(!fixture.opens(&first, later).await);
    assert!(fixture.opens(&second.key, later).await && fixture.opens(&third.key, later).await);
    assert_eq!(rotate(later + OVERLAP).await.cut_short, None, "that one's time is over");
}

/// Done twice, the current secret would take the previous one's place, and running games would lose theirs.
#[tokio::test]
async fn a_rotation_that_is_sent_again_happens_once() {
    let fixture = Fixture::start().await;
    let old = fixture.key().await;
    let lost = fixture.lose_an_answer(Operation::UpdateItem);
    let Rotated { key: new, record: rotated, .. } =
        keys::rotate(&fixture.table, old.id(), OVERLAP, now()).await.unwrap();
    assert_eq!(lost.fired(), 1);
    assert_eq!((rotated.secret, rotated.previous_secret.unwrap().hash), (new.hash(), old.hash()));
    assert!(fixture.opens(&old, now()).await && fixture.opens(&new, now()).await);
}

#[tokio::test]
async fn revoking_is_final_and_may_be_repeated() {
    let fixture = Fixture::start().await;
    let key = fixture.key().await;
    keys::rotate(&fixture.table, key.id(), OVERLAP, now()).await.unwrap();
    let lost = fixture.lose_an_answer(Operation::UpdateItem);
    for _ in 0..2 {
        let revoked = keys::revoke(&fixture.table, key.id()).await.unwrap();
        assert_eq!((revoked.status, revoked.previous_secret), (KeyStatus::Revoked, None));
    }
    assert_eq!(lost.fired(), 1);
    let rotated = keys::rotate(&fixture.table, key.id(), OVERLAP, now()).await;
    assert!(matches!(rotated, Err(KeyError::Revoked(id)) if id == *key.id()));
    assert!(matches!(keys::set_plan(&fixture.table, key.id(), Plan::Max).await, Err(KeyError::Revoked(_))));
    assert_eq!(fixture.stored(key.id()).await.status, KeyStatus::Revoked);
}

#[tokio::test]
async fn a_new_plan_brings_its_limit_and_keeps_the_count() {
    let fixture = Fixture::start().await;
    let key = fixture.key().await;
    assert!(fixture.opens(&key, now()).await);
    for plan in [Plan::Starter, Plan::Max, Plan::Pro] {
        let lost = fixture.lose_an_answer(Operation::UpdateItem);
        let changed = keys::set_plan(&fixture.table, key.id(), plan).await.unwrap();
        assert_eq!((changed.plan, changed.limit, lost.fired()), (plan, plan.monthly_limit(), 1));
        assert_eq!(changed.usage[&Month::of(now())], 1);
    }
}

#[tokio::test]
async fn a_key_whose_making_is_sent_again_is_made_once() {
    let fixture = Fixture::start().await;
    let lost = fixture.lose_an_answer(Operation::TransactWriteItems);
    let (key, _) = keys::create(&fixture.table, new_key(7, Plan::Pro), now()).await.unwrap();
    assert_eq!(lost.fired(), 1);
    assert_eq!(keys::list(&fixture.table, Some(group(7))).await.unwrap().len(), 1);
    assert!(fixture.opens(&key, now()).await);
}

#[tokio::test]
async fn an_id_that_is_taken_is_not_taken_over() {
    let fixture = Fixture::start().await;
    let key = fixture.key().await;
    let other = KeyRecord { group: group(8), ..record(&ApiKey::generate_for(key.id().clone()).unwrap()) };
    assert!(fixture.table.insert(&other).await.is_err());
    assert_eq!(fixture.stored(key.id()).await, record(&key));
    assert!(keys::list(&fixture.table, Some(group(8))).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_key_that_is_not_there_is_said_to_be_none() {
    let fixture = Fixture::start().await;
    let id = ApiKey::generate().unwrap().id().clone();
    let missing =
        |result: Result<KeyRecord, KeyError>| matches!(result, Err(KeyError::NotFound(missing)) if missing == id);
    assert!(missing(keys::show(&fixture.table, &id).await));
    assert!(missing(keys::revoke(&fixture.table, &id).await));
    assert!(missing(keys::set_plan(&fixture.table, &id, Plan::Max).await));
    assert!(missing(keys::rotate(&fixture.table, &id, OVERLAP, now()).await.map(|rotated| rotated.record)));
    assert_eq!(fixture.table.find(&id).await.unwrap(), None, "and is not made by the attempt");
}
