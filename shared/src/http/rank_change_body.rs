//! The bodies of set rank, promote and demote.

use serde_json::json;

use super::error_code::ErrorCode;
use super::fields::Fields;
use super::problem::Problem;
use crate::domain::id::{GroupId, Rank, RoleId, UserId};
use crate::domain::rank_change::{Action, Mode, Movement, RankChange, Reason, Steps, Target};

const ID: &str = "a whole number from 1 to 9007199254740991, as a number or as a string of digits";
const RANK: &str = "a whole number from 1 to 254";
const STEPS: &str = "a whole number from 1 to 10";
const REASON: &str = "a text of 1 to 200 characters";

pub(super) const STEP_FIELDS: &[&str] = &["groupId", "userId", "action", "steps", "reason", "actorId", "dryRun"];
pub(super) const SET_FIELDS: &[&str] =
    &["groupId", "userId", "action", "targetRank", "targetRoleId", "reason", "actorId", "dryRun"];

/// Reads the request; `allowed` are the actions of the route.
pub(super) fn parse(body: &[u8], allowed: &[Action]) -> Result<RankChange, Problem> {
    let fields = Fields::read(body)?;
    let action = action(&fields, allowed)?;
    fields.only(match action {
        Action::SetRank => SET_FIELDS,
        Action::Promote | Action::Demote => STEP_FIELDS,
    })?;
    let group = required_id(&fields, "groupId", GroupId::new)?;
    let user = required_id(&fields, "userId", UserId::new)?;
    let movement = match action {
        Action::SetRank => Movement::Set(target(&fields)?),
        Action::Promote => Movement::Promote(steps(&fields)?),
        Action::Demote => Movement::Demote(steps(&fields)?),
    };
    let (reason, actor, mode) = (reason(&fields)?, actor(&fields)?, mode(&fields)?);
    Ok(RankChange { group, user, movement, reason, actor, mode })
}

/// Why the change is made, for the log.
pub(super) fn reason(fields: &Fields) -> Result<Option<Reason>, Problem> {
    let text = fields.text("reason", REASON)?;
    text.map(|text| Reason::new(text).ok_or_else(|| Problem::invalid("reason", REASON))).transpose()
}

/// Who asked for it, for the log.
pub(super) fn actor(fields: &Fields) -> Result<Option<UserId>, Problem> {
    optional_id(fields, "actorId", UserId::new)
}

/// Whether it is to be made at all.
pub(super) fn mode(fields: &Fields) -> Result<Mode, Problem> {
    Ok(if fields.boolean("dryRun")?.unwrap_or(false) { Mode::DryRun } else { Mode::Apply })
}

fn action(fields: &Fields, allowed: &[Action]) -> Result<Action, Problem> {
    let names: Vec<&str> = allowed.iter().map(|action| action.as_str()).collect();
    let wrong = || {
        let message = format!("The parameter action must be {} on this route.", names.join(" or "));
        Problem::new(ErrorCode::InvalidAction, message).with_details(json!({ "parameter": "action", "allowed": names }))
    };
    let text = fields.text("action", "").map_err(|_| wrong())?.ok_or_else(|| Problem::missing("action"))?;
    text.parse().ok().filter(|action| allowed.contains(action)).ok_or_else(wrong)
}

fn target(fields: &Fields) -> Result<Target, Problem> {
    let rank = fields.integer("targetRank", RANK)?;
    let role = optional_id(fields, "targetRoleId", RoleId::new)?;
    match (rank, role) {
        (Some(_), Some(_)) => Err(Problem::new(
            ErrorCode::InvalidParameter,
            "Send targetRank or targetRoleId, not both: each names the target alone.",
        )
        .with_details(json!({ "parameter": "targetRoleId" }))),
        (None, Some(role)) => Ok(Target::Role(role)),
        (Some(rank), None) => assignable(rank).map(Target::Rank),
        (None, None) => Err(Problem::missing("targetRank")),
    }
}

fn assignable(rank: u64) -> Result<Rank, Problem> {
    let rank = u8::try_from(rank).ok().map(Rank::new).filter(|rank| rank.is_assignable());
    rank.ok_or_else(|| Problem::invalid("targetRank", RANK))
}

fn steps(fields: &Fields) -> Result<Steps, Problem> {
    let Some(count) = fields.integer("steps", STEPS)? else { return Ok(Steps::ONE) };
    u8::try_from(count).ok().and_then(Steps::new).ok_or_else(|| Problem::invalid("steps", STEPS))
}

