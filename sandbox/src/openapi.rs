//! Checks requests and answers against Roblox's own OpenAPI document.
//!
//! The document is Roblox's and not part of this project: whoever has a copy names its path in the environment variable
//! `ROBLOX_OPENAPI`. Stricter than the schemas' letter in two ways, both meant to catch a misspelt name: a property or
//! parameter that the document does not know is a mismatch, and so is a string that does not look like the
//! ``Format: `…` `` of its description.

use std::path::PathBuf;
use std::{fmt, io};

use axum::extract::Query;
use axum::http::Uri;
use serde_json::{Map, Value};

use crate::calls::Call;
use crate::reads::Parameters;

/// The environment variable that names the document.
pub const VARIABLE: &str = "ROBLOX_OPENAPI";

/// The document, read.
#[derive(Debug, Clone)]
pub struct OpenApi {
    document: Value,
}

/// Why there is no document although one was named.
#[derive(Debug)]
pub enum OpenApiError {
    /// The file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// The file is no JSON.
    NotJson(serde_json::Error),
}

impl fmt::Display for OpenApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, _) => write!(formatter, "{VARIABLE} names {}, which cannot be read", path.display()),
            Self::NotJson(_) => write!(formatter, "{VARIABLE} names a file that is no JSON"),
        }
    }
}

impl std::error::Error for OpenApiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, source) => Some(source),
            Self::NotJson(source) => Some(source),
        }
    }
}

/// Everything in which a request or an answer differs from the document; empty where nothing does.
pub type Mismatches = Vec<String>;

impl OpenApi {
    /// The document that `ROBLOX_OPENAPI` names; `None` where it is not set.
    pub fn from_env() -> Result<Option<Self>, OpenApiError> {
        let Some(path) = std::env::var_os(VARIABLE).map(PathBuf::from) else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(&path).map_err(|source| OpenApiError::Unreadable(path, source))?;
        Self::parse(&text).map(Some)
    }

    /// Reads the document's text.
    pub fn parse(text: &str) -> Result<Self, OpenApiError> {
        Ok(Self { document: serde_json::from_str(text).map_err(OpenApiError::NotJson)? })
    }

    /// Whether the operation exists and takes this query and this body, and whether a key was sent.
    pub fn check_request(&self, call: &Call) -> Mismatches {
        let Some(operation) = self.operation(&call.method, &call.path) else {
            return vec![format!("no operation {} {}", call.method, call.path)];
        };
        let mut mismatches = Mismatches::new();
        if call.key_fingerprint.is_none() {
            mismatches.push("no x-api-key".to_owned());
        }
        check_query(operation, call.query.as_deref().unwrap_or_default(), &mut mismatches);
        let schema = operation.pointer("/requestBody/content/application~1json/schema");
        let body = call.body.as_deref().map(serde_json::from_str::<Value>);
        match (schema, body) {
            (None, None) => {}
            (None, Some(_)) => mismatches.push("a body where none is taken".to_owned()),
            (Some(_), None) => mismatches.push("no body".to_owned()),
            (Some(_), Some(Err(error))) => mismatches.push(format!("a body that is no JSON: {error}")),
            (Some(schema), Some(Ok(body))) => self.check_value("body", schema, &body, &mut mismatches),
        }
        mismatches
    }

    /// Whether `body` is a successful answer (200) to the operation.
    pub fn check_answer(&self, method: &str, path: &str, body: &Value) -> Mismatches {
        let Some(operation) = self.operation(method, path) else {
            return vec![format!("no operation {method} {path}")];
        };
        let mut mismatches = Mismatches::new();
        match operation.pointer("/responses/200/content/application~1json/schema") {
            Some(schema) => self.check_value("answer", schema, body, &mut mismatches),
            None => mismatches.push(format!("{method} {path} has no JSON answer")),
        }
        mismatches
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let paths = self.document.get("paths")?.as_object()?;
        let (_, item) = paths.iter().find(|(template, _)| fits_template(template, path))?;
        item.get(method.to_ascii_lowercase())
    }

