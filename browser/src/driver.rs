//! A running `chromedriver`.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::{BrowserError, Programs};

/// How long it may take until it listens.
const START: Duration = Duration::from_secs(30);
/// What it prints then, before the port.
const READY: &str = "started successfully on port ";

/// It ends with this value, and its browser with it.
#[derive(Debug)]
pub(crate) struct Driver {
    _process: Child,
    pub(crate) url: String,
}

impl Driver {
    pub(crate) async fn start(programs: &Programs) -> Result<Self, BrowserError> {
        let mut command = Command::new(&programs.chromedriver);
        // In the process group of the test: what ends that ends the driver, too.
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let not_started = |source| BrowserError::NotStarted { program: programs.chromedriver.clone(), source };
        let mut process = command.spawn().map_err(not_started)?;
        let stdout = process.stdout.take().ok_or(BrowserError::Silent)?;
        let port = timeout(START, port(stdout)).await.map_err(|_| BrowserError::Silent)??;
        Ok(Self { _process: process, url: format!("http://127.0.0.1:{port}") })
    }
}

async fn port(stdout: ChildStdout) -> Result<u16, BrowserError> {
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await.map_err(|_| BrowserError::Silent)? {
        let Some((_, rest)) = line.split_once(READY) else { continue };
        // Read on, or the driver would wait for somebody to do so.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        return rest.trim_end_matches('.').parse().map_err(|_| BrowserError::Silent);
    }
    Err(BrowserError::Silent)
}
