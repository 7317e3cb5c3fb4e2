//! A table of one's own, and keys to put into it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rankbot_shared::adapters::dynamodb::{Table, patience};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::id::GroupId;
use rankbot_shared::domain::key_record::{KeyRecord, KeyStatus, RankLimits};
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{Recorder, TestStore, unique_table_name};

/// A table behind a recorder.
pub(crate) struct Fixture {
    /// As the functions have it, with their retries.
    pub(crate) table: Table,
    pub(crate) recorder: Recorder,
    _store: TestStore,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        let store = TestStore::start().await;
        let recorder = store.record();
        let name = unique_table_name();
        // Making a table takes its time on a busy machine, and is not what is tested.
        Table::new(store.client(), name.as_str()).create().await.unwrap();
        let config = store.backend().unhurried(patience(recorder.connection().config()));
        let client = aws_sdk_dynamodb::Client::from_conf(config.build());
        let table = Table::new(client, name);
        Self { table, recorder, _store: store }
    }
}

pub(crate) fn group(id: u64) -> GroupId {
    GroupId::new(id).unwrap()
}

/// In whole seconds, as instants are stored.
pub(crate) fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// A pro key of group 7, as it is when new.
pub(crate) fn record(key: &ApiKey) -> KeyRecord {
    KeyRecord {
        key_id: key.id().clone(),
        group: group(7),
        plan: Plan::Pro,
        limit: Plan::Pro.monthly_limit(),
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
