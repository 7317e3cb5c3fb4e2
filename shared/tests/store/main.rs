//! The ports' implementations on a real store: the one that `RANKBOT_TEST_STORE` names.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what is not as expected shall fail the test")]

mod admission;
mod claims;
mod defects;
mod fixture;
mod keys;
mod moving;
mod table;
