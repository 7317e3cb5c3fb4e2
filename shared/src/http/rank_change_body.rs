//! The bodies of set rank, promote and demote.

use serde_json::json;

use super::error_code::ErrorCode;
use super::faults::Faults;
use super::fields::{Fields, Loose};
use super::problem::Problem;
use crate::domain::id::{GroupId, Rank, RoleId, UserId};
use crate::domain::rank_change::{Action, Conditions, Mode, Movement, RankChange, Reason, RoleName, Steps, Target};

const ID: &str = "a whole number from 1 to 9007199254740991, as a number or as a string of digits";
const RANK: &str = "a whole number from 1 to 254";
const STEPS: &str = "a whole number from 1 to 10";
const REASON: &str = "a text of 1 to 200 characters";
const ROLE_NAME: &str = "a role's whole name, 1 to 100 characters";
const IF_RANK: &str = "a rank from 0 to 255, or a list of the lowest and the highest one, such as [1, 50]";

pub(super) const STEP_FIELDS: &[&str] =
    &["groupId", "userId", "action", "steps", "ifRank", "reason", "actorId", "dryRun"];
pub(super) const SET_FIELDS: &[&str] = &[
    "groupId",
    "userId",
    "action",
    "targetRank",
    "targetRoleId",
    "targetRoleName",
    "neverLower",
    "ifRank",
    "reason",
    "actorId",
    "dryRun",
];
/// Where the action is not known: a field of neither kind is wrong whichever was meant.
const ALL_FIELDS: &[&str] = &[
    "groupId",
    "userId",
    "action",
    "targetRank",
    "targetRoleId",
    "targetRoleName",
    "steps",
    "neverLower",
    "ifRank",
    "reason",
    "actorId",
    "dryRun",
];

/// Reads the request; `allowed` are the actions of the route. Every fault is told.
pub(super) fn parse(body: &[u8], allowed: &[Action]) -> Result<RankChange, Problem> {
    let fields = Fields::read(body)?;
    let mut faults = Faults::default();
    fields.check_repetition(&mut faults);
    let action = faults.take(action(&fields, allowed));
    // A route of one action means that one, whatever the body says.
    let meant = action.or(if let [only] = allowed { Some(*only) } else { None });
    fields.check_names(names_of(meant), &mut faults);
    let group = faults.take(required_id(&fields, "groupId", GroupId::new));
    let user = faults.take(required_id(&fields, "userId", UserId::new));
    let movement = meant.and_then(|action| match action {
        Action::SetRank => target(&fields, &mut faults).map(Movement::Set),
        Action::Promote => faults.take(steps(&fields)).map(Movement::Promote),
        Action::Demote => faults.take(steps(&fields)).map(Movement::Demote),
    });
    let conditions = conditions(&fields, &mut faults);
    let (reason, actor) = (faults.take(reason(&fields)), faults.take(actor(&fields)));
    let mode = faults.take(mode(&fields));
    let request = || {
        let (group, user, movement, conditions) = (group?, user?, movement?, conditions?);
        Some(RankChange { group, user, movement, conditions, reason: reason?, actor: actor?, mode: mode? })
    };
    faults.unless_any(request())
}

const fn names_of(action: Option<Action>) -> &'static [&'static str] {
    match action {
        Some(Action::SetRank) => SET_FIELDS,
        Some(Action::Promote | Action::Demote) => STEP_FIELDS,
        None => ALL_FIELDS,
    }
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
    let missing = || {
        let message = format!("Add the parameter action to the request: on this route it is {}.", names.join(" or "));
        Problem::new(ErrorCode::MissingParameter, message).with_details(json!({ "parameter": "action" }))
    };
    let text = fields.text("action", "").map_err(|_| wrong())?.ok_or_else(missing)?;
    text.parse().ok().filter(|action| allowed.contains(action)).ok_or_else(wrong)
}

