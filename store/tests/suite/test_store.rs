//! The choice of the backend, and the isolation of one test from another.

use rankbot_store::testing::{Backend, TestStore, unique_table_name};

use crate::fixture::Table;

#[test]
fn every_backend_is_chosen_by_its_name() {
    assert_eq!(Backend::named("embedded"), Backend::Embedded);
    assert_eq!(Backend::named("dynamodb-local"), Backend::DynamoDbLocal);
}

#[test]
#[should_panic(expected = "RANKBOT_TEST_STORE is \"sqlite\"; valid values: embedded, dynamodb-local")]
fn unknown_backend_is_refused_with_the_valid_ones() {
    Backend::named("sqlite");
}

#[tokio::test]
async fn store_runs_on_the_backend_that_the_environment_names() {
    let store = TestStore::start().await;
    assert_eq!(store.backend(), Backend::from_environment());
    // The one difference between the two that a client can see without a table.
    let requested = reported_server(store.endpoint()).await;
    assert_eq!(requested.contains("Jetty"), store.backend() == Backend::DynamoDbLocal, "{requested}");
}

async fn reported_server(endpoint: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = endpoint.strip_prefix("http://").expect("a plain address");
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer
}

#[tokio::test]
async fn two_tests_of_one_process_do_not_meet() {
    let (one, other) = (Table::new().await, Table::new().await);
    one.put(crate::fixture::item("A", "B", [])).await;
    assert_eq!(other.get("A", "B").await, None);
    assert_eq!(one.store.backend(), other.store.backend());
}

#[test]
fn table_names_never_repeat_and_are_valid() {
    let (one, other) = (unique_table_name(), unique_table_name());
    assert_ne!(one, other);
    assert!(one.len() <= 255 && one.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{one}");
}
