//! What the browser is for tests. `cargo xtask test --only browser`.
#![expect(clippy::unwrap_used, reason = "what is not as expected shall fail the test")]

use std::path::Path;
use std::time::Duration;

use rankbot_browser::{Browser, BrowserError, Programs};
use serde_json::json;
use tokio::time::sleep;

#[tokio::test]
async fn it_opens_pages_and_runs_scripts_in_them() {
    let browser = Browser::open(&Programs::from_env().unwrap(), &[]).await.unwrap();
    browser.go_to("data:text/html,<title>A page</title>").await.unwrap();
    assert_eq!(browser.run("return document.title", &[]).await.unwrap(), "A page");
    let later = "return new Promise(done => setTimeout(done, 20, arguments[0] + arguments[1]))";
    assert_eq!(browser.run(later, &[json!(40), json!(2)]).await.unwrap(), 42);
}

#[tokio::test]
async fn a_script_that_fails_is_an_error_with_its_reason() {
    let browser = Browser::open(&Programs::from_env().unwrap(), &[]).await.unwrap();
    let failed = browser.run("throw new Error('such a thing')", &[]).await;
    assert!(
        matches!(&failed, Err(BrowserError::Refused { message, .. }) if message.contains("such a thing")),
        "{failed:?}"
    );
}

#[tokio::test]
async fn a_driver_that_is_not_there_is_named() {
    let programs = Programs { chromium: "/nowhere/chromium".into(), chromedriver: "/nowhere/chromedriver".into() };
    let Err(BrowserError::NotStarted { program, .. }) = Browser::open(&programs, &[]).await else { panic!() };
    assert_eq!(program, Path::new("/nowhere/chromedriver"));
}

/// A test that fails does not close anything: what it opened must end all the same.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn dropping_it_ends_the_browser() {
    let mark = format!("--rankbot-mark={}", std::process::id());
    let browser = Browser::open(&Programs::from_env().unwrap(), &[&mark]).await.unwrap();
    assert!(runs_with(&mark));
    drop(browser);
    for _ in 0..400 {
        if !runs_with(&mark) {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("it runs on");
}

/// Whether some process was started with this argument.
#[cfg(target_os = "linux")]
fn runs_with(argument: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut command_lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    command_lines.any(|line| line.split(|byte| *byte == 0).any(|word| word == argument.as_bytes()))
}
