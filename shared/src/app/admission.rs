//! The door: who may come in, counted as they do, and given back if nothing came of it.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join;
use jiff::Timestamp;

use super::App;
use super::deadline::Deadline;
use super::error::{AppError, Count, Refused, RefusedKey};
use super::ports::{NotAdmitted, Roblox, Store, StoreError};
use crate::domain::api_key::ApiKey;
use crate::domain::key_record::{Demand, KeyRecord, Quota, Refusal};
use crate::domain::month::Month;
use crate::telemetry::Causes;

/// An answer and where its key stands in its month.
#[derive(Debug)]
pub struct Metered<T> {
    /// The key's month, wherever the key was recognised.
    pub quota: Option<Quota>,
    /// What came of the request.
    pub result: Result<T, AppError>,
}

/// What came of an admitted request's work.
#[derive(Debug)]
pub(super) enum Done<T> {
    /// The count stands.
    Counted(T),
    /// It was answered before, and is given back.
    Free(T),
}

impl<S: Store, R: Roblox> App<S, R> {
    /// Admits the request, does its work and, where that failed, gives the count back.
    ///
    /// What the request needs of the database is loaded beside the admission, and looked at only once that has passed;
    /// but `rescue` may find in it the answer to a request that came before the month's limit was reached, or that the
    /// request is running still.
    pub(super) async fn metered<T, L, F>(
        &self,
        key: &ApiKey,
        demand: Demand,
        loading: impl Future<Output = Result<L, StoreError>> + Send,
        rescue: impl FnOnce(&L) -> Option<Result<T, AppError>>,
        work: impl FnOnce(KeyRecord, L) -> F,
    ) -> Metered<T>
    where
        F: Future<Output = Result<Done<T>, AppError>> + Send,
    {
        let (now, deadline) = (self.now(), Deadline::for_request());
        let (admission, loaded) = join(Box::pin(self.store.admit(key, &demand, now)), Box::pin(loading)).await;
        let record = match admission {
            Ok(record) => record,
            Err(not_admitted) => {
                let refused = refused(key, &demand, now, not_admitted);
                let rescued = loaded.ok().filter(|_| refused.is_at_the_limit()).and_then(|loaded| rescue(&loaded));
                return rescued.map_or_else(
                    || Metered { quota: refused.quota, result: Err(refused.error) },
                    |result| Metered { quota: refused.quota, result },
                );
            }
        };
        let month = Month::of(now);
        let (quota, plan) = (record.quota(month), record.plan);
        let pruning = self.prune(&record, month);
        let working = async {
            match loaded {
                Ok(loaded) => within_a_panic_boundary(work(record, loaded)).await,
                Err(error) => Err(AppError::Store(error)),
            }
        };
        let (result, ()) = join(Box::pin(working), pruning).await;
        let count = match &result {
            Ok(Done::Counted(_)) => Count::Stands,
            Ok(Done::Free(_)) => Count::GivenBack,
            Err(error) => error.count(),
        };
        let quota = match count {
            Count::Stands => quota,
            Count::GivenBack => self.give_back(key, month, None, (quota, deadline)).await,
            Count::GivenBackAsRefusal => self.give_back(key, month, plan.monthly_refusals(), (quota, deadline)).await,
        };
        let result = result.map(|done| match done {
            Done::Counted(answer) | Done::Free(answer) => answer,
        });
        Metered { quota: Some(quota), result }
    }

    /// Counters of long ago are taken out of the key's item beside the month's first request, the one in the month that
    /// pays for it. What fails is done a month later.
    fn prune(&self, key: &KeyRecord, month: Month) -> impl Future<Output = ()> + Send + use<'_, S, R> {
        let old = if key.quota(month).used == 1 { key.months_to_prune(month) } else { Vec::new() };
        let key_id = key.key_id.clone();
        async move {
            if old.is_empty() {
                return;
            }
            if let Err(error) = self.store.prune(&key_id, &old).await {
                tracing::warn!(%key_id, error = %Causes(&error), "old counters not pruned");
            }
        }
    }

    /// A give-back that fails costs the caller one request; the answer they wait for is not held up by it.
    async fn give_back(
        &self,
        key: &ApiKey,
        month: Month,
        most_refusals: Option<u64>,
        (counted, deadline): (Quota, Deadline),
    ) -> Quota {
        let giving_back = Box::pin(self.store.give_back(key.id(), month, most_refusals));
        match deadline.with_giving_back().bound("give back", giving_back).await {
            Ok(Some(used)) => Quota { used, ..counted },
            Ok(None) => counted,
            Err(error) => {
                tracing::warn!(key_id = %key.id(), error = %Causes(&error), "request not given back");
                counted
            }
        }
    }
}

/// A panic in the work is a defect, and ends like any other failure: with an answer, and the count given back.
async fn within_a_panic_boundary<T>(
    work: impl Future<Output = Result<Done<T>, AppError>> + Send,
) -> Result<Done<T>, AppError> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or(Err(AppError::Defect("a request panicked")))
}

/// A refusal, and where the key stands if it was recognised.
struct Refusing {
    quota: Option<Quota>,
    error: AppError,
}

impl Refusing {
    const fn is_at_the_limit(&self) -> bool {
        let over = matches!(self.error, AppError::Refused(Refused { refusal: Refusal::MonthlyLimitReached, .. }));
        over || matches!(self.error, AppError::IdempotencyInProgress { .. })
    }
}

fn refused(key: &ApiKey, demand: &Demand, now: Timestamp, why: NotAdmitted) -> Refusing {
    let record = match why {
        NotAdmitted::Store(error) => return Refusing { quota: None, error: AppError::Store(error) },
        NotAdmitted::Refused(record) => record,
    };
    let refusal = record.as_ref().map_or(Some(Refusal::InvalidKey), |record| record.refusal(key.hash(), demand, now));
    let Some(refusal) = refusal else {
        return Refusing { quota: None, error: AppError::Defect("the store refused what the rules admit") };
    };
    if let Some(record) = record.as_ref().filter(|_| refusal == Refusal::MonthlyLimitReached)
        && record.may_be_running(demand, now)
    {
        let error = AppError::IdempotencyInProgress { retry_after: Duration::from_secs(1) };
        return Refusing { quota: Some(record.quota(Month::of(now))), error };
    }
    let recognised = record.filter(|_| refusal != Refusal::InvalidKey);
    let known = recognised.map(|record| RefusedKey { plan: record.plan, quota: record.quota(Month::of(now)) });
    let required_plans = demand.plans.unwrap_or_default();
    let error = AppError::Refused(Refused { refusal, key: known, required_plans, at: now });
    Refusing { quota: known.map(|key| key.quota), error }
}