/// Exactly one of the three ways to name it.
fn target(fields: &Fields, faults: &mut Faults) -> Option<Target> {
    const WAYS: [&str; 3] = ["targetRank", "targetRoleId", "targetRoleName"];
    let named: Vec<&str> = WAYS.into_iter().filter(|name| fields.has(name)).collect();
    match named.as_slice() {
        [] => {
            let message =
                "Add the parameter targetRank to the request, or targetRoleId or targetRoleName in its place.";
            let details = json!({ "parameter": "targetRank" });
            faults.note(Problem::new(ErrorCode::MissingParameter, message).with_details(details));
            None
        }
        ["targetRank"] => faults.take(target_rank(fields)).map(Target::Rank),
        ["targetRoleId"] => faults.take(required_id(fields, "targetRoleId", RoleId::new)).map(Target::Role),
        ["targetRoleName"] => faults.take(role_name(fields)).map(Target::Name),
        [.., last] => {
            let message = "Send only one of targetRank, targetRoleId and targetRoleName: each names the target alone.";
            faults.note(Problem::new(ErrorCode::InvalidParameter, message).with_details(json!({ "parameter": last })));
            // What is wrong with each is told too.
            if named.contains(&"targetRank") {
                faults.take(target_rank(fields));
            }
            if named.contains(&"targetRoleId") {
                faults.take(required_id(fields, "targetRoleId", RoleId::new));
            }
            if named.contains(&"targetRoleName") {
                faults.take(role_name(fields));
            }
            None
        }
    }
}

fn target_rank(fields: &Fields) -> Result<Rank, Problem> {
    let rank = fields.integer("targetRank", RANK).ok().flatten();
    let rank = rank.and_then(|rank| u8::try_from(rank).ok()).map(Rank::new).filter(|rank| rank.is_assignable());
    let says_more = |more: String| {
        let message = format!("The parameter targetRank must be {RANK}: {more}");
        Problem::new(ErrorCode::InvalidParameter, message).with_details(json!({ "parameter": "targetRank" }))
    };
    rank.ok_or_else(|| match fields.loose("targetRank") {
        Some(Loose::Number(0)) => says_more("rank 0 is that of people who are not in the group.".to_owned()),
        Some(Loose::Number(255)) => says_more("rank 255 is the owner's, and cannot be given.".to_owned()),
        Some(Loose::Number(number)) if number > 255 => {
            says_more(format!("{number} looks like a role's id, which is sent as targetRoleId."))
        }
        Some(Loose::Text) => says_more("a role's name is sent as targetRoleName.".to_owned()),
        Some(Loose::Number(_)) | None => Problem::invalid("targetRank", RANK),
    })
}

fn role_name(fields: &Fields) -> Result<RoleName, Problem> {
    let text = fields.text("targetRoleName", ROLE_NAME)?.unwrap_or_default();
    RoleName::new(&text).ok_or_else(|| Problem::invalid("targetRoleName", ROLE_NAME))
}

fn conditions(fields: &Fields, faults: &mut Faults) -> Option<Conditions> {
    let if_rank = faults.take(if_rank(fields));
    // On a route that does not have it, its name is the fault.
    let never_lower = faults.take(fields.boolean("neverLower"));
    Some(Conditions { if_rank: if_rank?, never_lower: never_lower?.unwrap_or(false) })
}

