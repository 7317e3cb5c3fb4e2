//! The operations that write: assigning and unassigning one role.

use jiff::Timestamp;
use serde_json::Value;

use crate::assumptions::{Assumptions, RankOneWrites};
use crate::control::State;
use crate::endpoint::Target;
use crate::filter;
use crate::reads::find_group;
use crate::reply::Refusal;
use crate::views;
use crate::world::{Authority, BASE_RANK, GUEST_RANK, Group, OWNER_RANK, Role, World};

/// What a write does to the role named in its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Assign,
    Unassign,
}

/// Whether an allowed write is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Execution {
    Real,
    /// For [`crate::FaultEffect::NoEffect`].
    Pretended,
}

/// Carries out one write and answers the membership as it then is, or was so long ago as answers lag. Both changes are idempotent (documented).
pub(crate) fn write(
    state: &mut State,
    target: &Target,
    body: &[u8],
    bot: u64,
    change: Change,
    execution: Execution,
) -> Result<Value, Refusal> {
    let assumptions = state.assumptions;
    let group = find_group(state, &target.group)?;
    let role = named_role(group, body, assumptions)?;
    let effect = judge_role(group, role, assumptions)?;
    let user = views::member_of_segment(&target.item)
        .ok_or_else(|| Refusal::invalid(format!("'{}' is neither a membership id nor a user id.", target.item)))?;
    judge_rank(group, bot, user, role).map_err(|why| Refusal::new(assumptions.outranked, why))?;
    let (group_id, role_id) = (group.id, role.id);

    let absent = || Refusal::new(assumptions.not_a_member, format!("User {user} is not a member of group {group_id}."));
    state.remember();
    let group = state.world.group_mut(group_id).ok_or_else(absent)?;
    let member = group.members.get_mut(&user).ok_or_else(absent)?;
    if effect == Effect::Change && execution == Execution::Real {
        let changed = match change {
            Change::Assign => member.roles.insert(role_id),
            Change::Unassign => member.roles.remove(&role_id),
        };
        if changed {
            member.updated = Timestamp::now();
        }
    }
    let told = |world: &World| {
        let group = world.group(group_id)?;
        Some(views::membership(group, user, group.members.get(&user)?))
    };
    // Somebody who had not joined yet is told of as they are.
    told(state.answered_world()).or_else(|| told(&state.world)).ok_or_else(absent)
}

/// The role in a write's body, which must be the full path of a role of this group.
fn named_role<'a>(group: &'a Group, body: &[u8], assumptions: Assumptions) -> Result<&'a Role, Refusal> {
    let path = role_in(body).ok_or_else(|| Refusal::invalid("The body must be {\"role\": \"groups/…/roles/…\"}."))?;
    let (named_group, role) = filter::role_path(&path)
        .ok_or_else(|| Refusal::invalid(format!("'{path}' is not a role path: groups/{{group}}/roles/{{role}}.")))?;
    if named_group != group.id {
        return Err(Refusal::invalid(format!("The role '{path}' does not belong to group {}.", group.id)));
    }
    group.find_role(role).ok_or_else(|| Refusal::new(assumptions.unknown_role, format!("Role {role} not found.")))
}

/// The text of the body's `role`, whatever it says.
pub(crate) fn role_in(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(body.get("role")?.as_str()?.to_owned())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Change,
    Nothing,
}

/// Whether a write of the role can have an effect at all.
fn judge_role(group: &Group, role: &Role, assumptions: Assumptions) -> Result<Effect, Refusal> {
    let refusal = |what| Refusal::new(assumptions.unassignable_role, format!("The {what} role cannot be changed."));
    let is_base = group.base().is_some_and(|base| base.id == role.id);
    match (role.rank, assumptions.rank_one) {
        (GUEST_RANK, _) => Err(refusal("guest")),
        (OWNER_RANK, _) => Err(refusal("owner")),
        (BASE_RANK, RankOneWrites::Refused) => Err(refusal("base")),
        (BASE_RANK, RankOneWrites::BaseRefused) if is_base => Err(refusal("base")),
        (BASE_RANK, RankOneWrites::NoEffect) => Ok(Effect::Nothing),
        _ => Ok(Effect::Change),
    }
}

/// Whether the bot stands high enough. The reason, where it does not.
fn judge_rank(group: &Group, bot: u64, user: u64, role: &Role) -> Result<(), &'static str> {
    let Some(bot_roles) = group.roles_of(bot) else {
        return Err("The key's owner is not a member of this group.");
    };
    let may = |held: &&Role| held.rank == OWNER_RANK || held.authority == Authority::ChangesRanks;
    if !bot_roles.iter().any(may) {
        return Err("None of the key owner's roles may change ranks.");
    }
    let bot_rank = bot_roles.first().map_or(BASE_RANK, |highest| highest.rank);
    if user == bot {
        return Err("You cannot change your own rank.");
    }
    if role.rank >= bot_rank {
        return Err("The role stands at or above the key owner's own.");
    }
    if group.rank_of(user).is_some_and(|rank| rank >= bot_rank) {
        return Err("The member stands at or above the key owner.");
    }
    Ok(())
}
