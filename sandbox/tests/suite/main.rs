//! The sandbox from outside: every test speaks HTTP to a sandbox of its own.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not as expected shall fail the test")]

mod calls;
mod conformance;
mod control_routes;
mod faults;
mod fixture;
mod limits;
mod reads;
mod writes;
