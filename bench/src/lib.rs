//! Measures RankBot. `cargo xtask bench` builds what is measured, runs this, and prints one table a section.
//!
//! | Module | Holds |
//! |---|---|
//! | `functions` | one function under AWS's emulator: size, start, memory, what a warm request costs besides waiting |
//! | `instructions` | the same as counted by callgrind, which no other program on the machine disturbs |
//! | `calls` | round trips, calls and requests to Roblox by route, as the tests counted them |
//! | `throughput` | `rankbot local` under load |
//! | [`growth`] | what a year of use does to a request: history, keys, roles, log |
//! | `bed`, `surroundings`, `errand`, `event`, `runtime_api`, `load` | what these stand on |
//! | `median`, `report`, `machine`, `goals` | how figures are shown, where they were taken, what they should be |
//!
//! Counts and sizes are held by tests; times are only ever shown.

#![cfg(target_os = "linux")]

mod bed;
mod calls;
mod errand;
mod event;
mod functions;
mod goals;
pub mod growth;
mod instructions;
mod load;
mod machine;
mod median;
mod report;
mod run;
mod runtime_api;
mod surroundings;
mod throughput;

pub use self::run::{Arguments, run};
