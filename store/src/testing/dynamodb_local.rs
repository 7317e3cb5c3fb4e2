//! Amazon's DynamoDB Local, as a child process.

use std::collections::hash_map::RandomState;
use std::env;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;

use crate::Connection;

const JAR: &str = "DynamoDBLocal.jar";
const NATIVE_LIBRARIES: &str = "DynamoDBLocal_lib";
/// A Java virtual machine on a busy machine; an idle one takes about two seconds.
const START_DEADLINE: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(25);
/// Below those that Linux (from 32768) and others (from 49152) give to whoever asks for any.
const PORTS: Range<u16> = 20_000..32_000;
/// Another process can have the port, or take it between our choosing it and Java's binding it.
const PORTS_TO_TRY: u32 = 5;

/// Why DynamoDB Local did not start.
#[derive(Debug, thiserror::Error)]
pub enum DynamoDbLocalError {
    /// The variable that says where it is installed is not set.
    #[error(
        "{} is not set: name the directory that holds {JAR}, such as `emulator` in the npm package \
             amplify-dynamodb-simulator",
        DynamoDbLocal::DIRECTORY_VARIABLE
    )]
    DirectoryNotSet,
    /// The directory does not hold it.
    #[error("there is no {JAR} beside a {NATIVE_LIBRARIES} in {}: set {} to the directory that holds both",
            directory.display(), DynamoDbLocal::DIRECTORY_VARIABLE)]
    NotInstalled {
        /// The directory asked for.
        directory: PathBuf,
    },
    /// There is no Java to run it with.
    #[error("cannot run `java`: DynamoDB Local needs a Java runtime, 17 or newer, on the PATH")]
    NoJava(#[source] io::Error),
    /// The operating system gives no port, or does not say how the process fares.
    #[error("cannot prepare the start of DynamoDB Local")]
    Prepare(#[source] io::Error),
    /// The process ended instead of answering.
    #[error("DynamoDB Local ended ({status}) before it answered: {output}")]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to its standard error stream.
        output: String,
    },
    /// It neither ended nor answered in time.
    #[error("DynamoDB Local did not answer within {} s: {output}", START_DEADLINE.as_secs())]
    Silent {
        /// What it wrote to its standard error stream.
        output: String,
    },
}

/// A running DynamoDB Local that keeps its data in memory. Dropping it ends the process.
///
/// All clients see the same tables, whatever region and credentials they use.
#[derive(Debug)]
pub struct DynamoDbLocal {
    process: Process,
    port: u16,
}

impl DynamoDbLocal {
    /// The environment variable that names the directory of the installation.
    pub const DIRECTORY_VARIABLE: &'static str = "DYNAMODB_LOCAL_DIR";

    /// Starts the one installed in the directory that `DYNAMODB_LOCAL_DIR` names. Blocks until it answers.
    pub fn start() -> Result<Self, DynamoDbLocalError> {
        let directory = env::var_os(Self::DIRECTORY_VARIABLE).filter(|value| !value.is_empty());
        Self::start_in(Path::new(&directory.ok_or(DynamoDbLocalError::DirectoryNotSet)?))
    }

    /// Starts the one installed in `directory`. Blocks until it answers.
    pub fn start_in(directory: &Path) -> Result<Self, DynamoDbLocalError> {
        // Absolute, because the process runs in another directory.
        let installed = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        let libraries = installed.join(NATIVE_LIBRARIES);
        let jar = installed.join(JAR);
        if !jar.is_file() || !libraries.is_dir() {
            return Err(DynamoDbLocalError::NotInstalled { directory: directory.to_owned() });
        }
        for _ in 0..PORTS_TO_TRY {
            let port = free_port().map_err(DynamoDbLocalError::Prepare)?;
            let process = Process::start(&jar, &libraries, port)?;
            match wait_until_it_answers(process, port)? {
                Attempt::Answers(process) => return Ok(Self { process, port }),
                Attempt::PortTaken => {}
            }
        }
        Err(DynamoDbLocalError::Prepare(io::ErrorKind::AddrInUse.into()))
    }

    /// The address to give a client: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How a client reaches this store.
    pub fn connection(&self) -> Connection {
        Connection::new(self.endpoint())
    }

    /// A client of this store. See [`Connection::client`].
    pub fn client(&self) -> Client {
        self.connection().client()
    }

    /// The operating system's id of the process.
    pub fn process_id(&self) -> u32 {
        self.process.child.id()
    }
}

/// The child, ended when dropped.
#[derive(Debug)]
struct Process {
    child: Child,
    /// What it has written to its standard error stream. It is read as it comes: a pipe that nobody reads would stop
    /// the process once it is full.
    stderr: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Process {
    fn start(jar: &Path, libraries: &Path, port: u16) -> Result<Self, DynamoDbLocalError> {
        let mut library_path = OsString::from("-Djava.library.path=");
        library_path.push(libraries);
        let mut child = Command::new("java")
            .arg(library_path)
            .arg("-jar")
            .arg(jar)
            .args(["-inMemory", "-sharedDb", "-disableTelemetry", "-port", &port.to_string()])
            // It leaves a file with an id for its telemetry wherever it runs, switched off or not.
            .current_dir(env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(DynamoDbLocalError::NoJava)?;
        let stderr = Arc::default();
        let written = Arc::clone(&stderr);
        let reader = child.stderr.take().map(|stream| thread::spawn(move || collect(stream, &written)));
        Ok(Self { child, stderr, reader })
    }

    /// All that a process which has ended wrote.
    fn last_output(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            // It ends with the stream, and a panic in it would have left what was read before.
            let _ = reader.join();
        }
        self.output()
    }

    fn output(&self) -> String {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner).trim().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Either fails only if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How an attempt to start on one port went.
enum Attempt {
    Answers(Process),
    PortTaken,
}

fn wait_until_it_answers(mut process: Process, port: u16) -> Result<Attempt, DynamoDbLocalError> {
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        if let Some(status) = process.child.try_wait().map_err(DynamoDbLocalError::Prepare)? {
            return Err(DynamoDbLocalError::Ended { status, output: process.last_output() });
        }
        // It says so and lives on without a port.
        if process.output().contains("java.net.BindException") {
            return Ok(Attempt::PortTaken);
        }
        if answers(port) {
            return Ok(Attempt::Answers(process));
        }
        if Instant::now() > deadline {
            return Err(DynamoDbLocalError::Silent { output: process.output() });
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Whether a DynamoDB is there: it refuses a bare request with a request id of AWS's kind.
fn answers(port: u16) -> bool {
    let ask = || -> io::Result<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).to_ascii_lowercase())
    };
    ask().is_ok_and(|answer| answer.contains("x-amzn-requestid"))
}

/// Free on every interface, because DynamoDB Local binds them all.
///
/// It binds its port only after some two seconds. A port that the system gave out is one that it may give to somebody
/// else meanwhile, who would then be taken for DynamoDB Local.
fn free_port() -> io::Result<u16> {
    let span = u64::from(PORTS.end - PORTS.start);
    let mut error = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..PORTS_TO_TRY {
        // Seeded by the operating system: two processes at once choose different ones.
        let random = RandomState::new().build_hasher().finish() % span;
        let Ok(offset) = u16::try_from(random) else { continue };
        match TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORTS.start + offset)) {
            Ok(_) => return Ok(PORTS.start + offset),
            Err(taken) => error = taken,
        }
    }
    Err(error)
}

fn collect(stream: ChildStderr, written: &Mutex<String>) {
    for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
        written.push_str(&String::from_utf8_lossy(&line));
        written.push('\n');
    }
}
