//! The changes that faults and crashes are tried on.

use rankbot_sandbox::demo::role;
use rankbot_sandbox::{Endpoint, Fault, FaultEffect, Matcher};
use rankbot_shared::domain::plan::Plan;
use serde_json::Value;

use crate::world::{Ask, GROUP, World, sorted};

/// The member that is changed.
pub(crate) const USER: u64 = 300_001;

/// A change of a member's roles, by a request that can be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Up one step from one role: assign, unassign.
    Promote,
    /// The same, under an idempotency key.
    PromoteOnce,
    /// The same, with Roblox refusing the assignment: what a failure writes.
    PromoteRefused,
    /// The same, with Roblox refusing to take the old role off: what a success with something left over writes.
    PromoteLeftOver,
    /// Down one step from several roles: assign, unassign, unassign.
    Demote,
    /// To the base role: unassign, unassign, unassign.
    ToBase,
    /// Back from one role to three, under an idempotency key.
    UndoOnce,
    /// Lower roles back to someone whose rank stays, under an idempotency key.
    UndoBelowOnce,
}

/// A scenario that is ready to be asked for.
pub(crate) struct Arranged {
    pub(crate) scenario: Scenario,
    pub(crate) ask: Ask,
    /// What was counted before.
    pub(crate) used: u64,
    /// The entries before.
    pub(crate) logged: usize,
}

impl Scenario {
    pub(crate) const ALL: [Self; 8] = [
        Self::Promote,
        Self::PromoteOnce,
        Self::PromoteRefused,
        Self::PromoteLeftOver,
        Self::Demote,
        Self::ToBase,
        Self::UndoOnce,
        Self::UndoBelowOnce,
    ];

    fn held_at_first(self) -> &'static [u64] {
        match self {
            Self::Promote | Self::PromoteOnce | Self::PromoteRefused | Self::PromoteLeftOver => &[role::TRAINEE],
            Self::Demote => &[role::CABIN_CREW, role::FIRST_OFFICER],
            Self::ToBase | Self::UndoOnce => &[role::VIP, role::CABIN_CREW, role::SENIOR_CREW],
            Self::UndoBelowOnce => &[role::VIP, role::CABIN_CREW, role::CAPTAIN],
        }
    }

    /// The roles before the change.
    pub(crate) fn before(self) -> Vec<u64> {
        let held = if self.is_an_undo() { &[role::CAPTAIN] } else { self.held_at_first() };
        sorted(&[held, &[role::MEMBER]].concat())
    }

    /// The roles after it.
    pub(crate) fn after(self) -> Vec<u64> {
        let held: &[u64] = match self {
            Self::Promote | Self::PromoteOnce | Self::PromoteRefused | Self::PromoteLeftOver => &[role::VIP],
            Self::Demote => &[role::SENIOR_CREW],
            Self::ToBase => &[],
            Self::UndoOnce | Self::UndoBelowOnce => self.held_at_first(),
        };
        sorted(&[held, &[role::MEMBER]].concat())
    }

    /// The rank before, and the rank after.
    pub(crate) const fn ranks(self) -> (u8, u8) {
        match self {
            Self::Promote | Self::PromoteOnce | Self::PromoteRefused | Self::PromoteLeftOver => (10, 15),
            Self::Demote => (50, 35),
            Self::ToBase => (35, 1),
            Self::UndoOnce => (80, 35),
            Self::UndoBelowOnce => (80, 80),
        }
    }

    pub(crate) const fn has_a_key(self) -> bool {
        matches!(self, Self::PromoteOnce | Self::PromoteRefused | Self::PromoteLeftOver) || self.is_an_undo()
    }

    const fn is_an_undo(self) -> bool {
        matches!(self, Self::UndoOnce | Self::UndoBelowOnce)
    }

    /// What is wrong with Roblox in it.
    fn fault(self) -> Option<Fault> {
        let endpoint = match self {
            Self::PromoteRefused => Endpoint::AssignRole,
            Self::PromoteLeftOver => Endpoint::UnassignRole,
            Self::Promote | Self::PromoteOnce | Self::Demote | Self::ToBase | Self::UndoOnce | Self::UndoBelowOnce => {
                return None;
            }
        };
        Some(Fault::new(Matcher::endpoint(endpoint), FaultEffect::status(403)))
    }

    /// A world in which it can be asked for, with nothing recorded yet.
    pub(crate) async fn arrange(self) -> (World, Arranged) {
        let world = World::warm().await;
        world.roblox.put_member(GROUP, USER, self.held_at_first()).unwrap();
        let ask = match self {
            Self::Promote => world.change("promote", USER),
            Self::PromoteOnce | Self::PromoteRefused | Self::PromoteLeftOver => {
                world.change("promote", USER).once("the-key")
            }
            Self::Demote => world.change("demote", USER),
            Self::ToBase => world.set_rank(USER, 1),
            Self::UndoOnce | Self::UndoBelowOnce => {
                let change = world.set_rank(USER, 80).send().await;
                world.undo(change.log_id()).once("the-key")
            }
        };
        let arranged = Arranged {
            scenario: self,
            ask,
            used: world.used(world.key(Plan::Pro)).await,
            logged: world.log().await.len(),
        };
        world.forget();
        if let Some(fault) = self.fault() {
            world.roblox.inject(fault);
        }
        (world, arranged)
    }
}

impl Arranged {
    /// The entries that say that the change was made.
    pub(crate) async fn changes(&self, world: &World) -> Vec<Value> {
        let log = world.log().await;
        log.into_iter().skip(self.logged).filter(|entry| entry["changed"] == true).collect()
    }
}
