//! What RankBot does: the use cases, over ports that the adapters implement.
//!
//! A metered request goes through [`App`]: admission beside the group's load ([`admission`]), then the work itself
//! ([`change_rank`], [`read`]), and a refused or failed one is given back. Operators' work on keys is in [`keys`].

pub mod admission;
mod apply;
pub mod change_rank;
pub mod deadline;
pub mod error;
pub mod groups;
pub mod keys;
mod lag;
mod lease;
pub mod logs;
pub mod moving;
pub mod ports;
pub mod read;
mod record;
pub mod recover;
mod repetition;
pub mod role_lists;
mod rules;
pub mod undo;

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use self::error::AppError;
use self::ports::{Roblox, Store};
use self::role_lists::RoleLists;
use crate::domain::log_id::LogId;

/// Where the time comes from; a test brings its own.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's own.
    pub fn system() -> Self {
        Self::new(Timestamp::now)
    }

    /// Whatever `now` says.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock(…)")
    }
}

/// One RankBot over its ports: lives as long as the process, shared by all its requests.
#[derive(Debug)]
pub struct App<S, R> {
    store: S,
    roblox: R,
    clock: Clock,
    role_lists: RoleLists,
}

impl<S: Store, R: Roblox> App<S, R> {
    /// Puts the parts together; calls nothing.
    pub fn new(store: S, roblox: R, clock: Clock) -> Self {
        Self { store, roblox, clock, role_lists: RoleLists::default() }
    }

    /// Roblox, as this process reaches it.
    pub const fn roblox(&self) -> &R {
        &self.roblox
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An id for a change or a run that comes after `last`, on whatever machine that had its turn: ids of one member's
    /// changes are in the order of the changes. Ordered by time to the millisecond, with 80 random bits.
    fn log_id_after(&self, last: Option<LogId>) -> Result<LogId, AppError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| AppError::Defect("no randomness for a log id"))?;
        let next = last.and_then(|last| last.instant().checked_add(SignedDuration::from_millis(1)).ok());
        Ok(LogId::new(next.map_or_else(|| self.now(), |next| self.now().max(next)), u128::from_le_bytes(random)))
    }
}
