//! Which calls go wrong, when, and how.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::call::{ItemKey, Operation, RecordedCall};

/// Which calls a fault or a gate is for. All that is said has to hold; nothing said means every call.
///
/// ```
/// use rankbot_store::testing::{CallMatch, Operation};
///
/// let admissions = CallMatch::of(Operation::UpdateItem).pk_prefix("KEY#");
/// let log_entries = CallMatch::any().pk_prefix("GROUP#").sk_prefix("LOG#");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallMatch {
    operation: Option<Operation>,
    pk_prefix: Option<String>,
    sk_prefix: Option<String>,
}

impl CallMatch {
    /// Every call.
    pub fn any() -> Self {
        Self::default()
    }

    /// Every call of one operation.
    pub fn of(operation: Operation) -> Self {
        Self { operation: Some(operation), ..Self::default() }
    }

    /// Of those, the calls that name an item whose partition key begins so.
    #[must_use]
    pub fn pk_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.pk_prefix = Some(prefix.into());
        self
    }

    /// Of those, the calls that name an item whose sort key begins so; with [`CallMatch::pk_prefix`], the same item.
    #[must_use]
    pub fn sk_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.sk_prefix = Some(prefix.into());
        self
    }

    /// Whether `call` is one of them.
    pub fn matches(&self, call: &RecordedCall) -> bool {
        let operation = self.operation.as_ref().is_none_or(|wanted| *wanted == call.operation);
        let any_item = self.pk_prefix.is_none() && self.sk_prefix.is_none();
        operation && (any_item || call.keys.iter().any(|key| self.matches_key(key)))
    }

    fn matches_key(&self, key: &ItemKey) -> bool {
        let pk = self.pk_prefix.as_ref().is_none_or(|prefix| key.pk.starts_with(prefix));
        let sk = |prefix: &String| key.sk.as_ref().is_some_and(|sk| sk.starts_with(prefix));
        pk && self.sk_prefix.as_ref().is_none_or(sk)
    }
}

/// The two points of a call at which something can be arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The request has arrived and the store has not been asked.
    BeforeEffect,
    /// The store has answered and the client has not been told.
    AfterEffect,
}

/// What happens to the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The client gets this error.
    Error(ErrorReply),
    /// The connection is closed without an answer.
    CloseConnection,
    /// No answer ever comes, and the connection stays open.
    Hang,
    /// It goes on after this time.
    Delay(Duration),
    /// The client gets status 200 with a body that is cut off.
    Garbage,
    /// A batch read is answered with nothing read and all of its keys unprocessed: how DynamoDB throttles a batch.
    Unprocessed,
}

/// An error answer as DynamoDB gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorReply {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    /// Of a cancelled transaction: why, one for each of its actions.
    pub(super) cancellation_reasons: Vec<String>,
}

impl ErrorReply {
    /// Any error: an HTTP status and an exception's name, such as `ValidationException`.
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), cancellation_reasons: Vec::new() }
    }

    /// 400 `ThrottlingException`.
    pub fn throttling() -> Self {
        Self::new(400, "ThrottlingException", "Rate exceeded")
    }

    /// 400 `ProvisionedThroughputExceededException`: the partition is too hot.
    pub fn provisioned_throughput_exceeded() -> Self {
        let message = "The level of configured provisioned throughput for the table was exceeded";
        Self::new(400, "ProvisionedThroughputExceededException", message)
    }

    /// 400 `TransactionConflictException`: a transaction holds the item.
    pub fn transaction_conflict() -> Self {
        Self::new(400, "TransactionConflictException", "Transaction is ongoing for the item")
    }

    /// 400 `TransactionCanceledException`, with the code of each of the transaction's actions, such as `None` and
    /// `TransactionConflict`.
    pub fn transaction_canceled(reasons: &[&str]) -> Self {
        let message = "Transaction cancelled, please refer cancellation reasons for specific reasons";
        let cancellation_reasons = reasons.iter().map(|reason| (*reason).to_owned()).collect();
        Self { cancellation_reasons, ..Self::new(400, "TransactionCanceledException", message) }
    }

    /// 400 `TransactionInProgressException`: the first attempt under this token is still under way.
    pub fn transaction_in_progress() -> Self {
        Self::new(400, "TransactionInProgressException", "The transaction with the given request token is in progress")
    }

    /// 400 `IdempotentParameterMismatchException`: the token belongs to another transaction.
    pub fn idempotent_parameter_mismatch() -> Self {
        Self::new(400, "IdempotentParameterMismatchException", "The token was used with other parameters")
    }

    /// 500 `InternalServerError`.
    pub fn internal_server_error() -> Self {
        Self::new(500, "InternalServerError", "Internal server error")
    }

    /// 503 `ServiceUnavailable`.
    pub fn service_unavailable() -> Self {
        Self::new(503, "ServiceUnavailable", "Service unavailable")
    }

    /// 400 `AccessDeniedException`: the role may not do this.
    pub fn access_denied() -> Self {
        Self::new(400, "AccessDeniedException", "User is not authorized to perform this action")
    }
}

/// A fault to inject: on every matching call, unless [`times`](Self::times), [`skip`](Self::skip) or
/// [`nth`](Self::nth) says less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFault {
    pub(super) calls: CallMatch,
    pub(super) moment: Moment,
    pub(super) effect: Effect,
    pub(super) occurrences: Occurrences,
}

impl StoreFault {
    /// The calls go wrong without having had any effect.
    pub fn before(calls: CallMatch, effect: Effect) -> Self {
        Self { calls, moment: Moment::BeforeEffect, effect, occurrences: Occurrences::ALL }
    }

    /// The calls take effect, and go wrong on the way back.
    pub fn after(calls: CallMatch, effect: Effect) -> Self {
        Self { calls, moment: Moment::AfterEffect, effect, occurrences: Occurrences::ALL }
    }

    /// Leaves the next `count` matching calls alone.
    #[must_use]
    pub fn skip(mut self, count: usize) -> Self {
        self.occurrences.skip = count;
        self
    }

    /// Meets `count` calls and no more.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.occurrences.times = count;
        self
    }

    /// Meets the matching call number `n` from now, counted from 1, alone.
    #[must_use]
    pub fn nth(self, n: usize) -> Self {
        self.skip(n.saturating_sub(1)).times(1)
    }
}

/// Which of the matching calls are met, in the order they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Occurrences {
    skip: usize,
    times: usize,
}

impl Occurrences {
    pub(super) const ALL: Self = Self { skip: 0, times: usize::MAX };

    /// Counts a matching call, and says whether it is met.
    pub(super) fn next(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.times == 0 {
            return false;
        }
        if self.times != usize::MAX {
            self.times -= 1;
        }
        true
    }
}

/// A fault that was injected. It stays in force when this is dropped.
#[derive(Debug, Clone, Default)]
pub struct InjectedFault {
    fired: Arc<AtomicUsize>,
}

impl InjectedFault {
    /// How many calls it has met: what a test asserts, lest it pass because nothing went wrong.
    pub fn fired(&self) -> usize {
        self.fired.load(Ordering::SeqCst)
    }

    pub(super) fn count(&self) {
        self.fired.fetch_add(1, Ordering::SeqCst);
    }
}
