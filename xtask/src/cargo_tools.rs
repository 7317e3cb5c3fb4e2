//! Tools that there are as Rust sources alone, built into a folder of their own.

use std::path::Path;

use crate::invocation;
use crate::workspace::Workspace;

/// A package of the registry, and the one version of it that is wanted.
pub(crate) type Pinned = (&'static str, &'static str);

/// Builds the packages, each with the dependencies that its authors have locked, into `folder`.
pub(crate) fn build(workspace: &Workspace, folder: &Path, packages: &[Pinned]) -> anyhow::Result<()> {
    for (package, version) in packages {
        let mut install = invocation::command(workspace, "cargo");
        install
            .args(["install", "--quiet", "--locked", package, "--version", &format!("={version}"), "--root"])
            .arg(folder);
        // Quicker to build than full optimisation; without any, selene runs out of stack.
        install.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1").env("CARGO_PROFILE_RELEASE_LTO", "off");
        invocation::run_download(&mut install)?;
    }
    Ok(())
}