fn if_rank(fields: &Fields) -> Result<Option<(Rank, Rank)>, Problem> {
    let Some(ranks) = fields.pair("ifRank") else { return Ok(None) };
    let rank = |value: &Option<u64>| value.and_then(|value| u8::try_from(value).ok()).map(Rank::new);
    let range = match ranks.as_slice() {
        [only] => rank(only).map(|rank| (rank, rank)),
        [lowest, highest] => rank(lowest).zip(rank(highest)).filter(|(lowest, highest)| lowest <= highest),
        _ => None,
    };
    range.map(Some).ok_or_else(|| Problem::invalid("ifRank", IF_RANK))
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
    use std::collections::BTreeSet;

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

    fn told(body: &str) -> Vec<(String, String)> {
        let details = any(body).unwrap_err().details.unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let problems = details["problems"].as_array().unwrap();
        problems.iter().map(|problem| (text(&problem["field"]), text(&problem["code"]))).collect()
    }

    #[test]
    fn every_fault_is_told_at_once_the_first_as_the_answers_own() {
        let body =
            r#"{"action":"setRank","groupId":0,"userid":8,"targetRank":300,"reason":"","dryRun":1,"ifRank":[9,3]}"#;
        let pair = |field: &str, code: &str| (field.to_owned(), code.to_owned());
        let all = told(body);
        assert_eq!(all[0], pair("userid", "INVALID_PARAMETER"));
        for fault in [
            pair("groupId", "INVALID_PARAMETER"),
            pair("userId", "MISSING_PARAMETER"),
            pair("targetRank", "INVALID_PARAMETER"),
            pair("ifRank", "INVALID_PARAMETER"),
            pair("reason", "INVALID_PARAMETER"),
            pair("dryRun", "INVALID_PARAMETER"),
        ] {
            assert!(all.contains(&fault), "{fault:?} in {all:?}");
        }
        assert_eq!(all.len(), 7);
        let problem = any(body).unwrap_err();
        assert_eq!(problem.message, problem.details.unwrap()["problems"][0]["message"]);
        assert!(problem.message.starts_with("Write userId for the parameter"), "{}", problem.message);
        let two = r#"{"action":"setRank","groupId":7,"userId":8,"targetRank":5,"targetRoleName":""}"#;
        assert_eq!(told(two).len(), 2, "that there are two, and that one of them is empty");
        let besides = r#"{"action":"setRank","groupId":7,"userId":8,"target":50}"#;
        let message = any(besides).unwrap_err().message;
        assert!(!message.contains("Write userId"), "it is there already: {message}");
    }

    #[test]
    fn a_rank_that_looks_like_something_else_says_where_that_goes() {
        let message = |target: &str| {
            let body = format!(r#"{{"action":"setRank","groupId":7,"userId":8,"targetRank":{target}}}"#);
            any(&body).unwrap_err().message
        };
        assert!(message("31000205").contains("31000205 looks like a role's id, which is sent as targetRoleId"));
        assert!(message("\"Captain\"").contains("targetRoleName"));
        assert!(message("255").contains("owner"));
        assert!(message("0").contains("not in the group"));
    }

    #[test]
    fn a_missing_action_is_named_by_the_route() {
        let problem = set(r#"{"groupId":7,"userId":8,"targetRank":5}"#).unwrap_err();
        assert_eq!(problem.code, ErrorCode::MissingParameter);
        assert_eq!(problem.message, "Add the parameter action to the request: on this route it is setRank.");
    }

    #[test]
    fn conditions_are_a_rank_or_two() {
        let read = |condition: &str| {
            any(&format!(r#"{{"action":"promote","groupId":7,"userId":8,"ifRank":{condition}}}"#))
                .map(|change| change.conditions.if_rank.map(|(lowest, highest)| (lowest.get(), highest.get())))
        };
        for (text, range) in [("20", (20, 20)), ("\"20\"", (20, 20)), ("[0, 50]", (0, 50)), ("[\"5\",5.0]", (5, 5))] {
            assert_eq!(read(text).unwrap(), Some(range), "{text}");
        }
        assert_eq!(read("null").unwrap(), None);
        for text in ["256", "-1", "[1]x", "[]", "[5,1]", "[1,2,3]", "{}", "\"a\"", "[1,\"b\"]"] {
            assert!(read(text).is_err(), "{text}");
        }
        let set = r#"{"action":"setRank","groupId":7,"userId":8,"targetRoleName":"Crew","neverLower":true}"#;
        let change = any(set).unwrap();
        assert!(change.conditions.never_lower);
        assert_eq!(change.movement, Movement::Set(Target::Name(RoleName::new("crew").unwrap())));
        let promote = r#"{"action":"promote","groupId":7,"userId":8,"neverLower":true}"#;
        assert_eq!(named(promote), (ErrorCode::InvalidParameter, Some("neverLower".to_owned())));
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

    #[test]
    fn a_field_of_either_kind_is_known_where_the_action_is_not() {
        let of_either: BTreeSet<_> = SET_FIELDS.iter().chain(STEP_FIELDS).collect();
        assert_eq!(ALL_FIELDS.iter().collect::<BTreeSet<_>>(), of_either);
    }
}
