//! Which roles a rank change assigns and unassigns, and in which order, so that a change cut off anywhere leaves the
//! member at the old rank or at the new one, never in between and never without a role.
//!
//! Since March 2026 a Roblox member holds several roles, the base role at rank 1 always among them. The member's rank
//! is the highest of them. By default RankBot keeps the classic single ladder: a change leaves the base role, the
//! target, and no other managed role. Roles at rank 1 are never touched, so rank 1 is reached by removing what is
//! above.

use serde::{Deserialize, Serialize};

use super::group_settings::{GroupSettings, ManagedRoles, RoleMode};
use super::id::{Rank, RoleId};
use super::ladder::{Ladder, Role};

/// A member holds a role that the list at hand does not know: the list is out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownRole(pub RoleId);

/// The roles that a member holds, highest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRoles {
    roles: Vec<Role>,
}

impl HeldRoles {
    /// Looks the held ids up.
    pub fn of(ladder: &Ladder, held: &[RoleId]) -> Result<Self, UnknownRole> {
        let mut roles = Vec::with_capacity(held.len());
        for id in held {
            roles.push(ladder.role(*id).ok_or(UnknownRole(*id))?.clone());
        }
        roles.sort_by(|a, b| (b.rank, a.id).cmp(&(a.rank, b.id)));
        roles.dedup_by_key(|role| role.id);
        Ok(Self { roles })
    }

    /// Their ids.
    pub fn ids(&self) -> Vec<RoleId> {
        self.roles.iter().map(|role| role.id).collect()
    }

    /// The roles held if the ids were what `change` makes of them. What the list does not know is left out.
    #[must_use]
    pub fn as_if(&self, ladder: &Ladder, change: impl FnOnce(&[RoleId]) -> Vec<RoleId>) -> Self {
        let mut ids = change(&self.ids());
        ids.retain(|id| ladder.role(*id).is_some());
        Self::of(ladder, &ids).unwrap_or_else(|_| self.clone())
    }

    /// Every role held, highest rank first.
    pub fn all(&self) -> &[Role] {
        &self.roles
    }

    /// The role that gives the member their rank in Roblox's eyes.
    pub fn highest(&self) -> Option<&Role> {
        self.roles.first()
    }

    /// Where the member stands on the ladder: the highest managed role, else the base role.
    pub fn standing(&self, managed: &ManagedRoles) -> Option<&Role> {
        self.managed(managed).next().or_else(|| self.base())
    }

    /// The managed roles held, highest first.
    pub fn managed(&self, managed: &ManagedRoles) -> impl Iterator<Item = &Role> {
        self.roles.iter().filter(|role| managed.include(role))
    }

    fn base(&self) -> Option<&Role> {
        self.at_base().next()
    }

    /// Of the roles held at rank 1, this one if it is among them.
    fn base_as(&self, wanted: &Role) -> Option<&Role> {
        self.at_base().find(|role| role.id == wanted.id).or_else(|| self.base())
    }

    fn at_base(&self) -> impl Iterator<Item = &Role> {
        self.roles.iter().filter(|role| role.rank == Rank::BASE)
    }
}

/// The writes that bring a member from one rank to another. Kept with the claim while the change runs, so that whoever
/// finds it half-done can finish it or take it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChange {
    /// Where the member stands before.
    pub from: Role,
    /// Where the member stands after.
    pub to: Role,
    /// The managed roles held before, in no order.
    pub before: Vec<RoleId>,
    /// First these, lowest rank first: in a promotion the rank rises with the last of them.
    pub assign: Vec<Role>,
    /// Then these, lowest rank first: in a demotion the rank falls with the very last write. Until then the member
    /// stands where they stood, and what was done can be taken back unseen.
    pub unassign: Vec<Role>,
}

/// One write to Roblox. Each is idempotent there: assigning a held role, or unassigning one not held, does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleWrite {
    /// Gives the role.
    Assign(RoleId),
    /// Takes it off.
    Unassign(RoleId),
}

impl RoleWrite {
    /// Whether a member who holds these roles shows its effect.
    pub fn shows_in(self, held: &[RoleId]) -> bool {
        match self {
            Self::Assign(role) => held.contains(&role),
            Self::Unassign(role) => !held.contains(&role),
        }
    }

    /// What takes it back.
    #[must_use]
    pub const fn inverse(self) -> Self {
        match self {
            Self::Assign(role) => Self::Unassign(role),
            Self::Unassign(role) => Self::Assign(role),
        }
    }
}

