//! The seeded world: a believable airline group, with everything in it that makes ranking hard.
//!
//! Two roles at rank 1, gaps between ranks, roles listed in no order, a role ("VIP") that is not a step of the career
//! yet stands between two steps, members holding up to three roles.

use crate::world::{Group, OWNER_RANK, World};

/// The group of the default world.
pub const GROUP_ID: u64 = 7_042_001;
/// The group's owner (rank 255), whom nobody can manage.
pub const OWNER_USER_ID: u64 = 100_001;
/// The bot's own account: a member whose role, [`role::BOT`], may change ranks.
pub const BOT_USER_ID: u64 = 100_002;
/// The Open Cloud key of the default bot. It opens nothing but a sandbox.
pub const BOT_API_KEY: &str = "sandbox-bot-key";
/// A member with one role besides the base role, low on the ladder: [`role::TRAINEE`].
pub const TRAINEE_USER_ID: u64 = 200_001;
/// A member who holds the base role alone (rank 1).
pub const BASE_ONLY_USER_ID: u64 = 200_002;
/// A member who also holds the legacy role of rank 1, as members of old groups do.
pub const LEGACY_USER_ID: u64 = 200_003;
/// A member with three roles besides the base role: cabin crew, senior crew and VIP.
pub const SEVERAL_ROLES_USER_ID: u64 = 200_004;
/// A member at the highest rank that the bot can give: [`role::CHIEF_EXECUTIVE`]. The next step up is the bot's own
/// role, which Roblox refuses.
pub const TOP_MEMBER_USER_ID: u64 = 200_005;
/// A member two steps below the top: [`role::FLIGHT_DIRECTOR`].
pub const SENIOR_USER_ID: u64 = 200_006;
/// Somebody who is not in the group.
pub const STRANGER_USER_ID: u64 = 900_001;

/// The roles of the default world; the constant's name is the role's name.
pub mod role {
    /// Rank 0, held by nobody.
    pub const GUEST: u64 = 31_000_900;
    /// Rank 1: the base role that every member holds.
    pub const MEMBER: u64 = 31_000_777;
    /// Rank 1: the first role of the group as it was before members could hold several.
    pub const PASSENGER: u64 = 31_000_101;
    /// Rank 10.
    pub const TRAINEE: u64 = 31_000_412;
    /// Rank 15: not a step of the career, though it stands between two.
    pub const VIP: u64 = 31_000_888;
    /// Rank 20.
    pub const CABIN_CREW: u64 = 31_000_205;
    /// Rank 35.
    pub const SENIOR_CREW: u64 = 31_000_640;
    /// Rank 50.
    pub const FIRST_OFFICER: u64 = 31_000_333;
    /// Rank 80.
    pub const CAPTAIN: u64 = 31_000_118;
    /// Rank 120.
    pub const FLIGHT_DIRECTOR: u64 = 31_000_559;
    /// Rank 150.
    pub const BOARD_MEMBER: u64 = 31_000_276;
    /// Rank 200.
    pub const CHIEF_EXECUTIVE: u64 = 31_000_981;
    /// Rank 250: the bot's role.
    pub const BOT: u64 = 31_000_044;
    /// Rank 255: the owner's role.
    pub const OWNER: u64 = 31_000_001;
}

impl World {
    /// A world with one group, "Blox Airways", under the given id. Its people and roles are the constants of
    /// [`crate::demo`], the same whatever the id.
    pub fn seeded(group_id: u64) -> Self {
        Self::new().with(airline(group_id))
    }
}

fn airline(group_id: u64) -> Group {
    Group::new(group_id)
        .name("Blox Airways")
        .description("The friendliest airline in the blocky skies.")
        .role(role::CAPTAIN, "Captain", 80)
        .role(role::GUEST, "Guest", 0)
        .role(role::SENIOR_CREW, "Senior Crew", 35)
        .role(role::PASSENGER, "Passenger", 1)
        .role(role::OWNER, "Owner", OWNER_RANK)
        .role(role::TRAINEE, "Trainee", 10)
        .managing_role(role::CHIEF_EXECUTIVE, "Chief Executive", 200)
        .role(role::FIRST_OFFICER, "First Officer", 50)
        .role(role::MEMBER, "Member", 1)
        .role(role::VIP, "VIP", 15)
        .role(role::BOARD_MEMBER, "Board Member", 150)
        .managing_role(role::BOT, "RankBot", 250)
        .role(role::CABIN_CREW, "Cabin Crew", 20)
        .role(role::FLIGHT_DIRECTOR, "Flight Director", 120)
        .base_role(role::MEMBER)
        .owner(OWNER_USER_ID)
        .member(BOT_USER_ID, &[role::BOT])
        .member(TRAINEE_USER_ID, &[role::TRAINEE])
        .member(BASE_ONLY_USER_ID, &[])
        .member(LEGACY_USER_ID, &[role::PASSENGER])
        .member(SEVERAL_ROLES_USER_ID, &[role::CABIN_CREW, role::SENIOR_CREW, role::VIP])
        .member(TOP_MEMBER_USER_ID, &[role::CHIEF_EXECUTIVE])
        .member(SENIOR_USER_ID, &[role::FLIGHT_DIRECTOR])
}
