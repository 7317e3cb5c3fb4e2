//! What makes a rank change safe: once, in order, on record, undoable. The invariants are written down in
//! `docs/safety.md`; [`invariants`] checks them.
//!
//! Events are handed to the functions' own services, without the HTTP server: a request's future that is dropped is
//! exactly what a killed process leaves behind, and a new service on the same store is exactly a cold start.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what is not as expected shall fail the test"
)]

mod audit_log;
mod conditions;
mod crashes;
mod fault_matrix;
mod groups;
mod histories;
mod idempotency;
mod invariants;
mod lag;
mod leftovers;
mod one_at_a_time;
mod record;
mod scenario;
mod second_runs;
mod sweep;
mod undo;
mod world;
