//! The control routes: what [`Control`] does, over HTTP, as JSON, under `/sandbox/`.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Request, State as Extract};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post, put};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::assumptions::Assumptions;
use crate::control::{Control, Unknown};
use crate::faults::Fault;
use crate::lag::Lag;
use crate::limits::RateLimits;
use crate::loopback::programs_and_own_pages;
use crate::world::Group;
use crate::{cloud, millis};

/// Everything that the server answers.
pub(crate) fn router(control: Control) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/sandbox", get(index))
        .route("/sandbox/calls", get(calls).delete(clear_calls))
        .route("/sandbox/faults", get(faults).post(inject).delete(clear_faults))
        .route("/sandbox/groups/{group}", get(read_group).put(put_group))
        .route("/sandbox/groups/{group}/members/{user}", get(member).put(put_member).delete(remove_member))
        .route("/sandbox/delay", put(set_delay))
        .route("/sandbox/lag", get(lag).put(set_lag))
        .route("/sandbox/rate-limits", put(set_rate_limits))
        .route("/sandbox/assumptions", get(assumptions).put(set_assumptions))
        .route("/sandbox/reset", post(reset))
        .route("/sandbox/{*rest}", axum::routing::any(no_such_route))
        .fallback(cloud::answer)
        .with_state(control)
        .layer(axum::middleware::from_fn(programs_and_own_pages))
}

/// Why a control request was not carried out. Answered as `{"error": "…"}`.
enum ControlError {
    Unreadable(String),
    Unknown(Unknown),
    NotAMember { group: u64, user: u64 },
    NoSuchRoute,
}

impl From<Unknown> for ControlError {
    fn from(unknown: Unknown) -> Self {
        Self::Unknown(unknown)
    }
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Unreadable(why) => (StatusCode::BAD_REQUEST, format!("the body cannot be read: {why}")),
            Self::Unknown(unknown) => (StatusCode::NOT_FOUND, unknown.to_string()),
            Self::NotAMember { group, user } => {
                (StatusCode::NOT_FOUND, format!("user {user} is not a member of group {group}"))
            }
            Self::NoSuchRoute => (StatusCode::NOT_FOUND, "no such control route; GET /sandbox lists them".to_owned()),
        };
        (status, Json(json!({"error": message}))).into_response()
    }
}

/// A JSON body, whatever its content type is said to be: `curl -d` without a header is fine here.
struct Input<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = ControlError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ControlError> {
        let body =
            Bytes::from_request(request, state).await.map_err(|error| ControlError::Unreadable(error.body_text()))?;
        serde_json::from_slice(&body).map(Self).map_err(|error| ControlError::Unreadable(error.to_string()))
    }
}

type Answer = Result<Json<Value>, ControlError>;

fn done() -> Json<Value> {
    Json(json!({"ok": true}))
}

async fn index(Extract(control): Extract<Control>) -> Json<Value> {
    let state = control.state();
    let groups: Vec<Value> =
        state.world.groups().map(|group| json!({"id": group.id, "displayName": group.display_name})).collect();
    Json(json!({
        "name": "RankBot sandbox: a Roblox to develop against",
        "groups": groups,
        "openCloud": "/cloud/v2/groups/{group}, header x-api-key",
        "control": [
            "GET, DELETE /sandbox/calls",
            "GET, POST, DELETE /sandbox/faults",
            "GET, PUT /sandbox/groups/{group}",
            "GET, PUT, DELETE /sandbox/groups/{group}/members/{user}",
            "PUT /sandbox/delay",
            "GET, PUT /sandbox/lag",
            "PUT /sandbox/rate-limits",
            "GET, PUT /sandbox/assumptions",
            "POST /sandbox/reset",
        ],
    }))
}

async fn no_such_route() -> ControlError {
    ControlError::NoSuchRoute
}

async fn calls(Extract(control): Extract<Control>) -> Json<Value> {
    Json(json!({"calls": control.calls()}))
}

async fn clear_calls(Extract(control): Extract<Control>) -> Json<Value> {
    control.clear_calls();
    done()
}

async fn faults(Extract(control): Extract<Control>) -> Json<Value> {
    Json(json!({"faults": control.faults()}))
}

async fn inject(Extract(control): Extract<Control>, Input(fault): Input<Fault>) -> Json<Value> {
    control.inject(fault);
    done()
}

async fn clear_faults(Extract(control): Extract<Control>) -> Json<Value> {
    control.clear_faults();
    done()
}

async fn read_group(Extract(control): Extract<Control>, Path(group): Path<u64>) -> Answer {
    let found = control.group(group).ok_or(Unknown::Group(group))?;
    Ok(Json(json!(found)))
}

async fn put_group(Extract(control): Extract<Control>, Path(id): Path<u64>, Input(group): Input<Group>) -> Json<Value> {
    control.put_group(Group { id, ..group });
    done()
}

async fn member(Extract(control): Extract<Control>, Path((group, user)): Path<(u64, u64)>) -> Answer {
    control.group(group).ok_or(Unknown::Group(group))?;
    let roles = control.roles_of(group, user).ok_or(ControlError::NotAMember { group, user })?;
    Ok(Json(json!({"roles": roles, "rank": control.rank_of(group, user)})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberInput {
    #[serde(default)]
    roles: Vec<u64>,
}

async fn put_member(
    Extract(control): Extract<Control>,
    Path((group, user)): Path<(u64, u64)>,
    Input(member): Input<MemberInput>,
) -> Answer {
    control.put_member(group, user, &member.roles)?;
    Ok(done())
}

async fn remove_member(Extract(control): Extract<Control>, Path((group, user)): Path<(u64, u64)>) -> Answer {
    control.remove_member(group, user)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DelayInput {
    #[serde(rename = "delayMs", with = "millis")]
    delay: Duration,
}

async fn set_delay(Extract(control): Extract<Control>, Input(input): Input<DelayInput>) -> Json<Value> {
    control.set_delay(input.delay);
    done()
}

async fn lag(Extract(control): Extract<Control>) -> Json<Value> {
    Json(json!(control.state().lag))
}

async fn set_lag(Extract(control): Extract<Control>, Input(lag): Input<Lag>) -> Json<Value> {
    control.set_lag(lag);
    done()
}

async fn set_rate_limits(Extract(control): Extract<Control>, Input(limits): Input<RateLimits>) -> Json<Value> {
    control.set_rate_limits(limits);
    done()
}

async fn assumptions(Extract(control): Extract<Control>) -> Json<Value> {
    Json(json!(control.state().assumptions))
}

async fn set_assumptions(Extract(control): Extract<Control>, Input(input): Input<Assumptions>) -> Json<Value> {
    control.set_assumptions(input);
    done()
}

async fn reset(Extract(control): Extract<Control>) -> Json<Value> {
    control.reset();
    done()
}
