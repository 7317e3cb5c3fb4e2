//! How DynamoDB Local starts, ends, and says what it lacks.

use std::net::TcpStream;

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
fn dropped_process_listens_no_more() {
    if std::env::var_os(DynamoDbLocal::DIRECTORY_VARIABLE).is_none() {
        // Nothing says where it is: the suite runs on the embedded store, or on one that is running already.
        return;
    }
    let local = DynamoDbLocal::start().expect("the directory holds it");
    let address = local.endpoint().trim_start_matches("http://").to_owned();
    TcpStream::connect(&address).expect("it listens");
    drop(local);
    TcpStream::connect(&address).expect_err("nothing listens");
}
