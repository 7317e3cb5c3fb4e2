//! Claims on members, kept answers, and the log: what makes a rank change happen once, in order and on record.

use jiff::Timestamp;

use super::{GroupRecord, Member, StoreError};
use crate::domain::api_key::KeyId;
use crate::domain::audit::{Intent, LogEntry, LoggedAction, Outcome};
use crate::domain::group_settings::Block;
use crate::domain::id::{GroupId, UserId};
use crate::domain::idempotency::{Idempotency, IdempotencyKey, Known, StoredAnswer};
use crate::domain::log_id::LogId;
use crate::domain::recent_writes::RecentWrites;

/// A change that began and has not been closed: running, crashed, or waiting to be cleaned up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenChange {
    /// Who holds the claim: the run that laid it, named as its change, or one that took it over.
    pub holder: LogId,
    /// Until when nobody else may touch the member.
    pub until: Timestamp,
    /// What was to be done.
    pub intent: Intent,
    /// What is known about how it ended.
    pub verdict: Verdict,
    /// What was written to the member of late; if its run crashed, before it.
    pub recent: RecentWrites,
}

/// What is known about how an open change ended, and so how it is to be put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: it is running, or its run crashed. The member's rank decides.
    Pending,
    /// It has succeeded, and the caller was told so: what is left over is taken off.
    Succeeded,
    /// It has failed, and the caller was told so: what was done is taken back, even if the member has reached the target
    /// after all, so that a retry does not move twice.
    Failed,
}

/// What is known about a member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberRecord {
    /// Changes with every claim that is closed: who saw another version may have seen older roles.
    pub version: Option<LogId>,
    /// The last change that added or removed a role.
    pub last_change: Option<LogId>,
    /// The change that holds the member.
    pub open: Option<OpenChange>,
    /// What was written to the member of late.
    pub recent: RecentWrites,
}

/// All that a rank change needs to know before Roblox is asked, read at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoadedChange {
    /// The group.
    pub group: GroupRecord,
    /// Whether the user is blocked.
    pub block: Option<Block>,
    /// The member.
    pub member: MemberRecord,
    /// What the idempotency key stands for, if one was sent.
    pub answer: Option<Known>,
}

/// A claim to be laid on a member before the first write to Roblox.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// This run.
    pub holder: LogId,
    /// When the lease ends: later than the run can live.
    pub until: Timestamp,
    /// What it will do.
    pub intent: &'a Intent,
    /// The version of the member that the decision was made upon.
    pub seen: Option<LogId>,
    /// The holder of a finished change whose leftovers this one takes along: its claim gives way, and lies under this one.
    pub over: Option<LogId>,
    /// What was written to the member of late, as the decision was made.
    pub recent: &'a RecentWrites,
    /// Now.
    pub now: Timestamp,
}

/// A claim that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The member.
    pub member: Member,
    /// The run that holds it.
    pub holder: LogId,
    /// When the lease ends.
    pub until: Timestamp,
    /// Whether another change lies under it: a finished one, whose leftovers this one takes along. It comes up again if
    /// this one changes nothing.
    pub covers_another: bool,
    /// What is to be known of recent writes once the claim is closed.
    pub recent: RecentWrites,
}

/// How the end of a change was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concluded {
    /// By this run.
    Own,
    /// Not by this run: somebody has taken its claim over, and tells the end.
    ByAnother,
}

/// Why a claim was not granted.
#[derive(Debug)]
pub enum ClaimConflict {
    /// The member is held, or was changed since it was looked at: look again.
    Member,
    /// The idempotency key is held or answered: look again.
    Idempotency,
    /// The database failed; the claim may or may not be there, and ends by itself.
    Store(StoreError),
}

impl From<StoreError> for ClaimConflict {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What somebody takes an abandoned claim over for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakeOver {
    /// To put right what was left, as the verdict says.
    PutRight,
    /// To finish it for the caller who asks again: whatever was said of it, its end is open from here on.
    Finish,
}

/// How a claim is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Roles were changed by this change.
    Changed(LogId),
    /// They are as they were.
    Unchanged,
    /// Something is left to be done: the intent stays, and whoever finds it may take over at once.
    LeftOver(LogId, Verdict),
}

/// Where an answer is kept: the API key that the idempotency key belongs to, and the run that holds it.
#[derive(Debug, Clone, Copy)]
pub struct AnswerSlot<'a> {
    /// The API key.
    pub key_id: &'a KeyId,
    /// The caller's key and request.
    pub idempotency: &'a Idempotency,
    /// The change that is being answered.
    pub change: LogId,
    /// The run.
    pub holder: LogId,
}

