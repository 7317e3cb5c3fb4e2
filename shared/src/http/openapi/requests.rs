//! The schemas of what is sent. Bodies and queries are read field by field, not by a derived type, so these are written
//! by hand; the tests hold their fields to those that are read.

use serde_json::{Map, Value, json};

use super::schemas::whole_number;
use crate::domain::audit::{LoggedAction, Outcome};
use crate::domain::id::{MAX_ID, Rank};
use crate::domain::rank_change::{Action, Reason, RoleName};
use crate::http::log_query::{DEFAULT_LIMIT, LARGEST_LIMIT};

/// The last second that an instant can have: a larger number would be one of milliseconds.
const LAST_SECOND: i64 = 99_999_999_999;
/// The most steps that a promotion or demotion can take.
const MOST_STEPS: u64 = 10;

/// `#/components/schemas` of the requests.
pub(super) fn bodies() -> Map<String, Value> {
    let schemas = [
        ("Id", described(whole_number(MAX_ID), "An id, as a number or as a string of digits.")),
        (
            "AssignableRank",
            described(
                whole_number(Rank::HIGHEST_ASSIGNABLE.get().into()),
                "A rank that can be given, as a number or as a string of digits.",
            ),
        ),
        (
            "Steps",
            described(
                whole_number(MOST_STEPS),
                "How many distinct ranks to move, as a number or as a string of digits.",
            ),
        ),
        ("RoleName", role_name()),
        ("RankOrRange", rank_or_range()),
        ("SetRankByRank", set_rank(("targetRank", "AssignableRank"))),
        ("SetRankByRole", set_rank(("targetRoleId", "Id"))),
        ("SetRankByName", set_rank(("targetRoleName", "RoleName"))),
        ("Promote", step(Action::Promote)),
        ("Demote", step(Action::Demote)),
        ("Undo", undo()),
    ];
    schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// The schema of a route's body, and examples of it.
pub(super) fn of(actions: &[Action]) -> Value {
    let names = actions.iter().flat_map(|action| match action {
        Action::SetRank => &["SetRankByRank", "SetRankByRole", "SetRankByName"][..],
        Action::Promote => &["Promote"],
        Action::Demote => &["Demote"],
    });
    let schemas: Vec<Value> = names.map(|name| reference(name)).collect();
    match schemas.as_slice() {
        [only] => only.clone(),
        several => json!({ "oneOf": several }),
    }
}

pub(super) fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn or_null(schema: &str) -> Value {
    json!({ "oneOf": [reference(schema), {"type": "null"}] })
}

fn described(mut schema: Value, description: &str) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), description.into());
    }
    schema
}

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// A role's whole name.
fn role_name() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": RoleName::MAX_CHARACTERS,
        "pattern": r"^\s*\S[\s\S]*$",
        "description": "A role's whole name; case does not matter.",
    })
}

/// What `ifRank` takes.
fn rank_or_range() -> Value {
    let rank = json!({"type": "integer", "minimum": 0, "maximum": Rank::OWNER});
    json!({
        "description": "A rank, or the lowest and the highest one.",
        "oneOf": [rank, {"type": "array", "items": rank, "minItems": 2, "maxItems": 2}],
    })
}

fn set_rank((target, kind): (&str, &str)) -> Value {
    let mut properties = json!({
        "groupId": reference("Id"),
        "userId": reference("Id"),
        "action": {"type": "string", "const": Action::SetRank},
        "targetRank": {"type": "null"},
        "targetRoleId": {"type": "null"},
        "targetRoleName": {"type": "null"},
        "neverLower": {"type": ["boolean", "null"], "description": "Whoever stands above the target stays there."},
        "ifRank": or_null("RankOrRange"),
        "reason": reason(),
        "actorId": or_null("Id"),
        "dryRun": dry_run(),
    });
    if let Some(properties) = properties.as_object_mut() {
        properties.insert(target.to_owned(), reference(kind));
    }
    object(&properties, &["groupId", "userId", "action", target])
}

fn step(action: Action) -> Value {
    let properties = json!({
        "groupId": reference("Id"),
        "userId": reference("Id"),
        "action": {"type": "string", "const": action},
        "steps": or_null("Steps"),
        "ifRank": or_null("RankOrRange"),
        "reason": reason(),
        "actorId": or_null("Id"),
        "dryRun": dry_run(),
    });
    object(&properties, &["groupId", "userId", "action"])
}

fn undo() -> Value {
    let fields = json!({
        "force": {
            "type": ["boolean", "null"],
            "description": "Undo it also if the member was changed since.",
        },
        "reason": reason(),
        "actorId": or_null("Id"),
        "dryRun": dry_run(),
    });
    json!({
        "oneOf": [
            object(&fields, &[]),
            {"type": "array", "maxItems": 0, "description": "What Luau writes for an empty table."},
        ]
    })
}

fn reason() -> Value {
    json!({
        "type": ["string", "null"],
        "minLength": 1,
        "maxLength": Reason::MAX_CHARACTERS,
        "description": "Why, for the log.",
    })
}

