//! A scripted HTTP server: it answers, stalls, drops the connection after the effect, or babbles, as the test says.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::http::VIRTUAL_DELAY;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query, as sent.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body's bytes as text; empty where there is none.
    pub body: String,
}

impl Request {
    /// The value of the header `name` (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Answers.
    Answer {
        /// HTTP status.
        status: u16,
        /// Sent as given, in this letter case.
        headers: Vec<(String, String)>,
        /// Sent as given.
        body: String,
    },
    /// Closes the connection without a byte: refused late, or lost after the request took effect.
    Drop,
    /// Closes the connection in the middle of the body.
    Truncate,
    /// Sends bytes that are no HTTP at all.
    Babble,
}

impl Reply {
    /// An answer with a JSON body.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::text(status, body.to_string()).with("Content-Type", "application/json; charset=utf-8")
    }

    /// An answer with any body.
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.into() }
    }

    /// An answer that takes longer, in virtual time, than any request waits.
    pub fn never() -> Self {
        Self::text(200, "{}").after(1e9)
    }

    /// With one more header; on replies that are no answer it changes nothing.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.into()));
        }
        self
    }

    /// Seen by the script only after this many virtual seconds.
    #[must_use]
    pub fn after(self, seconds: f64) -> Self {
        self.with(VIRTUAL_DELAY, seconds.to_string())
    }
}

/// A server on a free port of the loopback interface. It stops when the process does.
#[derive(Debug)]
pub struct ScriptedServer {
    url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl ScriptedServer {
    /// Starts a server whose `script` is asked for every request, one at a time, in order of arrival.
    pub fn start(script: impl FnMut(&Request) -> Reply + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let url = format!("http://{}", listener.local_addr()?);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, log) = (Arc::new(Mutex::new(script)), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                // A client that goes away in the middle is the test's own doing.
                thread::spawn(move || serve(stream, &script, &log));
            }
        });
        Ok(Self { url, seen })
    }

    /// A server that gives these replies in turn, and the last of them for ever.
    pub fn replies(replies: impl IntoIterator<Item = Reply>) -> io::Result<Self> {
        let mut rest = replies.into_iter().collect::<Vec<_>>();
        rest.reverse();
        Self::start(move |_| if rest.len() > 1 { rest.pop() } else { rest.last().cloned() }.unwrap_or(Reply::Drop))
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Every request so far, in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An address on which nothing listens: connections to it are refused.
///
/// The port is tcpmux's (RFC 1078), which nobody runs. One that the system gave out and took back could be another
/// process's a moment later.
pub const REFUSING_URL: &str = "http://127.0.0.1:1";

fn serve<S>(mut stream: TcpStream, script: &Mutex<S>, log: &Mutex<Vec<Request>>) -> io::Result<()>
where
    S: FnMut(&Request) -> Reply,
{
    let request = read_request(&stream)?;
    let reply = {
        let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
        log.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        script(&request)
    };
    match reply {
        Reply::Answer { status, headers, body } => {
            write_head(&mut stream, status, &headers, body.len())?;
            stream.write_all(body.as_bytes())
        }
        Reply::Drop => Ok(()),
        Reply::Truncate => {
            write_head(&mut stream, 200, &[], 64)?;
            stream.write_all(b"{\"success\":tr")
        }
        Reply::Babble => stream.write_all(b"\x16\x03\x01 this is not the protocol you are looking for\r\n\r\n"),
    }
}

fn write_head(stream: &mut TcpStream, status: u16, headers: &[(String, String)], length: usize) -> io::Result<()> {
    write!(stream, "HTTP/1.1 {status} Scripted\r\nConnection: close\r\nContent-Length: {length}\r\n")?;
    for (name, value) in headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    stream.write_all(b"\r\n")
}

fn read_request(stream: &TcpStream) -> io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Request { method, path, headers, body: String::from_utf8_lossy(&body).into_owned() })
}
