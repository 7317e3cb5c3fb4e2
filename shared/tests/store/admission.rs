//! Admission: the condition that DynamoDB judges, and the rules as the domain has them.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use rankbot_shared::app::change_rank::DEMOTING_PLANS;
use rankbot_shared::app::keys::Keys as _;
use rankbot_shared::app::ports::{Admissions as _, NotAdmitted};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::id::Rank;
use rankbot_shared::domain::key_record::{Demand, KeyRecord, KeyStatus, PreviousSecret, RankLimits};
use rankbot_shared::domain::month::Month;
use rankbot_shared::domain::plan::Plan;

use crate::fixture::{Fixture, group, now, record};

/// Which key a request comes with.
#[derive(Debug, Clone, Copy)]
enum Shown {
    Current,
    Previous,
    Neither,
}

/// A record, a demand and a secret, near every edge of the rules.
#[derive(Debug, Clone)]
struct Attempt {
    limit: Option<u64>,
    used: Option<u64>,
    used_last_month: Option<u64>,
    status: KeyStatus,
    /// Seconds from now.
    expires_in: Option<i64>,
    /// Seconds from now until which the previous secret is valid.
    previous_valid_for: Option<i64>,
    plan: Plan,
    max_rank: Option<u8>,
    allowed_ranks: Option<Vec<u8>>,
    demand: Demand,
    shown: Shown,
}

fn in_seconds(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

impl Attempt {
    /// The key that is shown, and the record that is stored.
    fn key_and_record(&self) -> (ApiKey, KeyRecord) {
        let current = ApiKey::generate().unwrap();
        let again = || ApiKey::generate_for(current.id().clone()).unwrap();
        let (previous, neither) = (again(), again());
        let month = Month::of(now());
        let last_month = Month::of(now() - SignedDuration::from_hours(24 * 31));
        let usage = [(month, self.used), (last_month, self.used_last_month)];
        let stored = KeyRecord {
            limit: self.limit,
            usage: usage.into_iter().filter_map(|(month, used)| Some((month, used?))).collect(),
            status: self.status,
            expires_at: self.expires_in.map(in_seconds),
            previous_secret: self
                .previous_valid_for
                .map(|seconds| PreviousSecret { hash: previous.hash(), valid_until: in_seconds(seconds) }),
            plan: self.plan,
            limits: RankLimits {
                max_rank: self.max_rank.map(Rank::new),
                allowed_ranks: self.allowed_ranks.as_ref().map(|ranks| ranks.iter().copied().map(Rank::new).collect()),
            },
            ..record(&current)
        };
        let shown = match self.shown {
            Shown::Current => current,
            Shown::Previous => previous,
            Shown::Neither => neither,
        };
        (shown, stored)
    }
}

fn any_attempt() -> impl Strategy<Value = Attempt> {
    let edge = || prop::option::weighted(0.3, select(vec![-86_400_i64, -1, 0, 1, 86_400]));
    let rank = || select(vec![1_u8, 9, 10, 11, 254]);
    let counts = (prop::option::weighted(0.8, 0_u64..4), prop::option::of(0_u64..5), prop::option::of(0_u64..5));
    let state = (
        prop_oneof![5 => Just(KeyStatus::Active), 1 => Just(KeyStatus::Revoked), 1 => Just(KeyStatus::Held)],
        edge(),
        edge(),
        select(Plan::ALL.to_vec()),
    );
    let limits =
        (prop::option::weighted(0.4, rank()), prop::option::weighted(0.3, prop::collection::vec(rank(), 1..4)));
    let demand = (
        prop::option::of(select(vec![7_u64, 7, 8]).prop_map(group)),
        prop::option::weighted(0.4, Just(DEMOTING_PLANS)),
        prop::option::weighted(0.6, rank().prop_map(Rank::new)),
    );
    let shown = select(vec![Shown::Current, Shown::Current, Shown::Current, Shown::Previous, Shown::Neither]);
    (counts, state, limits, demand, shown).prop_map(
        |((limit, used, used_last_month), (status, expires_in, previous_valid_for, plan), limits, demand, shown)| {
            let (group, plans, target) = demand;
            let (max_rank, allowed_ranks) = limits;
            let demand = Demand { group, plans, target, under: None };
            Attempt {
                limit,
                used,
                used_last_month,
                status,
                expires_in,
                previous_valid_for,
                plan,
                max_rank,
                allowed_ranks,
                demand,
                shown,
            }
        },
    )
}

/// The rules stand twice, as a condition of the store and as code that names the broken one. What the one admits, the
/// other must not refuse, and the other way round.
#[test]
fn the_stores_condition_and_the_domains_rules_say_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fixture = runtime.block_on(Fixture::start());
    let config = Config { cases: 500, failure_persistence: None, ..Config::default() };
    let (mut admitted, mut refused) = (0, 0);
    let tally = std::cell::RefCell::new((&mut admitted, &mut refused));
    TestRunner::new(config)
        .run(&any_attempt(), |attempt| {
            let (key, stored) = attempt.key_and_record();
            let answer = runtime.block_on(async {
                fixture.table.insert(&stored).await.unwrap();
                fixture.table.admit(&key, &attempt.demand, now()).await
            });
            let broken = stored.refusal(key.hash(), &attempt.demand, now());
            let mut counted = stored.clone();
            *counted.usage.entry(Month::of(now())).or_insert(0) += 1;
            match answer {
                Ok(record) => {
                    prop_assert_eq!(broken, None, "the store admits what the rules refuse");
                    prop_assert_eq!(record, counted, "the record as it stands after the count");
                    *tally.borrow_mut().0 += 1;
                }
                Err(NotAdmitted::Refused(Some(record))) => {
                    prop_assert!(broken.is_some(), "the store refuses what the rules admit");
                    prop_assert_eq!(*record, stored, "a refusal writes nothing");
                    *tally.borrow_mut().1 += 1;
                }
                Err(other) => panic!("{other:?}"),
            }
            Ok(())
        })
        .unwrap();
    assert!(admitted > 20 && refused > 20, "{admitted} admitted and {refused} refused say little");
}

