//! The container engine of this machine, if one answers: Docker, or what speaks like it.

use std::env;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

/// Where Docker listens when nobody says otherwise.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// An image of some hundred megabytes may come over a slow connection.
const PATIENCE: Duration = Duration::from_mins(10);

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    Socket(PathBuf),
    /// Host and port.
    Tcp(String),
}

/// An engine that has answered.
#[derive(Debug)]
pub(crate) struct ContainerEngine(Address);

impl ContainerEngine {
    /// The engine that `DOCKER_HOST` names, else Docker's own socket, if it answers a call.
    pub(crate) fn find() -> Option<Self> {
        let engine = Self(address(env::var("DOCKER_HOST").ok().as_deref())?);
        (engine.ask("GET", "/_ping").ok()? == 200).then_some(engine)
    }

    /// Whether the image is there, or could be fetched just now.
    pub(crate) fn has_image(&self, image: &str) -> bool {
        let is_there = || self.ask("GET", &format!("/images/{image}/json")).is_ok_and(|status| status == 200);
        is_there() || {
            println!("    fetches {image}, once");
            let (name, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
            // An answer says nothing yet: what goes wrong later is told in its body.
            let _ = self.ask("POST", &format!("/images/create?fromImage={name}&tag={tag}"));
            is_there()
        }
    }

    /// The status of the answer, once it has come to its end.
    fn ask(&self, method: &str, path: &str) -> io::Result<u16> {
        let request = format!("{method} {path} HTTP/1.0\r\nHost: docker\r\nContent-Length: 0\r\n\r\n");
        match &self.0 {
            Address::Tcp(authority) => {
                let connection = TcpStream::connect(authority)?;
                connection.set_read_timeout(Some(PATIENCE))?;
                exchange(connection, &request)
            }
            Address::Socket(path) => through_socket(path, &request),
        }
    }
}

#[cfg(unix)]
fn through_socket(path: &std::path::Path, request: &str) -> io::Result<u16> {
    let connection = std::os::unix::net::UnixStream::connect(path)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    exchange(connection, request)
}

#[cfg(not(unix))]
fn through_socket(_path: &std::path::Path, _request: &str) -> io::Result<u16> {
    Err(io::ErrorKind::Unsupported.into())
}

fn exchange(mut connection: impl Read + Write, request: &str) -> io::Result<u16> {
    connection.write_all(request.as_bytes())?;
    let mut answer = BufReader::new(connection);
    let mut status_line = String::new();
    answer.read_line(&mut status_line)?;
    io::copy(&mut answer, &mut io::sink())?;
    let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not HTTP"))
}

/// `None` for a way that only Docker's own client can go, such as `ssh://`.
fn address(docker_host: Option<&str>) -> Option<Address> {
    match docker_host.filter(|value| !value.is_empty()) {
        None => Some(Address::Socket(DEFAULT_SOCKET.into())),
        Some(value) => {
            let socket = value.strip_prefix("unix://").map(|path| Address::Socket(path.into()));
            socket.or_else(|| value.strip_prefix("tcp://").map(|authority| Address::Tcp(authority.to_owned())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_host_says_where_the_engine_is() {
        assert_eq!(address(None), Some(Address::Socket(DEFAULT_SOCKET.into())));
        assert_eq!(address(Some("")), address(None));
        assert_eq!(address(Some("unix:///run/engine.sock")), Some(Address::Socket("/run/engine.sock".into())));
        assert_eq!(address(Some("tcp://127.0.0.1:2375")), Some(Address::Tcp("127.0.0.1:2375".to_owned())));
        assert_eq!(address(Some("ssh://somewhere")), None);
    }

    #[cfg(unix)]
    #[test]
    fn an_engine_is_one_that_answers() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let answering = std::thread::spawn(move || {
            let (connection, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(&connection).lines().map(Result::unwrap);
            let first = lines.next().unwrap();
            // All of it, or closing the connection would be a reset.
            assert!(lines.any(|line| line.is_empty()));
            (&connection).write_all(b"HTTP/1.0 200 OK\r\n\r\nOK").unwrap();
            first
        });
        let engine = ContainerEngine(Address::Socket(socket));
        assert_eq!(engine.ask("GET", "/_ping").unwrap(), 200);
        assert_eq!(answering.join().unwrap(), "GET /_ping HTTP/1.0");
        assert!(engine.ask("GET", "/_ping").is_err(), "nobody listens any more");
    }
}
