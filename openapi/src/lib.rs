//! RankBot's OpenAPI document as a file.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use rankbot_shared::http::{ErrorCode, openapi};
use serde_json::Value;

/// Where the document is kept, below the repository's root.
pub const PATH: &str = "docs/openapi.json";

/// The document's text, with the examples of the errors' pages below `root`.
pub fn text(root: &Path) -> anyhow::Result<String> {
    let mut examples = Vec::new();
    for code in ErrorCode::ALL {
        examples.push((*code, example(root, *code)?));
    }
    let document = openapi::document(&examples);
    let text = serde_json::to_string_pretty(&document).context("the document cannot be written as JSON")?;
    Ok(format!("{text}\n"))
}

/// The answer that the code's page shows: its first block of JSON.
fn example(root: &Path, code: ErrorCode) -> anyhow::Result<Value> {
    let path = root.join("docs/errors").join(format!("{}.md", code.as_str()));
    let page = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let block = page.split_once("```json\n").and_then(|(_, rest)| rest.split_once("```"));
    let (json, _) = block.with_context(|| format!("{} shows no answer", path.display()))?;
    let example: Value = serde_json::from_str(json).with_context(|| format!("{}: no JSON", path.display()))?;
    let shown = example.get("code").and_then(Value::as_str);
    ensure!(shown == Some(code.as_str()), "{} shows the answer of another code", path.display());
    Ok(example)
}
