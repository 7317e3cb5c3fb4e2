//! `sam local invoke` for every function and `sam local start-api`: in Lambda's own container, with the settings of
//! `samconfig.toml`, and with the answers that the same code gives in process.
//!
//! `cargo xtask test --only sam-local` lays out what they need and runs this, where a container engine answers.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "what is not as expected shall fail the test"
)]

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use futures::{StreamExt as _, stream};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rankbot::local::ContainerAddress;
use rankbot_events::{Event, KEYS, World, answer_in_process, comparable};
use rankbot_sandbox::demo::{self, role};
use rankbot_shared::function::Function;
use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// The program `sam`.
const SAM_VARIABLE: &str = "RANKBOT_SAM";
/// The folder of `template.yaml` and `samconfig.toml`, with a `bootstrap` where the template says the functions are.
const FOLDER_VARIABLE: &str = "RANKBOT_SAM_FOLDER";
/// The file in which SAM finds the functions' variables.
const VARIABLES: &str = "variables.json";
/// Containers at the same time: each comes with a Python program that mostly waits.
const AT_ONCE: usize = 2;

fn variable(name: &str) -> PathBuf {
    env::var_os(name).expect("cargo xtask test --only sam-local says where it is").into()
}

/// A world, and SAM's file of variables that leads to it.
struct Sam {
    world: World,
    variables: TempDir,
    /// Open for as long as containers ask.
    _addresses: Vec<ContainerAddress>,
}

