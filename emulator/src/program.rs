//! The emulator itself, and one run of it.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::net::unix::pipe;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::emulator::EmulatorError;

/// Names the emulator's program: `aws-lambda-rie-x86_64` or `-arm64`, in the package `aws-sam-cli`.
pub const PROGRAM_VARIABLE: &str = "RANKBOT_LAMBDA_EMULATOR";

/// How long the emulator may take until it listens.
const START: Duration = Duration::from_secs(20);
/// Two ports are free when they are chosen, and may be taken when the emulator asks for them.
const ATTEMPTS: usize = 5;

/// AWS's runtime interface emulator.
#[derive(Debug, Clone)]
pub struct Program(PathBuf);

impl Program {
    /// The one that [`PROGRAM_VARIABLE`] names.
    pub fn from_env() -> Result<Self, EmulatorError> {
        let path = env::var_os(PROGRAM_VARIABLE).ok_or(EmulatorError::NoProgram)?;
        Ok(Self::new(PathBuf::from(path)))
    }

    /// The one at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

/// A running emulator, which has not started its function yet: the first invocation does.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    /// What the emulator and the function print, in the order in which they print it.
    pub(crate) output: pipe::Receiver,
}

pub(crate) async fn run<K: AsRef<OsStr>, V: AsRef<OsStr>>(
    program: &Program,
    binary: &Path,
    environment: &[(K, V)],
) -> Result<Run, EmulatorError> {
    let mut last = EmulatorError::NoFreePorts;
    for _ in 0..ATTEMPTS {
        let mut run = spawn(program, binary, environment).await?;
        match listening(&mut run).await {
            Ok(()) => return Ok(run),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn spawn<K: AsRef<OsStr>, V: AsRef<OsStr>>(
    program: &Program,
    binary: &Path,
    environment: &[(K, V)],
) -> Result<Run, EmulatorError> {
    let (address, runtime_api) = free_addresses().await.map_err(EmulatorError::Ports)?;
    let (reader, writer) = io::pipe().map_err(EmulatorError::Output)?;
    let errors = writer.try_clone().map_err(EmulatorError::Output)?;
    let mut command = Command::new(&program.0);
    command.arg("--runtime-interface-emulator-address").arg(address.to_string());
    command.arg("--runtime-api-address").arg(runtime_api.to_string());
    command.arg(binary);
    // As on Lambda: nothing of the machine's own environment reaches a function.
    command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(writer).stderr(errors).kill_on_drop(true).process_group(0);
    let child = command.spawn().map_err(|source| EmulatorError::Start { program: program.0.clone(), source })?;
    let output = pipe::Receiver::from_owned_fd(OwnedFd::from(reader)).map_err(EmulatorError::Output)?;
    Ok(Run { child, address, output })
}

/// Two addresses that nobody listens on at this moment.
async fn free_addresses() -> io::Result<(SocketAddr, SocketAddr)> {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let second = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    Ok((first.local_addr()?, second.local_addr()?))
}

/// Returns once the emulator takes connections. It prints nothing then, so that there is nothing to wait for but that.
async fn listening(run: &mut Run) -> Result<(), EmulatorError> {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        // One that could not have its ports ends at once.
        if let Some(status) = run.child.try_wait().map_err(EmulatorError::Wait)? {
            return Err(EmulatorError::Ended(status));
        }
        if TcpStream::connect(run.address).await.is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(5)).await;
    }
    Err(EmulatorError::NotListening)
}
