//! The server and the client of the proxy.

use std::fmt;
use std::future::pending;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::http::uri::{Authority, Scheme};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::call::{Operation, Outcome, RecordedCall};
use super::fault::{Effect, ErrorReply, Moment};
use super::gate::Verdict;
use super::log::{CallNumber, Log};
use super::request::Subject;
use super::rules::{Encounter, Rules};
use crate::server_thread::ShutdownSignal;

type Answer = Response<Full<Bytes>>;

/// The call ends without an answer. As a service's error, it makes hyper close the connection.
#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the connection is closed without an answer")
    }
}

impl std::error::Error for Closed {}

#[derive(Debug)]
pub(super) struct Proxy {
    store: Authority,
    log: Arc<Log>,
    rules: Arc<Rules>,
}

impl Proxy {
    pub(super) fn new(store: Authority, log: Arc<Log>, rules: Arc<Rules>) -> Self {
        Self { store, log, rules }
    }

    pub(super) async fn serve(self, listener: TcpListener, mut stop: ShutdownSignal) {
        // Made here, on the runtime its connections will live on.
        let client = Client::builder(TokioExecutor::new()).build_http();
        let proxy = Arc::new(self);
        loop {
            tokio::select! {
                _ = &mut stop => return,
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    tokio::spawn(Arc::clone(&proxy).serve_connection(stream, client.clone()));
                },
            }
        }
    }

    async fn serve_connection(self: Arc<Self>, stream: TcpStream, client: Client<HttpConnector, Full<Bytes>>) {
        let service = service_fn(|request: Request<Incoming>| {
            let (proxy, client) = (Arc::clone(&self), client.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
                // A task of its own: hyper drops this future when the client goes away, and a call that is on its
                // way takes effect all the same.
                tokio::spawn(proxy.pass(parts, body, client)).await.map_err(|_| Closed)?
            }
        });
        // It fails when the client goes away, or when a fault closes the connection.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }

    async fn pass(
        self: Arc<Self>,
        parts: Parts,
        body: Bytes,
        client: Client<HttpConnector, Full<Bytes>>,
    ) -> Result<Answer, Closed> {
        let call = describe(&parts, &body, self.log.now_us());
        let number = self.log.add(call.clone());
        let answer = self.answer(&call, number, parts, body, client).await;
        let outcome = match &answer {
            Ok(answer) => Outcome::Answered(answer.status().as_u16()),
            Err(Closed) => Outcome::Closed,
        };
        let answer_bytes = answer.as_ref().ok().and_then(|answer| answer.size_hint().exact()).unwrap_or(0);
        self.log.finish(number, outcome, answer_bytes);
        answer
    }

    async fn answer(
        &self,
        call: &RecordedCall,
        number: CallNumber,
        parts: Parts,
        body: Bytes,
        client: Client<HttpConnector, Full<Bytes>>,
    ) -> Result<Answer, Closed> {
        if let Some(answer) = self.meet(call, Moment::BeforeEffect).await? {
            return Ok(answer);
        }
        self.log.mark_reached_store(number);
        let from_store = self.forward(parts, body, client).await?;
        Ok(self.meet(call, Moment::AfterEffect).await?.unwrap_or(from_store))
    }

    /// Goes through what the call meets at this moment: an answer, if something takes the store's place.
    async fn meet(&self, call: &RecordedCall, at: Moment) -> Result<Option<Answer>, Closed> {
        for encounter in self.rules.meet(call, at) {
            match encounter {
                Encounter::Gate(barrier) => match barrier.hold(call.clone()).await {
                    Verdict::GoOn => {}
                    Verdict::Close => return Err(Closed),
                },
                Encounter::Fault(Effect::Delay(time)) => tokio::time::sleep(time).await,
                Encounter::Fault(Effect::Hang) => pending().await,
                Encounter::Fault(Effect::CloseConnection) => return Err(Closed),
                Encounter::Fault(Effect::Error(error)) => return error_answer(&error).map(Some),
                Encounter::Fault(Effect::Garbage) => return Ok(Some(garbage())),
                Encounter::Fault(Effect::Unprocessed) => return Ok(Some(unprocessed(call))),
            }
        }
        Ok(None)
    }

    async fn forward(
        &self,
        mut parts: Parts,
        body: Bytes,
        client: Client<HttpConnector, Full<Bytes>>,
    ) -> Result<Answer, Closed> {
        let mut uri = parts.uri.into_parts();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(self.store.clone());
        parts.uri = Uri::from_parts(uri).map_err(|_| Closed)?;
        parts.headers.remove(CONNECTION);
        let answer = client.request(Request::from_parts(parts, Full::new(body))).await.map_err(|_| Closed)?;
        let (mut parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
        // These two are about the connection to the store. All else, the checksum of the body included, is about the
        // answer, which stays as it is.
        parts.headers.remove(CONNECTION);
        parts.headers.remove(TRANSFER_ENCODING);
        Ok(Response::from_parts(parts, Full::new(body)))
    }
}

fn describe(parts: &Parts, body: &Bytes, started_us: u64) -> RecordedCall {
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let operation = Operation::of_target(target.unwrap_or_default());
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let Subject { table, keys } = Subject::of(&operation, &request);
    RecordedCall {
        operation,
        table,
        keys,
        started_us,
        finished_us: None,
        outcome: Outcome::Running,
        reached_store: false,
        request: body.to_vec(),
        answer_bytes: 0,
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

fn error_answer(error: &ErrorReply) -> Result<Answer, Closed> {
    let mut body = json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{}", error.code),
        "message": error.message,
    });
    if let (false, Some(body)) = (error.cancellation_reasons.is_empty(), body.as_object_mut()) {
        let reasons = error.cancellation_reasons.iter().map(|code| json!({"Code": code}));
        body.insert("CancellationReasons".to_owned(), reasons.collect());
    }
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = StatusCode::from_u16(error.status).map_err(|_| Closed)?;
    answer.headers_mut().insert(CONTENT_TYPE, JSON);
    Ok(answer)
}

fn garbage() -> Answer {
    success(Bytes::from_static(br#"{"Attributes":{"pk":{"S":"KEY#"#))
}

fn unprocessed(call: &RecordedCall) -> Answer {
    let wanted = call.request_json().get("RequestItems").cloned();
    success(Bytes::from(json!({"Responses": {}, "UnprocessedKeys": wanted}).to_string()))
}

fn success(body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    answer.headers_mut().insert(CONTENT_TYPE, JSON);
    answer
}