impl Sam {
    async fn start() -> Self {
        let world = World::start().await;
        let (mut values, mut addresses) = (Map::new(), Vec::new());
        for (name, value) in world.environment_for_sam() {
            let address = ContainerAddress::of(&value).await.unwrap();
            values.insert(name.to_owned(), json!(address.url()));
            addresses.push(address);
        }
        let variables = tempfile::tempdir().unwrap();
        fs::write(variables.path().join(VARIABLES), json!({"Parameters": values}).to_string()).unwrap();
        Self { world, variables, _addresses: addresses }
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(variable(SAM_VARIABLE));
        command.current_dir(variable(FOLDER_VARIABLE)).args(["local", subcommand]);
        command.arg("--env-vars").arg(self.variables.path().join(VARIABLES));
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        command.args(["--parameter-overrides", &format!("Plan=pro Architecture={architecture}")]);
        // Without an account there is no region to be found; and nothing is asked of AWS.
        command.args(["--region", "us-east-1"]).env("SAM_CLI_TELEMETRY", "0");
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// The answer as `sam local invoke` prints it.
    async fn invoke(&self, event: &Event) -> Value {
        self.world.arrange(event).await;
        let mut command = self.command("invoke");
        let output = command.arg(logical_id(event.function)).arg("--event").arg(&event.file).output().await.unwrap();
        let (printed, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{event}: {printed}\n{log}");
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{event}: {error}: {printed}\n{log}"))
    }
}

/// The function's name in the template: `SetRankFunction`.
fn logical_id(function: Function) -> String {
    let word = |word: &str| format!("{}{}", word[..1].to_uppercase(), &word[1..]);
    format!("{}Function", function.name().split('-').map(word).collect::<String>())
}

async fn check(function: Function) {
    let events = Event::of(function);
    // The last one of the successes, by its name, is the one that changes something.
    let event = events.iter().rfind(|event| matches!(event.expected_status(), Some(200) | None)).unwrap();
    let mut sam = Sam::start().await;
    let mut answer = sam.invoke(event).await;
    // Containers that start beside each other on a small machine can keep a function from its database for longer than it
    // waits. Its answer then is to come again: in a world of its own, since what was not answered may have been counted.
    for _ in 0..2 {
        if answer["statusCode"] != 503 {
            break;
        }
        sam = Sam::start().await;
        answer = sam.invoke(event).await;
    }
    let in_process = sam.world.twin().await;
    in_process.arrange(event).await;
    let expected = answer_in_process(&in_process.api(), event).await;
    assert_eq!(comparable(event, answer), comparable(event, expected), "{event}");
    println!("sam local invoke {} --event {event}.json", logical_id(function));
}

#[tokio::test]
async fn sam_local_invoke_answers_for_every_function_as_in_process() {
    // The first builds the image that all the others take.
    let (first, others) = Function::ALL.split_first().unwrap();
    check(*first).await;
    stream::iter(others).map(|function| check(*function)).buffer_unordered(AT_ONCE).for_each(async |()| ()).await;
}

/// A running `sam local start-api`.
struct Gateway {
    sam: Child,
    url: String,
    http: reqwest::Client,
}

impl Gateway {
    async fn start(sam: &Sam) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let mut command = sam.command("start-api");
        let mut child =
            command.args(["--port", &port.to_string()]).stderr(Stdio::piped()).kill_on_drop(false).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut printed = Vec::new();
        while let Some(line) = log.next_line().await.unwrap() {
            let ready = line.contains("Running on http");
            printed.push(line);
            if ready {
                // Read on, or SAM would wait for somebody to do so.
                tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
                let http = reqwest::Client::builder().no_proxy().build().unwrap();
                return Self { sam: child, url: format!("http://127.0.0.1:{port}"), http };
            }
        }
        panic!("sam local start-api ended: {}", printed.join("\n"));
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Option<String>, Value) {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(KEYS[0].0);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        assert_eq!(headers["content-type"], "application/json; charset=utf-8", "{path}");
        assert!(headers.contains_key("x-request-id"), "{path}");
        let allow = headers.get("allow").map(|value| value.to_str().unwrap().to_owned());
        (status, allow, response.json().await.unwrap())
    }

    async fn stop(mut self) {
        self.interrupt();
        self.sam.wait().await.unwrap();
    }

    /// Asks SAM to end, as Ctrl-C does: it takes its containers along.
    fn interrupt(&self) {
        if let Some(pid) = self.sam.id() {
            let _ = kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGINT);
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.interrupt();
    }
}

#[tokio::test]
async fn sam_local_start_api_serves_the_api() {
    let sam = Sam::start().await;
    let gateway = Gateway::start(&sam).await;

    let (status, _, body) = gateway.ask(Method::GET, "/v1/status", None).await;
    assert_eq!((status, &body["status"]), (StatusCode::OK, &json!("ok")));

    let user = demo::TRAINEE_USER_ID;
    let set_rank = json!({"groupId": demo::GROUP_ID, "userId": user, "action": "setRank", "targetRank": 20});
    let (status, _, body) = gateway.ask(Method::POST, "/v1/setRank", Some(set_rank)).await;
    assert_eq!((status, &body["toRank"], &body["changed"]), (StatusCode::OK, &json!(20), &json!(true)), "{body}");
    assert_eq!(sam.world.roblox().roles_of(demo::GROUP_ID, user).unwrap(), [role::CABIN_CREW, role::MEMBER]);

    let (status, _, entry) =
        gateway.ask(Method::GET, &format!("/v1/logs/{}", body["logId"].as_str().unwrap()), None).await;
    assert_eq!((status, &entry["entry"]["userId"]), (StatusCode::OK, &json!(user)), "{entry}");

    let (status, _, body) = gateway.ask(Method::GET, "/v1/key", None).await;
    assert_eq!((status, &body["plan"], &body["used"]), (StatusCode::OK, &json!("pro"), &json!(2)), "{body}");

    let (status, _, body) = gateway.ask(Method::GET, "/v1/nothing", None).await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("ROUTE_NOT_FOUND")));

    let (status, allow, body) = gateway.ask(Method::GET, "/v1/setRank", None).await;
    assert_eq!((status, &body["code"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("METHOD_NOT_ALLOWED")));
    assert_eq!(allow.as_deref(), Some("POST"));

    gateway.stop().await;
    println!("sam local start-api: status, setRank, logs, key, an unknown path, a wrong method");
}
