//! From an API Gateway event to an answer.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures::FutureExt as _;
use http::HeaderValue;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Body, LambdaEvent, Request, RequestExt as _, Response};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::answer::Reply;
use super::endpoint::{Answered, Asked, Identity};
use super::error_code::ErrorCode;
use super::problem::Problem;
use super::routes::{Destination, by_key, by_path, near_path};
use super::{Api, body, endpoint};
use crate::app::error::AppError;
use crate::function::Function;

/// What a URI's query may not hold as it is (RFC 3986, 3.4).
const OUTSIDE_A_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'\\')
    .add(b'^')
    .add(b'|');

/// The longest path and the longest query, in bytes. API Gateway takes 10,240 bytes for the request line and all headers
/// together, and what is longer comes from elsewhere. Encoded, each byte is three at most, and a URI may have 65,534.
const LONGEST_PART: usize = 10_240;
/// In the place of a longer query: a parameter that no route has, so that those that read any refuse it. Without one, a
/// filter of the log would be passed over.
const OVERLONG_QUERY: &str = "overlong";

/// API Gateway's name for what it has no route for.
const DEFAULT_ROUTE: &str = "$default";

impl Api {
    /// Answers one request on behalf of one function. Never fails: whatever goes wrong is an answer too.
    pub async fn handle(&self, function: Function, request: Request) -> Response<Body> {
        let started = Instant::now();
        let request_id = request_id(&request);
        let method = request.method().as_str().to_owned();
        // Boxed here and below: a change's future holds every call it may make, too much to pass about on a stack.
        let answering = AssertUnwindSafe(Box::pin(self.answer(function, &request, &request_id)));
        let (answered, calls) = self.metrics.watch(answering.catch_unwind()).await;
        let answered = answered.unwrap_or_else(|_| {
            let problem = Problem::from(&AppError::Defect("a request panicked outside its work"));
            Answered { reply: Reply::problem(&problem, &request_id), quota: None, identity: Identity::default() }
        });
        let Answered { reply, quota, identity } = answered;
        tracing::info!(
            request_id,
            stage = self.stage.as_deref(),
            function = function.name(),
            method,
            route = identity.route.unwrap_or("-"),
            status = reply.status.as_u16(),
            code = reply.code,
            key_id = identity.key_id.map(|id| id.to_string()),
            group_id = identity.group_id.map(crate::domain::id::GroupId::get),
            log_id = identity.log_id.map(|id| id.to_string()),
            duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "request"
        );
        self.metrics.request(function, reply.status, &request_id, self.app.now(), calls);
        reply.into_response(&request_id, quota)
    }

    async fn answer(&self, function: Function, request: &Request, request_id: &str) -> Answered {
        let refuse = |problem: &Problem| Answered {
            reply: Reply::problem(problem, request_id),
            quota: None,
            identity: Identity::default(),
        };
        let (route, parameters) = match destination(request) {
            Destination::Found(route, parameters) if route.function == function => (route, parameters),
            Destination::Found(..) | Destination::Nowhere => return refuse(&no_such_route(request.raw_http_path())),
            Destination::OtherMethods(methods) => return refuse(&other_methods(&methods)),
        };
        let body = match body::read(request.method(), request.headers(), request.body().as_ref()) {
            Ok(body) => body,
            Err(problem) => return refuse(&problem),
        };
        let query = request.query_string_parameters_ref();
        let asked = Asked { parameters: &parameters, query, headers: request.headers(), body: &body, request_id };
        let mut answered = Box::pin(endpoint::answer(&self.app, route, asked)).await;
        if *request.method() == http::Method::HEAD {
            answered.reply.leave_body_out();
        }
        answered
    }
}

/// Where the request leads. API Gateway has matched it against its own list and says with what: the path that it had then
/// may begin with a stage or a base path of any number of segments, which nobody need guess. What it could not match, and
/// what reaches a function without it, is told by the path.
fn destination(request: &Request) -> Destination {
    let (route_key, stage) = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => (context.route_key.as_deref(), context.stage.as_deref()),
        _ => (None, None),
    };
    let path = request.raw_http_path();
    match route_key {
        Some(DEFAULT_ROUTE) | None => by_path(request.method(), path, stage),
        Some(route_key) => {
            let parameters = request.path_parameters_ref();
            let value = |name: &str| parameters.and_then(|parameters| parameters.first(name)).map(str::to_owned);
            by_key(route_key, value).unwrap_or_else(|| by_path(request.method(), path, stage))
        }
    }
}

fn no_such_route(path: &str) -> Problem {
    let message = near_path(path).map_or_else(
        || "There is nothing at this path: check its spelling and the /v1 at its beginning.".to_owned(),
        |near| format!("There is nothing at this path: write {near}, in this case and with these slashes."),
    );
    Problem::new(ErrorCode::RouteNotFound, message)
}

fn other_methods(methods: &[http::Method]) -> Problem {
    let allow = methods.iter().map(http::Method::as_str).collect::<Vec<_>>().join(", ");
    let message = format!("This path does not have this method: use {allow}.");
    Problem { allow: Some(allow), ..Problem::new(ErrorCode::MethodNotAllowed, message) }
}

/// API Gateway's id of the request, by which its access log and ours find each other; else that of the invocation.
fn request_id(request: &Request) -> String {
    let gateway = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    gateway.or_else(|| request.lambda_context_ref().map(|context| context.request_id.clone())).unwrap_or_default()
}

/// Mends what `lambda_http` would panic on when it turns the event into a request: a `Host` that is none, a path or a
/// query that no URI may hold, a body that claims to be base64 and is not. RankBot reads no `Host`, has no such path,
/// and answers such a body as the malformed one that it is.
pub(super) fn tame(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    if let LambdaRequest::ApiGatewayV2(request) = &mut event.payload {
        tame_gateway_request(request);
    }
    event
}

fn tame_gateway_request(request: &mut ApiGatewayV2httpRequest) {
    use base64::Engine as _;

    let is_a_path = |path: &String| path.starts_with('/') && path.len() <= LONGEST_PART;
    request.raw_path = request.raw_path.take().filter(is_a_path).or_else(|| Some("/".to_owned()));
    let query = request.raw_query_string.take().unwrap_or_default();
    let query = if query.len() <= LONGEST_PART { query.as_str() } else { OVERLONG_QUERY };
    request.raw_query_string = Some(utf8_percent_encode(query, OUTSIDE_A_QUERY).to_string());
    request.headers.insert(http::header::HOST, HeaderValue::from_static("rankbot"));
    request.headers.remove("x-forwarded-proto");
    let body = request.body.as_deref().unwrap_or_default();
    if request.is_base64_encoded && base64::engine::general_purpose::STANDARD.decode(body).is_err() {
        request.is_base64_encoded = false;
    }
}
