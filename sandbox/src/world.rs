//! What the sandbox knows: groups, their roles and their members.
//!
//! Ids are plain `u64`, because the crates that use the sandbox each bring newtypes of their own.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The lowest rank, of people who are not members. No member holds it.
pub const GUEST_RANK: u8 = 0;
/// The rank of the base member role, which every member always holds.
pub const BASE_RANK: u8 = 1;
/// The rank of the group's owner.
pub const OWNER_RANK: u8 = 255;

/// All groups of the sandbox.
#[derive(Debug, Clone, Default)]
pub struct World {
    groups: BTreeMap<u64, Group>,
}

impl World {
    /// A world without groups.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `group`, replacing one of the same id.
    #[must_use]
    pub fn with(mut self, group: Group) -> Self {
        self.put(group);
        self
    }

    /// Adds `group`, replacing one of the same id.
    pub fn put(&mut self, group: Group) {
        self.groups.insert(group.id, group.settled());
    }

    /// The group of this id.
    pub fn group(&self, id: u64) -> Option<&Group> {
        self.groups.get(&id)
    }

    pub(crate) fn group_mut(&mut self, id: u64) -> Option<&mut Group> {
        self.groups.get_mut(&id)
    }

    /// Every group, by id.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }
}

/// A group. Built with [`Group::new`] and its `with`-less builder methods, or read from JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    /// The group's id.
    #[serde(default)]
    pub id: u64,
    /// The group's name.
    pub display_name: String,
    /// The group's description.
    #[serde(default)]
    pub description: String,
    /// The owner's user id; `None` for an abandoned group.
    #[serde(default)]
    pub owner: Option<u64>,
    /// Whether anyone may join.
    #[serde(default)]
    pub public_entry_allowed: bool,
    /// Whether Roblox has locked the group.
    #[serde(default)]
    pub locked: bool,
    /// Whether the group bears the verified badge.
    #[serde(default)]
    pub verified: bool,
    /// The roles, in the order in which the sandbox lists them.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// The role that every member holds; by default the first role of rank 1.
    #[serde(default)]
    pub base_role: Option<u64>,
    /// The members and the roles that they hold.
    #[serde(default)]
    pub members: BTreeMap<u64, Member>,
    #[serde(skip, default = "Timestamp::now")]
    pub(crate) created: Timestamp,
    #[serde(skip, default = "Timestamp::now")]
    pub(crate) updated: Timestamp,
}

impl Group {
    /// A group without roles or members.
    pub fn new(id: u64) -> Self {
        let now = Timestamp::now();
        Self {
            id,
            display_name: format!("Group {id}"),
            description: String::new(),
            owner: None,
            public_entry_allowed: true,
            locked: false,
            verified: false,
            roles: Vec::new(),
            base_role: None,
            members: BTreeMap::new(),
            created: now,
            updated: now,
        }
    }

    /// Names the group.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.display_name);
        self
    }

    /// Describes the group.
    #[must_use]
    pub fn description(mut self, description: &str) -> Self {
        description.clone_into(&mut self.description);
        self
    }

    /// Names the owner, who becomes a member, holding every role of rank 255 that is declared by then.
    #[must_use]
    pub fn owner(mut self, user: u64) -> Self {
        self.owner = Some(user);
        let roles: Vec<u64> = self.roles.iter().filter(|role| role.rank == OWNER_RANK).map(|role| role.id).collect();
        self.member(user, &roles)
    }

    /// Declares a role that may not manage members. Roles are listed in the order of their declaration.
    #[must_use]
    pub fn role(mut self, id: u64, name: &str, rank: u8) -> Self {
        self.roles.push(Role { id, name: name.to_owned(), rank, authority: Authority::None });
        self
    }

    /// Declares a role that may change the ranks of those below it: what a bot needs.
    #[must_use]
    pub fn managing_role(mut self, id: u64, name: &str, rank: u8) -> Self {
        self.roles.push(Role { id, name: name.to_owned(), rank, authority: Authority::ChangesRanks });
        self
    }

    /// Says which role is the base one, where several stand at rank 1 and it is not the first.
    #[must_use]
    pub fn base_role(mut self, role: u64) -> Self {
        self.base_role = Some(role);
        self
    }

    /// Adds a member with these roles, besides the base role, which every member holds without being named.
    #[must_use]
    pub fn member(mut self, user: u64, roles: &[u64]) -> Self {
        self.members.insert(user, Member::with_roles(roles));
        self
    }

    /// The role of this id.
    pub fn find_role(&self, id: u64) -> Option<&Role> {
        self.roles.iter().find(|role| role.id == id)
    }

    /// The role that every member holds, where the group has one.
    pub fn base(&self) -> Option<&Role> {
        match self.base_role {
            Some(id) => self.find_role(id),
            None => self.roles.iter().find(|role| role.rank == BASE_RANK),
        }
    }

    /// The roles that `user` holds, highest first; `None` where they are not a member.
    pub fn roles_of(&self, user: u64) -> Option<Vec<&Role>> {
        let member = self.members.get(&user)?;
        let mut roles: Vec<&Role> = member.roles.iter().filter_map(|id| self.find_role(*id)).collect();
        roles.sort_by_key(|role| std::cmp::Reverse(role.rank));
        Some(roles)
    }

    /// The highest rank among the roles that `user` holds; `None` where they are not a member.
    pub fn rank_of(&self, user: u64) -> Option<u8> {
        Some(self.roles_of(user)?.first().map_or(BASE_RANK, |role| role.rank))
    }

    /// How many members hold the role.
    pub(crate) fn holders(&self, role: u64) -> usize {
        self.members.values().filter(|member| member.roles.contains(&role)).count()
    }

    /// Gives every member the base role, which they may have been declared before.
    pub(crate) fn settled(mut self) -> Self {
        if let Some(base) = self.base().map(|role| role.id) {
            for member in self.members.values_mut() {
                member.roles.insert(base);
            }
        }
        self
    }
}

/// One role of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Role {
    /// The role's id, unique over all groups.
    pub id: u64,
    /// The role's name.
    pub name: String,
    /// The role's rank, 0 to 255.
    pub rank: u8,
    /// What its holders may do to other members.
    #[serde(default)]
    pub authority: Authority,
}

/// What the holders of a role may do to members below them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Authority {
    /// Nothing.
    #[default]
    None,
    /// Assign and unassign roles below their own (Roblox's permission `changeRank`).
    ChangesRanks,
}

/// A member and the roles held. In JSON, the list of role ids.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub struct Member {
    pub(crate) roles: BTreeSet<u64>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

impl Member {
    pub(crate) fn with_roles(roles: &[u64]) -> Self {
        let now = Timestamp::now();
        Self { roles: roles.iter().copied().collect(), created: now, updated: now }
    }

    /// The ids of the roles held, in ascending order.
    pub fn role_ids(&self) -> Vec<u64> {
        self.roles.iter().copied().collect()
    }
}

impl From<Vec<u64>> for Member {
    fn from(roles: Vec<u64>) -> Self {
        Self::with_roles(&roles)
    }
}

impl From<Member> for Vec<u64> {
    fn from(member: Member) -> Self {
        member.role_ids()
    }
}