fn dry_run() -> Value {
    json!({ "type": ["boolean", "null"], "description": "Answer what would happen, and change nothing." })
}

/// The parameters of `GET /v1/logs`.
pub(super) fn log_query() -> Vec<Value> {
    let instant = json!({
        "oneOf": [
            {"type": "string", "format": "date-time"},
            {"type": "integer", "minimum": 0, "maximum": LAST_SECOND},
        ]
    });
    let parameter = |name: &str, description: &str, schema: Value, example: Value| json!({ "name": name, "in": "query", "description": description, "schema": schema, "example": example });
    vec![
        parameter("userId", "Only changes of this member.", id(), json!(200_001)),
        parameter("actorId", "Only changes that this Roblox user asked for.", id(), json!(100_001)),
        parameter(
            "keyId",
            "Only changes by this API key.",
            json!({ "type": "string", "pattern": "^[0-9A-Za-z]{12}$" }),
            json!("D4Ljm6WFHwd3"),
        ),
        parameter(
            "outcome",
            "Only changes that ended so.",
            json!({ "type": "string", "enum": Outcome::ALL }),
            json!(Outcome::Changed),
        ),
        parameter(
            "action",
            "Only what was asked for by this name.",
            json!({ "type": "string", "enum": LoggedAction::ALL }),
            json!(LoggedAction::Promote),
        ),
        parameter(
            "from",
            "Only changes that began at this instant or later; in Unix seconds or as text.",
            instant.clone(),
            json!("2026-11-23T00:00:00Z"),
        ),
        parameter("to", "Only changes that began before this instant.", instant, json!(4_102_444_800_u64)),
        parameter(
            "limit",
            "How many entries a page has at most.",
            json!({ "type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT }),
            json!(10),
        ),
        parameter("cursor", "nextCursor of the page before.", log_id(), json!("01M83NDGXZ5MMX7PJ47EWYXAY3")),
    ]
}

/// An id in a path or a query.
pub(super) fn id() -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_ID })
}

/// The name of a rank change.
pub(super) fn log_id() -> Value {
    json!({ "type": "string", "pattern": super::schemas::LOG_ID_PATTERN })
}

/// A regular expression for the whole numbers from 1 to `largest` in decimal digits, zeros before them allowed.
pub(super) fn digits_up_to(largest: u64) -> String {
    let digits = largest.to_string();
    let mut choices = Vec::new();
    if let Some(after_the_first) = digits.len().checked_sub(2) {
        choices.push(format!("[1-9][0-9]{{0,{after_the_first}}}"));
    }
    let mut same = String::new();
    for (place, digit) in digits.chars().enumerate() {
        let smallest = if place == 0 { '1' } else { '0' };
        if let Some(smaller) = (smallest..digit).next_back() {
            choices.push(format!("{same}[{smallest}-{smaller}][0-9]{{{}}}", digits.len() - place - 1));
        }
        same.push(digit);
    }
    choices.push(digits);
    format!("^0*(?:{})$", choices.join("|"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::rank_change::Steps;
    use crate::http::{log_query as query, rank_change_body, undo_body};

    fn properties(schema: &Value) -> BTreeSet<&str> {
        schema["properties"].as_object().unwrap().keys().map(String::as_str).collect()
    }

    fn set<'a>(names: &[&'a str]) -> BTreeSet<&'a str> {
        names.iter().copied().collect()
    }

    #[test]
    fn the_fields_that_are_described_are_those_that_are_read() {
        let bodies = bodies();
        for (schema, fields) in [
            ("SetRankByRank", rank_change_body::SET_FIELDS),
            ("SetRankByRole", rank_change_body::SET_FIELDS),
            ("SetRankByName", rank_change_body::SET_FIELDS),
            ("Promote", rank_change_body::STEP_FIELDS),
            ("Demote", rank_change_body::STEP_FIELDS),
        ] {
            assert_eq!(properties(&bodies[schema]), set(fields), "{schema}");
        }
        assert_eq!(properties(&bodies["Undo"]["oneOf"][0]), set(undo_body::FIELDS));
        let parameters = log_query();
        let names: BTreeSet<&str> = parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(names, set(query::KNOWN));
    }

    #[test]
    fn the_most_steps_are_those_that_are_taken() {
        let steps = |count: u64| Steps::new(u8::try_from(count).unwrap());
        assert!(steps(MOST_STEPS).is_some() && steps(MOST_STEPS + 1).is_none());
    }

    #[test]
    fn the_pattern_of_digits_says_the_bound_exactly() {
        assert_eq!(digits_up_to(7), "^0*(?:[1-6][0-9]{0}|7)$");
        assert_eq!(digits_up_to(10), "^0*(?:[1-9][0-9]{0,0}|10)$");
        assert_eq!(digits_up_to(254), "^0*(?:[1-9][0-9]{0,1}|[1-1][0-9]{2}|2[0-4][0-9]{1}|25[0-3][0-9]{0}|254)$");
    }
}