impl RoleChange {
    /// The change that makes `target` the member's place on the ladder. `None` if the member holds no role at all.
    pub fn towards(held: &HeldRoles, target: &Role, settings: &GroupSettings) -> Option<Self> {
        let stays = |role: &Role| match settings.mode {
            RoleMode::Exclusive => role.id == target.id,
            RoleMode::Additive => role.rank <= target.rank,
        };
        let mut wanted: Vec<Role> = held.managed(&settings.managed).filter(|role| stays(role)).cloned().collect();
        if settings.managed.include(target) && !wanted.contains(target) {
            wanted.push(target.clone());
        }
        Self::to_exactly(held, &wanted, target, &settings.managed)
    }

    /// The change that leaves the member with exactly these managed roles: undoing. Where none is wanted the member comes
    /// to stand at rank 1, in the role `base` if they hold that one, and in `base` too if they hold no role there.
    pub fn to_exactly(held: &HeldRoles, wanted: &[Role], base: &Role, managed: &ManagedRoles) -> Option<Self> {
        let from = held.managed(managed).next().or_else(|| held.base_as(base))?.clone();
        let highest = wanted.iter().max_by_key(|role| (role.rank, std::cmp::Reverse(role.id)));
        let to = highest.or_else(|| held.base_as(base)).unwrap_or(base).clone();
        let holds = |role: &Role| held.all().iter().any(|own| own.id == role.id);
        let is_wanted = |role: &Role| wanted.iter().any(|own| own.id == role.id);
        let before = held.managed(managed).map(|role| role.id).collect();
        let mut unassign: Vec<Role> = held.managed(managed).filter(|role| !is_wanted(role)).cloned().collect();
        unassign.reverse();
        let mut assign: Vec<Role> = wanted.iter().filter(|role| !holds(role)).cloned().collect();
        assign.sort_by_key(|role| (role.rank, role.id));
        Some(Self { from, to, before, assign, unassign })
    }

    /// No change: the member stays where they are.
    pub fn staying(at: &HeldRoles, managed: &ManagedRoles) -> Option<Self> {
        let place = at.standing(managed)?;
        let before = at.managed(managed).map(|role| role.id).collect();
        Some(Self { from: place.clone(), to: place.clone(), before, assign: Vec::new(), unassign: Vec::new() })
    }

    /// Whether nothing needs to be written.
    pub const fn is_empty(&self) -> bool {
        self.assign.is_empty() && self.unassign.is_empty()
    }

    /// Whether a member who holds these roles stands at the target: they hold all that was to be given, and none of the
    /// roles above it that were to go. Lower ones still on do not matter; taking them off is cleaning up.
    pub fn is_reached_by(&self, held: &[RoleId]) -> bool {
        let holds_target = self.to.rank == Rank::BASE || held.contains(&self.to.id);
        // An undo may give lower roles back to someone who holds the target throughout.
        let given = self.assign.iter().all(|role| held.contains(&role.id));
        let above = |role: &&Role| role.rank > self.to.rank && held.contains(&role.id);
        holds_target && given && self.unassign.iter().find(above).is_none()
    }

    /// The writes of this change, in their order.
    pub fn writes(&self) -> impl DoubleEndedIterator<Item = RoleWrite> {
        let assign = self.assign.iter().map(|role| RoleWrite::Assign(role.id));
        assign.chain(self.unassign.iter().map(|role| RoleWrite::Unassign(role.id)))
    }

    /// Those of the writes whose effect a member who holds these roles shows.
    pub fn shown_by(&self, held: &[RoleId]) -> Vec<RoleWrite> {
        self.writes().filter(|write| write.shows_in(held)).collect()
    }

    /// Whether somebody else has changed the member since this change began: the writes are made in their order and
    /// taken back in the other one, so a member short of the target shows the first few and no later one.
    pub fn is_overtaken(&self, held: &[RoleId]) -> bool {
        let in_order = self.writes().map(|write| write.shows_in(held)).is_sorted_by(|first, next| first >= next);
        !in_order && !self.is_reached_by(held)
    }

    /// The roles of a member who holds these, once this change is finished (`true`) or taken back.
    pub fn settled(&self, held: &[RoleId], finished: bool) -> Vec<RoleId> {
        let mut held = held.to_vec();
        for write in self.writes() {
            let (RoleWrite::Assign(role) | RoleWrite::Unassign(role)) = write;
            held.retain(|id| *id != role);
            if matches!(write, RoleWrite::Assign(_)) == finished {
                held.push(role);
            }
        }
        held
    }

