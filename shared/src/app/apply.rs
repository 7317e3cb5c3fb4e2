//! Writing a role change to Roblox so that the member ends at the new rank or at the old one.
//!
//! Roblox has no transaction over several roles, an answer can get lost after its write took effect, and no text of
//! Roblox's promises that an answer or a list shows what was just written. So every write is checked against the roles
//! held afterwards, which are read again for as long as they may be old; one whose outcome is unknown is read before it
//! is repeated; and a change that cannot be completed is judged by the member's rank: at the target, it has succeeded and
//! only lower roles are left over; short of it, what was done is taken back, so that "failed" means that nothing
//! happened and a retry cannot move twice. As long as any write's outcome is unknown, the change stays open, and is
//! looked at again by others.

use std::sync::{Mutex, PoisonError};

use super::deadline::Deadline;
use super::lag::Rereading;
use super::lease::Lease;
use super::ports::{Errand, Member, Roblox, RobloxFailure, RobloxFault};
use crate::domain::id::RoleId;
use crate::domain::recent_writes::Basis;
use crate::domain::role_change::{RoleChange, RoleWrite};

/// A write whose outcome is unknown is sent once more.
const SENDS_PER_WRITE: u32 = 2;

/// A change that brought the member to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applied {
    /// All of it is done.
    Complete,
    /// Roles below the target are still to be taken off.
    LeftOver,
}

/// A change that did not.
#[derive(Debug)]
pub(super) enum NotApplied {
    /// The user left the group meanwhile.
    MemberLeft,
    /// Roblox knows no such role, or will not have it assigned. The member's roles are as they were.
    TargetRejected(RobloxFailure),
    /// Roblox failed, and the member's roles are as they were.
    Restored(RobloxFailure),
    /// Roblox failed, and would not let all of it be taken back, or some of it may take effect yet: that is still to be
    /// put right.
    HalfDone(RobloxFailure),
}

impl NotApplied {
    fn nothing_happened(failure: RobloxFailure) -> Self {
        if failure.fault == RobloxFault::Rejected { Self::TargetRejected(failure) } else { Self::Restored(failure) }
    }
}

/// What another run has done of the change that is to be made.
#[derive(Debug)]
pub(super) enum Begun {
    /// Nothing: this is the first run.
    Not,
    /// What a member who holds these roles shows. It is this run's to take back, too: it is the change that succeeds or
    /// fails, not the run.
    Shown(Vec<RoleId>),
    /// Unknown: the last write is too recent for a reading to show it. So each write is made once more, which does nothing
    /// where it was made.
    Perhaps,
}

/// How one write that did not succeed ended.
#[derive(Debug)]
enum Stopped {
    /// It is known to have changed nothing.
    Undone(RobloxFailure),
    /// It may have taken effect, or may yet: Roblox would not say.
    Unknown(RobloxFailure),
    /// There is no member any more.
    MemberLeft,
}

/// How far a change has come.
#[derive(Debug)]
struct Progress {
    /// Writes that have taken effect or may have, in their order: what is to be taken back.
    done: Vec<RoleWrite>,
    /// Those of them that were seen.
    shown: Vec<RoleWrite>,
    /// The roles read last, which show all of `shown`.
    last_seen: Option<Vec<RoleId>>,
    /// Whether the outcome of some write is unknown.
    has_unknown: bool,
}

impl Progress {
    fn of(change: &RoleChange, begun: Begun) -> Self {
        match begun {
            Begun::Not => Self { done: Vec::new(), shown: Vec::new(), last_seen: None, has_unknown: false },
            Begun::Shown(held) => {
                let done = change.shown_by(&held);
                Self { shown: done.clone(), done, last_seen: Some(held), has_unknown: false }
            }
            Begun::Perhaps => {
                Self { done: change.writes().collect(), shown: Vec::new(), last_seen: None, has_unknown: true }
            }
        }
    }

    fn saw(&mut self, write: RoleWrite, held: Vec<RoleId>) {
        self.note(write);
        self.shown.push(write);
        self.last_seen = Some(held);
    }

    fn note(&mut self, write: RoleWrite) {
        if !self.done.contains(&write) {
            self.done.push(write);
        }
    }
}

/// Writes to one member under a lease, each write checked.
pub(super) struct Writer<'a, R> {
    roblox: &'a R,
    member: Member,
    lease: &'a Lease,
    errand: Errand,
    /// Writes that were sent and may have taken effect, in their order.
    sent: Mutex<Vec<(RoleWrite, Basis)>>,
}

