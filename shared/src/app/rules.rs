//! The rules of a rank change that need the member and the roles: who may be brought where. No I/O.

use super::change_rank::{Ending, Job, Wish};
use super::error::AppError;
use super::ports::LoadedChange;
use super::read::{no_role, unreadable_role};
use crate::domain::audit::{LogEntry, Outcome};
use crate::domain::group_settings::GroupSettings;
use crate::domain::id::Rank;
use crate::domain::key_record::RankLimits;
use crate::domain::ladder::{Ladder, Step, Unresolved};
use crate::domain::rank_change::{Conditions, Movement, Target};
use crate::domain::role_change::{HeldRoles, RoleChange};

/// What the rules make of a request, once the member and the roles are known.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) change: RoleChange,
    pub(super) ending: Ending,
}

/// The rules that need the member and the roles.
pub(super) fn judge(
    job: &Job<'_>,
    loaded: &LoadedChange,
    ladder: &Ladder,
    held: &HeldRoles,
) -> Result<Decision, AppError> {
    let settings = &loaded.group.settings;
    let limits = bounded(&job.key.limits, settings.max_rank);
    let highest = held.highest().ok_or_else(no_role)?;
    if highest.rank == Rank::OWNER {
        return Err(AppError::TargetNotManageable);
    }
    if !limits.allow_member(highest.rank) {
        return Err(AppError::RankNotAllowed);
    }
    let decision = match &job.wish {
        Wish::Move { movement, conditions } => {
            judge_move(movement, *conditions, settings, (&ladder.of_managed(&settings.managed), held))?
        }
        Wish::Undo { entry, force } => judge_undo(entry, *force, loaded, ladder, held)?,
    };
    let stays = decision.ending != Ending::AtTarget;
    if stays || limits.allow_target(decision.change.to.rank) { Ok(decision) } else { Err(AppError::RankNotAllowed) }
}

/// The key's limits under the group's own ceiling.
fn bounded(limits: &RankLimits, ceiling: Option<Rank>) -> RankLimits {
    let max_rank = limits.max_rank.into_iter().chain(ceiling).min();
    RankLimits { max_rank, allowed_ranks: limits.allowed_ranks.clone() }
}

fn judge_move(
    movement: &Movement,
    conditions: Conditions,
    settings: &GroupSettings,
    (ladder, held): (&Ladder, &HeldRoles),
) -> Result<Decision, AppError> {
    let from = held.standing(&settings.managed).ok_or_else(no_role)?;
    if conditions.if_rank.is_some_and(|(lowest, highest)| from.rank < lowest || from.rank > highest) {
        return Err(AppError::RankMismatch { rank: from.rank });
    }
    let stays = |ending| {
        let change = RoleChange::staying(held, &settings.managed).ok_or_else(no_role)?;
        Ok(Decision { change, ending })
    };
    let target = match movement {
        Movement::Set(target) => match ladder.resolve(target) {
            Ok(role) => role,
            // Of two roles at the rank that they stand at, the one they hold is meant.
            Err(Unresolved::Ambiguous(candidates)) if candidates.contains(from) => from,
            Err(why) => return Err(unresolved(why, ladder)),
        }
        .clone(),
        Movement::Promote(steps) => match ladder.up(from.rank, *steps) {
            Step::To(role) => role.clone(),
            Step::AtTheEnd => return stays(Ending::AlreadyHighest),
            Step::Ambiguous(candidates) => return Err(AppError::AmbiguousRole { candidates }),
        },
        Movement::Demote(steps) => match ladder.down(from.rank, *steps) {
            Step::To(role) => role.clone(),
            Step::AtTheEnd => return stays(Ending::AlreadyLowest),
            Step::Ambiguous(candidates) => return Err(AppError::AmbiguousRole { candidates }),
        },
    };
    if conditions.never_lower && from.rank > target.rank {
        return stays(Ending::Kept);
    }
    let change = RoleChange::towards(held, &target, settings).ok_or_else(no_role)?;
    Ok(Decision { change, ending: Ending::AtTarget })
}

fn judge_undo(
    entry: &LogEntry,
    force: bool,
    loaded: &LoadedChange,
    ladder: &Ladder,
    held: &HeldRoles,
) -> Result<Decision, AppError> {
    let managed = &loaded.group.settings.managed;
    let from = held.standing(managed).ok_or_else(no_role)?;
    if !force && was_changed_since(entry, loaded, held) {
        return Err(AppError::ChangedSince { current: from.clone() });
    }
    let mut wanted = Vec::new();
    for id in &entry.intent.change.before {
        let role = ladder.role(*id).ok_or_else(|| unresolved(Unresolved::NotFound, ladder))?;
        wanted.extend(managed.include(role).then(|| role.clone()));
    }
    let base = ladder.resolve(&Target::Rank(Rank::BASE)).unwrap_or(from);
    let change = RoleChange::to_exactly(held, &wanted, base, managed).ok_or_else(no_role)?;
    Ok(Decision { change, ending: Ending::AtTarget })
}

/// By RankBot, which the member's record tells, or by anybody else, which the roles tell.
fn was_changed_since(entry: &LogEntry, loaded: &LoadedChange, held: &HeldRoles) -> bool {
    let by_us = loaded.member.last_change.is_some_and(|last| last > entry.intent.log_id);
    let mut now: Vec<_> = held.managed(&loaded.group.settings.managed).map(|role| role.id).collect();
    let mut then = match entry.outcome {
        Outcome::Changed => entry.intent.change.after(),
        Outcome::Unchanged | Outcome::AlreadyHighest | Outcome::AlreadyLowest | Outcome::Failed => {
            entry.intent.change.before.clone()
        }
    };
    now.sort_unstable();
    then.sort_unstable();
    by_us || now != then
}

fn unresolved(why: Unresolved, ladder: &Ladder) -> AppError {
    match why {
        Unresolved::NotFound => AppError::RoleNotFound { available: ladder.assignable_ranks() },
        Unresolved::Unreadable => unreadable_role(),
        Unresolved::Ambiguous(candidates) => AppError::AmbiguousRole { candidates },
    }
}
