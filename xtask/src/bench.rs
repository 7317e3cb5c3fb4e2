//! `cargo xtask bench`: builds what is measured as it is shipped, then runs `rankbot-bench`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Args;

use crate::invocation;
use crate::python_tools;
use crate::setup::Tool;
use crate::workspace::Workspace;

/// The shipped profile has a target folder of its own: building it disturbs no other build.
const TARGET: &str = "target/size";
const LIMITS: &str = "bench/limits.toml";
const COSTS: &str = "target/size/costs.json";
/// The function with the largest path.
const LARGEST: &str = "rank";
/// Deflates `bootstrap` at level 9 into a zip, as it is uploaded.
const ZIP: &str = "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[2], 'w', zipfile.ZIP_DEFLATED, compresslevel=9) as z: z.write(sys.argv[1], 'bootstrap')";

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// These sections only: functions, instructions, calls, throughput, growth.
    #[arg(long, num_args = 1.., value_delimiter = ',')]
    only: Vec<String>,
    /// Fewer repetitions: for seeing that it works, not for figures.
    #[arg(long)]
    quick: bool,
    /// Writes the figures to this file, too.
    #[arg(long)]
    json: Option<PathBuf>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<ExitCode> {
    Tool::PythonTools.install(workspace)?;
    let wanted = |part: &str| options.only.is_empty() || options.only.iter().any(|only| only == part);
    if wanted("functions") || wanted("instructions") {
        let names = function_names(workspace)?;
        // By themselves: together with other packages, they would have those packages' features.
        build(workspace, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
        for name in names {
            zip(workspace, &name)?;
        }
    }
    build(workspace, &["rankbot", "rankbot-bench"])?;
    if wanted("calls") {
        let mut count = invocation::command(workspace, "cargo");
        count.args(["test", "--quiet", "--package", "rankbot", "--test", "api", "costs::"]);
        invocation::run(count.env("RANKBOT_COSTS", workspace.root().join(COSTS)))?;
    }
    let binaries = workspace.root().join(TARGET).join("release");
    let mut bench = invocation::command(workspace, binaries.join("rankbot-bench"));
    bench.env("RANKBOT_LAMBDA_EMULATOR", crate::functions::emulator(workspace)?);
    bench.arg("--binaries").arg(&binaries).arg("--zips").arg(&binaries).arg("--rankbot").arg(binaries.join("rankbot"));
    bench.args(["--costs", COSTS, "--limits", LIMITS]);
    bench.args(options.only.iter().flat_map(|part| ["--only", part]));
    bench.args(options.quick.then_some("--quick"));
    if let Some(path) = &options.json {
        bench.arg("--json").arg(path);
    }
    invocation::run(&mut bench)?;
    Ok(ExitCode::SUCCESS)
}

/// The step `size`: one function, as shipped, is no larger than its limit.
pub(crate) fn check_size(workspace: &Workspace) -> anyhow::Result<()> {
    let text = fs::read_to_string(workspace.root().join(LIMITS)).context("could not read bench/limits.toml")?;
    let limits: toml::Table = toml::from_str(&text).context(LIMITS)?;
    let limit = limits.get("limits").and_then(|limits| limits.get("rank_zip_bytes")?.as_integer());
    let limit = u64::try_from(limit.context("bench/limits.toml names no limits.rank_zip_bytes")?)?;
    build(workspace, &[LARGEST])?;
    let actual = fs::metadata(zip(workspace, LARGEST)?)?.len();
    println!("    {LARGEST}.zip: {actual} bytes, the limit is {limit}");
    ensure!(actual <= limit, "{LARGEST}.zip has {actual} bytes, above the limit of {limit} in {LIMITS}");
    Ok(())
}

fn function_names(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(workspace.root().join("functions")).context("could not list functions/")?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}

fn build(workspace: &Workspace, packages: &[&str]) -> anyhow::Result<()> {
    let mut build = invocation::command(workspace, "cargo");
    build.args(["build", "--quiet", "--release", "--target-dir", TARGET]);
    invocation::run(build.args(packages.iter().flat_map(|package| ["--package", package])))
}

fn zip(workspace: &Workspace, function: &str) -> anyhow::Result<PathBuf> {
    let folder = workspace.root().join(TARGET).join("release");
    let path: PathBuf = Path::new(&folder).join(format!("{function}.zip"));
    let mut zip = python_tools::command(workspace, "python")?;
    let status =
        zip.args(["-c", ZIP]).arg(folder.join(function)).arg(&path).status().context("could not start python")?;
    ensure!(status.success(), "{function} could not be zipped");
    Ok(path)
}
