//! Instructions of a start and of a warm request, as callgrind counts them: the same on a busy machine and an idle one.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rankbot_shared::function::Function;
use tokio::process::{Child, Command};

use crate::bed::Bed;
use crate::errand::Errand;
use crate::report::{Cell, Section};
use crate::runtime_api::RuntimeApi;
use crate::surroundings::{Store, Surroundings, Transport};

/// The largest path, the commonest, and the smallest.
const FUNCTIONS: [Function; 3] = [Function::SetRank, Function::GetRank, Function::KeyInfo];
/// Requests until everything is warm.
const FIRST_REQUESTS: u32 = 5;
/// Requests that are counted.
const REQUESTS: u32 = 20;
const NOT_INSTALLED: &str = "valgrind is not installed";

/// Millions of instructions.
struct Counts {
    init: f64,
    request: f64,
}

pub(crate) async fn section(binaries: &Path) -> anyhow::Result<Section> {
    let mut rows = Vec::new();
    let installed = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().await.is_ok();
    let bed = Bed::start().await?;
    for function in FUNCTIONS {
        let name = Cell::text(function.name());
        if !installed {
            let missing = || Cell::Missing(NOT_INSTALLED);
            rows.push(vec![name, missing(), missing()]);
            continue;
        }
        let counts = count(&bed, binaries, function).await.with_context(|| format!("counting {function}"))?;
        let cells = [counts.init, counts.request].map(|millions| Cell::number(millions, 3));
        rows.push(std::iter::once(name).chain(cells).collect());
    }
    Ok(Section {
        name: "instructions",
        title: "Instructions, counted by callgrind".to_owned(),
        notes: vec![
            "init: process start to first event asked for, the bot's secret fetched.".to_owned(),
            format!(
                "request: a warm one, the mean of {REQUESTS}. Both plain: under callgrind a TLS handshake takes longer"
            ),
            "than the function waits for it. SHA-256 is counted as software: the processor that callgrind shows has no"
                .to_owned(),
            "instructions for it.".to_owned(),
        ],
        columns: vec!["function", "init [million]", "request [million]"],
        rows,
    })
}

async fn count(bed: &Bed, binaries: &Path, function: Function) -> anyhow::Result<Counts> {
    let binary = binaries.join(function.name());
    let surroundings = Surroundings::around(bed, Transport::Plain, Store::Itself).await?;
    let run = |requests| instructions(bed, &surroundings, &binary, function, requests);
    let few = run(FIRST_REQUESTS).await?;
    let many = run(FIRST_REQUESTS + REQUESTS).await?;
    Ok(Counts { init: run(0).await?, request: (many - few) / f64::from(REQUESTS) })
}

/// What the function runs from its start until it has served so many requests, in millions of instructions.
async fn instructions(
    bed: &Bed,
    surroundings: &Surroundings,
    binary: &Path,
    function: Function,
    requests: u32,
) -> anyhow::Result<f64> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("callgrind.out");
    let mut errand = Errand::prepare(bed, function).await?;
    let mut api = RuntimeApi::start().await?;
    let mut running = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(binary)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(surroundings.environment(function))
        .env("AWS_LAMBDA_RUNTIME_API", api.authority())
        .env("AWS_LAMBDA_FUNCTION_NAME", function.name())
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("could not start valgrind")?;
    api.ready().await?;
    for _ in 0..requests {
        let answer = api.invoke(errand.event()?).await?;
        errand.check(&answer)?;
    }
    end(&mut running).await?;
    total(&std::fs::read_to_string(&file).context("callgrind has written nothing")?)
}

/// Ends the function such that callgrind writes down what it has counted.
async fn end(running: &mut Child) -> anyhow::Result<()> {
    let id = running.id().context("the function has ended by itself")?;
    kill(Pid::from_raw(id.try_into()?), Signal::SIGTERM)?;
    running.wait().await?;
    Ok(())
}

/// The total of callgrind's file, in millions: `summary: 1234567`, or `totals:` where it dumped several parts.
fn total(file: &str) -> anyhow::Result<f64> {
    let line = file.lines().find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")));
    let total: f64 = line.context("callgrind has written no total")?.trim().parse()?;
    ensure!(total > 0.0, "callgrind has counted nothing");
    Ok(total / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_from_callgrinds_file() {
        let file = "version: 1\nevents: Ir\nfn=main\n1 2\n\ntotals: 21500000\n";
        assert!((21.4..21.6).contains(&total(file).unwrap()));
        assert!(total("version: 1\n").is_err() && total("totals: 0").is_err());
    }
}
