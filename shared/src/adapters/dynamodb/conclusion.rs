//! The end of a change: its claim closed and its log entry written, both or neither.

use std::collections::HashMap;

use aws_sdk_dynamodb::config::interceptors::InterceptorContext;
use aws_sdk_dynamodb::config::retry::{ClassifyRetry, RetryAction};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{CancellationReason, Put, TransactWriteItem, Update};

use super::admission::condition_failed;
use super::changes::{left, names, primary_key};
use super::item::{Item, text};
use super::{Table, logs, store_error};
use crate::app::ports::{Claimed, Concluded, Ending, StoreError, Verdict};
use crate::domain::audit::LogEntry;
use crate::domain::log_id::LogId;

const RELEASE: &str = "REMOVE #holder, #until, #intent, #under, #ixPk, #ixSk, #verdict SET #version = :holder";
const LEAVE: &str = "SET #version = :holder, #until = :zero, #ixSk = :ixSk, #verdict = :verdict";
/// What the run has written, for those who read the member next.
const AND_REMEMBER: &str = ", #recent = :recent";
/// What lay under the claim comes up again. A repetition finds it there already.
const UNCOVER: &str = ", #intent = if_not_exists(#under, #intent)";
const CHANGED: &str = ", #lastChange = :change";
const AND_FORGET_WHAT_IS_UNDER: &str = " REMOVE #under";
const CLOSE: &str = "close claim";
const STILL_HELD: &str = "#holder = :holder";

/// DynamoDB's names for why one of a transaction's writes stood in its way.
const CONDITION_FAILED: &str = "ConditionalCheckFailed";
const THROTTLED: [&str; 2] = ["ThrottlingError", "ProvisionedThroughputExceeded"];
const CONFLICT: &str = "TransactionConflict";
const NOT_IN_THE_WAY: &str = "None";

/// The update that closes a claim, by itself or within a transaction.
struct Closing {
    update: String,
    names: HashMap<String, String>,
    values: Item,
}

impl Closing {
    fn of(claimed: &Claimed, ending: Ending) -> Result<Self, StoreError> {
        Ok(match ending {
            Ending::Changed(change) => Self::release(claimed)?.with_change(change),
            Ending::Unchanged if claimed.covers_another => Self::leave(claimed, Verdict::Succeeded)?
                .with(UNCOVER, &["intent", "under"])
                .with(AND_FORGET_WHAT_IS_UNDER, &[]),
            Ending::Unchanged => Self::release(claimed)?,
            Ending::LeftOver(change, Verdict::Succeeded) => {
                let left = Self::leave(claimed, Verdict::Succeeded)?.with_change(change);
                if claimed.covers_another { left.with(AND_FORGET_WHAT_IS_UNDER, &["under"]) } else { left }
            }
            Ending::LeftOver(_, verdict @ (Verdict::Failed | Verdict::Pending)) => Self::leave(claimed, verdict)?,
        })
    }

    fn release(claimed: &Claimed) -> Result<Self, StoreError> {
        let used = ["holder", "until", "intent", "under", "ixPk", "ixSk", "version", "verdict", "recent"];
        Self::new(claimed, RELEASE, &used)
    }

    fn leave(claimed: &Claimed, verdict: Verdict) -> Result<Self, StoreError> {
        let used = ["holder", "until", "ixSk", "version", "verdict", "recent"];
        let mut closing = Self::new(claimed, LEAVE, &used)?;
        closing.values.extend(left(claimed, verdict));
        Ok(closing)
    }

    fn new(claimed: &Claimed, update: &str, used: &[&str]) -> Result<Self, StoreError> {
        let recent = serde_json::to_string(&claimed.recent).map_err(store_error(CLOSE))?;
        let values = Item::from([
            (":holder".to_owned(), text(claimed.holder.to_string())),
            (":recent".to_owned(), text(recent)),
        ]);
        Ok(Self { update: format!("{update}{AND_REMEMBER}"), names: names(used), values })
    }

    fn with(mut self, addition: &str, used: &[&str]) -> Self {
        self.update.push_str(addition);
        self.names.extend(names(used));
        self
    }

    fn with_change(mut self, change: LogId) -> Self {
        self.values.insert(":change".to_owned(), text(change.to_string()));
        self.with(CHANGED, &["lastChange"])
    }
}

/// What a transaction that was cancelled says about the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancelled {
    /// Somebody else has the claim, and writes the entry when they close it.
    TakenOver,
    /// The entry is there already: only the claim is left to be closed.
    OnRecord,
    /// Nothing: the database is in trouble.
    Failed,
}

impl Cancelled {
    /// From the reasons of claim and entry, in this order.
    fn of(error: &TransactWriteItemsError) -> Self {
        let mut refused = reasons(error).iter().map(|reason| reason.code() == Some(CONDITION_FAILED));
        match (refused.next(), refused.next()) {
            (Some(true), _) => Self::TakenOver,
            (Some(false), Some(true)) => Self::OnRecord,
            (Some(false), Some(false)) | (_, None) | (None, Some(_)) => Self::Failed,
        }
    }
}

fn reasons(error: &TransactWriteItemsError) -> &[CancellationReason] {
    if let TransactWriteItemsError::TransactionCanceledException(cancelled) = error {
        cancelled.cancellation_reasons()
    } else {
        &[]
    }
}

