//! Moving a group, with its keys as they are, from one table to another.
//!
//! Both tables may be served meanwhile, so the order is everything. Keys are *held* in the old table, that is, refused
//! there; requests that were admitted before come to their end; everything is copied, the keys as held; and only then
//! are they admitted in the new table. So at every moment at most one table admits a key, and counts for it.
//!
//! A marker in the old table says how far it is. Every step can be repeated, and the marker is the last thing to go: a
//! move that was cut off anywhere goes on where it was, when it is asked for again.

use jiff::Timestamp;

use super::ports::StoreError;
use crate::domain::api_key::KeyId;
use crate::domain::plan::Plan;

/// How long a request that was admitted may go on writing: longer than a function may run (10 s).
pub const SETTLING_SECONDS: u64 = 15;

/// What the old table says about a move of this group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The name of the table that it goes to.
    pub to: String,
    /// The plan that the keys are on there, where it is another.
    pub plan: Option<Plan>,
    /// How far it is.
    pub phase: Phase,
}

/// How far a move is. Each step from one phase to another is one conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The old table has everything. The new one may have copies; its keys are held.
    Copying,
    /// The new table has everything, and admits keys. The old one may have leftovers; its keys are held.
    Copied,
    /// It was called off: the copies are taken away again.
    CallingOff,
}

/// How things stand before a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It was begun.
    Begun(Marker),
    /// The old table has keys of the group, the new one nothing of it.
    NotBegun,
    /// Both tables have something of the group, and no move is under way.
    Both,
    /// The new table has keys of the group, the old one none: it has been moved, or was always there.
    There,
    /// Neither has a key of the group.
    Nowhere,
}

/// What a group consists of, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inventory {
    /// Keys, revoked ones included.
    pub keys: u64,
    /// Settings and blocks.
    pub settings: u64,
    /// Entries of the log.
    pub log_entries: u64,
    /// Members that were changed once, with their last change.
    pub members: u64,
    /// Kept answers of idempotency keys.
    pub answers: u64,
    /// Members that a change still holds. They are not copied.
    pub open: u64,
}

/// How a move ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// It is done. What was copied is told by the run that copied it.
    Done(Option<Inventory>),
    /// There was nothing to do.
    AlreadyThere,
}

/// Why a move did not take place, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// There is nothing to move.
    #[error("the group has no keys in either table: check its id and the tables")]
    Nowhere,
    /// It could overwrite, or mix.
    #[error(
        "both tables have something of this group: a move goes to a table that has nothing of it, so take it away there first"
    )]
    Both,
    /// Somebody moves it elsewhere.
    #[error("a move of this group to table {0} was begun: finish that one, or call it off with --cancel")]
    BegunElsewhere(String),
    /// The keys might come out on different plans.
    #[error("this move was begun {}: go on with that, or call it off with --cancel", named(*.0))]
    BegunWithPlan(Option<Plan>),
    /// It is being called off.
    #[error("this move is being called off: finish that with --cancel first")]
    CallingOff,
    /// Both tables may be admitting keys' successors already.
    #[error("the new table admits the keys already: let the move finish, then move the group back")]
    TooLate,
    /// Nothing of a move is there.
    #[error("no move of this group is under way")]
    NotBegun,
    /// Seen before anything was done.
    #[error(
        "{0} rank changes of this group wait for the sweep to put them right: nothing was moved, try again in a minute"
    )]
    Unsettled(usize),
    /// Seen after the keys were held.
    #[error(
        "{0} rank changes of this group are still open, and its keys are refused until they are put right: \
         the sweep does that within a minute, so run this again then (or call it off with --cancel)"
    )]
    StillOpen(u64),
    /// Somebody makes keys meanwhile.
    #[error("key {0} was made while the group was being moved: run this again")]
    KeyMadeMeanwhile(KeyId),
    /// Somebody else moves the group at the same time.
    #[error("somebody else is moving this group: look how it stands, and run this again")]
    Overtaken,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn named(plan: Option<Plan>) -> String {
    plan.map_or_else(|| "without --plan".to_owned(), |plan| format!("with --plan {plan}"))
}

