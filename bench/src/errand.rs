//! What each function is asked, again and again: its dearest ordinary request, the same every time.

use anyhow::{Context as _, ensure};
use rankbot_sandbox::demo::role;
use rankbot_shared::function::Function;
use reqwest::Method;
use serde_json::{Value, json};

use crate::bed::{Bed, GROUP, USER, set_rank, step};
use crate::event;

/// Requests to one function that all succeed, each like the one before.
pub(crate) struct Errand<'a> {
    bed: &'a Bed,
    function: Function,
    /// The log entry that is undone next.
    entry: String,
}

impl<'a> Errand<'a> {
    pub(crate) async fn prepare(bed: &'a Bed, function: Function) -> anyhow::Result<Self> {
        bed.roblox().put_member(GROUP, USER, &[role::TRAINEE])?;
        let entry = bed.set_rank(50).await?;
        Ok(Self { bed, function, entry })
    }

    /// The next event. A member who is to be promoted stands where they stood before.
    pub(crate) fn event(&self) -> anyhow::Result<Value> {
        let own_role = match self.function {
            Function::SetRank | Function::Promote | Function::Rank => Some(role::TRAINEE),
            Function::Demote => Some(role::CABIN_CREW),
            Function::Undo
            | Function::GetRank
            | Function::GroupInfo
            | Function::GroupRoles
            | Function::Logs
            | Function::Sweep
            | Function::KeyInfo => None,
        };
        if let Some(role) = own_role {
            self.bed.roblox().put_member(GROUP, USER, &[role])?;
        }
        let Some((method, path, body)) = self.request() else { return Ok(event::of_schedule()) };
        Ok(event::of_request(&method, &path, body.as_ref(), self.bed.key().reveal()))
    }

    /// `None` for what no request leads to.
    fn request(&self) -> Option<(Method, String, Option<Value>)> {
        let post = |path: &str, body: Value| Some((Method::POST, path.to_owned(), Some(body)));
        let get = |path: String| Some((Method::GET, path, None));
        match self.function {
            Function::SetRank => post("/v1/setRank", set_rank(50)),
            Function::Promote => post("/v1/promote", step("promote")),
            Function::Demote => post("/v1/demote", step("demote")),
            Function::Rank => post("/v1/rank", step("promote")),
            Function::Undo => post(&format!("/v1/logs/{}/undo", self.entry), json!({})),
            Function::GetRank => get(format!("/v1/rank/{GROUP}/{USER}")),
            Function::GroupInfo => get(format!("/v1/group/{GROUP}")),
            Function::GroupRoles => get(format!("/v1/group/{GROUP}/roles")),
            Function::Logs => get("/v1/logs".to_owned()),
            Function::KeyInfo => get("/v1/key".to_owned()),
            Function::Sweep => None,
        }
    }

    /// Looks at the answer: a request that fails is quick, and measures nothing.
    pub(crate) fn check(&mut self, answer: &Value) -> anyhow::Result<()> {
        let Some((_, path, _)) = self.request() else { return Ok(()) };
        ensure!(answer.get("statusCode").and_then(Value::as_u64) == Some(200), "{path} was answered {answer}");
        let body = answer.get("body").and_then(Value::as_str).context("an answer without a body")?;
        let body: Value = serde_json::from_str(body)?;
        if let Some(entry) = body.get("logId").and_then(Value::as_str) {
            ensure!(body.get("changed") == Some(&Value::Bool(true)), "{path} changed nothing: {body}");
            entry.clone_into(&mut self.entry);
        }
        Ok(())
    }
}
