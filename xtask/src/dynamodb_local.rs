//! DynamoDB Local: Amazon's own stand-in for DynamoDB, a Java program, run in memory for the tests.
//!
//! It comes from the npm package of AWS Amplify's simulator, the one package registry that carries it. Only the
//! package's file is taken, with its hash checked; none of its dependencies, none of its scripts.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{self, Child, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha512};

use crate::invocation::{self, SUPERVISOR};
use crate::setup::install_once;
use crate::system_programs::{self, SystemProgram};
use crate::workspace::Workspace;

const PACKAGE: &str = "amplify-dynamodb-simulator";
const PACKAGE_VERSION: &str = "2.9.30";
/// SHA-512 of the package's file, as npm writes it (`npm view amplify-dynamodb-simulator@2.9.30 dist.integrity`).
const PACKAGE_SHA512: &str = "xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ==";

/// A Java virtual machine on a busy machine may take several seconds; one that takes this long will not come.
const START_TIMEOUT: Duration = Duration::from_mins(1);
const START_POLL_INTERVAL: Duration = Duration::from_millis(100);

pub(crate) fn install(workspace: &Workspace) -> anyhow::Result<()> {
    // Found missing here, in the set-up, rather than in the middle of the tests.
    system_programs::require(SystemProgram::Java)?;
    let folder = workspace.dynamodb_local();
    let version = format!("{PACKAGE}@{PACKAGE_VERSION} sha512-{PACKAGE_SHA512}");
    install_once(&folder, &version, || {
        let npm = system_programs::require(SystemProgram::Npm)?;
        let tar = system_programs::require(SystemProgram::Tar)?;
        println!("    downloads about 57 MB the first time");
        let mut pack = invocation::command(workspace, npm);
        pack.args(["pack", "--silent", "--pack-destination"]).arg(&folder);
        invocation::run_download(pack.arg(format!("{PACKAGE}@{PACKAGE_VERSION}")))?;
        let archive = folder.join(format!("{PACKAGE}-{PACKAGE_VERSION}.tgz"));
        let bytes = fs::read(&archive).with_context(|| format!("could not read {}", archive.display()))?;
        check_integrity(&bytes, PACKAGE_SHA512)?;
        let mut unpack = invocation::command(workspace, tar);
        unpack.arg("-xzf").arg(&archive).arg("-C").arg(&folder).args(["--strip-components=2", "package/emulator"]);
        invocation::run(&mut unpack)?;
        fs::remove_file(&archive).with_context(|| format!("could not remove {}", archive.display()))
    })
}

fn check_integrity(bytes: &[u8], expected_sha512: &str) -> anyhow::Result<()> {
    let actual = BASE64_STANDARD.encode(Sha512::digest(bytes));
    if actual != expected_sha512 {
        bail!(
            "{PACKAGE} {PACKAGE_VERSION} is not the file that was expected (SHA-512 {actual}, not {expected_sha512}): \
             it will not be used; find out where the registry's copy comes from before you try again"
        );
    }
    Ok(())
}

/// A running DynamoDB Local; it ends with this value.
pub(crate) struct DynamodbLocal {
    process: Child,
    endpoint: String,
}

impl DynamodbLocal {
    /// Starts it with an empty database, and returns when it answers. `port` 0: any free one.
    pub(crate) fn start(workspace: &Workspace, port: u16) -> anyhow::Result<Self> {
        let java = system_programs::require(SystemProgram::Java)?;
        let port = if port == 0 { free_port()? } else { port };
        let log_path = workspace.tools().join("dynamodb-local.log");
        let log = File::create(&log_path).with_context(|| format!("could not write {}", log_path.display()))?;
        let mut command = invocation::command(workspace, "sh");
        command.current_dir(workspace.dynamodb_local());
        command.args(["-c", SUPERVISOR, "sh", java, "-Djava.library.path=./DynamoDBLocal_lib"]);
        command.args(["-jar", "DynamoDBLocal.jar", "-inMemory", "-disableTelemetry", "-port", &port.to_string()]);
        command.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        let process = command.spawn().context("could not start `sh`")?;
        let mut running = Self { process, endpoint: format!("http://127.0.0.1:{port}") };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        running.wait_until_it_answers(address).with_context(|| format!("its output is in {}", log_path.display()))?;
        Ok(running)
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    fn wait_until_it_answers(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                bail!("DynamoDB Local ended before it answered ({status})");
            }
            if is_dynamodb(address) {
                return Ok(());
            }
            if start.elapsed() > START_TIMEOUT {
                bail!("DynamoDB Local did not answer within {} seconds", START_TIMEOUT.as_secs());
            }
            thread::sleep(START_POLL_INTERVAL);
        }
    }
}

impl Drop for DynamodbLocal {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // Nothing is left to do about a process that cannot be waited for.
        let _ = self.process.wait();
    }
}

/// Java binds it only some two seconds later. One that the system gave out, above these, could be another's by then.
fn free_port() -> anyhow::Result<u16> {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok();
    // From another one in each process: two that look at once are not to find the same.
    let first = u16::try_from(process::id() % 2_000)?;
    (first..2_000).chain(0..first).map(|offset| 18_000 + offset).find(free).context("could not find a free port")
}

/// Anything can listen on a port; an unsigned request to DynamoDB is refused with a request id of AWS's kind.
fn is_dynamodb(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| String::from_utf8_lossy(&answer).to_ascii_lowercase().contains("x-amzn-requestid"))
}

/// `cargo xtask dynamodb-local`.
pub(crate) fn serve(workspace: &Workspace, port: u16) -> anyhow::Result<ExitCode> {
    crate::setup::Tool::DynamodbLocal.install(workspace)?;
    let mut running = DynamodbLocal::start(workspace, port)?;
    println!("DynamoDB Local answers at {}; its tables are gone when it ends (Ctrl-C).", running.endpoint());
    // Not `Child::wait`, which closes standard input first: that is the signal to end.
    let stdin = running.process.stdin.take();
    let status = running.process.wait().context("could not wait for DynamoDB Local")?;
    drop(stdin);
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of FIPS 180-2, appendix C.1.
    const SHA512_OF_ABC: &str =
        "3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";

    #[test]
    fn archive_with_another_hash_is_refused() {
        assert!(check_integrity(b"abc", SHA512_OF_ABC).is_ok());
        assert!(check_integrity(b"abd", SHA512_OF_ABC).is_err());
    }

    #[test]
    fn another_server_on_the_port_is_not_taken_for_dynamodb() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        });
        assert!(!is_dynamodb(address));
        server.join().unwrap();
    }
}
