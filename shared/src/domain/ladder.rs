//! A group's roles in the order of their ranks: what "the next rank up" means.

use serde::{Deserialize, Serialize};

use super::group_settings::ManagedRoles;
use super::id::{Rank, RoleId};
use super::rank_change::{Steps, Target};

/// One role of a group, as Roblox lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// What assigning and unassigning name.
    pub id: RoleId,
    /// The display name; any text, and not unique.
    pub name: String,
    /// Its place, 0 to 255; two roles can share one.
    pub rank: Rank,
    /// How many members hold it; Roblox gives none for guests.
    pub member_count: Option<u64>,
}

/// Why a target names no single role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unresolved {
    /// No role stands there.
    NotFound,
    /// Roblox lists the role, and what it says of it makes no sense.
    Unreadable,
    /// Several roles stand at the rank, which is above 1.
    Ambiguous(Vec<Role>),
}

/// Where a step up or down leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<'a> {
    /// To this role.
    To(&'a Role),
    /// Nowhere: the member stands at the end of the ladder already.
    AtTheEnd,
    /// Several roles share the rank that the step leads to.
    Ambiguous(Vec<Role>),
}

/// A group's roles, sorted by rank and, within one rank, by id, whatever order Roblox listed them in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    roles: Vec<Role>,
    /// Listed, and not to be read.
    unreadable: Vec<RoleId>,
}

impl Ladder {
    /// Sorts the roles; a role listed twice (a page that moved while it was read) counts once.
    pub fn new(mut roles: Vec<Role>) -> Self {
        roles.sort_by_key(|role| (role.rank, role.id));
        roles.dedup_by_key(|role| role.id);
        Self { roles, unreadable: Vec::new() }
    }

    /// The same, with roles that are there and could not be read.
    #[must_use]
    pub fn with_unreadable(self, unreadable: Vec<RoleId>) -> Self {
        Self { unreadable, ..self }
    }

    /// Every role, guest and owner included, rank ascending.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// Whether both lists have the same roles under the same names and ranks, whatever their member counts.
    pub fn has_the_roles_of(&self, other: &Self) -> bool {
        let lasting = |role: &Role| (role.id, role.rank, role.name.clone());
        self.roles.iter().map(lasting).eq(other.roles.iter().map(lasting))
    }

    /// The ladder as rank changes climb it: without the roles that they may not touch.
    #[must_use]
    pub fn of_managed(&self, managed: &ManagedRoles) -> Self {
        let stays = |role: &&Role| !role.rank.is_above_base() || managed.include(role);
        Self { roles: self.roles.iter().filter(stays).cloned().collect(), unreadable: self.unreadable.clone() }
    }

    /// The role of this id.
    pub fn role(&self, id: RoleId) -> Option<&Role> {
        self.roles.iter().find(|role| role.id == id)
    }

    /// The ranks that a member can be brought to, ascending, each once.
    pub fn assignable_ranks(&self) -> Vec<Rank> {
        let mut ranks: Vec<Rank> =
            self.roles.iter().map(|role| role.rank).filter(|rank| rank.is_assignable()).collect();
        ranks.dedup();
        ranks
    }

    /// The one role that a target names.
    ///
    /// Two roles at rank 1 are no ambiguity: every group made before 16 March 2026 has them, and neither is ever
    /// assigned. The one with the lower id stands for the rank; an answer names the one that the member holds.
    pub fn resolve(&self, target: &Target) -> Result<&Role, Unresolved> {
        match target {
            Target::Role(id) => {
                let missing = if self.unreadable.contains(id) { Unresolved::Unreadable } else { Unresolved::NotFound };
                self.role(*id).filter(|role| role.rank.is_assignable()).ok_or(missing)
            }
            Target::Rank(rank) => self.the_one(|role| role.rank == *rank),
            Target::Name(name) => self.the_one(|role| name.is(&role.name)),
        }
    }

