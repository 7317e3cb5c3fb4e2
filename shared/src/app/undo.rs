//! Putting a member back to the roles they held before a change.

use super::App;
use super::admission::{Done, Metered};
use super::change_rank::{ChangeAnswer, Job, Render, Wish};
use super::deadline::Deadline;
use super::error::AppError;
use super::ports::{Member, Roblox, Store};
use super::repetition::rescue;
use crate::domain::api_key::ApiKey;
use crate::domain::id::UserId;
use crate::domain::idempotency::{Idempotency, IdempotencyKey, RequestHash};
use crate::domain::key_record::Demand;
use crate::domain::log_id::LogId;
use crate::domain::rank_change::{Mode, Reason};

/// A request to undo a change, fully parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// The entry of the change, in the key's own group.
    pub log_id: LogId,
    /// Also if the member was changed since.
    pub force: bool,
    /// For the log.
    pub reason: Option<Reason>,
    /// The Roblox user who asked, for the log.
    pub actor: Option<UserId>,
    /// Really, or only to see.
    pub mode: Mode,
}

impl Undo {
    /// What tells this request from another one under the same idempotency key.
    pub fn hash(&self) -> RequestHash {
        RequestHash::of(&serde_json::json!({
            "action": "undo",
            "logId": self.log_id,
            "force": self.force,
            "reason": self.reason,
            "actor": self.actor,
            "dryRun": self.mode == Mode::DryRun,
        }))
    }
}

impl<S: Store, R: Roblox> App<S, R> {
    /// Undoes a change, as a change of its own. Undoing an undo does the first change again.
    pub async fn undo(
        &self,
        key: &ApiKey,
        request: Undo,
        idempotency: Option<IdempotencyKey>,
        render: Render<'_>,
    ) -> Metered<ChangeAnswer> {
        let (began, deadline) = (self.now(), Deadline::for_request());
        let idempotency = idempotency.map(|key| Idempotency { key, request: request.hash() });
        let loading = async {
            match &idempotency {
                Some(idempotency) => self.store.known_answer(key.id(), &idempotency.key).await,
                None => Ok(None),
            }
        };
        let again = |known: &Option<_>| rescue(known.as_ref(), idempotency.as_ref(), began);
        let demand = Demand { under: idempotency.clone(), ..Demand::default() };
        self.metered(key, demand, loading, again, |record, known| async {
            let known = known;
            // Before the entry is looked for: it may have ended since the first time.
            if let Some(Ok(answer)) = rescue(known.as_ref(), idempotency.as_ref(), began) {
                return Ok(Done::Free(answer));
            }
            let entry = self.store.entry(record.group, request.log_id, began).await?.ok_or(AppError::LogNotFound)?;
            let member = Member { group: record.group, user: entry.intent.user };
            let slot = idempotency.as_ref().map(|idempotency| (key.id(), &idempotency.key));
            let loaded = self.store.load_change(member, slot).await?;
            let job = Job {
                key: record,
                member,
                wish: Wish::Undo { entry: Box::new(entry), force: request.force },
                reason: request.reason.clone(),
                actor: request.actor,
                mode: request.mode,
                idempotency: idempotency.clone(),
                began,
                deadline,
                render,
            };
            self.perform(&job, loaded).await
        })
        .await
    }
}
