//! The events of this folder, and what they need.
//!
//! [`seed`] stores the keys and the log entry that `README.md` tells of; without them, most events are refused.
//!
//! With the feature `testing`: the events themselves, and a world to run them in. The same events go through the
//! functions' handlers in process, through the built programs under AWS's runtime interface emulator, and through
//! `sam local`, and all of these have to answer alike. There, what is not as expected panics.

mod seed;
#[cfg(feature = "testing")]
mod testing;

pub use self::seed::{KEYS, seed};
#[cfg(feature = "testing")]
pub use self::testing::*;
