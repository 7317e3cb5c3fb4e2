//! Every call that a rank change makes, and everything that can go wrong with it: then roles, counter, log and answer
//! agree.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use rankbot_sandbox::{Call, ErrorBody, Fault, FaultEffect, Lag, Matcher, Timing};
use rankbot_store::testing::{Backend, CallMatch, Effect, ErrorReply, Operation, RecordedCall, StoreFault};

use crate::invariants::LEASE_S;
use crate::scenario::Scenario;
use crate::world::{GROUP, World};

use Timing::{After, Before};

/// Cases at once: most of their time they wait for back-offs and time-outs.
const AT_ONCE: usize = 16;

/// Set to `all`, every case is run, which takes some minutes. Without it, one in so many, so that every call, every fault
/// and every scenario has its turn, though not each with each.
const DEPTH: &str = "RANKBOT_TEST_DEPTH";

const STRIDE: usize = 5;
/// A Roblox that lags is waited for.
const STRIDE_WITH_LAG: usize = 11;

/// Runs one case in `stride` (no divisor of the numbers of variants) or all, some at a time, and fails with the names of
/// all that failed.
pub(crate) async fn run_all<C, F>(cases: Vec<C>, stride: usize, run: impl Fn(C) -> F)
where
    C: Clone + fmt::Debug,
    F: Future<Output = ()> + Send + 'static,
{
    // What goes wrong does so in front of the store: the slower of the two is asked less often.
    let stride = match (std::env::var(DEPTH).is_ok_and(|depth| depth == "all"), Backend::from_environment()) {
        (true, _) => 1,
        (false, Backend::Embedded) => stride,
        (false, Backend::DynamoDbLocal) => stride * 5,
    };
    let cases: Vec<C> = cases.into_iter().step_by(stride).collect();
    let count = cases.len();
    let runs = cases.into_iter().map(|case| {
        let running = run(case.clone());
        // A task of its own, begun when there is a place: its panic is told apart from the others'.
        async move { tokio::spawn(running).await.err().map(|error| format!("{case:?}: {error}")) }
    });
    let failed: Vec<String> =
        stream::iter(runs).buffer_unordered(AT_ONCE).filter_map(|failed| async { failed }).collect().await;
    assert!(failed.is_empty(), "{} of {count} cases failed:\n{}", failed.len(), failed.join("\n"));
}

/// One of the calls to the store that a clean run makes.
#[derive(Debug, Clone)]
pub(crate) struct StoreCall {
    pub(crate) calls: CallMatch,
    /// Its number among the calls like it, from 1.
    pub(crate) nth: usize,
    operation: Operation,
    item: String,
}

impl StoreCall {
    pub(crate) fn is(&self, operation: &Operation, item: &str) -> bool {
        self.operation == *operation && self.item.starts_with(item)
    }
}

/// What distinguishes a call: the operation, and the kind of item. The load and the conclusion name several items: the
/// member is among them.
fn kind(call: &RecordedCall) -> (Operation, String) {
    let key = call.keys.iter().find(|key| key.pk.starts_with("MEMBER#")).or_else(|| call.keys.first()).unwrap();
    let pk = key.pk.split('#').next().unwrap();
    let log = key.sk.as_ref().is_some_and(|sk| sk.starts_with("LOG#"));
    (call.operation.clone(), if log { "LOG#".to_owned() } else { format!("{pk}#") })
}

/// The calls of a clean run of the scenario: to the store, and to Roblox.
pub(crate) async fn calls_of(scenario: Scenario) -> (Vec<StoreCall>, Vec<Call>) {
    let (world, arranged) = scenario.arrange().await;
    arranged.ask.clone().send().await;
    (calls_to_the_store(&world), world.roblox.calls())
}

/// The calls to the store so far, each told apart from the others.
pub(crate) fn calls_to_the_store(world: &World) -> Vec<StoreCall> {
    let mut found: Vec<StoreCall> = Vec::new();
    for call in world.store.calls() {
        let (operation, item) = kind(&call);
        let nth = 1 + found.iter().filter(|found| found.operation == operation && found.item == item).count();
        let calls = CallMatch::of(operation.clone());
        let calls = if item == "LOG#" { calls.sk_prefix("LOG#") } else { calls.pk_prefix(item.as_str()) };
        found.push(StoreCall { calls, nth, operation, item });
    }
    found
}

/// The call to Roblox, from this one of its kind on.
pub(crate) fn matcher(calls: &[Call], index: usize) -> Matcher {
    let call = &calls[index];
    let matcher = Matcher { endpoint: Some(call.endpoint), group: Some(GROUP), role: call.role, ..Matcher::any() };
    let nth = calls[..=index].iter().filter(|other| matcher.fits(other)).count();
    matcher.nth(nth.try_into().unwrap())
}

