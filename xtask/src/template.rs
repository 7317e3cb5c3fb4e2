//! The `template` step: `template.yaml` as it is written and as SAM expands it, in the eyes of those who check templates.
//!
//! What RankBot's own template must guarantee beside, `xtask/tests/template` tests.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::invocation;
use crate::python_tools;
use crate::workspace::Workspace;

const TEMPLATE: &str = "template.yaml";
/// The template as `CloudFormation` gets it, roles and stages and aliases that SAM makes included.
const EXPANDED: &str = "target/template/expanded.json";
/// What checkov is asked, and what not, with the reasons.
const CHECKOV_SETTINGS: &str = "xtask/template/checkov.yaml";
const REQUIREMENTS: &str = include_str!("../template/requirements.txt");
/// cfn-lint's further rules, for serverless applications.
const SERVERLESS_RULES: &str = "cfn_lint_serverless.rules";

fn tools(workspace: &Workspace) -> PathBuf {
    workspace.tools().join("template")
}

fn tool(workspace: &Workspace, name: &str) -> Command {
    invocation::command(workspace, tools(workspace).join("bin").join(name))
}

/// Checkov, and cfn-lint with its serverless rules, away from SAM: each wants its own versions of the same packages.
pub(crate) fn install_tools(workspace: &Workspace) -> anyhow::Result<()> {
    let path = "xtask/template/requirements.txt";
    python_tools::install_environment(workspace, &tools(workspace), REQUIREMENTS, path)
}

/// cfn-lint, SAM and checkov have nothing to say, nor on what SAM makes of the template.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let mut sam = python_tools::command(workspace, "sam")?;
    // SAM wants a region to know the resource types; nothing is asked of AWS.
    sam.env("SAM_CLI_TELEMETRY", "0").args(["validate", "--lint", "--template-file", TEMPLATE]);
    invocation::run(sam.args(["--region", "us-east-1"]))?;
    expand(workspace)?;
    for template in [TEMPLATE, EXPANDED] {
        invocation::run(tool(workspace, "cfn-lint").args(["--append-rules", SERVERLESS_RULES, "--", template]))?;
        invocation::run(tool(workspace, "checkov").args(["--config-file", CHECKOV_SETTINGS, "--file", template]))?;
    }
    Ok(())
}

fn expand(workspace: &Workspace) -> anyhow::Result<()> {
    let folder = workspace.root().join("target/template");
    fs::create_dir_all(&folder).with_context(|| format!("could not make the folder {}", folder.display()))?;
    let mut expand = python_tools::command(workspace, "python")?;
    invocation::run(expand.args(["xtask/template/expand.py", EXPANDED]))
}
