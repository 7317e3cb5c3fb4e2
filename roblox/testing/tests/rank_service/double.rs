//! A double of the API: one ladder, idempotency keys, and whatever goes wrong.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use roblox_testing::server::Request;
use roblox_testing::{Reply, ScriptedServer};
use serde_json::{Value, json};

/// What goes wrong with one request; the effect, where there is one, is real.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The change is made, and the connection cut before the answer.
    CutAfterEffect,
    /// The change is made, and the answer never comes.
    SilentAfterEffect,
    /// The connection is cut before anything is done.
    CutBefore,
    /// Answered thus, and nothing is done.
    Instead(Reply),
}

#[derive(Default)]
struct Group {
    ranks: HashMap<u64, u64>,
    moves: u64,
    answers: HashMap<String, Value>,
    faults: Vec<Fault>,
}

/// The API, with a ladder of all ranks from 1 to 254, everyone at 1.
pub(crate) struct Double {
    pub(crate) server: ScriptedServer,
    group: Arc<Mutex<Group>>,
}

impl Double {
    /// Whose first requests meet `faults`, in order.
    pub(crate) fn with(faults: impl IntoIterator<Item = Fault>) -> Self {
        let mut faults: Vec<_> = faults.into_iter().collect();
        faults.reverse();
        let group = Arc::new(Mutex::new(Group { faults, ..Group::default() }));
        let state = Arc::clone(&group);
        let server = ScriptedServer::start(move |request| {
            let mut group = state.lock().unwrap_or_else(PoisonError::into_inner);
            match group.faults.pop().unwrap_or(Fault::None) {
                Fault::None => group.answer(request),
                Fault::CutAfterEffect => {
                    group.answer(request);
                    Reply::Drop
                }
                Fault::SilentAfterEffect => {
                    group.answer(request);
                    Reply::never()
                }
                Fault::CutBefore => Reply::Drop,
                Fault::Instead(reply) => reply,
            }
        });
        Self { server: server.unwrap(), group }
    }

    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    /// Where the member stands.
    pub(crate) fn rank(&self, user_id: u64) -> u64 {
        self.group.lock().unwrap().ranks.get(&user_id).copied().unwrap_or(1)
    }

    /// How often anybody was moved.
    pub(crate) fn moves(&self) -> u64 {
        self.group.lock().unwrap().moves
    }

    /// The idempotency keys of all requests, in order.
    pub(crate) fn idempotency_keys(&self) -> Vec<String> {
        let requests = self.server.requests();
        requests.iter().filter_map(|request| request.header("idempotency-key").map(str::to_owned)).collect()
    }
}

impl Group {
    fn answer(&mut self, request: &Request) -> Reply {
        let key = request.header("idempotency-key").unwrap_or_default().to_owned();
        if let Some(answer) = self.answers.get(&key) {
            return finish(answer).with("Idempotency-Replayed", "true");
        }
        let answer = match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/v1/key") => json!({ "success": true, "keyId": "abcdefghijkl", "groupId": 7, "plan": "pro",
                "limit": 5000, "used": 1, "remaining": 4999, "resetsAt": "2026-11-01T00:00:00Z",
                "maxRank": null, "allowedRanks": null, "expiresAt": null }),
            ("GET", path) => {
                let mut ids = path.rsplit('/').map(|id| id.parse().unwrap_or(0));
                let (user_id, group_id) = (ids.next().unwrap_or(0), ids.next().unwrap_or(0));
                let rank = self.ranks.get(&user_id).copied().unwrap_or(1);
                json!({ "success": true, "groupId": group_id, "userId": user_id, "rank": rank,
                    "roleName": format!("Rank {rank}"), "roleId": rank * 1000, "roles": [role(rank)] })
            }
            _ => {
                let body = request.json();
                if self.breaks_a_condition(&body) {
                    return refusal(409, "RANK_MISMATCH", false);
                }
                self.change(&body)
            }
        };
        if !key.is_empty() {
            self.answers.insert(key, answer.clone());
        }
        finish(&answer)
    }

    fn rank_of(&self, body: &Value) -> u64 {
        self.ranks.get(&body["userId"].as_u64().unwrap()).copied().unwrap_or(1)
    }

    fn breaks_a_condition(&self, body: &Value) -> bool {
        let bound = |index: usize| body["ifRank"].get(index).or(body.get("ifRank")).and_then(Value::as_u64);
        let (lowest, highest) = (bound(0).unwrap_or(0), bound(1).unwrap_or(255));
        !(lowest..=highest).contains(&self.rank_of(body))
    }

    fn change(&mut self, body: &Value) -> Value {
        let user_id = body["userId"].as_u64().unwrap();
        let from = self.rank_of(body);
        let steps = body["steps"].as_u64().unwrap_or(1);
        let to = match body["action"].as_str().unwrap() {
            "promote" => (from + steps).min(254),
            "demote" => from.saturating_sub(steps).max(1),
            _ => body["targetRank"].as_u64().or(body["targetRoleId"].as_u64()).unwrap_or(9),
        };
        let kept = body["neverLower"] == true && from > to;
        let to = if kept { from } else { to };
        if body["dryRun"] != true {
            self.ranks.insert(user_id, to);
            self.moves += u64::from(to != from);
        }
        json!({ "success": true, "groupId": body["groupId"], "userId": user_id, "action": body["action"], "fromRank": from,
            "toRank": to, "changed": from != to, "fromRole": role(from), "toRole": role(to),
            "dryRun": body["dryRun"] == true, "kept": kept, "logId": format!("01JTESTLOG{:016}", self.answers.len() + 1), "requestId": "req-1" })
    }
}

fn role(rank: u64) -> Value {
    json!({ "id": rank * 1000, "name": format!("Rank {rank}"), "rank": rank })
}

fn finish(answer: &Value) -> Reply {
    Reply::json(200, answer).with("X-Request-Id", "req-1")
}

/// A refusal in the API's own form.
pub(crate) fn refusal(status: u16, code: &str, retryable: bool) -> Reply {
    Reply::json(
        status,
        &json!({ "success": false, "code": code, "message": format!("The message of {code}."),
            "retryable": retryable, "requestId": "req-9", "docs": format!("/docs/errors/{code}"),
            "details": { "hint": "details of it" } }),
    )
    .with("X-Request-Id", "req-9")
}
