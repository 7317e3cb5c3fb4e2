//! Who may use the embedded store: programs that know its access key, and no page in a browser.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use rankbot_store::testing::Recorder;
use rankbot_store::{Connection, EmbeddedStore, Location};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fixture::create_table;

const TABLE: &str = "rankbot";

async fn store_with_a_table() -> EmbeddedStore {
    let store = EmbeddedStore::start(Location::Memory).expect("memory needs nothing");
    create_table(&store.client(), TABLE).await;
    store
}

/// The value of one of the variables that lead to the store.
fn variable(connection: &Connection, wanted: &str) -> String {
    let found = connection.environment().into_iter().find(|(name, _)| *name == wanted);
    found.expect("it is among them").1
}

fn access_key(connection: &Connection) -> String {
    variable(connection, "AWS_ACCESS_KEY_ID")
}

/// A client of this address with a key that somebody has made up.
fn client_with(endpoint: &str, key: &str) -> Client {
    let credentials = Credentials::new(key, "secret", None, None, "test");
    let config = Connection::new(endpoint).config().credentials_provider(credentials);
    Client::from_conf(config.build())
}

/// Sends a request to list the tables, with these headers besides, and gives the whole answer.
async fn ask(store: &EmbeddedStore, method: &str, path: &str, headers: &[&str]) -> String {
    let endpoint = store.endpoint();
    let authority = endpoint.strip_prefix("http://").expect("plain HTTP");
    let own_host = format!("host: {authority}");
    let host = if headers.iter().any(|header| header.starts_with("host:")) { None } else { Some(own_host.as_str()) };
    let head = [
        &format!("{method} {path} HTTP/1.1"),
        "connection: close",
        "content-length: 2",
        "content-type: application/x-amz-json-1.0",
        "x-amz-target: DynamoDB_20120810.ListTables",
        "x-amz-date: 20261123T000000Z",
    ];
    let lines: Vec<&str> = head.iter().chain(headers).copied().chain(host).collect();
    let mut stream = tokio::net::TcpStream::connect(authority).await.expect("it listens");
    stream.write_all(format!("{}\r\n\r\n{{}}", lines.join("\r\n")).as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer
}

fn authorization(key: &str) -> String {
    let scope = "20261123/us-east-1/dynamodb/aws4_request";
    format!("authorization: AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders=host;x-amz-date, Signature=0")
}

#[tokio::test]
async fn another_access_key_is_refused_as_dynamodb_refuses_it_and_changes_nothing() {
    let store = store_with_a_table().await;
    let own = access_key(&store.connection());
    for key in ["local", &own[1..], &own.to_lowercase(), &format!("{own}0")] {
        let client = client_with(&store.endpoint(), key);
        let error = client.delete_table().table_name(TABLE).send().await.expect_err("it is not let in");
        assert_eq!(error.code(), Some("UnrecognizedClientException"), "{key}");
        assert_eq!(error.message(), Some("The security token included in the request is invalid."));
        assert_eq!(error.raw_response().expect("an answer").status().as_u16(), 400);
    }
    let tables = store.client().list_tables().send().await.expect("its own key is taken");
    assert_eq!(tables.table_names(), [TABLE]);
}

#[tokio::test]
async fn a_request_without_credentials_is_refused_as_dynamodb_refuses_it() {
    let store = store_with_a_table().await;
    for (method, path) in
        [("POST", "/"), ("GET", "/"), ("OPTIONS", "/"), ("POST", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256")]
    {
        let answer = ask(&store, method, path, &[]).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{method} {path}: {answer}");
        let body = r#"{"__type":"com.amazon.coral.service#MissingAuthenticationTokenException","message":"Request is missing Authentication Token"}"#;
        assert!(answer.ends_with(body), "{method} {path}: {answer}");
    }
}

#[tokio::test]
async fn each_store_has_a_key_of_its_own() {
    let (one, other) = (store_with_a_table().await, store_with_a_table().await);
    assert_ne!(access_key(&one.connection()), access_key(&other.connection()));
    let stranger = other.connection().by_way_of(one.endpoint()).client();
    stranger.list_tables().send().await.expect_err("that is the other's key");
}

#[tokio::test]
async fn a_proxy_is_passed_with_the_stores_own_key_and_with_no_other() {
    let store = store_with_a_table().await;
    let recorder = Recorder::start(&store.connection());
    assert_eq!(recorder.client().list_tables().send().await.expect("it is let in").table_names(), [TABLE]);
    client_with(&recorder.endpoint(), "local").list_tables().send().await.expect_err("it is not");
}

#[tokio::test]
async fn the_address_with_the_key_lets_in_whatever_the_credentials_are() {
    let store = store_with_a_table().await;
    let address = store.connection().endpoint_with_key();
    let tables = client_with(&address, "defaultkey").list_tables().send().await.expect("the address lets it in");
    assert_eq!(tables.table_names(), [TABLE]);
    let (all_but_one, _) = address.split_at(address.len() - 1);
    let error = client_with(all_but_one, "defaultkey").list_tables().send().await.expect_err("that is not the key");
    assert_eq!(error.code(), Some("UnrecognizedClientException"));
}

#[tokio::test]
async fn what_describes_a_connection_does_not_print_its_key() {
    let store = store_with_a_table().await;
    let key = access_key(&store.connection());
    assert!(!format!("{:?} {store:?}", store.connection()).contains(&key));
}

/// What a page in a browser can send: with its own site in `Origin`, or by a name of its own that leads to this machine.
/// Even one that knew the key.
#[tokio::test]
async fn no_page_of_any_site_is_let_in_and_programs_are() {
    let store = store_with_a_table().await;
    let own_key = authorization(&access_key(&store.connection()));
    let program = ask(&store, "POST", "/", &[&own_key]).await;
    assert!(program.starts_with("HTTP/1.1 200") && program.contains(TABLE), "{program}");
    for header in [
        "origin: https://evil.example",
        "origin: null",
        "sec-fetch-site: same-site",
        "host: evil.example",
        "host: 127.0.0.1.evil.example:80",
    ] {
        for method in ["POST", "OPTIONS", "GET"] {
            let answer = ask(&store, method, "/", &[header, &own_key]).await;
            assert!(answer.starts_with("HTTP/1.1 403"), "{method} {header}: {answer}");
            assert!(!answer.to_lowercase().contains("access-control") && !answer.contains(TABLE), "{answer}");
        }
    }
}
