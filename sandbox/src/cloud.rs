//! Open Cloud: one request from arrival to answer.
//!
//! Faults first, then key, rate limit and operation, as a gateway in front of a service would have it.

use std::future::pending;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Query, Request, State as Extract};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::Value;

use crate::calls::Call;
use crate::control::{Control, State};
use crate::endpoint::{Endpoint, Target};
use crate::faults::{FaultEffect, Held, Timing};
use crate::filter::{self, Filter};
use crate::limits::Verdict;
use crate::paging::fingerprint;
use crate::reads::{self, Parameters};
use crate::reply::{Refusal, V2Code, empty_reply, gateway_reply, json_reply};
use crate::server::DropConnection;
use crate::views;
use crate::writes::{self, Change, Execution};

/// Longest body that is read; Roblox's own limit is unstated.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// A request, read to its end.
struct Asked {
    target: Target,
    parameters: Result<Parameters, Refusal>,
    api_key: Option<String>,
    content_type: String,
    body: Bytes,
}

/// Answers every request that is not for the sandbox itself.
pub(crate) async fn answer(Extract(control): Extract<Control>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY_BYTES).await;
    let whole = body.is_ok();
    let asked = Asked::read(&parts, body.unwrap_or_default());
    let (mut open, plan, mut cleared) = control.begin(asked.as_call(&parts));
    if !whole {
        open.status = Some(413);
        return gateway_reply(413, "Payload too large");
    }
    if !plan.delay.is_zero() {
        tokio::time::sleep(plan.delay).await;
    }
    if plan.held == Held::UntilCleared {
        // An error means that the sandbox is gone, and this task with it.
        let _ = cleared.changed().await;
    }
    let response = with_effect(&control, &asked, plan.effect).await;
    let dropped = response.extensions().get::<DropConnection>().is_some();
    open.status = (!dropped).then(|| response.status().as_u16());
    response
}

async fn with_effect(control: &Control, asked: &Asked, effect: Option<FaultEffect>) -> Response {
    let operate = |execution| perform(&mut control.state(), asked, execution);
    match effect {
        // Delays and holds are waits, and over by now.
        None | Some(FaultEffect::Delay(_) | FaultEffect::Hold) => operate(Execution::Real),
        Some(FaultEffect::NoEffect) => operate(Execution::Pretended),
        Some(FaultEffect::BrokenBody) => cut_off(operate(Execution::Real)).await,
        Some(FaultEffect::Status { status, body, retry_after_s, timing }) => {
            if timing == Timing::After {
                operate(Execution::Real);
            }
            body.reply(status, retry_after_s)
        }
        Some(FaultEffect::Drop(timing)) => {
            if timing == Timing::After {
                operate(Execution::Real);
            }
            let mut response = empty_reply(500);
            response.extensions_mut().insert(DropConnection);
            response
        }
        Some(FaultEffect::Hang(timing)) => {
            if timing == Timing::After {
                operate(Execution::Real);
            }
            pending().await
        }
    }
}

async fn cut_off(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    Response::from_parts(parts, Body::from(whole.slice(..whole.len() / 2)))
}

fn perform(state: &mut State, asked: &Asked, execution: Execution) -> Response {
    let endpoint = asked.target.endpoint;
    if endpoint == Endpoint::Other {
        return gateway_reply(404, "NotFound");
    }
    let Some(bot) = state.bot(asked.api_key.as_deref()) else {
        return gateway_reply(401, "Invalid API Key");
    };
    let grant = state.take(bot, endpoint);
    let mut response = match grant.map(|grant| grant.verdict) {
        Some(Verdict::Exceeded) => Refusal::new(V2Code::ResourceExhausted, "Too many requests.").reply(),
        Some(Verdict::Admitted) | None => match operate(state, asked, bot, execution) {
            Ok(body) => json_reply(200, &body),
            Err(refusal) => refusal.reply(),
        },
    };
    if let Some(grant) = grant {
        grant.write_headers(response.headers_mut());
    }
    response
}

fn operate(state: &mut State, asked: &Asked, bot: u64, execution: Execution) -> Result<Value, Refusal> {
    let target = &asked.target;
    let parameters = asked.parameters.as_ref().map_err(Clone::clone)?;
    let change = match target.endpoint {
        Endpoint::GetGroup => return reads::get_group(state, target),
        Endpoint::ListRoles => return reads::list_roles(state, target, parameters, bot),
        Endpoint::GetRole => return reads::get_role(state, target, bot),
        Endpoint::ListMemberships => return reads::list_memberships(state, target, parameters),
        Endpoint::AssignRole => Change::Assign,
        Endpoint::UnassignRole => Change::Unassign,
        Endpoint::UpdateMembership | Endpoint::Other => {
            return Err(Refusal::new(V2Code::NotImplemented, "Deprecated by Roblox: use assignRole and unassignRole."));
        }
    };
    if !asked.content_type.starts_with("application/json") {
        return Err(Refusal::invalid("The content-type of a body must be application/json."));
    }
    writes::write(state, target, &asked.body, bot, change, execution)
}

impl Asked {
    fn read(parts: &Parts, body: Bytes) -> Self {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let parameters = Query::<Parameters>::try_from_uri(&parts.uri).map(|Query(parameters)| parameters);
        Self {
            target: Target::parse(&parts.method, parts.uri.path()),
            parameters: parameters.map_err(|_| Refusal::invalid("The query string cannot be read.")),
            api_key: header("x-api-key"),
            content_type: header(CONTENT_TYPE.as_str()).unwrap_or_default().to_ascii_lowercase(),
            body,
        }
    }

    fn as_call(&self, parts: &Parts) -> Call {
        let body = (!self.body.is_empty()).then(|| String::from_utf8_lossy(&self.body).into_owned());
        Call {
            number: 0,
            at: std::time::SystemTime::now(),
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            endpoint: self.target.endpoint,
            group: filter::id(&self.target.group),
            user: self.user(),
            role: writes::role_in(&self.body).and_then(|path| Some(filter::role_path(&path)?.1)),
            body,
            key_fingerprint: self.api_key.as_ref().map(|key| format!("{:08x}", fingerprint(key) >> 32)),
            status: None,
            started_us: 0,
            finished_us: None,
            in_flight: 0,
        }
    }

    fn user(&self) -> Option<u64> {
        if self.target.endpoint.is_write() {
            return views::member_of_segment(&self.target.item);
        }
        match Filter::parse(self.parameters.as_ref().ok()?.get("filter")?).ok()? {
            Filter::User(user) => Some(user),
            Filter::Users(users) => users.first().copied().filter(|_| users.len() == 1),
            Filter::Role { .. } => None,
        }
    }
}
