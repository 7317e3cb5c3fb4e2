//! `RankService`, run for real: in a Luau virtual machine, over real HTTP, against an API that misbehaves.

#![expect(clippy::unwrap_used, reason = "a set-up that fails fails the test")]

mod arguments;
mod budget;
mod closing;
mod double;
mod events;
mod local;
mod mock;
mod mock_and_rankbot;
mod order;
mod package;
mod results;
mod retries;
mod safety;
mod scenario;
mod types;
