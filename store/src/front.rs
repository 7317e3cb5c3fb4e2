//! The embedded engine's door: it lets in programs that know the store's access key, and no page of any site.
//!
//! The engine itself answers pages of every site, preflights included, and believes every key. Its own listener therefore
//! has a port that is new for each connection, and accepts no more once the door's is there; what the door has let in goes
//! through that.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use dynoxide::{Database, server};
use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::access::{AccessKey, Refusal};
use crate::server_thread::ShutdownSignal;

/// Before another connection is accepted.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

type Accepting = Pin<Box<dyn Future<Output = ()> + Send>>;
type Answer = Response<Either<Incoming, Full<Bytes>>>;

/// Serves the database until the signal, and the requests that are running then.
pub(crate) async fn serve(listener: TcpListener, database: Database, key: AccessKey, mut stop: ShutdownSignal) {
    let key = Arc::new(key);
    let mut connections = JoinSet::new();
    let (closing, closed) = tokio::sync::watch::channel(false);
    loop {
        tokio::select! {
            _ = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, database.clone(), Arc::clone(&key), closed.clone()));
                }
                // No file is left to open, most likely: it would fail again at once, and again.
                Err(_) => tokio::time::sleep(PAUSE_AFTER_FAILURE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let _ = closing.send(true);
    while connections.join_next().await.is_some() {}
}

async fn serve_connection(
    stream: TcpStream,
    database: Database,
    key: Arc<AccessKey>,
    mut closing: tokio::sync::watch::Receiver<bool>,
) {
    // A refusal costs some latency, nothing else.
    let _ = stream.set_nodelay(true);
    let engine: Mutex<Option<Engine>> = Mutex::new(None);
    let service = service_fn(|request: Request<Incoming>| async {
        Ok::<Answer, Infallible>(match Refusal::of(request.uri(), request.headers(), &key) {
            Some(refusal) => refused(refusal.status(), refusal.body()),
            None => match pass(without_key(request, &key), &database, &engine).await {
                Ok(answer) => answer.map(Either::Left),
                Err(_) => refused(StatusCode::INTERNAL_SERVER_ERROR, CLOSED.to_owned()),
            },
        })
    });
    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    tokio::select! {
        // An error is a client that went away.
        _ = serving.as_mut() => return,
        _ = closing.changed() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

/// What DynamoDB says when it cannot answer.
const CLOSED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"The store has closed the connection."}"#;

fn refused(status: StatusCode, body: String) -> Answer {
    let mut answer = Response::new(Either::Right(Full::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    answer
}

/// The engine knows no path but the root.
fn without_key(mut request: Request<Incoming>, key: &AccessKey) -> Request<Incoming> {
    if key.is_path_of(request.uri()) {
        *request.uri_mut() = Uri::from_static("/");
    }
    request
}

/// A connection to an engine of its own.
struct Engine {
    sender: SendRequest<Incoming>,
    /// The engine's accepting of connections. Nobody drives it any more, so that it accepts none; if it ended, so would the
    /// connection.
    _accepting: Accepting,
}

/// One connection to the engine for one of a client.
async fn pass(
    request: Request<Incoming>,
    database: &Database,
    engine: &Mutex<Option<Engine>>,
) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
    let mut engine = engine.lock().await;
    let mut own = match engine.take().filter(|engine| !engine.sender.is_closed()) {
        Some(own) => own,
        None => connect(database.clone()).await?,
    };
    own.sender.ready().await?;
    let answer = own.sender.send_request(request).await?;
    *engine = Some(own);
    Ok(answer)
}

/// A connection to an engine that accepts no other from then on. Until its first answer is there it accepts whoever finds
/// its port, which is new each time.
async fn connect(database: Database) -> io::Result<Engine> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let mut accepting: Accepting = Box::pin(server::serve_on(listener, database));
    tokio::select! {
        () = &mut accepting => Err(io::Error::other("the engine accepts no connection")),
        sender = is_accepted(address) => Ok(Engine { sender: sender?, _accepting: accepting }),
    }
}

/// Connects, and waits for a first answer: until then the connection may be waiting to be accepted.
async fn is_accepted(address: SocketAddr) -> io::Result<SendRequest<Incoming>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    first_answer(&mut stream).await?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(async move {
        // It ends with the client's connection, or with the engine.
        let _ = connection.await;
    });
    Ok(sender)
}

async fn first_answer(stream: &mut TcpStream) -> io::Result<()> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    stream.write_all(b"OPTIONS /nothing HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
    let mut answer = Vec::new();
    loop {
        let mut part = [0; 512];
        let read = stream.read(&mut part).await?;
        answer.extend_from_slice(part.get(..read).unwrap_or_default());
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                return Ok(());
            }
        }
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