/// The steps of a move between two tables. Each may be repeated, and does then what is left of it.
pub trait Moves: Send + Sync {
    /// The name of the table that it goes to.
    fn to(&self) -> &str;

    /// How things stand.
    fn standing(&self) -> impl Future<Output = Result<Standing, StoreError>> + Send;

    /// Changes of this group that their own run has left open.
    fn unsettled(&self, now: Timestamp) -> impl Future<Output = Result<usize, StoreError>> + Send;

    /// Counts what would be moved. Writes nothing.
    fn inventory(&self) -> impl Future<Output = Result<Inventory, StoreError>> + Send;

    /// Lays the marker, in phase [`Phase::Copying`]. One that is there stays; the marker as it stands is returned.
    fn begin(&self, plan: Option<Plan>) -> impl Future<Output = Result<Marker, StoreError>> + Send;

    /// Has the old table refuse the keys from now on. Revoked ones stay revoked.
    fn hold_keys(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Copies what is not copied yet, the keys as held, and never over anything that is there.
    fn copy(&self) -> impl Future<Output = Result<Inventory, MoveError>> + Send;

    /// Goes from one phase to the next; `false` if the marker is at neither.
    fn turn(&self, from: Phase, to: Phase) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Has the new table admit the held keys, on this plan where one is named.
    fn admit_keys(&self, plan: Option<Plan>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes everything out of the old table but keys that somebody made there since, and the marker last.
    fn clear_old(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes the copies out of the new table, has the old one admit its keys again, and takes the marker away.
    fn restore_old(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Moves the group, or goes on with a move that was cut off. `settled` waits until requests that were admitted before it
/// is polled have come to their end: [`SETTLING_SECONDS`].
pub async fn run<M: Moves>(
    moves: &M,
    plan: Option<Plan>,
    now: Timestamp,
    settled: impl Future<Output = ()>,
) -> Result<Moved, MoveError> {
    let begun = match moves.standing().await? {
        Standing::There => return Ok(Moved::AlreadyThere),
        Standing::Nowhere => return Err(MoveError::Nowhere),
        Standing::Both => return Err(MoveError::Both),
        Standing::Begun(marker) => marker,
        Standing::NotBegun => {
            let unsettled = moves.unsettled(now).await?;
            if unsettled > 0 {
                return Err(MoveError::Unsettled(unsettled));
            }
            moves.begin(plan).await?
        }
    };
    ensure_same(&begun, moves.to(), plan)?;
    let copied = match begun.phase {
        Phase::CallingOff => return Err(MoveError::CallingOff),
        Phase::Copying => Some(hand_over(moves, settled).await?),
        Phase::Copied => None,
    };
    moves.admit_keys(plan).await?;
    moves.clear_old().await?;
    Ok(Moved::Done(copied))
}

/// Up to the moment from which on the new table counts.
async fn hand_over<M: Moves>(moves: &M, settled: impl Future<Output = ()>) -> Result<Inventory, MoveError> {
    moves.hold_keys().await?;
    settled.await;
    let copied = moves.copy().await?;
    if copied.open > 0 {
        return Err(MoveError::StillOpen(copied.open));
    }
    if moves.turn(Phase::Copying, Phase::Copied).await? { Ok(copied) } else { Err(MoveError::Overtaken) }
}

/// Calls a move off, as long as the new table does not admit the keys: the old one then does again.
pub async fn cancel<M: Moves>(moves: &M) -> Result<(), MoveError> {
    let Standing::Begun(marker) = moves.standing().await? else { return Err(MoveError::NotBegun) };
    if marker.to != moves.to() {
        return Err(MoveError::BegunElsewhere(marker.to));
    }
    if !moves.turn(Phase::Copying, Phase::CallingOff).await? {
        return Err(MoveError::TooLate);
    }
    Ok(moves.restore_old().await?)
}

fn ensure_same(begun: &Marker, to: &str, plan: Option<Plan>) -> Result<(), MoveError> {
    if begun.to != to {
        return Err(MoveError::BegunElsewhere(begun.to.clone()));
    }
    if begun.plan == plan { Ok(()) } else { Err(MoveError::BegunWithPlan(begun.plan)) }
}
