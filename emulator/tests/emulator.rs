//! What the emulator tells of a function, and that nothing of it is left over. `cargo xtask test --only emulator`.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what is not as expected shall fail the test")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rankbot_emulator::{Emulator, EmulatorError, Line, Outcome, Program};
use serde_json::json;
use tokio::time::{sleep, timeout};

fn key_info() -> PathBuf {
    let folder = env::var_os("RANKBOT_FUNCTIONS").expect("cargo xtask test --only emulator says where they are");
    PathBuf::from(folder).join("key-info")
}

/// With no database at hand: warming up fails, and the function starts all the same.
async fn start() -> Emulator {
    let environment = [
        ("TABLE_NAME", "none"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9"),
    ];
    Emulator::start(&Program::from_env().unwrap(), key_info(), environment).await.unwrap()
}

/// Neither gone, nor dead and waiting for somebody to take note.
fn is_running(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
}

#[tokio::test]
async fn initialising_is_measured_apart_from_the_first_invocation() {
    let mut emulator = start().await;
    assert_eq!(emulator.function(), None, "nothing runs before it is asked for");
    let init = emulator.initialise().await.unwrap();
    assert!(init.duration > Duration::ZERO);
    let function = emulator.function().unwrap();
    let spent = function.processor_time().unwrap();
    assert!(spent > Duration::ZERO && function.peak_memory().unwrap() > 0);
    assert!(!init.lines.iter().any(|line| line.log().is_some_and(|log| log["message"] == "request")));

    let event = json!({"version": "2.0", "rawPath": "/v1/status", "routeKey": "GET /v1/status", "headers": {},
        "requestContext": {"routeKey": "GET /v1/status", "stage": "$default", "requestId": "id",
            "http": {"method": "GET", "path": "/v1/status", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}},
        "isBase64Encoded": false});
    let invocation = emulator.invoke(&event).await.unwrap();
    let Outcome::Response(response) = invocation.outcome else { panic!("{:?}", invocation.lines) };
    assert_eq!(response["statusCode"], 200);
    assert!(invocation.duration > Duration::ZERO);
    assert_eq!(emulator.function(), Some(function), "the same process");
    assert!(function.processor_time().unwrap() > spent);
    assert!(matches!(emulator.initialise().await, Err(EmulatorError::AlreadyInitialised)));
}

#[tokio::test]
async fn stopping_ends_the_functions_process_and_accounts_for_it() {
    let mut emulator = start().await;
    emulator.initialise().await.unwrap();
    let function = emulator.function().unwrap();
    let spent = function.processor_time().unwrap();
    let usage = emulator.stop().await.unwrap().unwrap();
    // Whole microseconds, of each of the two.
    assert!(usage.user + usage.system + Duration::from_micros(2) >= spent, "{usage:?} is less than {spent:?}");
    assert!(usage.peak_memory > 0 && !is_running(function.pid()));
}

#[tokio::test]
async fn dropping_it_ends_the_functions_process() {
    let mut emulator = start().await;
    emulator.initialise().await.unwrap();
    let function = emulator.function().unwrap();
    assert!(is_running(function.pid()));
    drop(emulator);
    // Of a process that is not its child, nobody tells it.
    let ended = async {
        while is_running(function.pid()) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), ended).await.expect("it runs on");
}

#[tokio::test]
async fn an_event_that_the_function_gives_up_on_is_an_error_of_the_function() {
    let mut emulator = start().await;
    let invocation = emulator.invoke(&json!({"no": "event of API Gateway"})).await.unwrap();
    assert!(matches!(invocation.outcome, Outcome::Error(error) if error.kind.contains("Deserialize")));
}

#[tokio::test]
async fn a_function_that_does_not_come_up_is_told_of_with_what_it_printed() {
    let program = Program::from_env().unwrap();
    let mut emulator = Emulator::start(&program, key_info(), [("AWS_REGION", "us-east-1")]).await.unwrap();
    let Err(EmulatorError::NoAnswer { lines, .. }) = emulator.invoke(&json!({})).await else { panic!() };
    assert!(lines.iter().any(|line| !matches!(line, Line::Platform(_))), "{lines:?}");
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let program = Program::from_env().unwrap();
    let nothing: [(&str, &str); 0] = [];
    let error = Emulator::start(&program, "/nowhere/at-all", nothing).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/at-all"));
    let error = Emulator::start(&Program::new("/nowhere/rie"), key_info(), nothing).await.unwrap_err();
    assert!(matches!(error, EmulatorError::Start { program, .. } if program == Path::new("/nowhere/rie")));
}
