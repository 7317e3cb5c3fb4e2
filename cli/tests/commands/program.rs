//! The program as a process.

use std::path::Path;
use std::process::{ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// The program with these arguments, in this folder and with this environment alone.
fn command(arguments: &[&str], folder: &Path, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rankbot"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The one JSON value on standard output.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 0, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The one sentence of a refusal with this status: nothing on standard output.
    #[track_caller]
    pub(crate) fn refusal(&self, status: i32) -> &str {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.stdout, "");
        let sentence = self.stderr.strip_prefix("error: ").and_then(|line| line.strip_suffix('\n'));
        let sentence = sentence.unwrap_or_else(|| panic!("no error: {self:?}"));
        assert!(!sentence.contains('\n'), "more than one line: {sentence}");
        sentence
    }
}

/// Runs the program to its end.
pub(crate) async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let folder = TempDir::new().unwrap();
    run_in(folder.path(), arguments, environment).await
}

/// Runs the program to its end, in this folder.
pub(crate) async fn run_in(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let output = command(arguments, folder, environment).output().await.unwrap();
    Ended {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Starts the program and reads its standard output up to the line that says that it is ready.
async fn start_until(
    folder: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
    is_last: impl Fn(&str) -> bool,
) -> (Child, BufReader<ChildStdout>, String) {
    let mut child = command(arguments, folder, environment).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    loop {
        let mut line = String::new();
        stdout.read_line(&mut line).await.unwrap();
        if line.is_empty() {
            let mut stderr = String::new();
            child.stderr.take().unwrap().read_to_string(&mut stderr).await.unwrap();
            panic!("rankbot did not get ready: {text}{stderr}");
        }
        text.push_str(&line);
        if is_last(&line) {
            return (child, stdout, text);
        }
    }
}

/// Starts `rankbot local` for a person and reads what it greets them with. It runs until the process is dropped.
pub(crate) async fn greeting(folder: &Path) -> (Child, String) {
    let arguments = ["local", "--port", "0", "--ephemeral"];
    let (child, _, text) = start_until(folder, &arguments, &[], |line| line.starts_with("Ctrl-C")).await;
    (child, text)
}

/// A signal that asks a process to end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
}

/// A `rankbot local` that is ready.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) ready: Value,
}

impl Running {
    /// Starts `rankbot local --json --port 0` with more arguments, and waits for its line.
    pub(crate) async fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_with(folder, arguments, &[]).await
    }

    /// The same, with this environment.
    pub(crate) async fn start_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let arguments = [&["local", "--json", "--port", "0"], arguments].concat();
        let (child, stdout, line) = start_until(folder, &arguments, environment, |_| true).await;
        Self { child, stdout, ready: serde_json::from_str(&line).unwrap() }
    }

    pub(crate) fn url(&self) -> &str {
        self.ready["url"].as_str().unwrap()
    }

    pub(crate) fn key(&self, plan: &str) -> &str {
        self.ready["keys"][plan].as_str().unwrap()
    }

    /// Sends the signal and waits for the end. Gives the rest of standard output, and standard error.
    pub(crate) async fn stop(mut self, signal: Signal) -> (ExitStatus, String, String) {
        let name = match signal {
            Signal::Interrupt => "INT",
            Signal::Terminate => "TERM",
        };
        let kill = format!("kill -{name} {}", self.child.id().unwrap());
        assert!(Command::new("sh").args(["-c", &kill]).status().await.unwrap().success());
        let mut stderr_pipe = self.child.stderr.take().unwrap();
        let (mut stdout, mut stderr) = (String::new(), String::new());
        let (status, _, _) = tokio::try_join!(
            self.child.wait(),
            self.stdout.read_to_string(&mut stdout),
            stderr_pipe.read_to_string(&mut stderr)
        )
        .unwrap();
        (status, stdout, stderr)
    }
}
