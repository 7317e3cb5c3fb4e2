//! The gateway: a request in, the event out, the function invoked as on Lambda, its answer back as HTTP.
//!
//! The event goes through its JSON text into the very service that the function's binary runs, and the answer comes back
//! the same way, so that what runs here is what runs on Lambda.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use lambda_http::request::LambdaRequest;
use lambda_http::{Context, LambdaEvent, Service as _};
use rankbot_sandbox::loopback::programs_and_own_pages;
use rankbot_shared::http::{Api, Function};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::Answer;
use super::event::{Arrived, Event, Routing, decoded_path};
use super::log::{Line, RequestLog};
use super::routes::{RouteTable, Selected};
use super::stage::Stage;

/// The largest body an HTTP API takes: 10 MB.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// A client that sends more gets its answer only if the rest is read too, or the connection's reset overtakes the
/// answer. There has to be an end to that.
const MAX_DISCARDED_BYTES: usize = 10 * MAX_BODY_BYTES;
/// How many invocations run at once; the others wait for their turn. On AWS each has an environment of its own, here
/// all share one machine: a hundred together would each be slower than the functions' patience with the database.
const INVOCATIONS_AT_ONCE: usize = 32;

/// Everything that a request needs.
pub(crate) struct Gateway {
    routes: RouteTable,
    api: Api,
    log: RequestLog,
    /// The port that it serves on.
    port: u16,
    turns: Arc<Semaphore>,
}

/// Every path and method, answered by the gateway.
pub(crate) fn router(gateway: Gateway) -> Router {
    let own_alone = axum::middleware::from_fn(programs_and_own_pages);
    Router::new().fallback(serve).with_state(Arc::new(gateway)).layer(own_alone)
}

async fn serve(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let request_id = gateway_request_id();
    let answer = match read(body).await {
        Body10Mb::Whole(body) => gateway.answer(&parts, &body, peer, &request_id).await,
        Body10Mb::TooLong => Answer::of_the_gateway(413, "Request Too Long"),
        Body10Mb::BrokenOff => Answer::of_the_gateway(400, "Bad Request"),
    };
    gateway.log.write(&Line::new(&parts, &answer, started.elapsed(), &request_id));
    answer.into_http(&request_id)
}

impl Gateway {
    pub(crate) fn new(routes: RouteTable, api: Api, log: RequestLog, port: u16) -> Self {
        Self { routes, api, log, port, turns: Arc::new(Semaphore::new(INVOCATIONS_AT_ONCE)) }
    }

    async fn answer(&self, parts: &Parts, body: &Bytes, peer: SocketAddr, request_id: &str) -> Answer {
        let path = decoded_path(parts.uri.path());
        let (stage, below_stage) = Stage::split(&path);
        let Some(Selected { route, path_parameters }) = self.routes.select(&parts.method, below_stage) else {
            return Answer::of_the_gateway(404, "Not Found");
        };
        let arrived = Arrived {
            method: &parts.method,
            version: parts.version,
            headers: &parts.headers,
            query: parts.uri.query().unwrap_or_default(),
            body,
            source: peer.ip(),
            port: self.port,
        };
        let now = Timestamp::now();
        let routing = Routing { stage, route_key: route.key(), path: &path, path_parameters, request_id, now };
        let event = serde_json::to_string(&Event::new(&arrived, &routing));
        match event {
            Ok(event) => {
                let invocation = self.invoke(route.function, event, route.timeout);
                invocation.await.unwrap_or_else(|failure| failure.reported(route.function))
            }
            Err(error) => InvocationFailed::Conversion(error).reported(route.function),
        }
    }

    async fn invoke(&self, function: Function, event: String, timeout: Duration) -> Result<Answer, InvocationFailed> {
        // The semaphore is never closed; without a turn, the invocation would merely not wait for one.
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok();
        invoke(self.api.clone(), function, event, timeout, turn).await
    }
}

