//! `rankbot local`: starts, says what there is, and waits for the signal to stop.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use rankbot_shared::adapters::bots::BotKey;
use rankbot_shared::domain::id::GroupId;
use rankbot_shared::domain::plan::Plan;
use rankbot_store::Location;
use serde::Serialize;
use tracing_subscriber::EnvFilter;

use super::banner::{Banner, BinaryCall};
use super::log::{Colours, RequestLog};
use super::{Local, LocalError, LocalOptions, RobloxChoice, SamVariables, StoreChoice};
use crate::args::LocalArgs;
use crate::failure::Failure;
use crate::output::Format;

/// The embedded engine reports every refused condition as a warning, and refusing is half of its work.
const QUIET: &str = "warn,dynoxide=error";

/// What `--json` prints once everything answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ready<'a> {
    url: String,
    keys: BTreeMap<Plan, &'a str>,
    group_id: GroupId,
    /// `null` with another Roblox.
    sandbox_url: Option<String>,
    env: BTreeMap<&'static str, String>,
}

impl<'a> Ready<'a> {
    fn new(local: &'a Local) -> Self {
        Self {
            url: local.url(),
            keys: Plan::ALL.into_iter().map(|plan| (plan, local.key(plan).reveal())).collect(),
            group_id: local.group_id(),
            sandbox_url: local.sandbox_url(),
            env: local.environment().into_iter().collect(),
        }
    }
}

/// More often than on AWS, where a schedule's shortest period is a minute.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// Runs until SIGINT or SIGTERM; a second one cuts short the wait for running requests.
pub(crate) async fn run(args: LocalArgs, format: Format) -> Result<(), Failure> {
    report_to_standard_error();
    // Before anything is announced: a signal that comes right after must find its handler.
    let mut signals = Signals::new().map_err(LocalError::Signals)?;
    let kept_in = (!args.ephemeral).then(|| args.data.clone());
    let local = Local::start(options(args)?).await?;
    for notice in local.notices() {
        // Nobody may be reading, and that is no reason to end.
        let _ = writeln!(io::stderr().lock(), "note: {notice}");
    }
    let _containers = let_containers_in(&local, kept_in.as_deref()).await;
    let banner =
        || Banner::new(&local, kept_in.as_deref(), BinaryCall::of_this_process()).text(Colours::of_standard_output());
    format.print(&Ready::new(&local), banner)?;
    signals.wait().await;
    tokio::select! {
        () = local.stop() => {}
        // Asked twice: now, whatever is running.
        () = signals.wait() => {}
    }
    Ok(())
}

/// For as long as the value lives. Without it everything works but `sam local`, which few need.
async fn let_containers_in(local: &Local, kept_in: Option<&Path>) -> Option<SamVariables> {
    let directory = kept_in?;
    let opened = SamVariables::of(local).await.and_then(|variables| variables.write(directory).map(|()| variables));
    opened
        .inspect_err(|error| {
            let _ = writeln!(io::stderr().lock(), "note: `sam local` cannot use this RankBot: {error}");
        })
        .ok()
}

fn options(args: LocalArgs) -> Result<LocalOptions, LocalError> {
    let roblox = match args.roblox_base_url {
        None => RobloxChoice::Sandbox,
        Some(base_url) => {
            let api_key = std::env::var("ROBLOX_API_KEY").ok().filter(|key| !key.is_empty());
            let bot = BotKey::new(&api_key.ok_or(LocalError::NoRobloxKey)?);
            RobloxChoice::External { base_url, bot: bot.map_err(|_| LocalError::UnreadableRobloxKey)? }
        }
    };
    let location = if args.ephemeral { Location::Memory } else { Location::Directory(args.data) };
    let store = StoreChoice::Embedded(location);
    Ok(LocalOptions {
        port: args.port,
        store,
        roblox,
        group: args.group,
        log: RequestLog::StandardError,
        sweep_every: Some(SWEEP_EVERY),
    })
}

/// Warnings and errors of the functions, readable; `RUST_LOG` asks for more.
fn report_to_standard_error() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(QUIET));
    // Fails where a subscriber is set already, and then that one is wanted.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(Colours::of_standard_error() == Colours::On)
        .compact()
        .try_init();
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "it can fail on the systems that have signals")]
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn wait(&mut self) {
        // Without a console there is nobody to press Ctrl-C, and nothing to wait for.
        let _ = tokio::signal::ctrl_c().await;
    }
}
