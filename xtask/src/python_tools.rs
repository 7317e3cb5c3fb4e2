//! The tools that come from the Python package index, native ones among them, in an environment of their own.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::invocation;
use crate::setup::install_once;
use crate::system_programs::{self, SystemProgram};
use crate::workspace::Workspace;

/// Every package with its version and the hashes of its files; part of this program, so that it cannot be missing.
const REQUIREMENTS: &str = include_str!("../requirements.txt");

pub(crate) fn install(workspace: &Workspace) -> anyhow::Result<()> {
    install_environment(workspace, &workspace.python_environment(), REQUIREMENTS, "xtask/requirements.txt")
}

/// Installs the requirements, whose text is in the file at `path`, into an environment of their own.
pub(crate) fn install_environment(
    workspace: &Workspace,
    environment: &Path,
    requirements: &str,
    path: &str,
) -> anyhow::Result<()> {
    let python = system_programs::require(SystemProgram::Python)?;
    install_once(environment, requirements, || {
        invocation::run(invocation::command(workspace, python).args(["-m", "venv"]).arg(environment))?;
        let mut pip = invocation::command(workspace, environment.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        // The lock is complete and hashed: nothing is resolved, nothing is built, nothing else gets in. Compiling
        // 20,000 files of which a few hundred are ever read would take a third of the time.
        pip.args(["--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-compile"]);
        println!("    downloads what {path} names, up to 250 MB; half a minute on a quick connection");
        invocation::run_download(pip.args(["--requirement", path]))
    })
}

/// A command for one of the tools. Its folder leads the PATH, since the tools look for one another there:
/// `sam build` for `cargo-lambda`, and that for the Python that has `ziglang`.
pub(crate) fn command(workspace: &Workspace, name: &str) -> anyhow::Result<Command> {
    let mut command = invocation::command(workspace, workspace.python_tool(name));
    command.env("PATH", path_led_by_tools(workspace)?);
    Ok(command)
}

fn path_led_by_tools(workspace: &Workspace) -> anyhow::Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [workspace.python_environment().join("bin")].into_iter().chain(env::split_paths(&path));
    env::join_paths(folders).context("a folder of PATH cannot be written in PATH")
}