impl Table {
    pub(super) async fn close_claim(&self, claimed: &Claimed, ending: Ending) -> Result<(), StoreError> {
        let Closing { update, names, values } = Closing::of(claimed, ending)?;
        let closed = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(primary_key(claimed.member)))
            .update_expression(update)
            .condition_expression(STILL_HELD)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .send()
            .await;
        match closed {
            // A claim that is no longer this run's was taken over after its lease; whoever has it closes it.
            Err(error) if condition_failed(&error).is_none() => Err(store_error(CLOSE)(error)),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The token is the run's own id, as a run closes its claim with an entry once: an attempt that comes after one that
    /// took effect is answered as that one would have been. Ten minutes later, when DynamoDB has forgotten the token, the
    /// conditions refuse it.
    pub(super) async fn conclude_change(
        &self,
        claimed: &Claimed,
        ending: Ending,
        entry: &LogEntry,
    ) -> Result<Concluded, StoreError> {
        const OPERATION: &str = "conclude change";
        let concluded = self
            .client
            .transact_write_items()
            .transact_items(self.closing(claimed, ending)?)
            .transact_items(self.adding(entry)?)
            .client_request_token(claimed.holder.to_string())
            .send()
            .await;
        let Err(error) = concluded else { return Ok(Concluded::Own) };
        match error.as_service_error().map_or(Cancelled::Failed, Cancelled::of) {
            Cancelled::TakenOver => Ok(Concluded::ByAnother),
            Cancelled::OnRecord => self.close_claim(claimed, ending).await.map(|()| Concluded::Own),
            Cancelled::Failed => Err(store_error(OPERATION)(error)),
        }
    }

    fn closing(&self, claimed: &Claimed, ending: Ending) -> Result<TransactWriteItem, StoreError> {
        let Closing { update, names, values } = Closing::of(claimed, ending)?;
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(primary_key(claimed.member)))
            .update_expression(update)
            .condition_expression(STILL_HELD)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .build();
        let update = update.map_err(store_error(CLOSE))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn adding(&self, entry: &LogEntry) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(logs::item(entry)?))
            .condition_expression(logs::NEW)
            .expression_attribute_names("#pk", "pk")
            .build();
        let put = put.map_err(store_error(logs::APPEND))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// What passes by itself, and the SDK does not know to: two transactions at one item, and a throttled part of a
/// transaction. Neither has had an effect. `TransactionInProgressException`, the answer to a repetition that overtakes
/// its first attempt, the SDK knows.
#[derive(Debug)]
pub(super) struct Passing;

impl ClassifyRetry for Passing {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err).and_then(|error| error.as_operation_error());
        let Some(error) = error else { return RetryAction::NoActionIndicated };
        if let Some(UpdateItemError::TransactionConflictException(_)) = error.downcast_ref() {
            return RetryAction::transient_error();
        }
        error.downcast_ref().map_or(RetryAction::NoActionIndicated, |error| passing(reasons(error)))
    }

    fn name(&self) -> &'static str {
        "transaction conflicts"
    }
}

/// A condition that failed will fail again, whatever else was in the way.
fn passing(reasons: &[CancellationReason]) -> RetryAction {
    let codes = || reasons.iter().map(|reason| reason.code().unwrap_or(NOT_IN_THE_WAY));
    let throttled = |code: &str| THROTTLED.contains(&code);
    if !codes().all(|code| code == NOT_IN_THE_WAY || code == CONFLICT || throttled(code)) {
        return RetryAction::NoActionIndicated;
    }
    match (codes().any(throttled), codes().any(|code| code == CONFLICT)) {
        (true, _) => RetryAction::throttling_error(),
        (false, true) => RetryAction::transient_error(),
        (false, false) => RetryAction::NoActionIndicated,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;

    use super::*;

    fn reasons_of(codes: &[&str]) -> Vec<CancellationReason> {
        codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect()
    }

    #[test]
    fn a_cancelled_transaction_is_repeated_only_if_all_that_was_in_its_way_passes() {
        for (codes, expected) in [
            (["TransactionConflict", "None"], RetryAction::transient_error()),
            (["None", "ThrottlingError"], RetryAction::throttling_error()),
            (["TransactionConflict", "ProvisionedThroughputExceeded"], RetryAction::throttling_error()),
            (["ConditionalCheckFailed", "TransactionConflict"], RetryAction::NoActionIndicated),
            (["ConditionalCheckFailed", "None"], RetryAction::NoActionIndicated),
            (["None", "ItemCollectionSizeLimitExceeded"], RetryAction::NoActionIndicated),
            (["ThrottlingError", "ValidationError"], RetryAction::NoActionIndicated),
            (["None", "None"], RetryAction::NoActionIndicated),
        ] {
            assert_eq!(passing(&reasons_of(&codes)), expected, "{codes:?}");
        }
        assert_eq!(passing(&[]), RetryAction::NoActionIndicated);
    }

    #[test]
    fn a_claim_that_is_lost_counts_before_an_entry_that_is_there() {
        let cancelled = |codes: &[&str]| {
            let exception = TransactionCanceledException::builder();
            let exception = exception.set_cancellation_reasons(Some(reasons_of(codes))).build();
            Cancelled::of(&TransactWriteItemsError::TransactionCanceledException(exception))
        };
        assert_eq!(cancelled(&["ConditionalCheckFailed", "None"]), Cancelled::TakenOver);
        assert_eq!(cancelled(&["ConditionalCheckFailed", "ConditionalCheckFailed"]), Cancelled::TakenOver);
        assert_eq!(cancelled(&["ConditionalCheckFailed", "ThrottlingError"]), Cancelled::TakenOver);
        assert_eq!(cancelled(&["None", "ConditionalCheckFailed"]), Cancelled::OnRecord);
        assert_eq!(cancelled(&["TransactionConflict", "ConditionalCheckFailed"]), Cancelled::OnRecord);
        assert_eq!(cancelled(&["TransactionConflict", "None"]), Cancelled::Failed);
        assert_eq!(cancelled(&[]), Cancelled::Failed);
    }
}
