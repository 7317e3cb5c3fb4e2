//! The Luau packages in `roblox/`: their model files, and the checks of their sources that are no tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::cargo_tools::{self, Pinned};
use crate::invocation;
use crate::luau_checker;
use crate::roblox_typescript;
use crate::setup::install_once;
use crate::system_programs::{self, SystemProgram};
use crate::workspace::Workspace;

const STYLUA: &str = "@johnnymorganz/stylua-bin@2.5.2";
const SELENE: Pinned = ("selene", "0.31.0");
const MOONWAVE: Pinned = ("moonwave", "1.4.2");

/// What the formatter and the linter look at; the type definitions are in a dialect that they do not read.
const SOURCES: [&str; 3] = ["RankService", "testing/luau", "testing/tests"];

/// The packages, with the class that each one's documentation is about.
const DOCUMENTED: [(&str, &str); 1] = [("RankService/src", "RankService")];

fn tools(workspace: &Workspace) -> PathBuf {
    workspace.tools().join("luau")
}

/// `StyLua` from npm, ready to run; selene and moonwave's extractor built from their sources.
pub(crate) fn install_tools(workspace: &Workspace) -> anyhow::Result<()> {
    let folder = tools(workspace);
    install_once(&folder, &format!("{STYLUA} {SELENE:?} {MOONWAVE:?}"), || {
        let npm = system_programs::require(SystemProgram::Npm)?;
        let mut install = invocation::command(workspace, npm);
        install.args(["install", "--silent", "--ignore-scripts", "--no-save", "--prefix"]).arg(&folder).arg(STYLUA);
        invocation::run_download(&mut install)?;
        println!("    builds for two minutes the first time");
        cargo_tools::build(workspace, &folder, &[SELENE, MOONWAVE])
    })?;
    roblox_typescript::install_tools(workspace)
}

/// Format, lint, documentation, types, and the typings for roblox-ts.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let mut stylua = in_packages(workspace, "node_modules/.bin/stylua");
    invocation::run(stylua.arg("--check").args(SOURCES))?;
    invocation::run(in_packages(workspace, "bin/selene").arg("--quiet").args(SOURCES))?;
    DOCUMENTED.iter().try_for_each(|(sources, class)| check_documentation(workspace, sources, class))?;
    luau_checker::check(workspace)?;
    roblox_typescript::check(workspace)
}

/// Writes each package's model file to `target/roblox/`, and reads it back.
pub(crate) fn build_models(workspace: &Workspace) -> anyhow::Result<()> {
    let mut build = invocation::command(workspace, "cargo");
    build.args(["run", "--quiet", "--package", "roblox-testing", "--bin", "roblox-models", "--"]);
    invocation::run(build.args(["roblox", "target/roblox"]))
}

fn in_packages(workspace: &Workspace, tool: &str) -> Command {
    let mut command = invocation::command(workspace, tools(workspace).join(tool));
    command.current_dir(workspace.root().join("roblox"));
    command
}

/// Every public function and type is in the documentation, with a text; every method says what it returns.
fn check_documentation(workspace: &Workspace, sources: &str, class: &str) -> anyhow::Result<()> {
    let mut extract = in_packages(workspace, "bin/moonwave-extractor");
    let output = invocation::captured(extract.args(["extract", sources]))?;
    ensure!(output.status.success(), "moonwave: {}", String::from_utf8_lossy(&output.stderr));
    let classes: Vec<Value> = serde_json::from_slice(&output.stdout).context("moonwave printed no JSON")?;
    let entry = classes.iter().find(|entry| text(entry, "name") == class);
    let entry = entry.with_context(|| format!("{sources} documents no class {class}"))?;

    let path = workspace.root().join("roblox").join(sources).join("init.luau");
    let source = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let functions = declared(&source, &format!("function {class}."), '(');
    let types = declared(&source, "export type ", ' ').into_iter().map(without_parameters).collect();
    require(entry, "functions", &functions, class)?;
    require(entry, "types", &types, class)?;
    let silent = list(entry, "functions")
        .iter()
        .filter(|function| text(function, "function_type") == "method" && list(function, "returns").is_empty());
    let silent: Vec<_> = silent.map(|function| text(function, "name")).collect();
    ensure!(silent.is_empty(), "{class}: these methods do not say what they return: {silent:?}");
    Ok(())
}

fn require(entry: &Value, kind: &str, declared: &BTreeSet<&str>, class: &str) -> anyhow::Result<()> {
    // Interfaces may say all that there is in their fields.
    let told = |item: &&Value| kind == "types" || !text(item, "desc").trim().is_empty();
    let documented: BTreeSet<_> =
        list(entry, kind).iter().filter(told).map(|item| without_parameters(text(item, "name"))).collect();
    let missing: Vec<_> = declared.difference(&documented).collect();
    ensure!(missing.is_empty(), "{class}: these {kind} have no documentation: {missing:?}");
    Ok(())
}

/// The names between `prefix`, at the beginning of a line, and `end`.
fn declared<'s>(source: &'s str, prefix: &str, end: char) -> BTreeSet<&'s str> {
    source.lines().filter_map(|line| line.strip_prefix(prefix)?.split(end).next()).collect()
}

/// `Result<T>` is documented under that name.
fn without_parameters(name: &str) -> &str {
    name.split('<').next().unwrap_or(name)
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
