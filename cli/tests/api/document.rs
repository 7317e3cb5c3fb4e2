//! That what RankBot answers is what `docs/openapi.json` says: held against every answer that these tests see.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use rankbot_shared::domain::plan::Plan;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap());

/// By where the schema stands: one is needed for many answers, and takes longer to prepare than to apply.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Panics where this answer is not in the document. `asked` is a method and an address; at a path that the document
/// does not have, there is nothing to compare.
pub(crate) fn check(asked: &str, status: u16, headers: &HeaderMap, body: &Value) {
    let Some((method, address)) = asked.split_once(' ') else { return };
    let Some((pattern, path)) = documented(address) else { return };
    let Some(operation) = path.get(method.to_ascii_lowercase()) else {
        assert_eq!(status, 405, "{asked}: {pattern} has no such method in the document");
        return;
    };
    let response = &operation["responses"][status.to_string()];
    assert!(response.is_object(), "{asked}: the document has no {status} for {method} {pattern}: {body}");
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let present = headers.contains_key(name.as_str());
        assert!(present || resolved(header)["required"] == false, "{asked} {status}: {name} is missing");
    }
    let validator = validator(&format!("{method} {pattern} {status}"), response);
    let errors: Vec<String> = validator.iter_errors(body).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{asked} {status}: {body} is not what the document says: {errors:#?}");
}

/// The path's pattern and its operations, the stage and the query left out; fixed parts count before parameters.
fn documented(address: &str) -> Option<(&'static str, &'static Value)> {
    let path = match address.strip_prefix("http://") {
        Some(rest) => &rest[rest.find('/')?..],
        None => address,
    };
    let below_stage = Plan::ALL.iter().find_map(|plan| path.strip_prefix('/')?.strip_prefix(plan.as_str()));
    let path = below_stage.unwrap_or(path).strip_prefix("/v1/")?;
    let given: Vec<&str> = path.split('?').next()?.split('/').collect();
    let fits = |pattern: &str| {
        let expected: Vec<&str> = pattern.trim_start_matches("/v1/").split('/').collect();
        let fits =
            |(expected, given): (&&str, &&str)| expected.starts_with('{') && !given.is_empty() || expected == given;
        expected.len() == given.len() && expected.iter().zip(&given).all(fits)
    };
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    let fitting = paths.map(|(pattern, path)| (pattern.as_str(), path)).filter(|(pattern, _)| fits(pattern));
    fitting.min_by_key(|(pattern, _)| pattern.matches('{').count())
}

fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

fn validator(name: &str, response: &Value) -> Arc<Validator> {
    let make = || {
        let mut schema = response["content"]["application/json"]["schema"].clone();
        schema["components"] = json!({ "schemas": DOCUMENT["components"]["schemas"] });
        Arc::new(jsonschema::options().should_validate_formats(true).build(&schema).unwrap())
    };
    let mut validators = VALIDATORS.lock().unwrap();
    Arc::clone(validators.entry(name.to_owned()).or_insert_with(make))
}