    /// The role that many distinct ranks above `from`, or the highest there is.
    pub fn up(&self, from: Rank, steps: Steps) -> Step<'_> {
        let above = self.assignable_ranks().into_iter().filter(|rank| *rank > from);
        self.step(above.take(steps.count()).last())
    }

    /// The role that many distinct ranks below `from`, or the lowest there is.
    pub fn down(&self, from: Rank, steps: Steps) -> Step<'_> {
        let below = self.assignable_ranks().into_iter().rev().filter(|rank| *rank < from);
        self.step(below.take(steps.count()).last())
    }

    fn step(&self, rank: Option<Rank>) -> Step<'_> {
        match rank.map(|rank| self.resolve(&Target::Rank(rank))) {
            None | Some(Err(Unresolved::NotFound | Unresolved::Unreadable)) => Step::AtTheEnd,
            Some(Ok(role)) => Step::To(role),
            Some(Err(Unresolved::Ambiguous(candidates))) => Step::Ambiguous(candidates),
        }
    }

    fn the_one(&self, is_meant: impl Fn(&Role) -> bool) -> Result<&Role, Unresolved> {
        let meant = self.roles.iter().filter(|role| role.rank.is_assignable() && is_meant(role));
        match meant.collect::<Vec<_>>().as_slice() {
            [] => Err(Unresolved::NotFound),
            [role] => Ok(role),
            [first, .., last] if last.rank == Rank::BASE => Ok(first),
            several => Err(Unresolved::Ambiguous(several.iter().map(|role| (*role).clone()).collect())),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn role(id: u64, rank: u8) -> Role {
        Role { id: RoleId::new(id).unwrap(), name: format!("Role {id}"), rank: Rank::new(rank), member_count: None }
    }

    /// Guest, two roles at rank 1, gaps, owner, as Roblox may list them: in no order.
    pub(crate) fn airline() -> Ladder {
        Ladder::new(vec![
            role(50, 50),
            role(255, 255),
            role(11, 1),
            role(200, 200),
            role(5, 5),
            role(999, 0),
            role(10, 1),
        ])
    }

    fn steps(count: u8) -> Steps {
        Steps::new(count).unwrap()
    }

    fn rank_of(step: &Step<'_>) -> Option<u8> {
        match step {
            Step::To(role) => Some(role.rank.get()),
            Step::AtTheEnd | Step::Ambiguous(_) => None,
        }
    }

    #[test]
    fn a_step_goes_to_the_next_rank_whatever_order_the_roles_came_in() {
        assert_eq!(rank_of(&airline().up(Rank::new(5), Steps::ONE)), Some(50));
        assert_eq!(rank_of(&airline().down(Rank::new(50), Steps::ONE)), Some(5));
    }

    #[test]
    fn steps_count_distinct_ranks_and_stop_at_the_end() {
        assert_eq!(rank_of(&airline().up(Rank::new(1), steps(2))), Some(50));
        assert_eq!(rank_of(&airline().up(Rank::new(1), steps(10))), Some(200));
        assert_eq!(rank_of(&airline().down(Rank::new(200), steps(10))), Some(1));
    }

    #[test]
    fn owner_and_guest_are_no_steps() {
        assert_eq!(airline().up(Rank::new(200), Steps::ONE), Step::AtTheEnd);
        assert_eq!(airline().down(Rank::new(1), Steps::ONE), Step::AtTheEnd);
        assert_eq!(airline().resolve(&Target::Role(RoleId::new(255).unwrap())), Err(Unresolved::NotFound));
    }

    #[test]
    fn two_roles_at_rank_one_are_one_step() {
        assert_eq!(airline().resolve(&Target::Rank(Rank::BASE)).map(|role| role.id.get()), Ok(10));
    }

    #[test]
    fn two_roles_at_a_higher_rank_are_ambiguous_unless_named_by_id() {
        let ladder = Ladder::new(vec![role(1, 1), role(2, 7), role(3, 7)]);
        assert!(
            matches!(ladder.resolve(&Target::Rank(Rank::new(7))), Err(Unresolved::Ambiguous(two)) if two.len() == 2)
        );
        assert_eq!(ladder.resolve(&Target::Role(RoleId::new(3).unwrap())).map(|role| role.id.get()), Ok(3));
        assert!(matches!(ladder.up(Rank::BASE, Steps::ONE), Step::Ambiguous(_)));
    }

    #[test]
    fn a_name_is_whole_and_two_alike_are_ambiguous() {
        use crate::domain::rank_change::RoleName;
        let name = |name: &str| Target::Name(RoleName::new(name).unwrap());
        let mut twin = role(51, 60);
        twin.name = "ROLE 50".to_owned();
        let ladder = Ladder::new([airline().roles().to_vec(), vec![twin]].concat());
        assert_eq!(ladder.resolve(&name("role 200")).map(|role| role.id.get()), Ok(200));
        assert_eq!(ladder.resolve(&name("role 20")), Err(Unresolved::NotFound), "no part of a name");
        assert_eq!(ladder.resolve(&name("role 255")), Err(Unresolved::NotFound), "the owner's");
        assert!(matches!(ladder.resolve(&name("Role 50")), Err(Unresolved::Ambiguous(two)) if two.len() == 2));
    }

    proptest! {
        #[test]
        fn up_then_down_returns_on_a_ladder_without_shared_ranks(
            ranks in proptest::collection::btree_set(1_u8..=254, 2..40), shuffle in any::<prop::sample::Index>(), count in 1_u8..=10,
        ) {
            let mut roles: Vec<Role> = ranks.iter().map(|rank| role(u64::from(*rank) + 1000, *rank)).collect();
            let len = roles.len();
            roles.rotate_left(shuffle.index(len));
            let ladder = Ladder::new(roles);
            let from = *ranks.iter().nth(shuffle.index(len)).unwrap();
            let expected = ranks.iter().copied().filter(|rank| *rank > from).take(count.into()).last();
            let reached = rank_of(&ladder.up(Rank::new(from), steps(count)));
            prop_assert_eq!(reached, expected);
            if let Some(reached) = reached {
                let taken = ranks.iter().filter(|rank| **rank > from && **rank <= reached).count();
                prop_assert_eq!(rank_of(&ladder.down(Rank::new(reached), steps(u8::try_from(taken).unwrap()))), Some(from));
            }
        }
    }
}
