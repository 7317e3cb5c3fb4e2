//! Every event of every function, through the built programs under AWS's runtime interface emulator: they answer what
//! the same code answers in process.
//!
//! `cargo xtask test --only emulator` builds the programs and runs this.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what is not as expected shall fail the test"
)]

use std::env;
use std::path::PathBuf;
use std::thread::available_parallelism;

use futures::{StreamExt as _, stream};
use rankbot_emulator::{Emulator, Line, Outcome, Program};
use rankbot_events::{Address, Event, World, abandoned_member, answer_in_process, comparable};
use rankbot_sandbox::demo;
use rankbot_shared::domain::plan::Plan;
use rankbot_shared::function::Function;
use rankbot_shared::http::Api;
use serde_json::json;

/// The folder of the built programs, one per function.
const FUNCTIONS_VARIABLE: &str = "RANKBOT_FUNCTIONS";

/// One world for the emulated function, and one for the same code in process: each sees the same events in the same
/// order, so that both count alike.
struct Twins {
    emulator: Emulator,
    world: World,
    in_process: World,
    api: Api,
    metrics: Metrics,
}

/// Whether the function is told of a namespace for its metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Metrics {
    On,
    Off,
}

const NAMESPACE: &str = "RankBot/rankbot-pro";

impl Twins {
    async fn start(function: Function, metrics: Metrics) -> Self {
        let world = World::start().await;
        let in_process = world.twin().await;
        let folder = env::var_os(FUNCTIONS_VARIABLE).expect("cargo xtask test --only emulator says where they are");
        let binary = PathBuf::from(folder).join(function.name());
        let program = Program::from_env().unwrap();
        let mut environment = world.environment();
        environment.extend((metrics == Metrics::On).then(|| ("METRICS_NAMESPACE", NAMESPACE.to_owned())));
        let emulator = Emulator::start(&program, binary, environment).await.unwrap();
        let api = in_process.api();
        Self { emulator, world, in_process, api, metrics }
    }

    async fn check(&mut self, event: &Event) {
        self.world.arrange(event).await;
        self.in_process.arrange(event).await;
        let invocation = self.emulator.invoke(&event.payload).await.unwrap_or_else(|error| panic!("{event}: {error}"));
        let Outcome::Response(answer) = invocation.outcome else { panic!("{event}: {invocation:#?}") };
        let expected = answer_in_process(&self.api, event).await;
        assert_eq!(comparable(event, answer.clone()), comparable(event, expected), "{event}");
        let status = answer.get("statusCode").map(|status| status.as_u64().unwrap());
        assert_eq!(status, event.expected_status().map(u64::from), "{event}");
        check_log(event, &invocation.lines);
        check_metrics(event, self.metrics, &invocation.lines);
    }
}

/// One line for the request, which names it as API Gateway does; and nothing that is no JSON.
fn check_log(event: &Event, lines: &[Line]) {
    let unstructured: Vec<_> = lines.iter().filter(|line| matches!(line, Line::Text(_))).collect();
    assert!(unstructured.is_empty(), "{event}: {unstructured:?}");
    let logged: Vec<_> = lines.iter().filter_map(Line::log).collect();
    if event.function == Function::Sweep {
        let swept = logged.iter().find(|line| line["message"] == "sweep").unwrap_or_else(|| panic!("{logged:?}"));
        assert_eq!((&swept["found"], &swept["recovered"]), (&json!(1), &json!(1)));
        return;
    }
    let requests: Vec<_> = logged.iter().filter(|line| line["message"] == "request").collect();
    let [request] = requests.as_slice() else { panic!("{event}: {logged:?}") };
    assert_eq!(request["request_id"], event.payload["requestContext"]["requestId"], "{event}");
    assert_eq!(request["function"], event.function.name(), "{event}");
}

/// One line with the request, or the sweep, and what goes along with it; none where nobody asked for any.
fn check_metrics(event: &Event, metrics: Metrics, lines: &[Line]) {
    let printed: Vec<_> = lines.iter().filter_map(Line::metric).collect();
    if metrics == Metrics::Off {
        assert!(printed.is_empty(), "{event}: {printed:?}");
        return;
    }
    for line in &printed {
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        assert!(directives.iter().all(|directive| directive["Namespace"] == NAMESPACE), "{event}: {line}");
    }
    let counted = if event.function == Function::Sweep { "SweepFound" } else { "Requests" };
    let own: Vec<_> = printed.iter().filter(|line| line[counted] == 1).collect();
    let [own] = own.as_slice() else { panic!("{event}: {printed:#?}") };
    if event.function != Function::Sweep {
        assert_eq!(own["Function"], event.function.name(), "{event}");
        assert_eq!(own["Outcome"] == "success", event.expected_status() == Some(200), "{event}");
        assert_eq!(own["request_id"], event.payload["requestContext"]["requestId"], "{event}");
    }
}

/// How many events it was.
async fn run(function: Function) -> usize {
    let events = Event::of(function);
    let mut twins = Twins::start(function, Metrics::On).await;
    for event in &events {
        twins.check(event).await;
    }
    if function == Function::Sweep {
        let roles = |world: &World| world.roblox().roles_of(demo::GROUP_ID, abandoned_member()).unwrap();
        assert_eq!(roles(&twins.world), roles(&twins.in_process));
        assert_eq!(roles(&twins.world), [demo::role::CABIN_CREW, demo::role::MEMBER]);
    }
    events.len()
}

/// The same, with each event at each address in turn. What was changed at one is as at the start for the next.
async fn run_at(function: Function, address: Address) {
    let mut twins = Twins::start(function, Metrics::Off).await;
    for event in Event::of(function) {
        twins.check(&event.at(address, Plan::Pro)).await;
    }
}

#[tokio::test]
async fn every_event_is_answered_by_the_built_function_as_in_process() {
    let at_once = available_parallelism().unwrap().get();
    let functions = stream::iter(Function::ALL);
    let runs = functions.map(async |function| (function, run(function).await)).buffer_unordered(at_once);
    runs.for_each(async |(function, events)| println!("{function}: {events} events as written")).await;
}

#[tokio::test]
async fn every_event_is_answered_with_the_stage_in_its_path_and_without() {
    let at_once = available_parallelism().unwrap().get();
    let cases = Function::ALL.into_iter().flat_map(|function| Address::ALL.map(|address| (function, address)));
    let runs = stream::iter(cases).map(async |(function, address)| run_at(function, address).await);
    runs.buffer_unordered(at_once).for_each(async |()| ()).await;
}
