//! The HTTP API from outside: requests over HTTP to a whole RankBot, with a store that records every call and a sandbox
//! Roblox. Every test runs on the store that `RANKBOT_TEST_STORE` names, and has a world of its own.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    reason = "what is not as expected shall fail the test"
)]

mod answer;
mod answers;
mod any_event;
mod costs;
mod credentials;
mod document;
mod emf;
mod errors;
mod events;
mod groups;
mod malformed;
mod metrics;
mod open_cloud;
mod order;
mod quota;
mod rank_changes;
mod rights;
mod roblox_faults;
mod role_lists;
mod secrets;
mod store_faults;
mod template;
mod world;
