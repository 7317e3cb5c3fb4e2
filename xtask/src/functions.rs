//! The built functions: under AWS's runtime interface emulator here, in Lambda's container in [`crate::sam_local`].

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::invocation;
use crate::programs;
use crate::python_tools;
use crate::steps::Outcome;
use crate::workspace::Workspace;

/// The features with which the tests are built that plain `cargo test` leaves out, those in a browser among them.
pub(crate) const TESTS: &str = "rankbot-browser/browser,rankbot-emulator/functions";

/// The functions' names, which are those of their folders, crates and programs.
pub(crate) fn names(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let folder = workspace.root().join("functions");
    let entries = fs::read_dir(&folder).with_context(|| format!("could not read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Builds all functions in the tests' profile: quick to build, and the same code. Returns each name with its program.
pub(crate) fn build(workspace: &Workspace) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let names = names(workspace)?;
    println!("    builds {} functions, in the tests' profile", names.len());
    let programs = programs::build(workspace, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
    Ok(names.into_iter().zip(programs).collect())
}

/// Runs some of [`TESTS`]; they say what they ran.
pub(crate) fn tests(workspace: &Workspace, tests: &[&str]) -> anyhow::Result<Command> {
    let mut command = python_tools::command(workspace, "cargo-nextest")?;
    command.args(["nextest", "run", "--workspace", "--features", TESTS]);
    command.args(tests.iter().flat_map(|test| ["--test", test]));
    command.args(["--no-fail-fast", "--success-output", "immediate"]);
    Ok(command)
}

/// Every event of every function, under the emulator.
pub(crate) fn check_emulated(workspace: &Workspace) -> anyhow::Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::PassedInPart(
            "the built functions were NOT run under AWS's runtime interface emulator, which is a program for Linux",
        ));
    }
    let built = build(workspace)?;
    let folder = built.first().and_then(|(_, program)| program.parent()).context("there is no function")?;
    let mut tests = tests(workspace, &["emulator", "emulated_events"])?;
    tests.env("RANKBOT_LAMBDA_EMULATOR", emulator(workspace)?).env("RANKBOT_FUNCTIONS", folder);
    invocation::run(&mut tests)?;
    Ok(Outcome::Passed)
}

/// The emulator for this machine's processor, which SAM carries in its package.
pub(crate) fn emulator(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    let name = match ARCH {
        "x86_64" => "aws-lambda-rie-x86_64",
        "aarch64" => "aws-lambda-rie-arm64",
        other => bail!("AWS has no runtime interface emulator for {other}"),
    };
    // lib/python3.11/…: the version is the machine's.
    let libraries = workspace.python_environment().join("lib");
    let entries = fs::read_dir(&libraries).with_context(|| format!("could not read {}", libraries.display()))?;
    let of_sam = Path::new("site-packages/samcli/local/rapid").join(name);
    let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path().join(&of_sam)));
    paths.find(|path| path.is_file()).with_context(|| format!("{name} is not in SAM's package: has it moved?"))
}
