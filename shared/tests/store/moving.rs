//! Moving a group between tables: nothing lost, nothing admitted twice, wherever it is cut off.

use std::collections::BTreeMap;
use std::future::ready;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use rankbot_shared::adapters::dynamodb::{GroupMove, Table};
use rankbot_shared::app::groups::GroupAdmin as _;
use rankbot_shared::app::keys::{self, KeyError, Keys as _};
use rankbot_shared::app::moving::{self, Inventory, MoveError, Moved, Moves as _};
use rankbot_shared::app::ports::{Admissions as _, BlockedUser, NotAdmitted};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::group_settings::{Block, SettingsChange};
use rankbot_shared::domain::id::{Rank, UserId};
use rankbot_shared::domain::key_record::{Demand, KeyRecord, KeyStatus, RankLimits, Refusal};
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{
    Backend, CallMatch, Effect, Operation, Recorder, StoreFault, TestStore, unique_table_name,
};

use crate::fixture::{group, now, record};

type Item = BTreeMap<String, AttributeValue>;

/// Two tables. In the old one are group 7, which moves, and group 8, which stays.
struct Tables {
    from: Table,
    to: Table,
    names: [String; 2],
    key: ApiKey,
    recorder: Recorder,
    direct: Client,
    _store: TestStore,
}

const INVENTORY: Inventory = Inventory { keys: 3, settings: 2, log_entries: 3, members: 2, answers: 2, open: 0 };

impl Tables {
    async fn filled() -> Self {
        let store = TestStore::start().await;
        let recorder = store.record();
        // Without retries: what is cut off is cut off.
        let config = recorder.connection().config().retry_config(RetryConfig::disabled()).build();
        let client = Client::from_conf(config);
        let names = [unique_table_name(), unique_table_name()];
        let [from, to] = names.each_ref().map(|name| Table::new(client.clone(), name.as_str()));
        from.create().await.unwrap();
        to.create().await.unwrap();
        let key = ApiKey::generate().unwrap();
        let tables = Self { from, to, names, key, recorder, direct: store.client(), _store: store };
        tables.fill().await;
        tables.recorder.clear();
        tables
    }

    async fn fill(&self) {
        let usage = BTreeMap::from([("2026-10".parse().unwrap(), 11), ("2026-11".parse().unwrap(), 42)]);
        self.from.insert(&KeyRecord { usage, ..record(&self.key) }).await.unwrap();
        let limits = RankLimits { max_rank: Some(Rank::new(20)), allowed_ranks: Some([Rank::new(5)].into()) };
        let limited = KeyRecord { limits, limit: Some(9), ..record(&ApiKey::generate().unwrap()) };
        self.from.insert(&limited).await.unwrap();
        let revoked = KeyRecord { status: KeyStatus::Revoked, ..record(&ApiKey::generate().unwrap()) };
        self.from.insert(&revoked).await.unwrap();
        let other = ApiKey::generate().unwrap();
        self.from.insert(&KeyRecord { group: group(8), ..record(&other) }).await.unwrap();
        let settings = SettingsChange { bot: Some("second".parse().unwrap()), ..SettingsChange::default() };
        let block = Block { reason: Some("spam".to_owned()), until: None };
        for id in [7, 8, 70] {
            self.from.change_settings(group(id), &settings).await.unwrap();
        }
        self.from.block(group(7), &BlockedUser { user: UserId::new(5).unwrap(), block }).await.unwrap();
        for number in 0..3 {
            self.put(&[("pk", "GROUP#7"), ("sk", &format!("LOG#{number:02}")), ("ixPk", "LOG#7#1"), ("ixSk", "a")])
                .await;
        }
        for user in 0..2 {
            self.put(&[("pk", &format!("MEMBER#7#{user}")), ("sk", "MEMBER"), ("version", "v"), ("lastChange", "l")])
                .await;
        }
        self.put(&[("pk", "MEMBER#70#1"), ("sk", "MEMBER"), ("version", "v")]).await;
        let (own, others) = (self.key.id(), other.id());
        for (key, hash) in [(own, "a"), (own, "b"), (others, "a")] {
            self.put(&[("pk", &format!("IDEMP#{key}#{hash}")), ("sk", "IDEMP"), ("body", "{}")]).await;
        }
    }

