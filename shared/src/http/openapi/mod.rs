//! The OpenAPI 3.1 document: routes, error codes and answers as this crate's own lists and types have them.
//!
//! Behind the feature `openapi`, so that nothing of it is in the functions. `cargo xtask openapi` writes it to
//! `docs/openapi.json`; a test holds that file to it, and another the answers of a running RankBot to the file.

mod examples;
mod operations;
mod requests;
mod responses;
mod schemas;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use self::operations::Operation;
use super::error_code::ErrorCode;
use super::routes::ROUTES;

/// The document. The same for the same code, to the byte, once it is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    openapi: &'static str,
    info: Value,
    servers: Value,
    security: Value,
    tags: Value,
    paths: BTreeMap<&'static str, BTreeMap<String, Operation>>,
    components: BTreeMap<&'static str, Value>,
    external_docs: Value,
}

/// Puts the document together; `errors` is one answer for each code.
pub fn document(errors: &[(ErrorCode, Value)]) -> Document {
    let mut paths: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for route in ROUTES {
        let method = route.method.as_str().to_ascii_lowercase();
        paths.entry(route.path).or_default().insert(method, Operation::of(route));
    }
    Document {
        openapi: "3.1.1",
        info: info(),
        servers: servers(),
        security: json!([{"bearer": []}, {"apiKey": []}]),
        tags: json!([
            {"name": "Ranks", "description": "Reading and changing members' ranks."},
            {"name": "Log", "description": "What was changed, by which key, and taking it back."},
            {"name": "Group", "description": "The group and its roles."},
            {"name": "Key", "description": "The API key, and RankBot itself."},
        ]),
        paths,
        components: components(errors),
        external_docs: json!({
            "description": "The API reference, for people",
            "url": "api.md",
        }),
    }
}

fn info() -> Value {
    json!({
        "title": "RankBot",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "Ranks of Roblox groups, changed as asked or not at all.",
        "description": include_str!("description.md"),
        "license": {"name": "MIT", "identifier": "MIT"},
    })
}

fn servers() -> Value {
    let address = json!({"default": "rankbot.example.com", "description": "The address that you were given."});
    json!([
        {"url": "https://{address}", "description": "Below a domain", "variables": {"address": address}},
        {
            "url": "https://{address}/{stage}",
            "description": "Below an API Gateway stage, named after the plan",
            "variables": {
                "address": address,
                "stage": {"enum": ["starter", "pro", "max"], "default": "pro", "description": "The plan."},
            },
        },
        {"url": "http://127.0.0.1:3000", "description": "cargo run -- local"},
    ])
}

fn components(errors: &[(ErrorCode, Value)]) -> BTreeMap<&'static str, Value> {
    let mut schemas: Map<String, Value> = schemas::answers();
    schemas.extend(requests::bodies());
    responses::specialise(&mut schemas);
    let examples: Map<String, Value> = errors
        .iter()
        .map(|(code, answer)| (code.as_str().to_owned(), json!({"summary": code.as_str(), "value": answer})))
        .collect();
    BTreeMap::from([
        ("schemas", Value::Object(schemas)),
        ("examples", Value::Object(examples)),
        ("headers", responses::headers()),
        ("parameters", operations::shared_parameters()),
        ("securitySchemes", security_schemes()),
    ])
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "wesk_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}",
            "description": "An API key. It counts before X-Api-Key, and may stand here without `Bearer`, too.",
        },
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "An API key."},
    })
}
