//! The `template` step: `template.yaml` as it is written and as SAM expands it, in the eyes of those who check templates.
//!
//! What RankBot's own template must guarantee beside, `xtask/tests/template` tests.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value};

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
    let expanded = expand(workspace)?;
    let objections = objections(&expanded);
    ensure!(
        objections.is_empty(),
        "what SAM makes of {TEMPLATE} would not be deployed as meant:\n{}",
        objections.join("\n")
    );
    for template in [TEMPLATE, EXPANDED] {
        invocation::run(tool(workspace, "cfn-lint").args(["--append-rules", SERVERLESS_RULES, "--", template]))?;
        invocation::run(tool(workspace, "checkov").args(["--config-file", CHECKOV_SETTINGS, "--file", template]))?;
    }
    Ok(())
}

fn expand(workspace: &Workspace) -> anyhow::Result<Value> {
    let folder = workspace.root().join("target/template");
    fs::create_dir_all(&folder).with_context(|| format!("could not make the folder {}", folder.display()))?;
    let mut expand = python_tools::command(workspace, "python")?;
    invocation::run(expand.args(["xtask/template/expand.py", EXPANDED]))?;
    let text =
        fs::read_to_string(workspace.root().join(EXPANDED)).with_context(|| format!("could not read {EXPANDED}"))?;
    serde_json::from_str(&text).with_context(|| format!("{EXPANDED} is no JSON"))
}

/// What is wrong with the expanded template, of what neither cfn-lint nor checkov know and the template as written does
/// not show.
fn objections(expanded: &Value) -> Vec<String> {
    let nothing = Map::new();
    let resources = expanded.get("Resources").and_then(Value::as_object).unwrap_or(&nothing);
    let of_type = |kind: &'static str| {
        resources.iter().filter(move |(_, resource)| resource.get("Type").is_some_and(|found| found == kind))
    };

    let apis = of_type("AWS::ApiGatewayV2::Api").filter(|(_, api)| {
        let servers = api.pointer("/Properties/Body/servers").and_then(Value::as_array);
        let warned_of = servers.is_some_and(|servers| servers.iter().any(|server| server.get("url").is_none()));
        warned_of && api.pointer("/Properties/FailOnWarnings").is_some_and(|fails| *fails == Value::Bool(true))
    });
    let apis = apis.map(|(id, _)| {
        format!(
            "{id} fails on warnings, and API Gateway warns of the server without url that SAM puts into its document"
        )
    });
    let versions = of_type("AWS::Lambda::Version")
        .filter(|(_, version)| version.pointer("/Properties/Description").is_none_or(Value::is_null));
    let versions =
        versions.map(|(id, _)| format!("{id} has no description: a changed parameter would not reach requests"));
    let none = of_type("AWS::Lambda::Version").next().is_none().then(|| "no function has a version".to_owned());
    apis.chain(versions).chain(none).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expanded(fails_on_warnings: bool, server: &Value, description: &Value) -> Value {
        json!({"Resources": {
            "Api": {
                "Type": "AWS::ApiGatewayV2::Api",
                "Properties": {"FailOnWarnings": fails_on_warnings, "Body": {"servers": [server]}},
            },
            "Version": {"Type": "AWS::Lambda::Version", "Properties": {"Description": description}},
        }})
    }

    #[test]
    fn an_api_that_no_deployment_could_make_is_objected_to() {
        let (without_url, described) = (json!({"x-amazon-apigateway-endpoint-configuration": {}}), json!("512 MB"));
        assert_eq!(objections(&expanded(false, &without_url, &described)), Vec::<String>::new());
        assert_eq!(objections(&expanded(true, &json!({"url": "/"}), &described)), Vec::<String>::new());
        assert!(objections(&expanded(true, &without_url, &described))[0].starts_with("Api fails on warnings"));
    }

    #[test]
    fn a_version_that_does_not_follow_the_parameters_is_objected_to() {
        let undescribed = expanded(false, &json!({"url": "/"}), &Value::Null);
        assert!(objections(&undescribed)[0].starts_with("Version has no description"));
        assert_eq!(objections(&json!({"Resources": {}})), ["no function has a version"]);
    }
}