#[tokio::test]
async fn a_key_that_is_not_there_is_refused_and_not_made() {
    let fixture = Fixture::start().await;
    let key = ApiKey::generate().unwrap();
    let answer = fixture.table.admit(&key, &Demand::default(), now()).await;
    assert!(matches!(answer, Err(NotAdmitted::Refused(None))), "{answer:?}");
    assert_eq!(fixture.table.find(key.id()).await.unwrap(), None);
    assert_eq!(fixture.table.give_back(key.id(), Month::of(now()), None).await.unwrap(), None);
    assert_eq!(fixture.table.find(key.id()).await.unwrap(), None, "a give-back makes no key either");
}

#[tokio::test]
async fn a_give_back_never_goes_below_zero_and_touches_its_month_alone() {
    let fixture = Fixture::start().await;
    let key = ApiKey::generate().unwrap();
    let (this, last) = (Month::of(now()), Month::of(now() - SignedDuration::from_hours(24 * 31)));
    let usage = [(this, 1), (last, 5)].into();
    fixture.table.insert(&KeyRecord { usage, ..record(&key) }).await.unwrap();
    assert_eq!(fixture.table.give_back(key.id(), this, None).await.unwrap(), Some(0));
    assert_eq!(fixture.table.give_back(key.id(), this, None).await.unwrap(), None);
    let usage = fixture.table.find(key.id()).await.unwrap().unwrap().usage;
    assert_eq!(usage, [(this, 0), (last, 5)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_admissions_stop_at_the_limit_and_concurrent_give_backs_at_zero() {
    let fixture = Fixture::start().await;
    let key = ApiKey::generate().unwrap();
    fixture.table.insert(&KeyRecord { limit: Some(20), ..record(&key) }).await.unwrap();
    let demand = Demand::default();
    let answers = join_all((0..30).map(|_| fixture.table.admit(&key, &demand, now()))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 20);
    let month = Month::of(now());
    let taken_back = join_all((0..30).map(|_| fixture.table.give_back(key.id(), month, None))).await;
    assert_eq!(taken_back.into_iter().filter(|answer| matches!(answer, Ok(Some(_)))).count(), 20);
    assert_eq!(fixture.table.find(key.id()).await.unwrap().unwrap().usage[&month], 0);
}

#[tokio::test]
async fn refusals_are_given_back_up_to_their_number_in_the_month_also_at_once() {
    let fixture = Fixture::start().await;
    let key = ApiKey::generate().unwrap();
    fixture.table.insert(&record(&key)).await.unwrap();
    for _ in 0..12 {
        fixture.table.admit(&key, &Demand::default(), now()).await.unwrap();
    }
    let month = Month::of(now());
    let refusals = join_all((0..8).map(|_| fixture.table.give_back(key.id(), month, Some(5)))).await;
    let given_back = refusals.into_iter().filter(|count| count.as_ref().unwrap().is_some()).count();
    assert_eq!(given_back, 5);
    assert_eq!(fixture.table.give_back(key.id(), month, None).await.unwrap(), Some(6), "failures are no refusals");
    assert_eq!(fixture.table.give_back(key.id(), month, Some(6)).await.unwrap(), Some(5));
}