/// A function that ended without an answer.
#[derive(Debug, thiserror::Error)]
enum InvocationFailed {
    #[error("the event or the answer could not be converted")]
    Conversion(#[from] serde_json::Error),
    #[error("the function panicked")]
    Panicked(#[source] tokio::task::JoinError),
    #[error("the function ran longer than its timeout of {} s", .0.as_secs())]
    TimedOut(Duration),
}

impl InvocationFailed {
    /// What API Gateway makes of it, whatever it was.
    fn reported(&self, function: Function) -> Answer {
        tracing::error!(function = function.name(), error = self as &dyn std::error::Error, "invocation failed");
        Answer::of_the_gateway(500, "Internal Server Error")
    }
}

/// Runs the function on a task of its own: as on Lambda, a client that hangs up does not end it, and a panic ends only
/// this invocation. The turn is over when the function has ended.
async fn invoke(
    api: Api,
    function: Function,
    event: String,
    timeout: Duration,
    turn: Option<OwnedSemaphorePermit>,
) -> Result<Answer, InvocationFailed> {
    let request: LambdaRequest = serde_json::from_str(&event)?;
    let context = context(timeout);
    let mut invocation = tokio::spawn(async move {
        let _turn = turn;
        let Ok(response) = api.service(function).call(LambdaEvent::new(request, context)).await;
        serde_json::to_string(&response)
    });
    match tokio::time::timeout(timeout, &mut invocation).await {
        Ok(Ok(response)) => Ok(serde_json::from_str(&response?)?),
        Ok(Err(panic)) => Err(InvocationFailed::Panicked(panic)),
        Err(_elapsed) => {
            invocation.abort();
            Err(InvocationFailed::TimedOut(timeout))
        }
    }
}

fn context(timeout: Duration) -> Context {
    let mut context = Context::default();
    context.request_id = invocation_id();
    let deadline = Timestamp::now().checked_add(timeout).unwrap_or(Timestamp::MAX);
    context.deadline = u64::try_from(deadline.as_millisecond()).unwrap_or(u64::MAX);
    context
}

/// What became of a body.
enum Body10Mb {
    Whole(Bytes),
    TooLong,
    /// The client went away or broke the framing.
    BrokenOff,
}

async fn read(mut body: Body) -> Body10Mb {
    let mut whole = Vec::new();
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Body10Mb::BrokenOff };
        let Some(data) = frame.data_ref() else { continue };
        length = length.saturating_add(data.len());
        if length > MAX_DISCARDED_BYTES {
            break;
        }
        if length <= MAX_BODY_BYTES {
            whole.extend_from_slice(data);
        }
    }
    if length > MAX_BODY_BYTES { Body10Mb::TooLong } else { Body10Mb::Whole(whole.into()) }
}

/// Sixteen characters that look like API Gateway's: base64 of eleven bytes.
fn gateway_request_id() -> String {
    BASE64.encode(random::<11>())
}

/// A random UUID (version 4), as Lambda gives each invocation.
fn invocation_id() -> String {
    let bits = u128::from_be_bytes(random::<16>());
    let uuid = (bits & !(0xF << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{uuid:032x}");
    [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].map(|(from, to)| hex.get(from..to).unwrap_or_default()).join("-")
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without randomness ids repeat, and two lines of a developer's log look alike: nothing to stop for.
    let _ = getrandom::fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invocation_ids_are_uuids_of_version_4() {
        let id = invocation_id();
        let lengths: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]), "{id}");
    }

    #[tokio::test]
    async fn a_body_of_ten_megabytes_is_read_and_one_byte_more_is_too_long() {
        let read_of = |bytes: usize| read(Body::from(vec![b'x'; bytes]));
        assert!(matches!(read_of(MAX_BODY_BYTES).await, Body10Mb::Whole(body) if body.len() == MAX_BODY_BYTES));
        assert!(matches!(read_of(MAX_BODY_BYTES + 1).await, Body10Mb::TooLong));
    }
}
