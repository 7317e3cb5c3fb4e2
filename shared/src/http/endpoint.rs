//! What each route does: credential, parameters, use case, answer; in the contract's order of checks.

use std::borrow::Cow;

use http::HeaderMap;
use lambda_http::aws_lambda_events::query_map::QueryMap;

use super::answer::{
    GroupAnswer, GroupRolesAnswer, KeyAnswer, MemberRankAnswer, RankChangeAnswer, Reply, StatusAnswer,
};
use super::credential;
use super::fields::digits;
use super::log_answer::{LogEntryAnswer, LogsAnswer};
use super::problem::Problem;
use super::routes::{Endpoint, PathParameters, Route};
use super::{log_query, rank_change_body, undo_body};
use crate::app::App;
use crate::app::admission::Metered;
use crate::app::change_rank::{ChangeAnswer, RankChanged};
use crate::app::error::AppError;
use crate::app::ports::{Member, Roblox, Store};
use crate::domain::api_key::{ApiKey, KeyId};
use crate::domain::id::{GroupId, UserId};
use crate::domain::idempotency::{IdempotencyKey, StoredAnswer};
use crate::domain::key_record::Quota;
use crate::domain::log_id::LogId;
use crate::domain::rank_change::Action;
use crate::telemetry::Causes;

const ID: &str = "a whole number from 1 to 9007199254740991";

/// Who asked for what, for the log.
#[derive(Debug, Default)]
pub(super) struct Identity {
    pub(super) route: Option<&'static str>,
    pub(super) key_id: Option<KeyId>,
    pub(super) group_id: Option<GroupId>,
    pub(super) log_id: Option<LogId>,
}

/// An answer, and what goes with it.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) reply: Reply,
    pub(super) quota: Option<Quota>,
    pub(super) identity: Identity,
}

/// A request as it came, after its route was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) parameters: &'a PathParameters,
    pub(super) query: Option<&'a QueryMap>,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a Result<Cow<'a, [u8]>, Problem>,
    pub(super) request_id: &'a str,
}

impl<'a> Asked<'a> {
    fn body(&self) -> Result<&'a [u8], Problem> {
        self.body.as_deref().map_err(Clone::clone)
    }
}

/// One request at one route.
struct Exchange<'a, S, R> {
    app: &'a App<S, R>,
    asked: Asked<'a>,
    identity: Identity,
    /// The key that the request names; nothing has proved yet that it is its.
    named_key: Option<KeyId>,
}

/// Answers a request that has found its route.
pub(super) async fn answer<S: Store, R: Roblox>(app: &App<S, R>, route: &'static Route, asked: Asked<'_>) -> Answered {
    let identity = Identity { route: Some(route.path), ..Identity::default() };
    let mut exchange = Exchange { app, asked, identity, named_key: None };
    let (reply, quota) = match exchange.run(route.endpoint).await {
        Ok(answered) => answered,
        Err(problem) => (Reply::problem(&problem, asked.request_id), None),
    };
    Answered { reply, quota, identity: exchange.identity }
}

type Outcome = Result<(Reply, Option<Quota>), Problem>;

