//! RankBot's one DynamoDB table.
//!
//! | `pk` | `sk` | holds |
//! |---|---|---|
//! | `KEY#<keyId>` | `KEY` | an API key: secret hashes, plan, limits, and its counters by month |
//! | `GROUP#<groupId>` | `GROUP` | a group: its settings, and its role list as last read |
//! | `GROUP#<groupId>` | `KEY#<keyId>` | which keys a group has |
//! | `GROUP#<groupId>` | `BLOCK#<userId>` | a blocked user |
//! | `GROUP#<groupId>` | `LOG#<logId>` | an entry of the group's audit log |
//! | `GROUP#<groupId>` | `MOVE` | how far a move to another table is, while one is under way |
//! | `MEMBER#<groupId>#<userId>` | `MEMBER` | the claim of the change that runs, the last change |
//! | `IDEMP#<keyId>#<hash>` | `IDEMP` | an idempotency key: held by a run, or its answer |
//!
//! One sparse index, `index` on `ixPk` and `ixSk`, finds open changes by the end of their lease (`OPEN#<shard>`) and
//! log entries by member (`LOG#<groupId>#<userId>`).
//!
//! Attributes are named as the API names them. Instants are Unix seconds. A key's own expiry is `expiresAt` and not
//! the table's TTL attribute `ttl`, or DynamoDB would delete the key.

mod admission;
mod answers;
mod changes;
mod conclusion;
mod description;
mod groups;
mod item;
mod key_item;
mod keys;
mod logs;
mod moving;
mod pages;
mod table;

use std::error::Error;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;

use crate::app::ports::StoreError;

pub use self::description::{Encryption, Labels, TableDescription};
pub use self::moving::GroupMove;
pub use self::table::{Creation, Feature, Safety};

/// The attribute by whose Unix seconds DynamoDB deletes an item, some time after.
const TTL_ATTRIBUTE: &str = "ttl";
/// The table's one index.
const INDEX: &str = "index";

/// RankBot's table: the implementation of every storage port.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: String,
}

impl Table {
    /// The table of this name; nothing is called yet.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self { client, name: name.into() }
    }

    /// Opens the connection to DynamoDB, so that the first request finds it open. The answer does not matter.
    pub async fn warm(&self) {
        let key = [("pk", "WARM"), ("sk", "WARM")];
        let _ = self.client.get_item().table_name(&self.name).set_key(Some(item::text_key(&key))).send().await;
    }
}

/// How RankBot's clients wait and retry: DynamoDB answers in a few milliseconds or is in trouble, and a game waits.
///
/// Three attempts within 3 s, transactions that were in each other's way included. Every write that goes through them is
/// safe to repeat, or says why it opts out.
pub fn patience(config: Builder) -> Builder {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_millis(1_500))
        .operation_timeout(Duration::from_secs(3))
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(500));
    config.timeout_config(timeouts).retry_config(retries).retry_classifier(conclusion::Passing)
}

fn failed(operation: &'static str) -> impl FnOnce(Box<dyn Error + Send + Sync>) -> StoreError {
    move |source| StoreError { operation, source }
}

/// Turns any error into a [`StoreError`] that names the operation.
fn store_error<E: Into<Box<dyn Error + Send + Sync>>>(operation: &'static str) -> impl FnOnce(E) -> StoreError {
    move |error| failed(operation)(error.into())
}
