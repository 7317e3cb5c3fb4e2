//! What has to be in the table before an event can succeed.

#![expect(clippy::unwrap_used, reason = "constants, which the tests read")]

use std::collections::BTreeMap;

use jiff::Timestamp;
use rankbot_sandbox::demo::{self, role};
use rankbot_shared::adapters::dynamodb::Table;
use rankbot_shared::app::keys::Keys as _;
use rankbot_shared::app::ports::{Logs as _, StoreError};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::audit::{Intent, LogEntry, LoggedAction, Outcome};
use rankbot_shared::domain::id::{GroupId, Rank, RoleId, UserId};
use rankbot_shared::domain::key_record::{KeyRecord, KeyStatus, RankLimits};
use rankbot_shared::domain::ladder::Role;
use rankbot_shared::domain::plan::Plan;
use rankbot_shared::domain::role_change::RoleChange;

/// The keys that the events are sent with; `README.md` says whose they are.
pub const KEYS: [(&str, Plan); 2] = [
    ("wesk_pro000000000_000000000000000000000000000000002iBhCY", Plan::Pro),
    ("wesk_starter00000_000000000000000000000000000000002RKkeR", Plan::Starter),
];

/// Stores the keys, and the log entry that some events are about. What is there already stays as it is.
#[expect(clippy::missing_panics_doc, reason = "constants do not change")]
pub async fn seed(table: &Table) -> Result<(), StoreError> {
    for (key, plan) in KEYS {
        let key: ApiKey = key.parse().unwrap();
        if table.find(key.id()).await?.is_none() {
            table.insert(&record(&key, plan)).await?;
        }
    }
    table.append(&logged_promotion()).await
}

fn record(key: &ApiKey, plan: Plan) -> KeyRecord {
    KeyRecord {
        key_id: key.id().clone(),
        group: GroupId::new(demo::GROUP_ID).unwrap(),
        plan,
        limit: plan.monthly_limit(),
        usage: BTreeMap::new(),
        status: KeyStatus::Active,
        limits: RankLimits::default(),
        expires_at: None,
        created_at: Timestamp::now(),
        secret: key.hash(),
        previous_secret: None,
        last_request: None,
    }
}

/// The group's top member was promoted from rank 150.
fn logged_promotion() -> LogEntry {
    let from = role(role::BOARD_MEMBER, "Board Member", 150);
    let to = role(role::CHIEF_EXECUTIVE, "Chief Executive", 200);
    let intent = intent("01M7X1V080GKK9BFA4FSRR9N2M", demo::TOP_MEMBER_USER_ID, from, to);
    LogEntry { intent, outcome: Outcome::Changed, duration_ms: 300 }
}

pub(crate) fn intent(log_id: &str, user: u64, from: Role, to: Role) -> Intent {
    Intent {
        log_id: log_id.parse().unwrap(),
        key_id: KEYS[0].0.parse::<ApiKey>().unwrap().id().clone(),
        // Kept without end, so that the events work in a year too.
        plan: Plan::Max,
        group: GroupId::new(demo::GROUP_ID).unwrap(),
        user: UserId::new(user).unwrap(),
        action: LoggedAction::Promote,
        reason: None,
        actor: None,
        undoes: None,
        change: RoleChange { before: vec![from.id], assign: vec![to.clone()], unassign: vec![from.clone()], from, to },
        idempotency: None,
    }
}

pub(crate) fn role(id: u64, name: &str, rank: u8) -> Role {
    Role { id: RoleId::new(id).unwrap(), name: name.to_owned(), rank: Rank::new(rank), member_count: None }
}
