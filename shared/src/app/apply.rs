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
use crate::domain::role_change::RoleChange;

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Write {
    Assign(RoleId),
    Unassign(RoleId),
}

impl Write {
    fn is_in(self, held: &[RoleId]) -> bool {
        match self {
            Self::Assign(role) => held.contains(&role),
            Self::Unassign(role) => !held.contains(&role),
        }
    }

    const fn inverse(self) -> Self {
        match self {
            Self::Assign(role) => Self::Unassign(role),
            Self::Unassign(role) => Self::Assign(role),
        }
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
    /// Carries the change out.
    pub(super) async fn apply(&self, change: &RoleChange) -> Result<Applied, NotApplied> {
        let errand = self.errand.with_undo_reserved();
        let forward = Writer { errand: &errand, ..*self };
        let mut done = Vec::new();
        for write in writes(change) {
            let failure = match forward.write(write).await {
                Ok(()) => {
                    done.push(write);
                    continue;
                }
                Err(Stopped::MemberLeft) => return Err(NotApplied::MemberLeft),
                Err(Stopped::Undone(failure)) => failure,
                Err(Stopped::Unknown(failure)) => {
                    done.push(write);
                    failure
                }
            };
            return self.settle(change, &done, failure).await;
        }
        Ok(Applied::Complete)
    }

    /// What to make of a change that stopped after `done`, the last of which may or may not have taken effect.
    async fn settle(&self, change: &RoleChange, done: &[Write], failure: RobloxFailure) -> Result<Applied, NotApplied> {
        if done.is_empty() {
            let rejected = failure.fault == RobloxFault::Rejected;
            return Err(if rejected { NotApplied::TargetRejected(failure) } else { NotApplied::Restored(failure) });
        }
        match self.held().await {
            Ok(None) => return Err(NotApplied::MemberLeft),
            Ok(Some(held)) if change.is_reached_by(&held) => return Ok(Applied::LeftOver),
            Ok(Some(_)) | Err(_) => {}
        }
        let mut restored = true;
        for write in done.iter().rev() {
            restored &= !matches!(self.write(write.inverse()).await, Err(Stopped::Undone(_) | Stopped::Unknown(_)));
        }
        Err(match (restored, failure.fault) {
            (true, RobloxFault::Rejected) => NotApplied::TargetRejected(failure),
            (true, _) => NotApplied::Restored(failure),
            (false, _) => NotApplied::HalfDone(failure),
        })
    }

    /// Takes off the lower roles that a change which reached its target left on.
    pub(super) async fn clean_up(&self, change: &RoleChange, held: &[RoleId]) -> Result<(), RobloxFailure> {
        self.make_all(change.unassign.iter().map(|role| Write::Unassign(role.id)), held).await
    }

    /// Takes back what a change that did not reach its target has done.
    pub(super) async fn take_back(&self, change: &RoleChange, held: &[RoleId]) -> Result<(), RobloxFailure> {
        let all: Vec<Write> = writes(change).collect();
        self.make_all(all.into_iter().rev().map(Write::inverse), held).await
    }

    async fn make_all(&self, wanted: impl Iterator<Item = Write>, held: &[RoleId]) -> Result<(), RobloxFailure> {
        for write in wanted.filter(|write| !write.is_in(held)) {
            match self.write(write).await {
                Ok(()) | Err(Stopped::MemberLeft) => {}
                // A role that was deleted meanwhile can be neither given back nor taken off: nothing is left to do.
                Err(Stopped::Undone(failure)) if failure.fault == RobloxFault::Rejected => {
                    tracing::warn!(?write, %failure, "role cannot be put right");
                }
                Err(Stopped::Undone(failure) | Stopped::Unknown(failure)) => return Err(failure),
            }
        }
        Ok(())
    }

    async fn write(&self, write: Write) -> Result<(), Stopped> {
        let mut sends_left = SENDS_PER_WRITE;
        loop {
            if !self.lease.has_time() {
                return Err(Stopped::Undone(out_of_time()));
            }
            sends_left -= 1;
            let failure = match self.send(write).await {
                Ok(held) if write.is_in(&held) => return Ok(()),
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
                Ok(Some(held)) if write.is_in(&held) => return Ok(()),
                Ok(Some(_)) if sends_left == 0 || !failure.outcome_is_unknown() => {
                    return Err(Stopped::Undone(failure));
                }
                Ok(Some(_)) => {}
                Err(_) if failure.fault == RobloxFault::Rejected => return Err(Stopped::Undone(failure)),
                Err(_) => return Err(Stopped::Unknown(failure)),
            }
        }
    }

    async fn send(&self, write: Write) -> Result<Vec<RoleId>, RobloxFailure> {
        match write {
            Write::Assign(role) => self.roblox.assign(self.member, role, self.errand).await,
            Write::Unassign(role) => self.roblox.unassign(self.member, role, self.errand).await,
        }
    }

    async fn held(&self) -> Result<Option<Vec<RoleId>>, RobloxFailure> {
        self.roblox.held_roles(self.member, self.errand).await
    }
}

fn writes(change: &RoleChange) -> impl Iterator<Item = Write> {
    let assign = change.assign.iter().map(|role| Write::Assign(role.id));
    assign.chain(change.unassign.iter().map(|role| Write::Unassign(role.id)))
}

fn unverified(write: Write, held: &[RoleId]) -> RobloxFailure {
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
