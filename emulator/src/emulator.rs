//! A function under the emulator, from its start to its end.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::prctl::set_child_subreaper;
use serde_json::Value;
use tokio::process::Child;

use crate::line::Line;
use crate::output::Output;
use crate::process::{FunctionProcess, Usage};
use crate::program::{self, PROGRAM_VARIABLE, Program};

/// Longer than any function may run; the emulator itself ends an invocation before.
const INVOCATION: Duration = Duration::from_mins(1);

/// Why a function could not be run. What a function itself answers is an [`Outcome`].
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// Nobody said where the emulator is.
    #[error("set {PROGRAM_VARIABLE} to the path of aws-lambda-rie, as `cargo xtask test --only emulator` does")]
    NoProgram,
    /// There is no such function.
    #[error("there is no function at {0}: build it first, as `cargo xtask test --only emulator` does")]
    NoBinary(PathBuf),
    /// The emulator cannot be started.
    #[error("cannot start the emulator {program}")]
    Start {
        /// Its path.
        program: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// No ports can be had.
    #[error("cannot find free ports on 127.0.0.1")]
    Ports(#[source] io::Error),
    /// Others were faster, several times.
    #[error("no free ports on 127.0.0.1")]
    NoFreePorts,
    /// No pipe for what it prints.
    #[error("cannot read what the emulator prints")]
    Output(#[source] io::Error),
    /// The emulator's state cannot be asked for.
    #[error("cannot wait for the emulator")]
    Wait(#[source] io::Error),
    /// The emulator ended by itself.
    #[error("the emulator ended by itself: {0}")]
    Ended(ExitStatus),
    /// The emulator takes no connections.
    #[error("the emulator runs, but takes no connections")]
    NotListening,
    /// No answer to an event.
    #[error("the emulator does not answer")]
    Invoke(#[from] reqwest::Error),
    /// The function came to its end instead: it did not come up, or its process ended.
    #[error("the function ended without an answer; printed was: {lines:#?}")]
    NoAnswer {
        /// Everything that was printed meanwhile.
        lines: Vec<Line>,
        /// How the emulator's answer is no answer of a function.
        source: serde_json::Error,
    },
    /// The emulator did not say how long the initialisation took: it is another version than this crate knows.
    #[error("the emulator told of no initialisation; printed was: {0:#?}")]
    NotInitialised(Vec<Line>),
    /// The function is initialised once only.
    #[error("the function is initialised already")]
    AlreadyInitialised,
    /// The function's process cannot be looked at.
    #[error("cannot look at the function's process")]
    Process(#[source] io::Error),
}

/// What came of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The function's answer.
    Response(Value),
    /// The function, or its runtime, gave up on the event.
    Error(FunctionError),
}

/// As Lambda tells it: the type and the message of the error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// Such as `Runtime.ExitError`.
    pub kind: String,
    /// For a person.
    pub message: String,
}

/// One event, handled.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// What came of it.
    pub outcome: Outcome,
    /// From handing over the event until the function asked for the next, as the emulator measured it; zero where the
    /// function did not live to do so.
    pub duration: Duration,
    /// What was printed meanwhile, in its order.
    pub lines: Vec<Line>,
}

/// A start of the function's process, without an invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Init {
    /// From the process's start until it asked for the first event, as the emulator measured it.
    pub duration: Duration,
    /// What was printed meanwhile. The last line of the log is about the event that was refused.
    pub lines: Vec<Line>,
}

/// One function under one emulator. Handles one event at a time, as an execution environment does. Dropping it ends
/// both at once.
#[derive(Debug)]
pub struct Emulator {
    child: Child,
    url: String,
    http: reqwest::Client,
    output: Output,
    function: Option<FunctionProcess>,
}

impl Emulator {
    /// Starts the emulator on free ports. As on Lambda, the function has this environment alone, and what the emulator
    /// adds. Its process starts with the first event, or with [`Emulator::initialise`].
    pub async fn start<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        program: &Program,
        binary: impl AsRef<Path>,
        environment: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, EmulatorError> {
        let binary = binary.as_ref();
        let binary = binary.canonicalize().map_err(|_| EmulatorError::NoBinary(binary.to_owned()))?;
        let environment: Vec<(K, V)> = environment.into_iter().collect();
        let run = program::run(program, &binary, &environment).await?;
        let http = reqwest::Client::builder().no_proxy().timeout(INVOCATION).build()?;
        let url = format!("http://{}/2015-03-31/functions/function/invocations", run.address);
        Ok(Self { child: run.child, url, http, output: Output::collect(run.output), function: None })
    }

    /// Starts the function's process and lets it come up, without an event that it would handle.
    ///
    /// The emulator starts a function only when an event is there for it. This one is not JSON, so that the runtime
    /// library refuses it before any handler sees it: what that takes is in [`Init::lines`] and in the processor time,
    /// well below a millisecond, but not in [`Init::duration`].
    pub async fn initialise(&mut self) -> Result<Init, EmulatorError> {
        if self.function.is_some() {
            return Err(EmulatorError::AlreadyInitialised);
        }
        let Invocation { lines, .. } = self.send("not JSON".to_owned()).await?;
        match lines.iter().find_map(Line::init_duration) {
            Some(duration) if self.function.is_some() => Ok(Init { duration, lines }),
            Some(_) | None => Err(EmulatorError::NotInitialised(lines)),
        }
    }

    /// Hands an event to the function, and starts its process if that has not happened.
    pub async fn invoke(&mut self, event: &Value) -> Result<Invocation, EmulatorError> {
        self.send(event.to_string()).await
    }

    async fn send(&mut self, event: String) -> Result<Invocation, EmulatorError> {
        let start = self.output.len();
        let response = self.http.post(&self.url).body(event).send().await?;
        let body = response.text().await?;
        let lines = self.output.until(start, Line::ends_invocation).await;
        self.function = self.find_function().map_err(EmulatorError::Process)?;
        let outcome = match outcome(&body) {
            Ok(outcome) => outcome,
            Err(source) => return Err(EmulatorError::NoAnswer { lines, source }),
        };
        let duration = lines.iter().find_map(Line::invoke_duration).unwrap_or_default();
        Ok(Invocation { outcome, duration, lines })
    }

    fn find_function(&self) -> io::Result<Option<FunctionProcess>> {
        self.child.id().map_or(Ok(None), FunctionProcess::child_of)
    }

    /// The function's process; `None` before it was started, and after it ended.
    pub const fn function(&self) -> Option<FunctionProcess> {
        self.function
    }

    /// Everything printed so far, in its order.
    pub fn lines(&self) -> Vec<Line> {
        self.output.from(0)
    }

    /// Ends both, and says what the function needed of the machine; `None` where it was not running.
    ///
    /// The user and system time are exact only while this process waits for no other child at the same moment. From the
    /// first call on, this process inherits what its descendants leave behind.
    pub async fn stop(mut self) -> Result<Option<Usage>, EmulatorError> {
        let Some(function) = self.find_function().map_err(EmulatorError::Process)? else {
            self.child.kill().await.map_err(EmulatorError::Wait)?;
            return Ok(None);
        };
        let peak_memory = function.peak_memory().map_err(EmulatorError::Process)?;
        // The function is the emulator's child. Without it, it becomes a child of ours, to be waited for and asked.
        set_child_subreaper(true).map_err(|error| EmulatorError::Process(error.into()))?;
        self.child.kill().await.map_err(EmulatorError::Wait)?;
        function.kill();
        let usage = function.wait().map_err(EmulatorError::Process)?;
        self.function = None;
        Ok(Some(Usage { peak_memory, ..usage }))
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // The function's process is in another group than the emulator, which the runtime ends.
        if let Ok(Some(function)) = self.find_function() {
            function.kill();
        }
    }
}

/// An answer is of the function's making; an error is an object of just these fields. The emulator gives both the same
/// status, 200, and no header that would tell them apart.
fn outcome(body: &str) -> Result<Outcome, serde_json::Error> {
    let answer: Value = serde_json::from_str(body)?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    match (text("errorType"), text("errorMessage")) {
        (Some(kind), Some(message)) => Ok(Outcome::Error(FunctionError { kind, message })),
        _ => Ok(Outcome::Response(answer)),
    }
}
