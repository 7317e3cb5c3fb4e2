//! An HTTP server on loopback that answers as a test says.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request, as far as doubles look at it.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// How many came before it.
    pub(crate) number: usize,
    /// By names in small letters.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// An answer: the status line after the version, further headers, each on a line of its own, and the body.
pub(crate) type Answer = (String, String);

/// The server. Dropping it closes it.
pub(crate) struct Double {
    pub(crate) url: String,
    requests: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Double {
    pub(crate) async fn start(script: impl Fn(Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let (counter, script) = (Arc::clone(&requests), Arc::new(script));
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&counter), Arc::clone(&script)));
            }
        });
        Self { url, requests, server }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(stream: TcpStream, requests: Arc<AtomicUsize>, script: Arc<impl Fn(Asked) -> Answer>) {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = read(&mut stream).await {
        let number = requests.fetch_add(1, Ordering::SeqCst);
        let (head, body) = script(Asked { number, ..asked });
        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// `None` at the connection's end.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut asked = Asked::default();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.trim().split_once(": ") {
            asked.headers.insert(name.to_lowercase(), value.to_owned());
        }
    }
    let length = asked.headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    asked.body = vec![0; length];
    stream.read_exact(&mut asked.body).await.ok()?;
    Some(asked)
}
