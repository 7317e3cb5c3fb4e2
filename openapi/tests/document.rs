//! That the document in the repository is the one that the code describes, and that its examples are as it says.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is not as expected shall fail the test")]

use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn document() -> Value {
    serde_json::from_str(&rankbot_openapi::text(&root()).unwrap()).unwrap()
}

#[test]
fn the_document_in_the_repository_is_the_one_of_the_code() {
    let kept = fs::read_to_string(root().join(rankbot_openapi::PATH)).unwrap();
    assert!(kept == rankbot_openapi::text(&root()).unwrap(), "the API was changed: run `cargo xtask openapi`");
}

/// The schema, able to find the components that it refers to.
fn validator(document: &Value, schema: &Value) -> Validator {
    let mut schema = schema.clone();
    schema["components"] = json!({ "schemas": document["components"]["schemas"] });
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// Every `{schema, examples}` of the document, with where it stands.
fn media_types<'d>(value: &'d Value, place: &str, found: &mut Vec<(String, &'d Value)>) {
    if let Some(media_type) = value.get("application/json") {
        found.push((place.to_owned(), media_type));
    }
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, field)| media_types(field, &format!("{place}/{name}"), found));
        }
        Value::Array(items) => items.iter().for_each(|item| media_types(item, place, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_body_has_examples_and_they_fit_its_schema() {
    let document = document();
    let mut found = Vec::new();
    media_types(&document["paths"], "", &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for (place, media_type) in found {
        let validator = validator(&document, &media_type["schema"]);
        let examples = media_type["examples"].as_object().unwrap();
        assert!(!examples.is_empty(), "{place} has no example");
        for (name, example) in examples {
            let pointer = example["$ref"].as_str().map(|reference| reference.trim_start_matches('#'));
            let example = pointer.map_or(example, |pointer| document.pointer(pointer).unwrap());
            let errors: Vec<String> = validator.iter_errors(&example["value"]).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{place}, {name}: {errors:#?}");
        }
    }
}

#[test]
fn numbers_are_taken_as_digits_exactly_to_their_bound() {
    let document = document();
    for (schema, largest) in [("Id", 9_007_199_254_740_991_u64), ("AssignableRank", 254), ("Steps", 10)] {
        let validator = validator(&document, &document["components"]["schemas"][schema]);
        for fits in [json!(1), json!(largest), json!("1"), json!(largest.to_string()), json!("0001"), json!(5.0)] {
            assert!(validator.is_valid(&fits), "{schema}: {fits}");
        }
        for number in 1..=(largest.min(300)) {
            assert!(validator.is_valid(&json!(number.to_string())), "{schema}: {number}");
        }
        for wrong in [
            json!(0),
            json!(largest + 1),
            json!("0"),
            json!((largest + 1).to_string()),
            json!(1.5),
            json!(""),
            json!("-1"),
        ] {
            assert!(!validator.is_valid(&wrong), "{schema}: {wrong}");
        }
    }
}