/// How often the fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lasts {
    Once,
    ForEver,
}

/// What the caller does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Sends the same request again.
    Again,
    /// Waits for the sweep.
    Sweep,
}

#[derive(Debug, Clone)]
enum Wrong {
    Store(StoreCall, StoreFault),
    Roblox(Fault),
}

#[derive(Debug, Clone)]
struct Case {
    scenario: Scenario,
    wrong: Wrong,
    lasts: Lasts,
    then: Then,
    lag: Lag,
}

impl Case {
    async fn run(self) {
        let (world, arranged) = self.scenario.arrange().await;
        world.roblox.set_lag(self.lag);
        let fired = self.strike(&world);
        let first = arranged.ask.clone().send().await;
        world.check_rank(&arranged);
        let fired = fired();
        assert!(fired > 0, "the fault has befallen no call");
        let lost = if self.costs_a_request() { fired } else { 0 };
        world.store.heal();
        world.roblox.clear_faults();
        if world.is_held().await {
            assert!(self.may_keep_the_claim(), "I5: answered {}, and the member is held", first.body);
            world.pass(LEASE_S);
        }
        if self.then == Then::Sweep {
            world.sweep().await;
            world.check_answer(&arranged, &first).await;
            world.check_counter(&arranged, first.counts().into(), lost, 1).await;
        }
        let again = world.ask_again(&arranged, &first).await;
        world.check_end(&arranged).await;
        let counted = u64::from(first.counts()) + u64::from(again.counts());
        world.check_counter(&arranged, counted, lost, 2).await;
    }

    /// Injects the fault. What comes back tells how many calls it has befallen.
    fn strike<'a>(&'a self, world: &'a World) -> Box<dyn Fn() -> u64 + Send + 'a> {
        match &self.wrong {
            Wrong::Store(call, fault) => {
                let fault = fault.clone().skip(call.nth - 1);
                let fault = if self.lasts == Lasts::Once { fault.times(1) } else { fault };
                let injected = world.store.inject(fault);
                Box::new(move || injected.fired() as u64)
            }
            Wrong::Roblox(fault) => {
                let on = fault.on.clone();
                let fault = fault.clone();
                world.roblox.inject(if self.lasts == Lasts::Once { fault.once() } else { fault });
                let let_through = u64::from(on.nth.unwrap()) - 1;
                Box::new(move || (world.roblox.calls_to(&on).len() as u64).saturating_sub(let_through))
            }
        }
    }

    /// An admission or a give-back whose fate the caller cannot know.
    fn costs_a_request(&self) -> bool {
        matches!(&self.wrong, Wrong::Store(call, _) if call.is(&Operation::UpdateItem, "KEY#"))
    }

    /// Only where the database took neither the claim nor its release. An end that cannot be recorded keeps nobody
    /// waiting: the claim alone is left to others then.
    fn may_keep_the_claim(&self) -> bool {
        matches!(&self.wrong, Wrong::Store(call, _) if call.is(&Operation::UpdateItem, "MEMBER#"))
    }
}

/// What a transaction says of the others, the claim's part first. That the claim is another's is no fault, and tried by
/// those who take it over.
fn in_the_way_of(operation: &Operation) -> Vec<ErrorReply> {
    if *operation != Operation::TransactWriteItems {
        return vec![ErrorReply::transaction_conflict()];
    }
    vec![
        ErrorReply::transaction_canceled(&["TransactionConflict", "None"]),
        ErrorReply::transaction_canceled(&["None", "ThrottlingError"]),
        ErrorReply::transaction_canceled(&["ProvisionedThroughputExceeded", "TransactionConflict"]),
        ErrorReply::idempotent_parameter_mismatch(),
    ]
}

