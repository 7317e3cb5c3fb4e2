//! The store's guarantees. Run it once for each backend: `RANKBOT_TEST_STORE=embedded` and `=dynamodb-local`.

#![expect(clippy::expect_used, clippy::panic, reason = "the fixtures of a test suite fail as its tests do: by a panic")]

mod access;
mod conditions;
mod dynamodb_local;
mod embedded;
mod fixture;
mod reads;
mod recorder;
mod test_store;
mod writes;
