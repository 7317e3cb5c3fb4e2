//! The proxy: faithful when it is left alone, and exact about what it makes go wrong.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use futures::future::join_all;
use rankbot_store::Connection;
use rankbot_store::testing::{
    CallMatch, Effect, ErrorReply, ItemKey, Moment, Operation, Outcome, RecordedCall, Recorder, StoreFault, round_trips,
};

use crate::fixture::{Table, item, key, s};

/// A table, the proxy in front of it, and a client of the proxy that tries once.
struct Recorded {
    table: Table,
    recorder: Recorder,
    client: Client,
}

impl Recorded {
    async fn new() -> Self {
        let table = Table::new().await;
        let recorder = table.store.record();
        let client = client_without_retries(&recorder, TimeoutConfig::disabled());
        Self { table, recorder, client }
    }

    async fn put(&self, pk: &str) -> Result<PutItemOutput, SdkError<PutItemError>> {
        self.client.put_item().table_name(&self.table.name).set_item(Some(item(pk, "META", []))).send().await
    }

    /// Whether the item is in the store, asked without the proxy.
    async fn has(&self, pk: &str) -> bool {
        self.table.get(pk, "META").await.is_some()
    }
}

fn client_without_retries(recorder: &Recorder, timeouts: TimeoutConfig) -> Client {
    let config = recorder.connection().config().retry_config(RetryConfig::disabled()).timeout_config(timeouts);
    Client::from_conf(config.build())
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

#[tokio::test]
async fn call_passes_unchanged_and_is_written_down() {
    let recorded = Recorded::new().await;
    recorded.put("GROUP#1").await.expect("nothing is in its way");
    let get = recorded.client.get_item().table_name(&recorded.table.name).set_key(Some(key("GROUP#1", "META")));
    assert_eq!(get.send().await.expect("valid").item, Some(item("GROUP#1", "META", [])));

    let calls = recorded.recorder.calls();
    assert_eq!(calls.len(), 2);
    let put = &calls[0];
    assert_eq!(put.operation, Operation::PutItem);
    assert_eq!(put.table.as_deref(), Some(recorded.table.name.as_str()));
    assert_eq!(put.keys, [ItemKey { pk: "GROUP#1".to_owned(), sk: Some("META".to_owned()) }]);
    assert_eq!(put.outcome, Outcome::Answered(200));
    assert!(put.reached_store);
    assert_eq!(put.request_json()["Item"]["pk"]["S"], "GROUP#1");
    assert!(put.started_us <= put.finished_us.expect("it has finished"));
    assert_eq!(calls[1].operation, Operation::GetItem);
    let answer = r#"{"Item":{"pk":{"S":"GROUP#1"},"sk":{"S":"META"}}}"#;
    assert_eq!(calls[1].answer_bytes, answer.len() as u64);
}

#[tokio::test]
async fn refusal_of_the_store_passes_with_its_item() {
    let recorded = Recorded::new().await;
    recorded.put("GROUP#1").await.expect("nothing is in its way");
    let refused = recorded
        .client
        .put_item()
        .table_name(&recorded.table.name)
        .set_item(Some(item("GROUP#1", "META", [("note", s("new"))])))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure("ALL_OLD".into())
        .send()
        .await;
    let PutItemError::ConditionalCheckFailedException(failure) = refused.expect_err("it is there").into_service_error()
    else {
        panic!("not a failed condition")
    };
    assert_eq!(failure.item(), Some(&item("GROUP#1", "META", [])));
    assert_eq!(recorded.recorder.calls()[1].status(), Some(400));
}

#[tokio::test]
async fn error_before_leaves_the_store_untouched_and_the_sdk_knows_it() {
    for (reply, status, name) in [
        (ErrorReply::throttling(), 400, "ThrottlingException"),
        (ErrorReply::provisioned_throughput_exceeded(), 400, "ProvisionedThroughputExceededException"),
        (ErrorReply::transaction_conflict(), 400, "TransactionConflictException"),
        (ErrorReply::internal_server_error(), 500, "InternalServerError"),
        (ErrorReply::service_unavailable(), 503, "ServiceUnavailable"),
        (ErrorReply::access_denied(), 400, "AccessDeniedException"),
        (ErrorReply::new(400, "RequestLimitExceeded", "too many"), 400, "RequestLimitExceeded"),
    ] {
        let recorded = Recorded::new().await;
        recorded.recorder.inject(StoreFault::before(CallMatch::any(), Effect::Error(reply)));
        let error = recorded.put("GROUP#1").await.expect_err("it is injected");
        assert_eq!(code(&error), Some(name));
        assert_eq!(error.raw_response().map(|raw| raw.status().as_u16()), Some(status));
        assert!(!recorded.has("GROUP#1").await);
        assert!(!recorded.recorder.calls()[0].reached_store);
    }
}

#[tokio::test]
async fn a_cancelled_transaction_names_the_reason_of_each_action() {
    let recorded = Recorded::new().await;
    let codes = ["None", "TransactionConflict"];
    let reply = ErrorReply::transaction_canceled(&codes);
    recorded.recorder.inject(StoreFault::before(CallMatch::of(Operation::TransactWriteItems), Effect::Error(reply)));
    let put = Put::builder().table_name(&recorded.table.name).set_item(Some(item("GROUP#1", "META", []))).build();
    let put = TransactWriteItem::builder().put(put.expect("complete")).build();
    let error = recorded.client.transact_write_items().transact_items(put).send().await.expect_err("it is injected");
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error.into_service_error() else {
        panic!("not a cancelled transaction")
    };
    let read: Vec<_> = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
    assert_eq!(read, codes);
    assert!(!recorded.has("GROUP#1").await);
}

#[tokio::test]
async fn error_after_keeps_what_the_store_did() {
    let recorded = Recorded::new().await;
    let reply = ErrorReply::internal_server_error();
    let fault = recorded.recorder.inject(StoreFault::after(CallMatch::any(), Effect::Error(reply)).times(1));
    let error = recorded.put("GROUP#1").await.expect_err("it is injected");
    assert_eq!(code(&error), Some("InternalServerError"));
    assert!(recorded.has("GROUP#1").await);
    assert_eq!(fault.fired(), 1);
    recorded.put("GROUP#2").await.expect("the fault was for one call");
}

#[tokio::test]
async fn closed_connection_is_a_dispatch_failure_with_or_without_the_effect() {
    let recorded = Recorded::new().await;
    let closed = |pk: &str| CallMatch::of(Operation::PutItem).pk_prefix(pk);
    recorded.recorder.inject(StoreFault::before(closed("LOST#"), Effect::CloseConnection));
    recorded.recorder.inject(StoreFault::after(closed("DONE#"), Effect::CloseConnection));
    for pk in ["LOST#1", "DONE#1"] {
        let error = recorded.put(pk).await.expect_err("the connection is closed");
        assert!(matches!(error, SdkError::DispatchFailure(_)), "{error:?}");
    }
    assert!(!recorded.has("LOST#1").await);
    assert!(recorded.has("DONE#1").await);
    assert!(recorded.recorder.calls().iter().all(|call| call.outcome == Outcome::Closed));
    recorded.put("GROUP#1").await.expect("the next call gets a new connection");
}

#[tokio::test]
async fn garbage_is_an_error_without_a_code_under_a_status_of_success() {
    let recorded = Recorded::new().await;
    recorded.recorder.inject(StoreFault::after(CallMatch::any(), Effect::Garbage));
    let error = recorded.put("GROUP#1").await.expect_err("the body is cut off");
    assert_eq!(error.raw_response().map(|raw| raw.status().as_u16()), Some(200));
    assert_eq!(code(&error), None);
    assert!(recorded.has("GROUP#1").await);
}

#[tokio::test]
async fn hanging_call_ends_by_the_clients_timeout() {
    let recorded = Recorded::new().await;
    recorded.recorder.inject(StoreFault::before(CallMatch::any(), Effect::Hang));
    let timeouts = TimeoutConfig::builder().operation_timeout(Duration::from_secs(1)).build();
    let client = client_without_retries(&recorded.recorder, timeouts);
    let put = client.put_item().table_name(&recorded.table.name).set_item(Some(item("GROUP#1", "META", [])));
    let error = put.send().await.expect_err("no answer comes");
    assert!(matches!(error, SdkError::TimeoutError(_)), "{error:?}");
    assert_eq!(recorded.recorder.calls()[0].outcome, Outcome::Running);
}

#[tokio::test]
async fn fault_meets_only_the_calls_it_is_for() {
    let recorded = Recorded::new().await;
    let fault = |calls| StoreFault::before(calls, Effect::Error(ErrorReply::throttling()));
    let second = recorded.recorder.inject(fault(CallMatch::of(Operation::PutItem).pk_prefix("GROUP#")).nth(2));
    let never = recorded.recorder.inject(fault(CallMatch::of(Operation::GetItem)));
    let other_sk = recorded.recorder.inject(fault(CallMatch::any().pk_prefix("GROUP#").sk_prefix("LOG#")));

    let mut outcomes = Vec::new();
    for pk in ["GROUP#1", "KEY#1", "GROUP#2", "GROUP#3"] {
        outcomes.push(recorded.put(pk).await.is_ok());
    }
    assert_eq!(outcomes, [true, true, false, true]);
    assert_eq!([second.fired(), never.fired(), other_sk.fired()], [1, 0, 0]);
}

#[tokio::test]
async fn healed_store_answers_and_every_retry_is_a_call_of_its_own() {
    let recorded = Recorded::new().await;
    let throttled = StoreFault::before(CallMatch::any(), Effect::Error(ErrorReply::throttling()));
    recorded.recorder.inject(throttled.clone().times(1));
    let client = recorded.recorder.client();
    let put = client.put_item().table_name(&recorded.table.name).set_item(Some(item("GROUP#1", "META", [])));
    put.send().await.expect("the SDK tries again");
    let statuses: Vec<_> = recorded.recorder.calls().iter().map(RecordedCall::status).collect();
    assert_eq!(statuses, [Some(400), Some(200)]);

    recorded.recorder.inject(throttled);
    recorded.recorder.heal();
    recorded.recorder.clear();
    recorded.put("GROUP#2").await.expect("it is healed");
    assert_eq!(recorded.recorder.calls().len(), 1);
}

#[tokio::test]
async fn gate_holds_a_call_while_another_overtakes_it() {
    let recorded = Recorded::new().await;
    let mut gate = recorded.recorder.gate(CallMatch::any().pk_prefix("GROUP#1"), Moment::BeforeEffect);
    let (held, ()) = tokio::join!(recorded.put("GROUP#1"), async {
        assert_eq!(gate.reached().await.keys[0].pk, "GROUP#1");
        recorded.put("GROUP#2").await.expect("no gate is for it");
        assert!(!recorded.has("GROUP#1").await, "it has not reached the store");
        gate.release();
    });
    held.expect("it was let go");
    assert!(recorded.has("GROUP#1").await);
    let [held, overtaking] = &recorded.recorder.calls()[..] else { panic!("two calls") };
    assert!(held.finished_us > overtaking.finished_us);
}

#[tokio::test]
async fn gate_after_the_effect_shows_what_the_client_does_not_know_yet() {
    let recorded = Recorded::new().await;
    let mut gate = recorded.recorder.gate(CallMatch::any(), Moment::AfterEffect);
    let (held, ()) = tokio::join!(recorded.put("GROUP#1"), async {
        gate.reached().await;
        assert!(recorded.has("GROUP#1").await);
        gate.abandon();
    });
    assert!(matches!(held.expect_err("the connection is closed"), SdkError::DispatchFailure(_)));
}

#[tokio::test]
async fn two_gates_hold_two_calls_and_set_their_order() {
    let recorded = Recorded::new().await;
    let mut first = recorded.recorder.gate(CallMatch::any(), Moment::BeforeEffect);
    let mut second = recorded.recorder.gate(CallMatch::any(), Moment::BeforeEffect);
    let arrange = async {
        let (held_first, held_second) = (first.reached().await, second.reached().await);
        assert_ne!(held_first.keys, held_second.keys);
        second.release();
        let other = held_second.keys[0].pk.clone();
        recorded
            .recorder
            .wait_until(|calls| calls.iter().any(|call| call.keys[0].pk == other && call.finished_us.is_some()))
            .await;
        assert!(!recorded.has(&held_first.keys[0].pk).await);
        first.release();
    };
    let (one, other, ()) = tokio::join!(recorded.put("GROUP#1"), recorded.put("GROUP#2"), arrange);
    one.expect("it was let go");
    other.expect("it was let go");
}

#[tokio::test]
async fn dropped_gate_lets_its_call_go_on() {
    let recorded = Recorded::new().await;
    drop(recorded.recorder.gate(CallMatch::any(), Moment::BeforeEffect));
    recorded.put("GROUP#1").await.expect("nothing holds it");
}

#[tokio::test]
async fn call_whose_client_went_away_still_takes_effect() {
    let recorded = Recorded::new().await;
    let mut gate = recorded.recorder.gate(CallMatch::any(), Moment::BeforeEffect);
    tokio::select! {
        _ = recorded.put("GROUP#1") => panic!("the gate holds it"),
        _ = gate.reached() => {}
    }
    gate.release();
    recorded.recorder.wait_until(|calls| calls[0].finished_us.is_some()).await;
    assert!(recorded.has("GROUP#1").await);
}

#[tokio::test]
async fn concurrent_calls_are_one_round_trip_and_sequential_calls_one_each() {
    let recorded = Recorded::new().await;
    recorded.recorder.slow_down(Duration::from_millis(100));
    join_all(["A", "B", "C"].map(|pk| recorded.put(pk))).await;
    recorded.put("D").await.expect("nothing is in its way");
    recorded.put("E").await.expect("nothing is in its way");
    let calls = recorded.recorder.calls();
    assert_eq!((calls.len(), round_trips(&calls)), (5, 3));
}

#[tokio::test]
async fn unreachable_store_is_a_closed_connection() {
    // The port of tcpmux, which nobody runs.
    let recorder = Recorder::start(&Connection::new("http://127.0.0.1:1"));
    let error = client_without_retries(&recorder, TimeoutConfig::disabled()).list_tables().send().await;
    assert!(matches!(error.expect_err("nobody is there"), SdkError::DispatchFailure(_)));
    assert_eq!(recorder.calls()[0].outcome, Outcome::Closed);
}
