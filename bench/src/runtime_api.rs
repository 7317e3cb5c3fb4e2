//! AWS Lambda's runtime API, as far as a function needs it: for running one under a program that watches it, which the
//! emulator's time limits would not allow.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// For a function that is slowed down a hundredfold: it shall fail, and not hang.
const PATIENCE: Duration = Duration::from_mins(2);
/// When a request has to be answered, in milliseconds from now: never, for what is watched.
const DEADLINE_MS: i64 = 10 * 60 * 1000;

/// What the function does.
#[derive(Debug)]
enum Sign {
    /// It asks for an event.
    Ready,
    /// It answers.
    Answer(Value),
    /// It gives up, at an event or at its start.
    Failure(String),
}

struct Shared {
    signs: mpsc::UnboundedSender<Sign>,
    events: Mutex<mpsc::UnboundedReceiver<Value>>,
}

/// The API for one function. Dropping it closes it.
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    signs: mpsc::UnboundedReceiver<Sign>,
    events: mpsc::UnboundedSender<Value>,
    server: JoinHandle<()>,
}

impl RuntimeApi {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let (sign, signs) = mpsc::unbounded_channel();
        let (events, event) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { signs: sign, events: Mutex::new(event) });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failure))
            .route("/2018-06-01/runtime/init/error", post(failure))
            .with_state(shared);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            // It ends when it is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, signs, events, server })
    }

    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Waits until the function asks for an event.
    pub(crate) async fn ready(&mut self) -> anyhow::Result<()> {
        match self.sign().await? {
            Sign::Ready => Ok(()),
            Sign::Answer(answer) => bail!("the function was to ask for an event, and answered {answer}"),
            Sign::Failure(failure) => bail!("the function failed at its start: {failure}"),
        }
    }

    /// Hands over an event, and returns the answer once the function asks for the next.
    pub(crate) async fn invoke(&mut self, event: Value) -> anyhow::Result<Value> {
        self.events.send(event).context("the runtime API has ended")?;
        let answer = match self.sign().await? {
            Sign::Answer(answer) => answer,
            Sign::Ready => bail!("the function was to answer, and asks for the next event"),
            Sign::Failure(failure) => bail!("the function failed: {failure}"),
        };
        self.ready().await?;
        Ok(answer)
    }

    async fn sign(&mut self) -> anyhow::Result<Sign> {
        let sign = timeout(PATIENCE, self.signs.recv()).await.context("nothing is heard of the function")?;
        sign.context("the runtime API has ended")
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    // Nobody listens any more: the function is about to be ended.
    let _ = shared.signs.send(Sign::Ready);
    let Some(event) = shared.events.lock().await.recv().await else { return StatusCode::GONE.into_response() };
    let deadline = Timestamp::now().as_millisecond() + DEADLINE_MS;
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:bench".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0".to_owned()),
    ];
    (headers, event.to_string()).into_response()
}

async fn response(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let _ = shared.signs.send(match serde_json::from_slice(&body) {
        Ok(answer) => Sign::Answer(answer),
        Err(error) => Sign::Failure(format!("an answer that is no JSON: {error}")),
    });
    StatusCode::ACCEPTED
}

async fn failure(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let _ = shared.signs.send(Sign::Failure(String::from_utf8_lossy(&body).into_owned()));
    StatusCode::ACCEPTED
}
