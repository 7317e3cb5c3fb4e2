//! The events under `events/` are what AWS sends: a slip in one would be tested, and believed, instead of AWS.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helper functions too")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

const FUNCTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions");
const EVENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");
/// The one function that a schedule invokes, and not the API.
const SCHEDULED: &str = "sweep";
/// What reads the events is in their folder too.
const SOURCES: &str = "src";

fn folders(path: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(path).unwrap().map(Result::unwrap);
    entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn event_files(function: &str) -> Vec<PathBuf> {
    fs::read_dir(Path::new(EVENTS).join(function)).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// The functions that API Gateway invokes.
fn api_functions() -> BTreeSet<String> {
    folders(FUNCTIONS).into_iter().filter(|function| function != SCHEDULED).collect()
}

fn api_events() -> Vec<(PathBuf, Value)> {
    let files = api_functions().into_iter().flat_map(|function| event_files(&function));
    files.map(|file| (file.clone(), read(&file))).collect()
}

/// The status that an event's file name promises.
fn expected_status(file: &Path) -> u16 {
    let name = file.file_name().unwrap().to_str().unwrap();
    let parts = name.strip_suffix(".json").and_then(|stem| stem.split_once('-'));
    let status = parts.and_then(|(status, _title)| status.parse().ok());
    status.unwrap_or_else(|| panic!("{name} is not named NNN-title.json, NNN being an HTTP status"))
}

fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    event.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer}"))
}

#[test]
fn every_function_of_the_api_has_an_event_that_succeeds_and_one_that_fails() {
    let mut events = folders(EVENTS);
    events.remove(SOURCES);
    assert_eq!(events, folders(FUNCTIONS));
    for function in api_functions() {
        let statuses: Vec<u16> = event_files(&function).iter().map(|file| expected_status(file)).collect();
        assert!(statuses.contains(&200), "{function} has no event that succeeds");
        assert!(statuses.iter().any(|status| *status >= 400), "{function} has no event that fails");
    }
}

#[test]
fn every_event_says_the_same_thing_wherever_the_format_says_it_twice() {
    for (file, event) in api_events() {
        let file = file.display();
        assert_eq!(text(&event, "/version"), "2.0", "{file}");
        assert_eq!(text(&event, "/routeKey"), text(&event, "/requestContext/routeKey"), "{file}");
        assert_eq!(text(&event, "/rawPath"), text(&event, "/requestContext/http/path"), "{file}");
        assert_eq!(text(&event, "/headers/host"), text(&event, "/requestContext/domainName"), "{file}");
        let user_agent = text(&event, "/requestContext/http/userAgent");
        assert_eq!(text(&event, "/headers/user-agent"), user_agent, "{file}");
    }
}

#[test]
fn every_events_headers_are_named_in_lower_case() {
    for (file, event) in api_events() {
        for name in event["headers"].as_object().unwrap().keys() {
            assert_eq!(*name, name.to_lowercase(), "{}", file.display());
        }
    }
}

/// The path that an event's route key and path parameters amount to.
fn path_of_route(event: &Value) -> Option<String> {
    let (method, template) = text(event, "/routeKey").split_once(' ')?;
    assert_eq!(method, text(event, "/requestContext/http/method"));
    let none = serde_json::Map::new();
    let parameters = event["pathParameters"].as_object().unwrap_or(&none);
    let fill =
        |path: String, (name, value): (&String, &Value)| path.replace(&format!("{{{name}}}"), value.as_str().unwrap());
    Some(parameters.iter().fold(template.to_owned(), fill))
}

#[test]
fn every_events_path_is_its_routes_with_the_stage_before_it_where_the_address_is_the_stages_own() {
    for (file, event) in api_events() {
        let stage = text(&event, "/requestContext/stage");
        let own_address = text(&event, "/requestContext/domainName").contains(".execute-api.");
        let prefix = if own_address && stage != "$default" { format!("/{stage}") } else { String::new() };
        let raw_path = text(&event, "/rawPath");
        assert!(raw_path.starts_with(&prefix), "{}", file.display());
        // The $default route says nothing of the path.
        if let Some(path) = path_of_route(&event) {
            assert_eq!(raw_path, format!("{prefix}{path}"), "{}", file.display());
        }
    }
}

#[test]
fn every_events_body_is_as_long_as_its_header_says() {
    for (file, event) in api_events() {
        let Some(body) = event.get("body") else { continue };
        let body = body.as_str().unwrap();
        let length: usize = text(&event, "/headers/content-length").parse().unwrap();
        let is_base64 = event["isBase64Encoded"].as_bool().unwrap();
        let actual = if is_base64 { body.trim_end_matches('=').len() * 3 / 4 } else { body.len() };
        assert_eq!(actual, length, "{}", file.display());
    }
}

#[test]
fn every_events_query_is_also_there_in_parts() {
    for (file, event) in api_events() {
        let parts = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.into()));
        let query: Option<serde_json::Map<String, Value>> =
            text(&event, "/rawQueryString").split('&').filter(|pair| !pair.is_empty()).map(parts).collect();
        let parameters = event["queryStringParameters"].as_object().cloned().unwrap_or_default();
        assert_eq!(query, Some(parameters), "{}", file.display());
    }
}

#[test]
fn the_sweeps_event_is_a_rules_of_event_bridge() {
    let files = event_files(SCHEDULED);
    assert!(!files.is_empty());
    for event in files.iter().map(|file| read(file)) {
        assert_eq!(text(&event, "/version"), "0");
        assert_eq!((text(&event, "/source"), text(&event, "/detail-type")), ("aws.events", "Scheduled Event"));
        let rule = format!("arn:aws:events:{}:{}:rule/", text(&event, "/region"), text(&event, "/account"));
        assert!(text(&event, "/resources/0").starts_with(&rule));
        assert_eq!(event["detail"], serde_json::json!({}));
    }
}
