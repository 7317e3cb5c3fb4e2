//! The `rankbot` program from outside: what it prints, where, and how it ends.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what is not as expected shall fail the test"
)]

mod desk;
mod gateway;
mod groups;
mod local;
mod moving;
mod operators;
mod program;
mod tables;
