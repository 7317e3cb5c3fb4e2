//! A browser with one page.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Programs;
use crate::driver::Driver;

/// How long one command may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// For every browser: no window, nothing kept, nobody called but whom the test calls. Its own sandbox needs rights that
/// containers do not have, and it opens the tests' pages alone.
const ARGUMENTS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-proxy-server",
    // The browser ends when the pipe is closed, and so with its driver: else it would outlive a test that fails.
    "--remote-debugging-pipe",
];

/// Why a browser did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// Nobody said which to take.
    #[error("{variable} names no program: `cargo xtask test --only browser` sets it")]
    NotNamed {
        /// The environment variable.
        variable: &'static str,
    },
    /// The driver could not be started.
    #[error("cannot start {}", program.display())]
    NotStarted {
        /// The driver.
        program: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The driver does not say where it listens.
    #[error("chromedriver did not start")]
    Silent,
    /// No folder for the browser's profile.
    #[error("cannot make a folder for the browser's profile")]
    Profile(#[from] io::Error),
    /// The driver does not answer.
    #[error("chromedriver does not answer")]
    NoAnswer(#[from] reqwest::Error),
    /// The browser refuses, or a script has failed; with what the driver says.
    #[error("{command}: {message}")]
    Refused {
        /// The command.
        command: String,
        /// The driver's words.
        message: String,
    },
}

/// A running browser, its profile new and empty. Dropping it ends it.
#[derive(Debug)]
pub struct Browser {
    http: Client,
    /// The address of the driver's session.
    session: String,
    // Dropped in this order: the folder is removed after the browser has been told to end.
    _driver: Driver,
    _profile: TempDir,
}

impl Browser {
    /// Starts one, with more of Chromium's own arguments.
    pub async fn open(programs: &Programs, arguments: &[&str]) -> Result<Self, BrowserError> {
        let profile = tempfile::tempdir()?;
        let driver = Driver::start(programs).await?;
        let http = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let folder = format!("--user-data-dir={}", profile.path().display());
        let arguments: Vec<&str> = ARGUMENTS.iter().chain(arguments).copied().chain([folder.as_str()]).collect();
        let options = json!({ "binary": programs.chromium, "args": arguments });
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}});
        let sessions = format!("{}/session", driver.url);
        let session = command(&http, Method::POST, &sessions, &wanted).await?;
        let id = session.get("sessionId").and_then(Value::as_str).ok_or(BrowserError::Silent)?;
        Ok(Self { http, session: format!("{sessions}/{id}"), _driver: driver, _profile: profile })
    }

    /// Opens an address, and waits until it is loaded.
    pub async fn go_to(&self, url: &str) -> Result<(), BrowserError> {
        self.command("url", &json!({ "url": url })).await.map(drop)
    }

    /// Runs a script in the page, as a script of its own: the body of a function, with `arguments`. A promise that it
    /// returns is waited for.
    pub async fn run(&self, script: &str, arguments: &[Value]) -> Result<Value, BrowserError> {
        self.command("execute/sync", &json!({ "script": script, "args": arguments })).await
    }

    async fn command(&self, name: &str, body: &Value) -> Result<Value, BrowserError> {
        command(&self.http, Method::POST, &format!("{}/{name}", self.session), body).await
    }
}

async fn command(http: &Client, method: Method, url: &str, body: &Value) -> Result<Value, BrowserError> {
    let response = http.request(method, url).json(body).send().await?;
    let succeeded = response.status().is_success();
    let mut answer: Value = response.json().await?;
    let value = answer.get_mut("value").map(Value::take).unwrap_or_default();
    if succeeded {
        return Ok(value);
    }
    let message = value.get("message").and_then(Value::as_str).unwrap_or("no reason").to_owned();
    Err(BrowserError::Refused { command: url.rsplit('/').next().unwrap_or_default().to_owned(), message })
}
