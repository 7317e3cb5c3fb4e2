//! How DynamoDB Local starts, ends, and says what it lacks.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::Duration;

use rankbot_store::testing::{DynamoDbLocal, DynamoDbLocalError};

#[test]
fn directory_without_the_jar_is_named_with_the_variable_to_set() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let error = DynamoDbLocal::start_in(directory.path()).expect_err("it is empty");
    assert!(matches!(error, DynamoDbLocalError::NotInstalled { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains(&directory.path().display().to_string()), "{message}");
    assert!(message.contains("DynamoDBLocal.jar") && message.contains("DYNAMODB_LOCAL_DIR"), "{message}");
}

#[test]
fn damaged_jar_is_reported_with_what_java_says() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(directory.path().join("DynamoDBLocal.jar"), "no jar").expect("writable");
    std::fs::create_dir(directory.path().join("DynamoDBLocal_lib")).expect("writable");
    match DynamoDbLocal::start_in(directory.path()) {
        Err(DynamoDbLocalError::Ended { status, output }) => {
            assert!(!status.success());
            assert!(output.contains("jar"), "{output}");
        }
        // Without Java, the missing Java is what is reported.
        Err(DynamoDbLocalError::NoJava(_)) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn dropped_process_closes_its_connections() {
    if std::env::var_os(DynamoDbLocal::DIRECTORY_VARIABLE).is_none() {
        // Nothing says where it is: the suite runs on the embedded store, or on one that is running already.
        return;
    }
    let local = DynamoDbLocal::start().expect("the directory holds it");
    let address = local.endpoint().trim_start_matches("http://").to_owned();
    // A connection of its own, rather than the port: another process may listen there as soon as it is free.
    let mut connection = TcpStream::connect(&address).expect("it listens");
    connection.set_nonblocking(true).expect("a socket");
    let open = connection.read(&mut [0]).expect_err("nothing is asked, so nothing is said");
    assert_eq!(open.kind(), ErrorKind::WouldBlock, "{open}");

    drop(local);

    connection.set_nonblocking(false).expect("a socket");
    connection.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
    match connection.read(&mut [0]) {
        Ok(read) => assert_eq!(read, 0, "the end of the stream"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
}
