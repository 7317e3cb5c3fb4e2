//! One function under AWS's runtime interface emulator: what it weighs, how it starts, what a warm request costs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rankbot_emulator::{Emulator, FunctionProcess, Outcome, Program};
use rankbot_shared::function::Function;

use crate::bed::Bed;
use crate::errand::Errand;
use crate::goals::Goals;
use crate::median::median;
use crate::report::{Cell, Section};
use crate::surroundings::{Store, Surroundings, Transport};

/// How often things are done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    starts: usize,
    warm_requests: u32,
}

impl Effort {
    pub(crate) const FULL: Self = Self { starts: 20, warm_requests: 500 };
    pub(crate) const QUICK: Self = Self { starts: 5, warm_requests: 50 };
}

/// Requests before any is measured: connections are open, and pages of memory have been touched.
const FIRST_REQUESTS: usize = 20;
/// Requests after which memory is looked at.
const REQUESTS_FOR_MEMORY: usize = 100;

/// For a function that no answer comes from: the run shall fail, and not hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is measured of a start: medians.
#[derive(Debug, Clone, Copy)]
struct Start {
    duration: Duration,
    user: Duration,
}

/// What is measured of warm requests.
#[derive(Debug, Clone, Copy)]
struct Warm {
    /// Processor time of the function's process for one request, user and system: the mean.
    processor: Duration,
    /// A request's own share of its duration: the median.
    overhead: Duration,
    /// All of it: the median.
    whole: Duration,
}

/// A function and what it is measured with.
struct Subject<'a> {
    function: Function,
    binary: PathBuf,
    emulator: &'a Program,
    bed: &'a Bed,
    effort: Effort,
}

pub(crate) async fn section(
    binaries: &Path,
    zips: &Path,
    functions: &[Function],
    goals: Goals,
    effort: Effort,
) -> anyhow::Result<Section> {
    let emulator = Program::from_env()?;
    let bed = Bed::start().await?;
    let mut rows = Vec::new();
    for function in functions.iter().copied() {
        let binary = binaries.join(function.name());
        let subject = Subject { function, binary, emulator: &emulator, bed: &bed, effort };
        rows.push(row(&subject, zips, goals).await.with_context(|| format!("measuring {function}"))?);
    }
    rows.push(goal_row(goals));
    let Effort { starts, warm_requests } = effort;
    Ok(Section {
        name: "functions",
        title: "Functions, under AWS's runtime interface emulator".to_owned(),
        notes: vec![
            format!("init: process start to first event asked for, median of {starts}; with the bot's secret fetched."),
            "Plain: DynamoDB and Secrets Manager over HTTP on loopback; TLS: behind a local TLS front each.".to_owned(),
            format!(
                "user: processor time in the function's own code. Peak memory: after {REQUESTS_FOR_MEMORY} warm requests, all over TLS."
            ),
            format!("Warm, plain, {warm_requests} requests: processor is user and system, mean; request is all of it,"),
            "own is that without waiting for DynamoDB and Roblox, medians. `!`: beyond the goal.".to_owned(),
        ],
        columns: vec![
            "function",
            "zip [MB]",
            "init, plain [ms]",
            "user [ms]",
            "init, TLS [ms]",
            "user, TLS [ms]",
            "peak memory [MiB]",
            "processor [ms]",
            "request [ms]",
            "own [ms]",
        ],
        rows,
    })
}

async fn row(subject: &Subject<'_>, zips: &Path, goals: Goals) -> anyhow::Result<Vec<Cell>> {
    let zip = fs::metadata(zips.join(format!("{}.zip", subject.function)));
    let zip = zip.map_or(Cell::Missing("no zip"), |zip| judged(megabytes(zip.len()), 3, goals.zip_mb));
    let plain = subject.start(Transport::Plain).await?;
    let tls = subject.start(Transport::Tls).await?;
    let memory = subject.peak_memory().await?;
    let warm = subject.warm().await?;
    Ok(vec![
        Cell::text(subject.function.name()),
        zip,
        Cell::number(ms(plain.duration), 1),
        judged(ms(plain.user), 1, goals.init_user_ms),
        Cell::number(ms(tls.duration), 1),
        judged(ms(tls.user), 1, goals.init_user_ms),
        judged(mebibytes(memory), 1, goals.peak_memory_mib),
        Cell::number(ms(warm.processor), 2),
        Cell::number(ms(warm.whole), 2),
        judged(ms(warm.overhead), 2, goals.overhead_ms),
    ])
}

