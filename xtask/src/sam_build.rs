//! `cargo xtask sam-build`: the functions optimised, in the form in which SAM takes them.

use std::env::consts::ARCH;
use std::process::ExitCode;

use clap::ValueEnum;

use crate::functions;
use crate::invocation;
use crate::python_tools;
use crate::setup::Tool;
use crate::workspace::Workspace;

/// A processor that Lambda offers.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Architecture {
    /// The template's default: the cheaper one.
    #[value(name = "arm64")]
    Arm64,
    #[value(name = "x86_64")]
    X86_64,
}

impl Architecture {
    /// This machine's.
    fn own() -> Self {
        if ARCH == "aarch64" { Self::Arm64 } else { Self::X86_64 }
    }

    /// As Lambda and the template's parameter spell it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    /// As rustc spells the system that Lambda has on it.
    pub(crate) fn triple(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }

    /// As cargo-lambda spells it.
    fn flag(self) -> &'static str {
        match self {
            Self::Arm64 => "--arm64",
            Self::X86_64 => "--x86-64",
        }
    }
}

/// What is built for what. Each has a folder of its own in `samconfig.toml`: what was built to be tried is never
/// deployed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// `sam deploy`, whichever environment.
    Deployment(Architecture),
    /// `sam local`, on this machine's processor.
    Local,
}

impl Purpose {
    fn architecture(self) -> Architecture {
        match self {
            Self::Deployment(architecture) => architecture,
            Self::Local => Architecture::own(),
        }
    }

    /// The environment in `samconfig.toml` that says where to. All environments that deploy say the same.
    fn environment(self) -> &'static str {
        match self {
            Self::Deployment(_) => "pro",
            Self::Local => "default",
        }
    }
}

/// Builds all functions. `sam build` runs cargo once per function, one after the other; here cargo has all of them at
/// once before, so that it uses every processor, and SAM finds the work done.
pub(crate) fn run(workspace: &Workspace, purpose: Purpose) -> anyhow::Result<ExitCode> {
    Tool::PythonTools.install(workspace)?;
    let architecture = purpose.architecture();
    let mut cargo_lambda = python_tools::command(workspace, "cargo-lambda")?;
    cargo_lambda.args(["lambda", "build", "--release", architecture.flag()]);
    for name in functions::names(workspace)? {
        cargo_lambda.args(["--package", &name]);
    }
    invocation::run(&mut cargo_lambda)?;
    let mut sam = python_tools::command(workspace, "sam")?;
    sam.env("SAM_CLI_TELEMETRY", "0").args(["build", "--region", "us-east-1", "--config-env", purpose.environment()]);
    sam.arg("--parameter-overrides").arg(format!("Architecture={}", architecture.name()));
    invocation::run(&mut sam)?;
    Ok(ExitCode::SUCCESS)
}