impl<'a, R: Roblox> Writer<'a, R> {
    pub(super) fn new(roblox: &'a R, member: Member, lease: &'a Lease, errand: &Errand) -> Self {
        Self { roblox, member, lease, errand: errand.clone(), sent: Mutex::default() }
    }

    /// The writes that may have taken effect, in their order.
    pub(super) fn sent(&self) -> Vec<(RoleWrite, Basis)> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Carries the change out.
    pub(super) async fn apply(&self, change: &RoleChange, begun: Begun) -> Result<Applied, NotApplied> {
        let forward = self.errand.with_undo_reserved();
        let basis = if matches!(begun, Begun::Perhaps) { Basis::Blind } else { Basis::Needed };
        let mut progress = Progress::of(change, begun);
        let to_do: Vec<RoleWrite> = change.writes().filter(|write| !progress.shown.contains(write)).collect();
        for write in to_do {
            let failure = match self.write((write, basis), &progress.shown, &forward).await {
                Ok(held) => {
                    progress.saw(write, held);
                    continue;
                }
                Err(Stopped::MemberLeft) => return Err(NotApplied::MemberLeft),
                Err(Stopped::Undone(failure)) => failure,
                Err(Stopped::Unknown(failure)) => {
                    progress.note(write);
                    progress.has_unknown = true;
                    failure
                }
            };
            return self.settle(change, progress, failure).await;
        }
        Ok(Applied::Complete)
    }

    /// What to make of a change that stopped. Where Roblox does not say how the member stands, what it said last counts: no
    /// write that follows the target takes it away.
    async fn settle(
        &self,
        change: &RoleChange,
        progress: Progress,
        failure: RobloxFailure,
    ) -> Result<Applied, NotApplied> {
        let Progress { done, shown, last_seen, has_unknown } = progress;
        if done.is_empty() {
            return Err(NotApplied::nothing_happened(failure));
        }
        let until = self.errand.deadline.with_undo_reserved();
        let held = match self.read_until_shown(&shown, &self.errand, until).await {
            Ok(None) => return Err(NotApplied::MemberLeft),
            Ok(held) => held,
            Err(_) => last_seen,
        };
        if held.is_some_and(|held| change.is_reached_by(&held)) {
            return Ok(Applied::LeftOver);
        }
        // One after the other, and no further than the first that fails: what is left is again a beginning of the change.
        for write in done.iter().rev() {
            match self.write((write.inverse(), Basis::Blind), &[], &self.errand).await {
                Ok(_) | Err(Stopped::MemberLeft) => {}
                Err(Stopped::Undone(_) | Stopped::Unknown(_)) => return Err(NotApplied::HalfDone(failure)),
            }
        }
        // A write that was given up may take effect after what takes it back.
        Err(if has_unknown { NotApplied::HalfDone(failure) } else { NotApplied::nothing_happened(failure) })
    }

    /// Takes off the lower roles that a change which reached its target left on. `held` is `None` where no reading tells
    /// which these are.
    pub(super) async fn clean_up(&self, change: &RoleChange, held: Option<&[RoleId]>) -> Result<(), RobloxFailure> {
        self.make_all(change.unassign.iter().map(|role| RoleWrite::Unassign(role.id)), held).await
    }

    /// Takes back what a change that did not reach its target has done, or, where `held` is `None` because no reading
    /// tells, all that it may have done.
    pub(super) async fn take_back(&self, change: &RoleChange, held: Option<&[RoleId]>) -> Result<(), RobloxFailure> {
        self.make_all(change.writes().rev().map(RoleWrite::inverse), held).await
    }

    async fn make_all(
        &self,
        wanted: impl Iterator<Item = RoleWrite>,
        held: Option<&[RoleId]>,
    ) -> Result<(), RobloxFailure> {
        let basis = if held.is_none() { Basis::Blind } else { Basis::Needed };
        for write in wanted.filter(|write| held.is_none_or(|held| !write.shows_in(held))) {
            match self.write((write, basis), &[], &self.errand).await {
                Ok(_) | Err(Stopped::MemberLeft) => {}
                // A role that was deleted meanwhile can be neither given back nor taken off: nothing is left to do.
                Err(Stopped::Undone(failure)) if failure.fault == RobloxFault::Rejected => {
                    tracing::warn!(?write, %failure, "role cannot be put right");
                }
                Err(Stopped::Undone(failure) | Stopped::Unknown(failure)) => return Err(failure),
            }
        }
        Ok(())
    }