    /// Past the recorder.
    async fn put(&self, attributes: &[(&str, &str)]) {
        let mut put = self.direct.put_item().table_name(&self.names[0]);
        for (name, value) in attributes {
            put = put.item(*name, AttributeValue::S((*value).to_owned()));
        }
        put.send().await.unwrap();
    }

    /// All items of a table, past the recorder.
    async fn items(&self, name: &str) -> Vec<Item> {
        let scan = self.direct.scan().table_name(name).into_paginator().items().send();
        let items = scan.collect::<Result<Vec<_>, _>>().await.unwrap();
        let mut items: Vec<Item> = items.into_iter().map(|item| item.into_iter().collect()).collect();
        items.sort_by_key(|item| [item["pk"].as_s().unwrap().clone(), item["sk"].as_s().unwrap().clone()]);
        items
    }

    fn moving(&self) -> GroupMove<'_> {
        GroupMove::new(group(7), &self.from, &self.to)
    }

    async fn run(&self, plan: Option<Plan>) -> Result<Moved, MoveError> {
        moving::run(&self.moving(), plan, now(), ready(())).await
    }

    async fn status(&self, table: &Table) -> Option<KeyStatus> {
        table.find(self.key.id()).await.unwrap().map(|record| record.status)
    }

    /// Which tables admit the key, past the recorder's faults, which must be healed.
    async fn admit(&self) -> [bool; 2] {
        let active = Some(KeyStatus::Active);
        [self.status(&self.from).await == active, self.status(&self.to).await == active]
    }
}

/// The items of group 7 and its keys, and the others.
fn parted(items: Vec<Item>, keys: &[String]) -> (Vec<Item>, Vec<Item>) {
    items.into_iter().partition(|item| {
        let pk = item["pk"].as_s().unwrap();
        let is_of_a_key =
            keys.iter().any(|key| pk == &format!("KEY#{key}") || pk.starts_with(&format!("IDEMP#{key}#")));
        pk == "GROUP#7" || pk.starts_with("MEMBER#7#") || is_of_a_key
    })
}

async fn key_ids(tables: &Tables) -> Vec<String> {
    let records = keys::list(&tables.from, Some(group(7))).await.unwrap();
    records.iter().map(|record| record.key_id.to_string()).collect()
}

#[tokio::test]
async fn everything_of_the_group_and_nothing_else_is_moved_as_it_was() {
    let tables = Tables::filled().await;
    let (own, others) = parted(tables.items(&tables.names[0]).await, &key_ids(&tables).await);
    assert_eq!(tables.moving().inventory().await.unwrap(), INVENTORY);
    assert_eq!(tables.run(None).await.unwrap(), Moved::Done(Some(INVENTORY)));
    assert_eq!(tables.items(&tables.names[1]).await, own);
    assert_eq!(tables.items(&tables.names[0]).await, others);

    let admitted = tables.to.admit(&tables.key, &Demand::default(), now()).await.unwrap();
    assert_eq!(admitted.usage[&"2026-11".parse().unwrap()], 43, "the month goes on where it was");
    let refused = tables.from.admit(&tables.key, &Demand::default(), now()).await;
    assert!(matches!(refused, Err(NotAdmitted::Refused(None))), "{refused:?}");
    assert_eq!(tables.run(None).await.unwrap(), Moved::AlreadyThere);
}

#[tokio::test]
async fn a_group_can_be_moved_back() {
    let tables = Tables::filled().await;
    let before = tables.items(&tables.names[0]).await;
    tables.run(None).await.unwrap();
    let back = GroupMove::new(group(7), &tables.to, &tables.from);
    assert_eq!(moving::run(&back, None, now(), ready(())).await.unwrap(), Moved::Done(Some(INVENTORY)));
    assert_eq!((tables.items(&tables.names[0]).await, tables.items(&tables.names[1]).await), (before, vec![]));
}

