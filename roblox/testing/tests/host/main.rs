//! The host keeps what its README says about Roblox.

#![expect(clippy::unwrap_used, reason = "a set-up that fails fails the test")]

use roblox_testing::{Host, Run};

mod data_stores;
mod instances;
mod remotes;
mod scripts;

/// Runs a server script in which, and in whose clients, nothing may go wrong unnoticed.
fn run(host: Host, source: &str) -> Run {
    let run = host.run(source).unwrap();
    assert_eq!(run.errors, Vec::<String>::new());
    run
}