    /// The member's roles afterwards, which show the write, and those before it that were `shown`.
    async fn write(
        &self,
        (write, basis): (RoleWrite, Basis),
        shown: &[RoleWrite],
        errand: &Errand,
    ) -> Result<Vec<RoleId>, Stopped> {
        let expected: Vec<RoleWrite> = shown.iter().copied().chain([write]).collect();
        let mut sends_left = SENDS_PER_WRITE;
        let mut may_have_happened = false;
        loop {
            if !self.lease.has_time() {
                return Err(stopped(out_of_time(), may_have_happened));
            }
            sends_left -= 1;
            let failure = match self.send((write, basis), errand).await {
                Ok(held) if shows_all(&expected, &held) => return Ok(held),
                Ok(held) => unverified(write, &held),
                Err(failure) => failure,
            };
            may_have_happened |= failure.may_have_taken_effect();
            let seen = match failure.fault {
                // Nothing was done, says Roblox.
                RobloxFault::RateLimited | RobloxFault::PermissionDenied(_) | RobloxFault::CredentialInvalid => {
                    return Err(stopped(failure, may_have_happened));
                }
                // It was done, says Roblox, and a reading may be older than that.
                RobloxFault::Unverified => self.read_until_shown(&expected, errand, errand.deadline).await,
                RobloxFault::Unavailable | RobloxFault::Timeout | RobloxFault::Rejected | RobloxFault::Unexpected => {
                    self.held(errand).await
                }
            };
            // Who was a member a moment ago may be missing from a list that is older than that.
            let seen = match seen {
                Ok(None) if may_have_happened => self.read_until_shown(&expected, errand, errand.deadline).await,
                seen => seen,
            };
            match seen {
                Ok(None) => return Err(Stopped::MemberLeft),
                Ok(Some(held)) if shows_all(&expected, &held) => return Ok(held),
                Ok(Some(_)) if sends_left > 0 && failure.outcome_is_unknown() => {}
                Ok(Some(_)) | Err(_) => return Err(stopped(failure, may_have_happened)),
            }
        }
    }

    async fn send(&self, (write, basis): (RoleWrite, Basis), errand: &Errand) -> Result<Vec<RoleId>, RobloxFailure> {
        let answer = match write {
            RoleWrite::Assign(role) => self.roblox.assign(self.member, role, errand).await,
            RoleWrite::Unassign(role) => self.roblox.unassign(self.member, role, errand).await,
        };
        if answer.as_ref().err().is_none_or(RobloxFailure::may_have_taken_effect) {
            self.sent.lock().unwrap_or_else(PoisonError::into_inner).push((write, basis));
        }
        answer
    }

    /// Reads the member until they show all of these writes, for as long as it may be for the lag alone that they do not,
    /// but no longer than `until`. The last reading counts.
    async fn read_until_shown(
        &self,
        writes: &[RoleWrite],
        errand: &Errand,
        until: Deadline,
    ) -> Result<Option<Vec<RoleId>>, RobloxFailure> {
        let mut rereading = Rereading::behind_a_write(until);
        loop {
            let held = self.held(errand).await?;
            if held.as_ref().is_some_and(|held| shows_all(writes, held)) || !rereading.pause().await {
                return Ok(held);
            }
        }
    }

    async fn held(&self, errand: &Errand) -> Result<Option<Vec<RoleId>>, RobloxFailure> {
        self.roblox.held_roles(self.member, errand).await
    }
}

fn shows_all(writes: &[RoleWrite], held: &[RoleId]) -> bool {
    writes.iter().all(|write| write.shows_in(held))
}

const fn stopped(failure: RobloxFailure, may_have_happened: bool) -> Stopped {
    if may_have_happened { Stopped::Unknown(failure) } else { Stopped::Undone(failure) }
}

fn unverified(write: RoleWrite, held: &[RoleId]) -> RobloxFailure {
    RobloxFailure {
        fault: RobloxFault::Unverified,
        retry_after: None,
        detail: format!("{write:?} was answered with success, and the member holds {held:?}"),
    }
}

fn out_of_time() -> RobloxFailure {
    RobloxFailure {
        fault: RobloxFault::Timeout,
        retry_after: None,
        detail: "the lease on the member is about to end".to_owned(),
    }
}