fn goal_row(goals: Goals) -> Vec<Cell> {
    let at_most = |goal: f64| Cell::text(format!("≤ {goal}"));
    let none = || Cell::text("");
    vec![
        Cell::text("goal"),
        at_most(goals.zip_mb),
        none(),
        at_most(goals.init_user_ms),
        none(),
        at_most(goals.init_user_ms),
        at_most(goals.peak_memory_mib),
        none(),
        none(),
        at_most(goals.overhead_ms),
    ]
}

impl Subject<'_> {
    async fn emulator(&self, surroundings: &Surroundings) -> anyhow::Result<Emulator> {
        Ok(Emulator::start(self.emulator, &self.binary, surroundings.environment(self.function)).await?)
    }

    async fn start(&self, transport: Transport) -> anyhow::Result<Start> {
        let surroundings = Surroundings::around(self.bed, transport, Store::Itself).await?;
        let (mut durations, mut users) = (Vec::new(), Vec::new());
        for _ in 0..self.effort.starts {
            let mut emulator = self.emulator(&surroundings).await?;
            durations.push(emulator.initialise().await?.duration);
            let usage = emulator.stop().await?.context("the function has ended by itself")?;
            users.push(usage.user);
        }
        Ok(Start { duration: median(durations)?, user: median(users)? })
    }

    async fn peak_memory(&self) -> anyhow::Result<u64> {
        let surroundings = Surroundings::around(self.bed, Transport::Tls, Store::Itself).await?;
        let mut emulator = self.emulator(&surroundings).await?;
        let mut errand = Errand::prepare(self.bed, self.function).await?;
        for _ in 0..REQUESTS_FOR_MEMORY {
            request(&mut emulator, &mut errand).await?;
        }
        Ok(process(&emulator)?.peak_memory()?)
    }

    async fn warm(&self) -> anyhow::Result<Warm> {
        let surroundings = Surroundings::around(self.bed, Transport::Plain, Store::Recorded).await?;
        let mut emulator = self.emulator(&surroundings).await?;
        let mut errand = Errand::prepare(self.bed, self.function).await?;
        for _ in 0..FIRST_REQUESTS {
            request(&mut emulator, &mut errand).await?;
        }
        let (mut wholes, mut overheads) = (Vec::new(), Vec::new());
        let before = process(&emulator)?.processor_time()?;
        for _ in 0..self.effort.warm_requests {
            self.bed.forget();
            let duration = request(&mut emulator, &mut errand).await?;
            wholes.push(duration);
            overheads.push(duration.saturating_sub(self.bed.waited()));
        }
        let processor = process(&emulator)?.processor_time()?.saturating_sub(before) / self.effort.warm_requests;
        Ok(Warm { processor, overhead: median(overheads)?, whole: median(wholes)? })
    }
}

/// One request that succeeds, and its duration as the emulator measured it.
async fn request(emulator: &mut Emulator, errand: &mut Errand<'_>) -> anyhow::Result<Duration> {
    let invoked = tokio::time::timeout(PATIENCE, emulator.invoke(&errand.event()?)).await;
    let invocation = invoked.context("nothing is heard of the function or its emulator")??;
    match invocation.outcome {
        Outcome::Response(answer) => errand.check(&answer)?,
        Outcome::Error(error) => bail!("the function failed: {error:?}"),
    }
    Ok(invocation.duration)
}

fn process(emulator: &Emulator) -> anyhow::Result<FunctionProcess> {
    emulator.function().context("the function has ended by itself")
}

fn judged(value: f64, decimals: usize, goal: f64) -> Cell {
    Cell::Judged { value, decimals, goal }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "the sizes of files and processes are far below 2^52 bytes")]
const fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "the sizes of files and processes are far below 2^52 bytes")]
const fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
