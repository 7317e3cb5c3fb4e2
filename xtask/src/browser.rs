//! The tests in a real browser.

use std::env;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::functions;
use crate::invocation;
use crate::system_programs::{SystemProgram, require};
use crate::workspace::Workspace;

/// Finds the browser and its driver; on a CI machine, installs them.
pub(crate) fn install() -> anyhow::Result<()> {
    for program in [SystemProgram::Chromium, SystemProgram::Chromedriver] {
        println!("    found: {}", path(program)?.display());
    }
    Ok(())
}

/// What pages of other sites can do to a running RankBot.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let mut tests = functions::tests(workspace, &["browser", "foreign_pages"])?;
    tests.env("RANKBOT_CHROMIUM", path(SystemProgram::Chromium)?);
    tests.env("RANKBOT_CHROMEDRIVER", path(SystemProgram::Chromedriver)?);
    invocation::run(&mut tests)
}

/// The driver takes a path for the browser, and no name.
fn path(program: SystemProgram) -> anyhow::Result<PathBuf> {
    let name = require(program)?;
    let folders = env::var_os("PATH").unwrap_or_default();
    let mut candidates = env::split_paths(&folders).map(|folder| folder.join(name));
    candidates.find(|path| path.is_file()).with_context(|| format!("{name} is in no folder of PATH"))
}
