//! The project's own tasks, run as `cargo xtask <task>`.
//!
//! - [`steps`] lists the checks: what each is for, which tools it needs, what it runs.
//! - [`report`] runs them one after the other, and prints what happened and how long it took.
//! - [`setup`] puts those tools into `.tools/`: [`python_tools`] what comes from `PyPI`, [`dynamodb_local`] Amazon's
//!   DynamoDB Local; [`system_programs`] finds what only the machine itself can have, such as Java.
//! - [`roblox`] writes the Luau packages' model files, and checks their sources; [`luau_checker`] what Luau's own type
//!   checker says of them; [`roblox_typescript`] their typings.
//! - [`template`] checks the deployment's template, as written and as SAM expands it.
//! - [`openapi`] writes `docs/openapi.json`, and checks it against a running RankBot, [`rankbot_local`].
//! - [`programs`] builds programs of the workspace as its tests are built.
//! - [`functions`] runs the built functions under AWS's runtime interface emulator, [`sam_local`] in Lambda's container
//!   where a [`container_engine`] answers.
//! - [`browser`] runs the tests that need a real one.
//! - [`sam_build`] builds the Lambda functions as they are shipped.
//! - [`bench`](mod@bench) builds as shipped, holds the size to its limit, and measures.
//! - [`dependencies`] checks what RankBot is built from; [`bill_of_materials`] writes down what each function is made of.
//! - [`cargo_tools`] builds tools that there are as Rust sources alone.
//! - [`invocation`] runs another program.
#![expect(clippy::print_stdout, reason = "a task's output is for the person at the terminal")]

mod bench;
mod bill_of_materials;
mod browser;
mod cargo_tools;
mod container_engine;
mod dependencies;
mod dynamodb_local;
mod functions;
mod invocation;
mod luau_checker;
mod openapi;
mod programs;
mod python_tools;
mod rankbot_local;
mod report;
mod roblox;
mod roblox_typescript;
mod sam_build;
mod sam_local;
mod setup;
mod steps;
mod system_programs;
mod template;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::report::OnFailure;
use crate::sam_build::{Architecture, Purpose};
use crate::setup::Tool;
use crate::steps::Step;
use crate::workspace::Workspace;

/// RankBot's development tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Sets up what the checks need, then runs all of them.
    Test {
        /// Runs these steps only (and the set-up that they need).
        #[arg(long, value_enum, num_args = 1.., value_delimiter = ',')]
        only: Vec<Step>,
        /// Runs the remaining steps after one has failed.
        #[arg(long)]
        keep_going: bool,
    },
    /// Runs the quick checks that need no tools: format and clippy.
    Lint,
    /// Installs the tools that the checks need into .tools/; does nothing when they are there.
    Setup,
    /// Runs DynamoDB Local, in memory, until it is interrupted.
    DynamodbLocal {
        /// The port to listen on; any free one if left out.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Writes the Luau packages as model files into target/roblox/, the same bytes for the same sources.
    Roblox,
    /// Writes docs/openapi.json from the code.
    Openapi,
    /// Measures sizes, starts, calls, throughput and growth.
    Bench(bench::Options),
    /// Writes what each function is made of into target/sbom/, as `CycloneDX` bills of materials.
    Sbom,
    /// Builds the Lambda functions with SAM, optimised, all at once: for `sam deploy`, or for `sam local`.
    SamBuild {
        /// The processor to deploy to.
        #[arg(long, value_enum, default_value_t = Architecture::Arm64)]
        architecture: Architecture,
        /// For `sam local`, on this machine's processor.
        #[arg(long, conflicts_with = "architecture")]
        local: bool,
    },
}

fn main() -> ExitCode {
    match run(&Arguments::parse().task) {
        Ok(exit_code) => exit_code,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::locate()?;
    match task {
        Task::Test { only, keep_going } => {
            let on_failure = if *keep_going { OnFailure::KeepGoing } else { OnFailure::Stop };
            let steps = if only.is_empty() { Step::all() } else { only.clone() };
            Ok(report::run_steps(&workspace, &steps, on_failure))
        }
        Task::Lint => Ok(report::run_steps(&workspace, &[Step::Format, Step::Clippy], OnFailure::Stop)),
        Task::Setup => Ok(report::run_setup(&workspace, &Tool::all())),
        Task::DynamodbLocal { port } => dynamodb_local::serve(&workspace, *port),
        Task::Roblox => roblox::build_models(&workspace).map(|()| ExitCode::SUCCESS),
        Task::Openapi => openapi::write(&workspace).map(|()| ExitCode::SUCCESS),
        Task::Bench(options) => bench::run(&workspace, options),
        Task::Sbom => bill_of_materials::write(&workspace),
        Task::SamBuild { architecture, local } => {
            let purpose = if *local { Purpose::Local } else { Purpose::Deployment(*architecture) };
            sam_build::run(&workspace, purpose)
        }
    }
}