pub(crate) fn store_faults(call: &StoreCall) -> Vec<StoreFault> {
    let calls = || call.calls.clone();
    let mut faults = vec![
        StoreFault::before(calls(), Effect::Error(ErrorReply::throttling())),
        StoreFault::before(calls(), Effect::Error(ErrorReply::internal_server_error())),
        StoreFault::before(calls(), Effect::CloseConnection),
        StoreFault::before(calls(), Effect::Hang),
    ];
    let errors = in_the_way_of(&call.operation).into_iter();
    faults.extend(errors.map(|error| StoreFault::before(calls(), Effect::Error(error))));
    if call.operation == Operation::TransactWriteItems {
        faults.push(StoreFault::after(calls(), Effect::Error(ErrorReply::transaction_in_progress())));
    }
    if call.operation.is_write() {
        faults.extend([
            StoreFault::after(calls(), Effect::Error(ErrorReply::internal_server_error())),
            StoreFault::after(calls(), Effect::CloseConnection),
            StoreFault::after(calls(), Effect::Hang),
        ]);
    }
    if call.operation == Operation::BatchGetItem {
        faults.push(StoreFault::before(calls(), Effect::Unprocessed));
    }
    faults.push(StoreFault::after(calls(), Effect::Garbage));
    faults
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_at_the_database_answer_roles_log_and_counter_agree() {
    let mut cases = Vec::new();
    for scenario in Scenario::ALL {
        let (calls, _) = calls_of(scenario).await;
        // Admission, load, claim, conclusion.
        assert!(calls.len() >= 4, "{scenario:?}: {calls:?}");
        for call in calls {
            for fault in store_faults(&call) {
                for lasts in [Lasts::Once, Lasts::ForEver] {
                    let then = if cases.len() % 2 == 0 { Then::Again } else { Then::Sweep };
                    let wrong = Wrong::Store(call.clone(), fault.clone());
                    cases.push(Case { scenario, wrong, lasts, then, lag: Lag::NONE });
                }
            }
        }
    }
    run_all(cases, STRIDE, Case::run).await;
}

fn status(status: u16, retry_after_s: Option<u64>, timing: Timing) -> FaultEffect {
    FaultEffect::Status { status, body: ErrorBody::V2, retry_after_s, timing }
}

pub(crate) fn roblox_faults() -> Vec<FaultEffect> {
    let text = ErrorBody::Custom { content_type: "text/html".to_owned(), body: "<html>".to_owned() };
    vec![
        status(400, None, Before),
        status(401, None, Before),
        status(403, None, Before),
        status(404, None, Before),
        status(429, None, Before),
        status(429, Some(30), Before),
        status(500, None, Before),
        status(503, None, Before),
        status(500, None, After),
        FaultEffect::Status { status: 200, body: text, retry_after_s: None, timing: Before },
        FaultEffect::Drop(Before),
        FaultEffect::Drop(After),
        FaultEffect::Hang(Before),
        FaultEffect::Hang(After),
        FaultEffect::BrokenBody,
        FaultEffect::NoEffect,
    ]
}

/// Lists and answers are so old, each by itself and both.
const LAGS: [Lag; 3] = {
    const LAG: Duration = Duration::from_millis(300);
    [
        Lag { lists: LAG, answers: Duration::ZERO },
        Lag { lists: LAG, answers: LAG },
        Lag { lists: Duration::ZERO, answers: LAG },
    ]
};

/// What goes wrong at Roblox with each call of each scenario.
async fn cases_at_roblox(lags: &[Lag]) -> Vec<Case> {
    let mut cases = Vec::new();
    for scenario in Scenario::ALL {
        let (_, calls) = calls_of(scenario).await;
        for index in 0..calls.len() {
            for effect in roblox_faults() {
                for lasts in [Lasts::Once, Lasts::ForEver] {
                    let then = if cases.len() % 2 == 0 { Then::Again } else { Then::Sweep };
                    let wrong = Wrong::Roblox(Fault::new(matcher(&calls, index), effect.clone()));
                    let lag = lags[cases.len() % lags.len()];
                    cases.push(Case { scenario, wrong, lasts, then, lag });
                }
            }
        }
    }
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_at_roblox_answer_roles_log_and_counter_agree() {
    run_all(cases_at_roblox(&[Lag::NONE]).await, STRIDE, Case::run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_at_a_roblox_that_lags_answer_roles_log_and_counter_agree() {
    run_all(cases_at_roblox(&LAGS).await, STRIDE_WITH_LAG, Case::run).await;
}

/// From some call on, Roblox does not answer any more: what was done can neither be verified nor taken back.
#[tokio::test(flavor = "multi_thread")]
async fn when_roblox_goes_away_in_the_middle_a_failure_is_taken_back_later_and_a_retry_moves_once() {
    let mut cases = Vec::new();
    for scenario in Scenario::ALL {
        let (_, calls) = calls_of(scenario).await;
        for from in 1..=calls.len() {
            for effect in [
                status(503, None, Before),
                status(500, None, After),
                status(429, Some(30), Before),
                status(403, None, Before),
                FaultEffect::Drop(After),
                FaultEffect::Hang(After),
                FaultEffect::BrokenBody,
            ] {
                for then in [Then::Again, Then::Sweep] {
                    let all = Matcher::any().group(GROUP).nth(from.try_into().unwrap());
                    let wrong = Wrong::Roblox(Fault::new(all, effect.clone()));
                    cases.push(Case { scenario, wrong, lasts: Lasts::ForEver, then, lag: Lag::NONE });
                }
            }
        }
    }
    run_all(cases, STRIDE, Case::run).await;
}
