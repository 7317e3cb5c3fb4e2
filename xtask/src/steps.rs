//! The checks, in the order in which they run: the quick ones first, so that a slip is told in seconds.

use std::env;
use std::process::Command;

use clap::ValueEnum;

use crate::bench;
use crate::browser;
use crate::dependencies;
use crate::dynamodb_local::DynamodbLocal;
use crate::functions;
use crate::invocation;
use crate::openapi;
use crate::python_tools;
use crate::roblox;
use crate::sam_local;
use crate::setup::Tool;
use crate::template;
use crate::workspace::Workspace;

/// One check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    Format,
    Template,
    Luau,
    Clippy,
    Tests,
    TestsDynamodbLocal,
    Emulator,
    SamLocal,
    Browser,
    Openapi,
    DocTests,
    Docs,
    Dependencies,
    Size,
}

/// How a step that did not fail ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// It passed, but a part of it could not be done on this machine: said again at the very end.
    PassedInPart(&'static str),
}

impl Step {
    pub(crate) fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    /// As `cargo xtask test --only` takes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Template => "template",
            Self::Luau => "luau",
            Self::Clippy => "clippy",
            Self::Tests => "tests",
            Self::TestsDynamodbLocal => "tests-dynamodb-local",
            Self::Emulator => "emulator",
            Self::SamLocal => "sam-local",
            Self::Browser => "browser",
            Self::Openapi => "openapi",
            Self::DocTests => "doc-tests",
            Self::Docs => "docs",
            Self::Dependencies => "dependencies",
            Self::Size => "size",
        }
    }

    pub(crate) fn purpose(self) -> &'static str {
        match self {
            Self::Format => "the code is laid out as rustfmt does it (mend: cargo fmt)",
            Self::Template => {
                "template.yaml is right, in the eyes of cfn-lint, SAM and checkov, and so is what SAM makes of it"
            }
            Self::Luau => {
                "the Luau packages are laid out as StyLua does it, neither selene nor Luau's own checker finds anything, all is documented and typed for roblox-ts"
            }
            Self::Clippy => "no warning of the compiler or of clippy, tests included",
            Self::Tests => "all tests, with the embedded store",
            Self::TestsDynamodbLocal => "the tests that use a store once more, with Amazon's DynamoDB Local",
            Self::Emulator => {
                "every event of every function, through the built programs under AWS's runtime interface emulator"
            }
            Self::SamLocal => "every function in Lambda's container, with `sam local`, where there is an engine for it",
            Self::Browser => "no page of another site gets anything out of a running RankBot, in a real browser",
            Self::Openapi => {
                "docs/openapi.json is the code's and valid, and Schemathesis finds RankBot to do as it says"
            }
            Self::DocTests => "the examples in the documentation work",
            Self::Docs => "the documentation builds, its links lead somewhere",
            Self::Dependencies => {
                "no dependency is unused, its licence, source and version are welcome, none is known as unsafe"
            }
            Self::Size => "the largest function, built as it is shipped, is within its limit (bench/limits.toml)",
        }
    }

    /// What must be installed for it.
    pub(crate) fn tools(self) -> &'static [Tool] {
        match self {
            Self::Format | Self::Clippy | Self::DocTests | Self::Docs => &[],
            Self::Template => &[Tool::PythonTools, Tool::TemplateTools],
            Self::Tests | Self::Emulator | Self::SamLocal | Self::Size => &[Tool::PythonTools],
            Self::Dependencies => &[Tool::PythonTools, Tool::DependencyTools],
            Self::TestsDynamodbLocal => &[Tool::PythonTools, Tool::DynamodbLocal],
            Self::Browser => &[Tool::PythonTools, Tool::Browser],
            Self::Luau => &[Tool::LuauTools, Tool::LuauChecker],
            Self::Openapi => &[Tool::OpenapiTools],
        }
    }

    pub(crate) fn run(self, workspace: &Workspace) -> anyhow::Result<Outcome> {
        match self {
            Self::Format => passed(invocation::run(cargo(workspace).args(["fmt", "--all", "--check"]))),
            Self::Template => passed(template::check(workspace)),
            Self::Luau => passed(roblox::check(workspace)),
            Self::Clippy => passed(invocation::run(cargo(workspace).args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--features",
                functions::TESTS,
                "--",
                "-D",
                "warnings",
            ]))),
            Self::Tests => passed(tests(workspace)),
            Self::TestsDynamodbLocal => passed(tests_on_dynamodb_local(workspace)),
            Self::Emulator => functions::check_emulated(workspace),
            Self::SamLocal => sam_local::check(workspace),
            Self::Browser => passed(browser::check(workspace)),
            Self::Openapi => passed(openapi::check(workspace)),
            Self::DocTests => passed(invocation::run(cargo(workspace).args(["test", "--workspace", "--doc"]))),
            Self::Docs => passed(invocation::run(cargo(workspace).env("RUSTDOCFLAGS", "-D warnings").args([
                "doc",
                "--workspace",
                "--no-deps",
            ]))),
            Self::Dependencies => dependencies::check(workspace),
            Self::Size => passed(bench::check_size(workspace)),
        }
    }
}

fn passed(result: anyhow::Result<()>) -> anyhow::Result<Outcome> {
    result.map(|()| Outcome::Passed)
}

fn cargo(workspace: &Workspace) -> Command {
    invocation::command(workspace, "cargo")
}

/// Every test runs in a process of its own: none can disturb another through the environment or a global.
fn nextest(workspace: &Workspace) -> anyhow::Result<Command> {
    let mut command = python_tools::command(workspace, "cargo-nextest")?;
    // All failures in one run, and no line for what passed: the counts at the end say that.
    command.args(["nextest", "run", "--workspace", "--no-fail-fast", "--status-level", "slow"]);
    // The same commit is tested with the same cases: what fails here fails for whoever looks into it.
    if env::var_os(SEED).is_none() {
        command.env(SEED, "20261125");
    }
    Ok(command)
}

/// Chooses the random cases of the property tests.
const SEED: &str = "PROPTEST_RNG_SEED";

fn tests(workspace: &Workspace) -> anyhow::Result<()> {
    invocation::run(nextest(workspace)?.env("RANKBOT_TEST_STORE", "embedded"))
}

/// The tests that use a store, in groups that each have a DynamoDB Local of their own: it slows down with every table that
/// it has had. Chosen by filters, not by `--package`: so they are built with the same features as the whole workspace, that
/// is, not again.
const TESTS_THAT_STORE: [&str; 4] = [
    "package(rankbot-store) + package(rankbot-shared)",
    "package(rankbot) - binary(safety)",
    "package(rankbot) & binary(safety) & test(/^(fault_matrix|crashes|histories|second_runs)::/)",
    "package(rankbot) & binary(safety) - test(/^(fault_matrix|crashes|histories|second_runs)::/)",
];

fn tests_on_dynamodb_local(workspace: &Workspace) -> anyhow::Result<()> {
    let mut outcome = Ok(());
    for group in TESTS_THAT_STORE {
        let dynamodb_local = DynamodbLocal::start(workspace, 0)?;
        let mut tests = nextest(workspace)?;
        tests.args(["-E", group]).env("RANKBOT_TEST_STORE", "dynamodb-local");
        tests.env("DYNAMODB_LOCAL_ENDPOINT", dynamodb_local.endpoint());
        // For the tests that must stop and start a database of their own.
        tests.env("DYNAMODB_LOCAL_DIR", workspace.dynamodb_local());
        // All failures in one run, here too.
        outcome = outcome.and(invocation::run(&mut tests));
    }
    outcome
}
