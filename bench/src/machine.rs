//! What the figures were taken on: without it they say nothing.

use std::fmt;
use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

use jiff::Timestamp;
use serde::Serialize;

/// The facts that matter. What cannot be found out is said to be unknown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    taken_at: String,
    commit: String,
    rustc: String,
    processor: String,
    cores: usize,
    memory_gib: f64,
    kernel: String,
    /// Processes that ran or wanted to, over the minute before: 0 on an idle machine.
    load: String,
}

impl Machine {
    pub(crate) fn look() -> Self {
        let kibibytes = after("/proc/meminfo", "MemTotal").and_then(|text| text.strip_suffix(" kB")?.parse().ok());
        Self {
            taken_at: Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            commit: printed("git", &["describe", "--always", "--dirty", "--abbrev=10"]),
            rustc: printed("rustc", &["--version"]),
            processor: after("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: available_parallelism().map_or(0, usize::from),
            memory_gib: kibibytes.map_or(f64::NAN, |kibibytes: f64| kibibytes / 1024.0 / 1024.0),
            kernel: read("/proc/sys/kernel/osrelease").unwrap_or_else(unknown),
            load: read("/proc/loadavg")
                .and_then(|text| Some(text.split(' ').next()?.to_owned()))
                .unwrap_or_else(unknown),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { taken_at, commit, rustc, processor, cores, memory_gib, kernel, load } = self;
        writeln!(f, "RankBot {commit}, {taken_at}")?;
        writeln!(f, "{cores} cores ({processor}), {memory_gib:.0} GiB, Linux {kernel}, load before the start {load}")?;
        write!(f, "{rustc}")
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn read(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// The text after `name:` in a file of such lines.
fn after(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))?;
    Some(value.trim().to_owned())
}

fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
    output.map_or_else(unknown, |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