    /// The managed roles held when the change is complete.
    pub fn after(&self) -> Vec<RoleId> {
        let gone = |id: &RoleId| self.unassign.iter().any(|role| role.id == *id);
        let kept = self.before.iter().copied().filter(|id| !gone(id));
        kept.chain(self.assign.iter().map(|role| role.id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::ladder::tests::{airline, role};
    use super::*;
    use proptest::prelude::*;

    fn sorted(mut roles: Vec<RoleId>) -> Vec<RoleId> {
        roles.sort_unstable();
        roles
    }

    fn held(ids: &[u64]) -> HeldRoles {
        HeldRoles::of(&airline(), &role_ids(ids)).unwrap()
    }

    fn role_ids(ids: &[u64]) -> Vec<RoleId> {
        ids.iter().map(|id| RoleId::new(*id).unwrap()).collect()
    }

    fn ids(roles: &[Role]) -> Vec<u64> {
        roles.iter().map(|role| role.id.get()).collect()
    }

    fn exclusive(held: &HeldRoles, target: &Role) -> RoleChange {
        RoleChange::towards(held, target, &GroupSettings::default()).unwrap()
    }

    #[test]
    fn promotion_assigns_the_target_and_takes_the_old_role_off() {
        let change = exclusive(&held(&[10, 5]), &role(50, 50));
        assert_eq!((change.from.rank.get(), change.to.rank.get()), (5, 50));
        assert_eq!((ids(&change.assign), ids(&change.unassign)), (vec![50], vec![5]));
        assert_eq!(change.after(), role_ids(&[50]));
    }

    #[test]
    fn base_roles_are_never_assigned_or_unassigned() {
        let change = exclusive(&held(&[10, 11, 5]), &role(10, 1));
        assert_eq!((ids(&change.assign), ids(&change.unassign)), (vec![], vec![5]));
    }

    #[test]
    fn answer_names_the_base_role_that_the_member_holds() {
        assert_eq!(exclusive(&held(&[11, 5]), &role(10, 1)).to.id.get(), 11);
    }

    #[test]
    fn of_two_base_roles_held_the_answer_names_the_one_that_was_asked_for() {
        for asked in [10, 11] {
            assert_eq!(exclusive(&held(&[10, 11, 5]), &role(asked, 1)).to.id.get(), asked);
            let nothing = exclusive(&held(&[10, 11]), &role(asked, 1));
            assert_eq!((nothing.from.id.get(), nothing.to.id.get()), (asked, asked));
        }
    }

    #[test]
    fn rank_already_held_alone_needs_no_write() {
        assert!(exclusive(&held(&[10, 50]), &role(50, 50)).is_empty());
        assert!(exclusive(&held(&[10]), &role(10, 1)).is_empty());
    }

    #[test]
    fn rank_already_held_among_others_only_takes_the_others_off() {
        let change = exclusive(&held(&[10, 5, 50]), &role(50, 50));
        assert_eq!((ids(&change.assign), ids(&change.unassign)), (vec![], vec![5]));
    }

    #[test]
    fn unmanaged_role_survives_and_does_not_count() {
        let managed = ManagedRoles::Only(role_ids(&[5, 50]).into_iter().collect());
        let settings = GroupSettings { managed, ..GroupSettings::default() };
        let change = RoleChange::towards(&held(&[10, 5, 200]), &role(50, 50), &settings).unwrap();
        assert_eq!(change.from.rank.get(), 5);
        assert_eq!((ids(&change.assign), ids(&change.unassign)), (vec![50], vec![5]));
        assert!(change.is_reached_by(&role_ids(&[10, 50, 200])));
    }

    #[test]
    fn additive_roles_below_the_target_stay_and_those_above_go() {
        let settings = GroupSettings { mode: RoleMode::Additive, ..GroupSettings::default() };
        let up = RoleChange::towards(&held(&[10, 5]), &role(50, 50), &settings).unwrap();
        assert_eq!((ids(&up.assign), ids(&up.unassign)), (vec![50], vec![]));
        let down = RoleChange::towards(&held(&[10, 5, 50, 200]), &role(50, 50), &settings).unwrap();
        assert_eq!((ids(&down.assign), ids(&down.unassign)), (vec![], vec![200]));
    }

    #[test]
    fn giving_lower_roles_back_is_done_when_all_of_them_are_there() {
        let wanted: Vec<Role> = [5, 50, 200].map(|id| airline().role(RoleId::new(id).unwrap()).unwrap().clone()).into();
        let undo = RoleChange::to_exactly(&held(&[10, 200]), &wanted, &role(10, 1), &ManagedRoles::All).unwrap();
        assert_eq!((ids(&undo.assign), ids(&undo.unassign)), (vec![5, 50], vec![]));
        assert!(!undo.is_reached_by(&role_ids(&[10, 200])) && !undo.is_reached_by(&role_ids(&[10, 5, 200])));
        assert!(undo.is_reached_by(&role_ids(&[10, 5, 50, 200])));
    }

    #[test]
    fn a_member_whom_others_have_changed_meanwhile_is_told_from_one_on_the_way() {
        let demotion = exclusive(&held(&[10, 50, 200]), &role(5, 5));
        assert_eq!((ids(&demotion.assign), ids(&demotion.unassign)), (vec![5], vec![50, 200]));
        assert!(!demotion.is_overtaken(&role_ids(&[10, 5, 200])) && !demotion.is_overtaken(&role_ids(&[10, 50, 200])));
        assert!(demotion.is_overtaken(&role_ids(&[10])), "stripped to the base role by hand");
        let promotion = exclusive(&held(&[10, 5, 50]), &role(200, 200));
        assert!(!promotion.is_overtaken(&role_ids(&[10, 5, 200])), "at the target, whoever took the other role off");
    }

    #[test]
    fn role_missing_from_the_list_is_reported_not_guessed() {
        assert_eq!(HeldRoles::of(&airline(), &role_ids(&[77])), Err(UnknownRole(RoleId::new(77).unwrap())));
    }

    proptest! {
        /// The order's guarantee: after any prefix of the writes the member's rank is the old or the new one; and the
        /// change back restores exactly the roles held before.
        #[test]
        fn rank_flips_at_most_once_and_the_way_back_restores_every_role(
            above in proptest::collection::btree_set(2_u8..=254, 0..6), target in 1_u8..=254, additive in any::<bool>(),
        ) {
            let mut roles: Vec<Role> = (1..=254).map(|rank| role(u64::from(rank) + 1000, rank)).collect();
            roles.reverse();
            let ladder = Ladder::new(roles);
            let start: Vec<RoleId> =
                above.iter().chain([&1]).map(|rank| RoleId::new(u64::from(*rank) + 1000).unwrap()).collect();
            let mode = if additive { RoleMode::Additive } else { RoleMode::Exclusive };
            let settings = GroupSettings { mode, ..GroupSettings::default() };
            let before = HeldRoles::of(&ladder, &start).unwrap();
            let target = role(u64::from(target) + 1000, target);
            let change = RoleChange::towards(&before, &target, &settings).unwrap();

            let mut now = start.clone();
            let mut flips = 0;
            let mut rank = change.from.rank;
            let both_ends = [change.settled(&start, true), change.settled(&start, false)].map(sorted);
            prop_assert_eq!(&both_ends[1], &sorted(start.clone()));
            for (done, write) in change.writes().enumerate() {
                apply(write, &mut now);
                prop_assert_eq!(change.shown_by(&now).len(), done + 1);
                prop_assert!(!change.is_overtaken(&now));
                prop_assert_eq!(&[change.settled(&now, true), change.settled(&now, false)].map(sorted), &both_ends);
                let next = HeldRoles::of(&ladder, &now).unwrap().highest().unwrap().rank;
                prop_assert!(next == change.from.rank || next == change.to.rank);
                prop_assert_eq!(change.is_reached_by(&now), next == change.to.rank);
                flips += u32::from(next != rank);
                rank = next;
            }
            prop_assert_eq!(rank, target.rank);
            prop_assert!(flips <= 1);

            prop_assert_eq!(&sorted(now.clone()), &both_ends[0]);
            let after = HeldRoles::of(&ladder, &now).unwrap();
            let wanted: Vec<Role> = change.before.iter().map(|id| ladder.role(*id).unwrap().clone()).collect();
            let back = RoleChange::to_exactly(&after, &wanted, &target, &settings.managed).unwrap();
            carry_out(&back, &mut now);
            prop_assert_eq!(sorted(now), sorted(start));
        }
    }

    fn carry_out(change: &RoleChange, held: &mut Vec<RoleId>) {
        for write in change.writes() {
            apply(write, held);
        }
    }

    fn apply(write: RoleWrite, held: &mut Vec<RoleId>) {
        match write {
            RoleWrite::Assign(role) => held.push(role),
            RoleWrite::Unassign(role) => held.retain(|id| *id != role),
        }
    }
}
