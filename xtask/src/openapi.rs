//! `docs/openapi.json`: written from the code, and held to the OpenAPI specification and to a running RankBot.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::invocation;
use crate::programs;
use crate::python_tools;
use crate::rankbot_local::RankbotLocal;
use crate::workspace::Workspace;

const DOCUMENT: &str = "docs/openapi.json";
/// Schemathesis's hooks, configuration and pinned requirements.
const SCHEMATHESIS: &str = "openapi/schemathesis";
const REQUIREMENTS: &str = include_str!("../../openapi/schemathesis/requirements.txt");
/// Cases per operation and phase: some two thousand requests in all, within a minute.
const MAX_EXAMPLES: &str = "20";

fn tools(workspace: &Workspace) -> PathBuf {
    workspace.tools().join("schemathesis")
}

/// Schemathesis, and a validator of OpenAPI documents.
pub(crate) fn install_tools(workspace: &Workspace) -> anyhow::Result<()> {
    let requirements = format!("{SCHEMATHESIS}/requirements.txt");
    python_tools::install_environment(workspace, &tools(workspace), REQUIREMENTS, &requirements)
}

/// `cargo xtask openapi`: writes the document.
pub(crate) fn write(workspace: &Workspace) -> anyhow::Result<()> {
    let mut write = invocation::command(workspace, "cargo");
    invocation::run(write.args(["run", "--quiet", "--package", "rankbot-openapi", "--", "."]))
}

/// The document is the code's, it is OpenAPI, and RankBot does as it says.
pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let built = programs::build(workspace, &["rankbot"])?;
    let rankbot = built.first().context("cargo built no rankbot")?;
    let mut is_current = invocation::command(workspace, "cargo");
    invocation::run(is_current.args(["test", "--quiet", "--workspace", "--test", "document"]))?;
    invocation::run(tool(workspace, "openapi-spec-validator").arg(DOCUMENT))?;

    let running = RankbotLocal::start(workspace, rankbot)?;
    // What the sandbox's bot stands too low to give is refused before Roblox is asked, so that any 5xx is a finding.
    let key = running.create_key(workspace, rankbot, &["--plan", "max", "--max-rank", "200"])?;
    let run = |url: &str, phases: &str| {
        let mut run = schemathesis(workspace, &running)?;
        run.args(["run", &format!("../../{DOCUMENT}"), "--url", url, "--phases", phases, "--checks", "all"]);
        invocation::run(run.args(["--max-examples", MAX_EXAMPLES, "--header", &format!("Authorization: Bearer {key}")]))
    };
    run(running.url(), "examples,coverage,fuzzing,stateful")?;
    // Below a stage, too, as at an API Gateway without a domain.
    run(&format!("{}/max", running.url()), "examples")
}

fn tool(workspace: &Workspace, name: &str) -> Command {
    invocation::command(workspace, tools(workspace).join("bin").join(name))
}

/// In a folder below `target/`, where it leaves what it remembers of failures.
fn schemathesis(workspace: &Workspace, running: &RankbotLocal) -> anyhow::Result<Command> {
    let folder = workspace.root().join("target/schemathesis");
    fs::create_dir_all(&folder).with_context(|| format!("could not make the folder {}", folder.display()))?;
    let settings = workspace.root().join(SCHEMATHESIS);
    let mut command = tool(workspace, "schemathesis");
    command.current_dir(folder).env("PYTHONPATH", &settings).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("SCHEMATHESIS_HOOKS", "hooks").env("RANKBOT_GROUP_ID", running.group_id());
    command.arg("--config-file").arg(settings.join("schemathesis.toml"));
    Ok(command)
}