    fn check_value(&self, at: &str, schema: &Value, value: &Value, mismatches: &mut Mismatches) {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            match reference.strip_prefix('#').and_then(|pointer| self.document.pointer(pointer)) {
                Some(schema) => self.check_value(at, schema, value, mismatches),
                None => mismatches.push(format!("{at}: the document lacks {reference}")),
            }
            return;
        }
        match (schema.get("type").and_then(Value::as_str), value) {
            (Some("object"), Value::Object(fields)) => self.check_object(at, schema, fields, mismatches),
            (Some("array"), Value::Array(items)) => {
                let schema = schema.get("items").unwrap_or(&Value::Null);
                for (index, item) in items.iter().enumerate() {
                    self.check_value(&format!("{at}[{index}]"), schema, item, mismatches);
                }
            }
            (Some("string"), Value::String(text)) => check_text(at, schema, text, mismatches),
            (Some("integer"), Value::Number(number)) => {
                if number.as_i64().is_none_or(|number| i32::try_from(number).is_err()) {
                    mismatches.push(format!("{at}: {number} is no int32"));
                }
            }
            (Some("boolean"), Value::Bool(_)) | (None, _) => {}
            (Some(kind), _) => mismatches.push(format!("{at}: {value} is no {kind}")),
        }
    }

    fn check_object(&self, at: &str, schema: &Value, fields: &Map<String, Value>, mismatches: &mut Mismatches) {
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                mismatches.push(format!("{at}.{name} is missing"));
            }
        }
        for (name, value) in fields {
            match schema.get("properties").and_then(|known| known.get(name)) {
                Some(schema) => self.check_value(&format!("{at}.{name}"), schema, value, mismatches),
                None => mismatches.push(format!("{at}.{name} is not in the document")),
            }
        }
    }
}

fn check_query(operation: &Value, query: &str, mismatches: &mut Mismatches) {
    let uri: Result<Uri, _> = format!("/?{query}").parse();
    let parameters = uri.ok().and_then(|uri| Query::<Parameters>::try_from_uri(&uri).ok());
    let Some(Query(parameters)) = parameters else {
        mismatches.push(format!("the query '{query}' cannot be read"));
        return;
    };
    let declared = operation.get("parameters").and_then(Value::as_array);
    for (name, value) in &parameters {
        let of_name = |declared: &&Value| {
            declared.get("in").and_then(Value::as_str) == Some("query")
                && declared.get("name").and_then(Value::as_str) == Some(name)
        };
        match declared.and_then(|all| all.iter().find(of_name)) {
            None => mismatches.push(format!("no parameter '{name}'")),
            Some(parameter) => {
                let integer = parameter.pointer("/schema/type").and_then(Value::as_str) == Some("integer");
                if integer && value.parse::<i32>().is_err() {
                    mismatches.push(format!("parameter {name}: '{value}' is no int32"));
                }
            }
        }
    }
}

fn check_text(at: &str, schema: &Value, text: &str, mismatches: &mut Mismatches) {
    let is_date = schema.get("format").and_then(Value::as_str) == Some("date-time");
    if is_date && text.parse::<jiff::Timestamp>().is_err() {
        mismatches.push(format!("{at}: '{text}' is no date-time"));
    }
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let format = description.split_once("Format: `").and_then(|(_, rest)| rest.split_once('`'));
    if let Some((format, _)) = format
        && !fits_template(format, text)
    {
        mismatches.push(format!("{at}: '{text}' does not look like {format}"));
    }
}

/// Whether `path` has the template's segments, with something in place of each `{name}`.
fn fits_template(template: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let fits = template.split('/').all(|pattern| segments.next().is_some_and(|segment| fits_segment(pattern, segment)));
    fits && segments.next().is_none()
}

fn fits_segment(pattern: &str, segment: &str) -> bool {
    match pattern.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        Some((_, suffix)) => {
            segment.strip_suffix(suffix).is_some_and(|value| !value.is_empty() && !value.contains(':'))
        }
        None => pattern == segment,
    }
}