/// After each call in turn the process dies: the call has taken effect and nobody hears of it, and none comes after.
#[tokio::test]
async fn a_move_that_is_cut_off_after_any_call_is_finished_by_the_next_and_no_key_works_twice() {
    let mut saw_both_refuse = false;
    // Amazon's local store takes long to make a table: a sample there, each call here.
    let step = match Backend::from_environment() {
        Backend::Embedded => 1,
        Backend::DynamoDbLocal => 9,
    };
    for calls in (1..400).step_by(step) {
        let tables = Tables::filled().await;
        let (own, others) = parted(tables.items(&tables.names[0]).await, &key_ids(&tables).await);
        tables.recorder.inject(StoreFault::after(CallMatch::any(), Effect::CloseConnection).nth(calls));
        tables.recorder.inject(StoreFault::before(CallMatch::any(), Effect::CloseConnection).skip(calls));
        let cut_off = tables.run(Some(Plan::Pro)).await;
        tables.recorder.heal();
        let admit = tables.admit().await;
        assert_ne!(admit, [true, true], "cut off after call {calls}");
        saw_both_refuse |= admit == [false, false];
        let again = tables.run(Some(Plan::Pro)).await;
        assert!(matches!(again, Ok(Moved::Done(_) | Moved::AlreadyThere)), "cut off after call {calls}: {again:?}");
        let expected: Vec<Item> = own.into_iter().map(on_pro).collect();
        assert_eq!(tables.items(&tables.names[1]).await, expected, "cut off after call {calls}");
        assert_eq!(tables.items(&tables.names[0]).await, others, "cut off after call {calls}");
        if cut_off.is_ok() {
            assert!(saw_both_refuse && calls > 30, "{calls} calls in all");
            return;
        }
    }
    unreachable!("a move takes fewer calls");
}

/// A key's item with the plan's limit, if it is active; else the item.
fn on_pro(mut item: Item) -> Item {
    if item.get("status").is_some_and(|status| status.as_s().unwrap() == "active") {
        item.insert("limit".to_owned(), AttributeValue::N("5000".to_owned()));
    }
    item
}

#[tokio::test]
async fn a_held_key_is_refused_for_now_and_cannot_be_changed() {
    let tables = Tables::filled().await;
    tables.moving().hold_keys().await.unwrap();
    let Err(NotAdmitted::Refused(Some(held))) = tables.from.admit(&tables.key, &Demand::default(), now()).await else {
        panic!("a held key was admitted");
    };
    assert_eq!(held.refusal(tables.key.hash(), &Demand::default(), now()), Some(Refusal::Held));
    let revoking = keys::revoke(&tables.from, tables.key.id()).await;
    assert!(matches!(revoking, Err(KeyError::Held(_))), "{revoking:?}");
}

/// A change that runs, or that waits to be put right, belongs to the old table's functions.
#[tokio::test]
async fn a_move_waits_for_open_changes_with_the_keys_refused_everywhere() {
    let tables = Tables::filled().await;
    let held = [("pk", "MEMBER#7#1"), ("sk", "MEMBER"), ("version", "v"), ("claimHolder", "h")];
    tables.put(&held).await;
    let stopped = tables.run(None).await;
    assert!(matches!(stopped, Err(MoveError::StillOpen(1))), "{stopped:?}");
    assert_eq!(tables.admit().await, [false, false]);
    let version = ("version", "after the change");
    tables.put(&[held[0], held[1], version]).await;
    tables.run(None).await.unwrap();
    assert_eq!(tables.admit().await, [false, true]);
    let moved = tables.items(&tables.names[1]).await;
    let member = moved.iter().find(|item| item["pk"].as_s().unwrap() == held[0].1).unwrap();
    assert_eq!(member["version"].as_s().unwrap(), version.1);
}