/// Claims and kept answers. Every write is on condition that it is still this run's to make, and safe to repeat.
pub trait Changes: Send + Sync {
    /// Reads group, block, member and kept answer in one round trip, strongly consistent. Writes nothing.
    fn load_change(
        &self,
        member: Member,
        answer: Option<(&KeyId, &IdempotencyKey)>,
    ) -> impl Future<Output = Result<LoadedChange, StoreError>> + Send;

    /// What an idempotency key stands for, strongly consistent.
    fn known_answer(
        &self,
        key_id: &KeyId,
        key: &IdempotencyKey,
    ) -> impl Future<Output = Result<Option<Known>, StoreError>> + Send;

    /// Lays the claim on the member and, where the intent has one, on the idempotency key: both or neither. On a
    /// conflict what was laid is taken off again.
    fn claim(&self, claim: &Claim<'_>) -> impl Future<Output = Result<Claimed, ClaimConflict>> + Send;

    /// Takes over a claim whose lease has ended, with the intent that it carries, and says what is known of its end at
    /// this moment: its own run may have closed it since it was looked at. `None` if somebody else was faster.
    fn take_over(
        &self,
        open: &OpenChange,
        what_for: TakeOver,
        holder: LogId,
        until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<(Claimed, Verdict)>, StoreError>> + Send;

    /// Holds an idempotency key for a run; `false` if another holds it or has answered.
    fn hold_answer(
        &self,
        slot: AnswerSlot<'_>,
        until: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Lets go of an idempotency key that this run holds, for anybody to take at once; until then it still names the
    /// change, which may yet be finished for whoever asks again.
    fn leave_answer(&self, slot: AnswerSlot<'_>, now: Timestamp)
    -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Closes a claim of a change that leaves no entry. One that is no longer this run's is left alone.
    fn close(&self, claimed: &Claimed, ending: Ending) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Closes a claim and adds the entry of how its change ended: both or neither, so that no change is closed and not on
    /// record. An entry that is there stays as it is, and the claim is closed. A claim that is no longer this run's is
    /// left alone, and so is the log: [`Concluded::ByAnother`]. After an error, either both are written or neither
    /// is; [`Changes::close`] with [`Ending::LeftOver`] leaves the rest to others, and does nothing if both are.
    fn conclude(
        &self,
        claimed: &Claimed,
        ending: Ending,
        entry: &LogEntry,
    ) -> impl Future<Output = Result<Concluded, StoreError>> + Send;

    /// Keeps an answer for 24 hours from `now`; `false` if another run holds the key or has kept an answer, which stays.
    fn keep_answer(
        &self,
        slot: AnswerSlot<'_>,
        answer: &StoredAnswer,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Frees an idempotency key that this run holds.
    fn free_answer(&self, slot: AnswerSlot<'_>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Frees an idempotency key that this run holds or has kept an answer under, which turned out to be untrue.
    fn withdraw_answer(&self, slot: AnswerSlot<'_>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Lets a claim end at `until`, if it is still the same and would end later.
    fn shorten(&self, open: &OpenChange, until: Timestamp) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Open changes, those first that were tried longest ago, at most `limit`: what the sweep looks at.
    fn open_changes(&self, limit: usize) -> impl Future<Output = Result<Vec<OpenChange>, StoreError>> + Send;
}

/// Which entries of a group's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// The group.
    pub group: GroupId,
    /// Of this member alone.
    pub user: Option<UserId>,
    /// Asked for by this Roblox user alone.
    pub actor: Option<UserId>,
    /// By this API key alone.
    pub key_id: Option<KeyId>,
    /// With this outcome alone.
    pub outcome: Option<Outcome>,
    /// Of this action alone.
    pub action: Option<LoggedAction>,
    /// From this instant on.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub to: Option<Timestamp>,
    /// After this entry, which a page before ended with.
    pub after: Option<LogId>,
    /// At most this many.
    pub limit: usize,
}

/// A page of the log, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The entries.
    pub entries: Vec<LogEntry>,
    /// Where the next page begins; `None` at the end. A page can be short and have a next one, where a filter left
    /// much out.
    pub next: Option<LogId>,
}

/// The audit log. Entries are only ever added; each is written under its own id, so writing one twice changes nothing.
pub trait Logs: Send + Sync {
    /// Adds an entry, unless it is there.
    fn append(&self, entry: &LogEntry) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// One entry.
    fn entry(
        &self,
        group: GroupId,
        id: LogId,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<LogEntry>, StoreError>> + Send;

    /// A page of entries, newest first.
    fn page(&self, query: &LogQuery, now: Timestamp) -> impl Future<Output = Result<LogPage, StoreError>> + Send;
}
