//! The schemas of the answers, from the very types that are written.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::requests::digits_up_to;
use crate::domain::api_key::KeyId;
use crate::domain::id::{GroupId, MAX_ID, Rank, RoleId, UserId};
use crate::domain::log_id::LogId;
use crate::http::answer::{
    ErrorAnswer, GroupAnswer, GroupRolesAnswer, KeyAnswer, MemberRankAnswer, RankChangeAnswer, StatusAnswer,
};
use crate::http::log_answer::{LogEntryAnswer, LogsAnswer};

/// A ULID in its canonical form, as [`LogId`] reads and writes it.
pub(super) const LOG_ID_PATTERN: &str = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$";

macro_rules! described {
    ($($type:ty => $name:literal, $schema:tt;)*) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

described! {
    GroupId => "GroupId", {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_ID};
    UserId => "UserId", {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_ID};
    RoleId => "RoleId", {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_ID};
    Rank => "Rank", {"type": "integer", "minimum": Rank::GUEST, "maximum": Rank::OWNER};
    KeyId => "KeyId", {"type": "string", "pattern": "^[0-9A-Za-z]{12}$"};
    LogId => "LogId", {"type": "string", "pattern": LOG_ID_PATTERN};
}

/// `#/components/schemas` of the answers.
pub(super) fn answers() -> Map<String, Value> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut generator =
        settings.with(|settings| settings.definitions_path = "/components/schemas".into()).into_generator();
    generator.subschema_for::<RankChangeAnswer<'_>>();
    generator.subschema_for::<MemberRankAnswer<'_>>();
    generator.subschema_for::<GroupAnswer<'_>>();
    generator.subschema_for::<GroupRolesAnswer<'_>>();
    generator.subschema_for::<LogsAnswer<'_>>();
    generator.subschema_for::<LogEntryAnswer<'_>>();
    generator.subschema_for::<KeyAnswer<'_>>();
    generator.subschema_for::<StatusAnswer>();
    generator.subschema_for::<ErrorAnswer<'_>>();
    let mut schemas = generator.take_definitions(true);
    for (name, schema) in &mut schemas {
        finish(name, schema);
    }
    schemas
}

/// Says what the types leave open.
fn finish(name: &str, schema: &mut Value) {
    let required: Vec<Value> = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (property, schema) in properties.iter_mut() {
        if !required.iter().any(|name| name == property) {
            never_null(schema);
        }
        without_machine_format(schema);
    }
    if let Some(success) = properties.get_mut("success").and_then(Value::as_object_mut) {
        match name {
            "RankChange" => {}
            "Error" => drop(success.insert("const".to_owned(), json!(false))),
            _ => drop(success.insert("const".to_owned(), json!(true))),
        }
    }
    // Both depend on the code, whose own schema says more.
    if let Some(details) = properties.get_mut("details").and_then(Value::as_object_mut) {
        details.insert("type".to_owned(), json!("object"));
    }
}

/// A field that is left out when there is nothing to say is never null.
fn never_null(schema: &mut Value) {
    let Some(kind) = schema.get_mut("type") else { return };
    let Some(kinds) = kind.as_array_mut() else { return };
    kinds.retain(|kind| kind != "null");
    if let [only] = kinds.as_slice() {
        *kind = only.clone();
    }
}

/// `uint64` and its like are Rust's names, and no format of OpenAPI's.
fn without_machine_format(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    if schema.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint")) {
        schema.remove("format");
    }
}

/// A whole number from 1, as a number or as a string of digits.
pub(super) fn whole_number(largest: u64) -> Value {
    json!({
        "oneOf": [
            {"type": "integer", "minimum": 1, "maximum": largest},
            {"type": "string", "pattern": digits_up_to(largest)},
        ]
    })
}