fn required_id<T, E>(fields: &Fields, name: &str, new: impl Fn(u64) -> Result<T, E>) -> Result<T, Problem> {
    optional_id(fields, name, new)?.ok_or_else(|| Problem::missing(name))
}

fn optional_id<T, E>(fields: &Fields, name: &str, new: impl Fn(u64) -> Result<T, E>) -> Result<Option<T>, Problem> {
    let Some(value) = fields.integer(name, ID)? else { return Ok(None) };
    new(value).map(Some).map_err(|_| Problem::invalid(name, ID))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(body: &str) -> Result<RankChange, Problem> {
        parse(body.as_bytes(), &[Action::SetRank])
    }

    fn any(body: &str) -> Result<RankChange, Problem> {
        parse(body.as_bytes(), &Action::ALL)
    }

    fn named(body: &str) -> (ErrorCode, Option<String>) {
        let problem = any(body).unwrap_err();
        let parameter = problem.details.and_then(|details| details["parameter"].as_str().map(str::to_owned));
        (problem.code, parameter)
    }

    #[test]
    fn a_full_request_is_read() {
        let change = set(
            r#"{"groupId":"7","userId":8.0,"action":"setRank","targetRank":"5","reason":"r","actorId":9,"dryRun":true}"#,
        )
        .unwrap();
        assert_eq!((change.group.get(), change.user.get(), change.actor.map(UserId::get)), (7, 8, Some(9)));
        assert_eq!(change.movement, Movement::Set(Target::Rank(Rank::new(5))));
        assert_eq!((change.mode, change.reason.unwrap().as_str()), (Mode::DryRun, "r"));
    }

    #[test]
    fn null_is_the_same_as_leaving_an_optional_field_out() {
        let body = r#"{"groupId":7,"userId":8,"action":"setRank","targetRank":null,"targetRoleId":3,"reason":null,"dryRun":null}"#;
        assert_eq!(set(body).unwrap().movement, Movement::Set(Target::Role(RoleId::new(3).unwrap())));
    }

    #[test]
    fn the_error_names_the_field() {
        use ErrorCode::{InvalidAction, InvalidParameter, MissingParameter};
        let name = |text: &str| Some(text.to_owned());
        for (body, expected) in [
            (r"{}", (MissingParameter, name("action"))),
            (r#"{"action":"kick"}"#, (InvalidAction, name("action"))),
            (r#"{"action":5}"#, (InvalidAction, name("action"))),
            (r#"{"action":"promote"}"#, (MissingParameter, name("groupId"))),
            (r#"{"action":"promote","groupId":7}"#, (MissingParameter, name("userId"))),
            (r#"{"action":"promote","groupId":0,"userId":8}"#, (InvalidParameter, name("groupId"))),
            (r#"{"action":"promote","groupId":7,"userId":{}}"#, (InvalidParameter, name("userId"))),
            (r#"{"action":"promote","groupId":7,"userId":8,"steps":11}"#, (InvalidParameter, name("steps"))),
            (r#"{"action":"promote","groupId":7,"userId":8,"targetRank":5}"#, (InvalidParameter, name("targetRank"))),
            (r#"{"action":"setRank","groupId":7,"userId":8}"#, (MissingParameter, name("targetRank"))),
            (r#"{"action":"setRank","groupId":7,"userId":8,"targetRank":255}"#, (InvalidParameter, name("targetRank"))),
            (
                r#"{"action":"setRank","groupId":7,"userId":8,"targetRank":5,"targetRoleId":6}"#,
                (InvalidParameter, name("targetRoleId")),
            ),
            (r#"{"action":"promote","groupId":7,"userId":8,"reason":""}"#, (InvalidParameter, name("reason"))),
            (r#"{"action":"promote","groupId":7,"userId":8,"dryRun":"true"}"#, (InvalidParameter, name("dryRun"))),
            (r#"{"action":"promote","groupId":7,"userId":8,"rank":5}"#, (InvalidParameter, name("rank"))),
        ] {
            assert_eq!(named(body), expected, "{body}");
        }
    }

    #[test]
    fn a_reason_is_counted_in_characters() {
        let body = |length: usize| {
            format!(r#"{{"groupId":7,"userId":8,"action":"promote","reason":"{}"}}"#, "ß".repeat(length))
        };
        assert!(any(&body(200)).is_ok());
        assert!(any(&body(201)).is_err());
    }

    #[test]
    fn action_of_another_route_is_refused() {
        let problem = set(r#"{"groupId":7,"userId":8,"action":"promote"}"#).unwrap_err();
        assert_eq!(problem.code, ErrorCode::InvalidAction);
        assert_eq!(problem.message, "The parameter action must be setRank on this route.");
    }
}