#[tokio::test]
async fn a_move_can_be_called_off_until_the_new_table_takes_the_keys() {
    let tables = Tables::filled().await;
    let before = tables.items(&tables.names[0]).await;
    assert!(matches!(moving::cancel(&tables.moving()).await, Err(MoveError::NotBegun)));
    tables
        .recorder
        .inject(StoreFault::before(CallMatch::of(Operation::PutItem).pk_prefix("MEMBER#"), Effect::CloseConnection));
    assert!(tables.run(None).await.is_err());
    tables.recorder.heal();
    assert_eq!(tables.admit().await, [false, false]);
    moving::cancel(&tables.moving()).await.unwrap();
    assert_eq!((tables.items(&tables.names[0]).await, tables.items(&tables.names[1]).await), (before, vec![]));

    tables.recorder.inject(StoreFault::before(CallMatch::of(Operation::DeleteItem), Effect::CloseConnection));
    assert!(tables.run(None).await.is_err());
    tables.recorder.heal();
    assert_eq!(tables.admit().await, [false, true]);
    assert!(matches!(moving::cancel(&tables.moving()).await, Err(MoveError::TooLate)));
    assert_eq!(tables.run(None).await.unwrap(), Moved::Done(None));
}

/// What a run that was cut off goes on to do is not done over what has happened in the new table since.
#[tokio::test]
async fn going_on_with_a_move_overwrites_nothing_in_the_new_table() {
    let tables = Tables::filled().await;
    tables.recorder.inject(StoreFault::before(CallMatch::of(Operation::DeleteItem), Effect::CloseConnection));
    assert!(tables.run(None).await.is_err());
    tables.recorder.heal();
    tables.to.admit(&tables.key, &Demand::default(), now()).await.unwrap();
    tables.to.unblock(group(7), UserId::new(5).unwrap()).await.unwrap();
    keys::set_plan(&tables.to, tables.key.id(), Plan::Max).await.unwrap();
    let since = tables.items(&tables.names[1]).await;
    assert_eq!(tables.run(None).await.unwrap(), Moved::Done(None));
    assert_eq!(tables.items(&tables.names[1]).await, since);
}

#[tokio::test]
async fn what_cannot_be_moved_is_left_as_it_is() {
    let tables = Tables::filled().await;
    let before = tables.items(&tables.names[0]).await;
    let nowhere = GroupMove::new(group(9), &tables.from, &tables.to);
    assert!(matches!(moving::run(&nowhere, None, now(), ready(())).await, Err(MoveError::Nowhere)));
    let block = BlockedUser { user: UserId::new(1).unwrap(), block: Block { reason: None, until: None } };
    tables.to.block(group(7), &block).await.unwrap();
    assert!(matches!(tables.run(None).await, Err(MoveError::Both)));
    assert_eq!(tables.items(&tables.names[0]).await, before);
    assert_eq!(tables.items(&tables.names[1]).await.len(), 1);
}

#[tokio::test]
async fn a_move_goes_on_only_as_it_was_begun() {
    let tables = Tables::filled().await;
    tables.moving().begin(Some(Plan::Max)).await.unwrap();
    let another_plan = tables.run(None).await;
    assert!(matches!(another_plan, Err(MoveError::BegunWithPlan(Some(Plan::Max)))), "{another_plan:?}");
    let third = Table::new(tables.direct.clone(), "third");
    let elsewhere = GroupMove::new(group(7), &tables.from, &third);
    let elsewhere = moving::cancel(&elsewhere).await;
    assert!(elsewhere.is_err(), "{elsewhere:?}");
    assert_eq!(tables.run(Some(Plan::Max)).await.unwrap(), Moved::Done(Some(INVENTORY)));
    let moved = tables.to.find(tables.key.id()).await.unwrap().unwrap();
    assert_eq!((moved.plan, moved.limit), (Plan::Max, None));
}