impl<S: Store, R: Roblox> Exchange<'_, S, R> {
    /// `Err` is what is wrong with the request itself, found without any I/O.
    async fn run(&mut self, endpoint: Endpoint) -> Outcome {
        match endpoint {
            Endpoint::SetRank => self.change_rank(&[Action::SetRank]).await,
            Endpoint::Promote => self.change_rank(&[Action::Promote]).await,
            Endpoint::Demote => self.change_rank(&[Action::Demote]).await,
            Endpoint::AnyRankChange => self.change_rank(&Action::ALL).await,
            Endpoint::GetRank => self.get_rank().await,
            Endpoint::GroupInfo => self.group_info().await,
            Endpoint::GroupRoles => self.group_roles().await,
            Endpoint::Logs => self.logs().await,
            Endpoint::LogEntry => self.log_entry().await,
            Endpoint::Undo => self.undo().await,
            Endpoint::KeyInfo => self.key_info().await,
            Endpoint::Status => Ok((Reply::ok(&StatusAnswer::ok()), None)),
        }
    }

    async fn change_rank(&mut self, allowed: &[Action]) -> Outcome {
        let key = self.credential()?;
        let idempotency = self.idempotency_key()?;
        let request = rank_change_body::parse(self.asked.body()?, allowed)?;
        self.identity.group_id = Some(request.group);
        let render = |done: &RankChanged| stored(done, self.asked.request_id);
        let metered = self.app.change_rank(&key, request, idempotency, &render).await;
        Ok(self.finish_change(metered))
    }

    async fn undo(&mut self) -> Outcome {
        let key = self.credential()?;
        let idempotency = self.idempotency_key()?;
        let request = undo_body::parse(self.path_log_id()?, self.asked.body()?)?;
        let render = |done: &RankChanged| stored(done, self.asked.request_id);
        let metered = self.app.undo(&key, request, idempotency, &render).await;
        Ok(self.finish_change(metered))
    }

    fn finish_change(&mut self, metered: Metered<ChangeAnswer>) -> (Reply, Option<Quota>) {
        if let Ok(ChangeAnswer::Fresh(done)) = &metered.result {
            self.identity.log_id = Some(done.log_id);
            self.identity.group_id = Some(done.group);
        }
        self.finish(metered, |answer, request_id| match answer {
            ChangeAnswer::Fresh(done) => Reply::ok(&RankChangeAnswer::of(done, request_id)),
            ChangeAnswer::Replayed(kept) => Reply::replayed(kept.clone()),
        })
    }

    async fn logs(&mut self) -> Outcome {
        let key = self.credential()?;
        let filter = log_query::parse(self.asked.query)?;
        let metered = self.app.logs(&key, |group| filter.in_group(group)).await;
        self.note_group(metered.result.as_ref().map(|(group, _)| *group));
        Ok(self.finish(metered, |(group, page), _| Reply::ok(&LogsAnswer::of(*group, page))))
    }

    async fn log_entry(&mut self) -> Outcome {
        let key = self.credential()?;
        let id = self.path_log_id()?;
        let metered = self.app.log_entry(&key, id).await;
        self.note_group(metered.result.as_ref().map(|entry| entry.intent.group));
        Ok(self.finish(metered, |entry, _| Reply::ok(&LogEntryAnswer::of(entry))))
    }

    async fn get_rank(&mut self) -> Outcome {
        let key = self.credential()?;
        let group = self.path_group()?.ok_or_else(|| Problem::missing("groupId"))?;
        let user = self.path_id("userId", UserId::new)?.ok_or_else(|| Problem::missing("userId"))?;
        let metered = self.app.get_rank(&key, Member { group, user }).await;
        Ok(self.finish(metered, |rank, _| Reply::ok(&MemberRankAnswer::of(rank))))
    }

    async fn group_info(&mut self) -> Outcome {
        let key = self.credential()?;
        let group = self.path_group()?;
        let metered = self.app.group_info(&key, group).await;
        self.note_group(metered.result.as_ref().map(|(group, _)| *group));
        Ok(self.finish(metered, |(id, group), _| Reply::ok(&GroupAnswer::of(*id, group))))
    }

    async fn group_roles(&mut self) -> Outcome {
        let key = self.credential()?;
        let group = self.path_group()?;
        let metered = self.app.group_roles(&key, group).await;
        self.note_group(metered.result.as_ref().map(|(group, _)| *group));
        Ok(self.finish(metered, |(id, ladder), _| Reply::ok(&GroupRolesAnswer::of(*id, ladder))))
    }

    async fn key_info(&mut self) -> Outcome {
        let key = self.credential()?;
        let metered = self.app.key_info(&key).await;
        self.note_group(metered.result.as_ref().map(|record| record.group));
        let now = self.app.now();
        Ok(self.finish(metered, |record, _| Reply::ok(&KeyAnswer::of(record, now))))
    }

    /// A request that names no group means its key's, which the admission tells.
    fn note_group(&mut self, group: Result<GroupId, &AppError>) {
        self.identity.group_id = group.ok().or(self.identity.group_id);
    }

    fn credential(&mut self) -> Result<ApiKey, Problem> {
        let key = credential::read(self.asked.headers)?;
        self.named_key = Some(key.id().clone());
        Ok(key)
    }

    fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, Problem> {
        const NAME: &str = "Idempotency-Key";
        let mut values = self.asked.headers.get_all(NAME).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Problem::repeated(NAME));
        }
        let key = value.to_str().ok().and_then(|text| IdempotencyKey::new(text).ok());
        key.map(Some).ok_or_else(|| Problem::invalid(NAME, "1 to 255 visible ASCII characters"))
    }

    fn path_log_id(&self) -> Result<LogId, Problem> {
        let text = self.asked.parameters.get("logId").ok_or_else(|| Problem::missing("logId"))?;
        text.parse()
            .map_err(|_| Problem::invalid("logId", "a log id: 26 letters and digits, as a rank change answers it"))
    }

    fn path_group(&mut self) -> Result<Option<GroupId>, Problem> {
        let group = self.path_id("groupId", GroupId::new)?;
        self.identity.group_id = group;
        Ok(group)
    }

    fn path_id<T, E>(&self, name: &str, new: impl Fn(u64) -> Result<T, E>) -> Result<Option<T>, Problem> {
        let Some(text) = self.asked.parameters.get(name) else { return Ok(None) };
        digits(text).and_then(|id| new(id).ok()).map(Some).ok_or_else(|| Problem::invalid(name, ID))
    }

    /// A line of the log names the key only where its secret was the right one: by self-made keys, anybody could have the log
    /// tell of somebody else's.
    fn finish<T>(&mut self, metered: Metered<T>, reply: impl FnOnce(&T, &str) -> Reply) -> (Reply, Option<Quota>) {
        self.identity.key_id = self.named_key.take().filter(|_| metered.quota.is_some());
        let reply = match metered.result {
            Ok(done) => reply(&done, self.asked.request_id),
            Err(error) => {
                self.log_cause(&error);
                Reply::problem(&Problem::from(&error), self.asked.request_id)
            }
        };
        (reply, metered.quota)
    }

    /// The cause behind an answer that hides it. What the caller did wrong is in the request's own line.
    fn log_cause(&self, error: &AppError) {
        match error {
            AppError::Roblox(_) | AppError::Store(_) | AppError::Defect(_) => {
                let request_id = self.asked.request_id;
                tracing::error!(request_id, error = %Causes(error), "request failed");
            }
            AppError::Refused(_)
            | AppError::UserNotInGroup
            | AppError::UserBlocked { .. }
            | AppError::RankChangeInProgress { .. }
            | AppError::LastChangeNotShown { .. }
            | AppError::ClaimLost
            | AppError::IdempotencyInProgress { .. }
            | AppError::IdempotencyKeyReused
            | AppError::ChangedSince { .. }
            | AppError::LogNotFound
            | AppError::RoleNotFound { .. }
            | AppError::AmbiguousRole { .. }
            | AppError::RankNotAllowed
            | AppError::TargetNotManageable
            | AppError::RankMismatch { .. } => {}
        }
    }
}

/// What is kept of an answer: the body that is about to be sent.
fn stored(done: &RankChanged, request_id: &str) -> StoredAnswer {
    Reply::ok(&RankChangeAnswer::of(done, request_id)).to_stored()
}
