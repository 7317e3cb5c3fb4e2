//! Writing a role change to Roblox so that the member ends at the new rank or at the old one.
//!
//! Roblox has no transaction over several roles, and an answer can get lost after its write took effect. So every
//! write is checked against the roles held afterwards; one whose outcome is unknown is settled by reading the member
//! before anything is repeated; and a change that cannot be completed is judged by the member's rank: at the target,
//! it has succeeded and only lower roles are left over; short of it, what was done is taken back, so that "failed"
//! means that nothing happened and a retry cannot move twice.

use super::lease::Lease;
use super::ports::{Errand, Member, Roblox, RobloxFailure, RobloxFault};
use crate::domain::id::RoleId;
use crate::domain::role_change::{RoleChange, RoleWrite};

/// A write whose outcome proved to be "nothing happened" is sent once more.
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
    /// Roblox failed, and would not let all of it be taken back: that is still to be done.
    HalfDone(RobloxFailure),
}

impl NotApplied {
    fn nothing_happened(failure: RobloxFailure) -> Self {
        if failure.fault == RobloxFault::Rejected { Self::TargetRejected(failure) } else { Self::Restored(failure) }
    }
}

/// How one write that did not succeed ended.
#[derive(Debug)]
enum Stopped {
    /// It is known to have changed nothing.
    Undone(RobloxFailure),
    /// It may have taken effect: Roblox would not say.
    Unknown(RobloxFailure),
    /// There is no member any more.
    MemberLeft,
}

/// Writes to one member under a lease, each write checked.
pub(super) struct Writer<'a, R> {
    pub(super) roblox: &'a R,
    pub(super) member: Member,
    pub(super) errand: &'a Errand,
    pub(super) lease: &'a Lease,
}

impl<R: Roblox> Writer<'_, R> {
    /// Carries the change out. `held` are the member's roles where another run has begun it: what they show is done, and is
    /// this run's to take back, too. It is the change that succeeds or fails, not the run.
    pub(super) async fn apply(&self, change: &RoleChange, held: Option<Vec<RoleId>>) -> Result<Applied, NotApplied> {
        let errand = self.errand.with_undo_reserved();
        let forward = Writer { errand: &errand, ..*self };
        let mut done = held.as_ref().map(|held| change.shown_by(held)).unwrap_or_default();
        let mut last_seen = held;
        let to_do: Vec<RoleWrite> = change.writes().filter(|write| !done.contains(write)).collect();
        for write in to_do {
            let failure = match forward.write(write).await {
                Ok(held) => {
                    done.push(write);
                    // An answer that showed an earlier write may have been untrue: each one is held against the next.
                    let undone =
                        done.iter().find(|write| !write.shows_in(&held)).map(|write| unverified(*write, &held));
                    last_seen = Some(held);
                    match undone {
                        None => continue,
                        Some(failure) => failure,
                    }
                }
                Err(Stopped::MemberLeft) => return Err(NotApplied::MemberLeft),
                Err(Stopped::Undone(failure)) => failure,
                Err(Stopped::Unknown(failure)) => {
                    done.push(write);
                    failure
                }
            };
            return self.settle(change, &done, last_seen, failure).await;
        }
        Ok(Applied::Complete)
    }

    /// What to make of a change that stopped after `done`, the last of which may or may not have taken effect. Where Roblox
    /// does not say how the member stands, what it said last counts: no write that follows the target takes it away.
    async fn settle(
        &self,
        change: &RoleChange,
        done: &[RoleWrite],
        last_seen: Option<Vec<RoleId>>,
        failure: RobloxFailure,
    ) -> Result<Applied, NotApplied> {
        if done.is_empty() {
            return Err(NotApplied::nothing_happened(failure));
        }
        let held = match self.held().await {
            Ok(None) => return Err(NotApplied::MemberLeft),
            Ok(held) => held,
            Err(_) => last_seen,
        };
        if held.is_some_and(|held| change.is_reached_by(&held)) {
            return Ok(Applied::LeftOver);
        }
        // One after the other, and no further than the first that fails: what is left is again a beginning of the change.
        for write in done.iter().rev() {
            match self.write(write.inverse()).await {
                Ok(_) | Err(Stopped::MemberLeft) => {}
                Err(Stopped::Undone(_) | Stopped::Unknown(_)) => return Err(NotApplied::HalfDone(failure)),
            }
        }
        Err(NotApplied::nothing_happened(failure))
    }

    /// Takes off the lower roles that a change which reached its target left on.
    pub(super) async fn clean_up(&self, change: &RoleChange, held: &[RoleId]) -> Result<(), RobloxFailure> {
        self.make_all(change.unassign.iter().map(|role| RoleWrite::Unassign(role.id)), held).await
    }

    /// Takes back what a change that did not reach its target has done.
    pub(super) async fn take_back(&self, change: &RoleChange, held: &[RoleId]) -> Result<(), RobloxFailure> {
        self.make_all(change.writes().rev().map(RoleWrite::inverse), held).await
    }

    async fn make_all(&self, wanted: impl Iterator<Item = RoleWrite>, held: &[RoleId]) -> Result<(), RobloxFailure> {
        for write in wanted.filter(|write| !write.shows_in(held)) {
            match self.write(write).await {
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

    /// The member's roles afterwards, which show the write.
    async fn write(&self, write: RoleWrite) -> Result<Vec<RoleId>, Stopped> {
        let mut sends_left = SENDS_PER_WRITE;
        loop {
            if !self.lease.has_time() {
                return Err(Stopped::Undone(out_of_time()));
            }
            sends_left -= 1;
            let failure = match self.send(write).await {
                Ok(held) if write.shows_in(&held) => return Ok(held),
                Ok(held) => unverified(write, &held),
                Err(failure) => failure,
            };
            let known_not_to_have_happened = match failure.fault {
                RobloxFault::RateLimited | RobloxFault::PermissionDenied | RobloxFault::CredentialInvalid => true,
                RobloxFault::Unavailable
                | RobloxFault::Timeout
                | RobloxFault::Unverified
                | RobloxFault::Rejected
                | RobloxFault::Unexpected => false,
            };
            if known_not_to_have_happened {
                return Err(Stopped::Undone(failure));
            }
            match self.held().await {
                Ok(None) => return Err(Stopped::MemberLeft),
                Ok(Some(held)) if write.shows_in(&held) => return Ok(held),
                Ok(Some(_)) if sends_left == 0 || !failure.outcome_is_unknown() => {
                    return Err(Stopped::Undone(failure));
                }
                Ok(Some(_)) => {}
                Err(_) if failure.fault == RobloxFault::Rejected => return Err(Stopped::Undone(failure)),
                Err(_) => return Err(Stopped::Unknown(failure)),
            }
        }
    }

    async fn send(&self, write: RoleWrite) -> Result<Vec<RoleId>, RobloxFailure> {
        match write {
            RoleWrite::Assign(role) => self.roblox.assign(self.member, role, self.errand).await,
            RoleWrite::Unassign(role) => self.roblox.unassign(self.member, role, self.errand).await,
        }
    }

    async fn held(&self) -> Result<Option<Vec<RoleId>>, RobloxFailure> {
        self.roblox.held_roles(self.member, self.errand).await
    }
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
