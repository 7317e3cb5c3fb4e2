//! `sam local` for every function, in Lambda's own container.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::container_engine::ContainerEngine;
use crate::functions;
use crate::invocation;
use crate::python_tools;
use crate::steps::Outcome;
use crate::workspace::Workspace;

/// The C library of Lambda's image has this minor version (Amazon Linux 2023: 2.34).
const LAMBDAS_C_LIBRARY: u32 = 34;
/// Asks SAM for the image that it would take.
const WHICH_IMAGE: &str = "import sys
from samcli.lib.utils.architecture import X86_64, ARM64
from samcli.local.docker.lambda_image import LambdaImage, Runtime
tag = Runtime.get_image_name_tag('provided.al2023', {'x86_64': X86_64, 'aarch64': ARM64}[sys.argv[1]])
print(f'{LambdaImage._INVOKE_REPO_PREFIX}/{tag}')";

/// `sam local invoke` and `sam local start-api`, with what the tests' profile builds.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::PassedInPart("`sam local` was NOT run: what is built here is not for Linux"));
    }
    let Some(engine) = ContainerEngine::find() else {
        return Ok(Outcome::PassedInPart("`sam local` was NOT run: no container engine answers"));
    };
    if !engine.has_image(&image(workspace)?) {
        return Ok(Outcome::PassedInPart("`sam local` was NOT run: the container engine cannot get Lambda's image"));
    }
    let built = functions::build(workspace)?;
    let (_, program) = built.first().context("there is no function")?;
    if newest_c_library(&fs::read(program)?).is_some_and(|needed| needed > LAMBDAS_C_LIBRARY) {
        return Ok(Outcome::PassedInPart(
            "`sam local` was NOT run: what this machine builds for itself needs a newer C library than Lambda's",
        ));
    }
    let folder = lay_out(workspace, &built)?;
    let mut tests = functions::tests(workspace, &["sam_local"])?;
    tests.env("RANKBOT_SAM", workspace.python_tool("sam")).env("RANKBOT_SAM_FOLDER", folder);
    invocation::run(&mut tests)?;
    Ok(Outcome::Passed)
}

fn image(workspace: &Workspace) -> anyhow::Result<String> {
    let mut which = python_tools::command(workspace, "python")?;
    let output = invocation::captured(which.args(["-c", WHICH_IMAGE, ARCH]))?;
    ensure!(output.status.success(), "SAM names no image: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What `sam build` would leave behind, but for the optimised programs: the template, and a `bootstrap` for each
/// function where the template has its sources. With the settings of `samconfig.toml`, as at the repository's root.
fn lay_out(workspace: &Workspace, functions: &[(String, PathBuf)]) -> anyhow::Result<PathBuf> {
    let folder = workspace.root().join("target/sam-local");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("could not remove {}", folder.display()))?;
    }
    for (name, program) in functions {
        let function = folder.join("functions").join(name);
        fs::create_dir_all(&function).with_context(|| format!("could not make the folder {}", function.display()))?;
        link(program, &function.join("bootstrap"))?;
    }
    for file in ["template.yaml", "samconfig.toml"] {
        fs::copy(workspace.root().join(file), folder.join(file)).with_context(|| format!("could not copy {file}"))?;
    }
    Ok(folder)
}

/// A second name for a program of some hundred megabytes, or a copy where that cannot be.
fn link(file: &Path, name: &Path) -> anyhow::Result<()> {
    let linked = fs::hard_link(file, name).or_else(|_| fs::copy(file, name).map(drop));
    linked.with_context(|| format!("could not put {} to {}", file.display(), name.display()))
}

/// The minor version of the newest C library that a program asks for by its symbols' versions, such as `GLIBC_2.34`.
fn newest_c_library(program: &[u8]) -> Option<u32> {
    const PREFIX: &[u8] = b"GLIBC_2.";
    let versions = program.windows(PREFIX.len()).enumerate().filter(|(_, window)| *window == PREFIX);
    let digits = versions.map(|(position, _)| program.iter().skip(position + PREFIX.len()));
    let minors = digits.map(|digits| {
        let digits = digits.take(3).take_while(|byte| byte.is_ascii_digit());
        digits.fold(0, |minor, digit| minor * 10 + u32::from(digit - b'0'))
    });
    minors.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts_and_not_the_last() {
        assert_eq!(newest_c_library(b"\0GLIBC_2.2.5\0GLIBC_2.38\0GLIBC_2.34\0GLIBC_PRIVATE\0"), Some(38));
        assert_eq!(newest_c_library(b"GLIBC_2.17"), Some(17));
        assert_eq!(newest_c_library(b"no such thing"), None);
    }
}
