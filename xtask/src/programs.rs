//! Building programs of the workspace as its tests build them.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::invocation;
use crate::workspace::Workspace;

/// Builds these programs, with the same features of everything as the tests have, so that nothing is compiled twice;
/// and returns where they are, in the order of the names.
pub(crate) fn build(workspace: &Workspace, names: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let mut build = invocation::command(workspace, "cargo");
    // The test makes cargo count in what only tests ask for.
    build.args(["build", "--quiet", "--workspace", "--test", "document"]);
    build.args(names.iter().flat_map(|name| ["--bin", name]));
    let output = invocation::captured(build.arg("--message-format=json-render-diagnostics"))?;
    ensure!(output.status.success(), "it does not build: {}", String::from_utf8_lossy(&output.stderr));
    let messages: Vec<Value> =
        output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    names.iter().map(|name| executable(&messages, name)).collect()
}

fn executable(messages: &[Value], name: &str) -> anyhow::Result<PathBuf> {
    let is_it = |message: &&Value| message.pointer("/target/name").is_some_and(|target| target == name);
    let mut paths = messages.iter().filter(is_it).filter_map(|message| message.get("executable")?.as_str());
    paths.next().map(PathBuf::from).with_context(|| format!("cargo does not say where it built {name}"))
}
