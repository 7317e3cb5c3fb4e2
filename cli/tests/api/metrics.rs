//! The metric lines: that CloudWatch can read them, and that they tell what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lambda_http::{Context, LambdaEvent, Service as _};
use rankbot_events::{Event, KEYS, World};
use rankbot_sandbox::{Endpoint, Fault, FaultEffect, Matcher, Timing, demo};
use rankbot_shared::function::Function;
use rankbot_shared::http::Api;
use rankbot_shared::metrics::{Metrics, Outcome, RobloxCall};
use rankbot_store::testing::{CallMatch, Effect, StoreFault};
use serde_json::json;

use crate::emf::MetricLine;

const NAMESPACE: &str = "RankBot/rankbot-pro";

/// The functions' work on a world of events, with its metric lines kept.
struct Counted {
    world: World,
    api: Api,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Counted {
    async fn start() -> Self {
        let world = World::start().await;
        let (metrics, lines) = kept_metrics();
        let api = world.api().with_metrics(metrics);
        Self { world, api, lines }
    }

    /// Runs an event in the world as it is at the start. Returns the answer's status, and the lines.
    async fn run(&self, event: &Event) -> (u64, Vec<MetricLine>) {
        self.world.arrange(event).await;
        self.run_now(event).await
    }

    async fn run_now(&self, event: &Event) -> (u64, Vec<MetricLine>) {
        let request = serde_json::from_value(event.payload.clone()).unwrap();
        let Ok(response) = self.api.service(event.function).call(LambdaEvent::new(request, Context::default())).await;
        let response = serde_json::to_value(response).unwrap();
        (response["statusCode"].as_u64().unwrap(), self.take_lines())
    }

    fn take_lines(&self) -> Vec<MetricLine> {
        take(&self.lines)
    }

    /// The same with `effect` on each call to this endpoint, `times` at most.
    async fn run_with(
        &self,
        event: &Event,
        on: Endpoint,
        effect: FaultEffect,
        times: Option<u32>,
    ) -> (u64, Vec<MetricLine>) {
        self.world.arrange(event).await;
        self.world.roblox().inject(Fault { on: Matcher::endpoint(on), times, effect });
        self.run_now(event).await
    }
}

/// Metrics, and the lines that they come to.
fn kept_metrics() -> (Metrics, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    (Metrics::to(NAMESPACE, move |line| kept.lock().unwrap().push(line.to_owned())), lines)
}

fn take(lines: &Mutex<Vec<String>>) -> Vec<MetricLine> {
    let lines = std::mem::take(&mut *lines.lock().unwrap());
    lines.iter().map(|line| checked(line)).collect()
}

/// A line that CloudWatch can read, and that has nothing of a request in a dimension, nor of a person anywhere.
fn checked(text: &str) -> MetricLine {
    let line = MetricLine::parse(text);
    assert_eq!(line.namespace, NAMESPACE);
    for (name, value) in line.dimensions() {
        let closed = match name {
            "Function" => Function::from_name(value).is_some(),
            "Outcome" => Outcome::ALL.iter().any(|outcome| outcome.name() == value),
            "Call" => RobloxCall::ALL.iter().any(|call| call.name() == value),
            _ => false,
        };
        assert!(closed, "{name}={value}");
    }
    assert!(line.properties().iter().all(|name| *name == "request_id"), "{text}");
    for (metric, (unit, sets)) in &line.metrics {
        let (expected_unit, expected_sets): (_, &[&[&str]]) = match metric.as_str() {
            "Requests" => ("Count", &[&[], &["Function", "Outcome"]]),
            "RefusedKeys" | "QuotaRefusals" | "SweepFound" | "SweepRecovered" => ("Count", &[&[]]),
            "RobloxCalls" | "RobloxFailures" | "RobloxRetries" => ("Count", &[&[], &["Call"]]),
            "RobloxLatency" => ("Milliseconds", &[&[], &["Call"]]),
            unknown => panic!("{unknown} is no metric of the template's"),
        };
        assert_eq!((unit.as_str(), sets), (expected_unit, &sets_of(expected_sets)), "{metric}");
    }
    line
}

fn sets_of(sets: &[&[&str]]) -> Vec<Vec<String>> {
    sets.iter().map(|set| set.iter().map(ToString::to_string).collect()).collect()
}

/// A count in all lines together, as CloudWatch adds it up.
fn total(lines: &[MetricLine], metric: &str) -> usize {
    lines.iter().map(|line| line.count(metric)).sum()
}

/// The line with the request itself: there is one.
fn request(lines: &[MetricLine]) -> &MetricLine {
    let requests: Vec<&MetricLine> = lines.iter().filter(|line| line.metrics.contains_key("Requests")).collect();
    let [request] = requests.as_slice() else { panic!("{lines:#?}") };
    assert_eq!(request.count("Requests"), 1);
    request
}

/// A number of some metric, by kind of call; kinds with none left out.
fn by_call(lines: &[MetricLine], metric: &str) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for line in lines.iter().filter(|line| line.metrics.contains_key(metric)) {
        let count = if metric == "RobloxLatency" { line.values(metric).len() } else { line.count(metric) };
        if count > 0 {
            *all.entry(line.member("Call").unwrap().to_owned()).or_default() += count;
        }
    }
    all
}

fn call(endpoint: Endpoint) -> RobloxCall {
    match endpoint {
        Endpoint::GetGroup => RobloxCall::GetGroup,
        Endpoint::ListRoles => RobloxCall::ListRoles,
        Endpoint::ListMemberships => RobloxCall::GetMembership,
        Endpoint::AssignRole => RobloxCall::AssignRole,
        Endpoint::UnassignRole => RobloxCall::UnassignRole,
        Endpoint::GetRole | Endpoint::UpdateMembership | Endpoint::Other => panic!("nobody calls {endpoint:?}"),
    }
}

fn event(function: Function, name: &str) -> Event {
    let events = Event::of(function);
    events.into_iter().find(|event| event.name() == name).unwrap_or_else(|| panic!("{function}: {name}"))
}

fn get_rank() -> Event {
    event(Function::GetRank, "200-get-rank")
}

#[tokio::test]
async fn every_request_is_counted_once_with_its_function_and_outcome() {
    let counted = Counted::start().await;
    let mut outcomes = BTreeSet::new();
    for function in Function::ALL.into_iter().filter(|function| *function != Function::Sweep) {
        for event in Event::of(function) {
            let (status, lines) = counted.run(&event).await;
            let request = request(&lines);
            let outcome = match status {
                200 => "success",
                401 => "unauthorized",
                400..500 => "refused",
                _ => panic!("{event}: {status}"),
            };
            assert_eq!(request.member("Function"), Some(function.name()), "{event}");
            assert_eq!(request.member("Outcome"), Some(outcome), "{event}");
            assert_eq!(total(&lines, "RefusedKeys"), usize::from(status == 401), "{event}");
            assert_eq!(total(&lines, "QuotaRefusals"), 0, "{event}");
            let id = event.payload["requestContext"]["requestId"].as_str();
            assert!(lines.iter().all(|line| line.member("request_id") == id), "{event}: {lines:?}");
            outcomes.insert(outcome);
        }
    }
    assert_eq!(outcomes.len(), 3, "{outcomes:?}");
}

#[tokio::test]
async fn the_calls_to_roblox_are_those_that_were_made() {
    let counted = Counted::start().await;
    let mut kinds = BTreeSet::new();
    for function in Function::ALL.into_iter().filter(|function| *function != Function::Sweep) {
        for event in Event::of(function) {
            let (_, lines) = counted.run(&event).await;
            let mut made = BTreeMap::new();
            for got in counted.world.roblox().calls() {
                *made.entry(call(got.endpoint).name().to_owned()).or_default() += 1_usize;
            }
            assert_eq!(by_call(&lines, "RobloxCalls"), made, "{event}");
            assert_eq!(by_call(&lines, "RobloxLatency"), made, "{event}");
            // A line has one value of each dimension, and the first kind goes along with the request.
            assert_eq!(lines.len(), made.len().max(1), "{event}");
            kinds.extend(made.into_keys());
        }
    }
    assert_eq!(kinds.len(), RobloxCall::ALL.len(), "{kinds:?}");
}

#[tokio::test]
async fn a_throttled_call_that_is_repeated_is_two_calls_one_failure_and_one_retry() {
    let counted = Counted::start().await;
    let throttled = FaultEffect::status(429);
    let (status, lines) = counted.run_with(&get_rank(), Endpoint::ListMemberships, throttled, Some(1)).await;
    assert_eq!((status, request(&lines).member("Outcome")), (200, Some("success")));
    let of_membership = |metric| by_call(&lines, metric).get("get-membership").copied().unwrap_or_default();
    let counts = ["RobloxCalls", "RobloxFailures", "RobloxRetries", "RobloxLatency"].map(of_membership);
    assert_eq!(counts, [2, 1, 1, 2], "{lines:#?}");
}

#[tokio::test]
async fn what_roblox_does_not_serve_is_counted_although_the_request_fails() {
    let counted = Counted::start().await;
    let broken = FaultEffect::status(500);
    let (status, lines) = counted.run_with(&get_rank(), Endpoint::ListMemberships, broken, None).await;
    assert_eq!((status, request(&lines).member("Outcome")), (502, Some("roblox_failed")));
    assert_eq!(by_call(&lines, "RobloxFailures")["get-membership"], 3);
    assert_eq!(by_call(&lines, "RobloxRetries")["get-membership"], 2);
}

#[tokio::test]
async fn a_call_that_is_not_answered_in_time_is_counted_with_the_time_it_took() {
    let counted = Counted::start().await;
    let silence = FaultEffect::Hang(Timing::Before);
    let (_, lines) = counted.run_with(&get_rank(), Endpoint::ListMemberships, silence, Some(1)).await;
    let of_membership = lines.iter().find(|line| line.member("Call") == Some("get-membership")).unwrap();
    assert_eq!(of_membership.count("RobloxFailures"), 1);
    let latencies = of_membership.values("RobloxLatency");
    assert!(latencies.len() == 2 && latencies[0] >= 2_500.0 && latencies[1] < latencies[0], "{latencies:?}");
}

#[tokio::test]
async fn latency_is_how_long_roblox_took() {
    let counted = Counted::start().await;
    counted.world.arrange(&get_rank()).await;
    counted.world.roblox().set_delay(Duration::from_millis(40));
    let (_, lines) = counted.run_now(&get_rank()).await;
    let latencies: Vec<f64> = lines.iter().flat_map(|line| line.values("RobloxLatency")).collect();
    assert!(!latencies.is_empty() && latencies.iter().all(|latency| *latency >= 40.0), "{latencies:?}");
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_a_failure_and_one_that_says_no_is_not() {
    let counted = Counted::start().await;
    for (effect, failures) in [(FaultEffect::BrokenBody, 1), (FaultEffect::status(404), 0)] {
        let (status, lines) = counted.run_with(&get_rank(), Endpoint::ListMemberships, effect, None).await;
        assert_eq!(status, 502);
        assert_eq!(total(&lines, "RobloxFailures"), failures, "{lines:#?}");
    }
}

#[tokio::test]
async fn a_sweep_counts_what_it_found_and_what_it_put_right() {
    let [event]: [Event; 1] = Event::of(Function::Sweep).try_into().unwrap();
    for (fault, recovered) in [(None, 1), (Some(FaultEffect::status(403)), 0)] {
        let counted = Counted::start().await;
        counted.world.arrange(&event).await;
        let roblox = counted.world.roblox();
        if let Some(effect) = fault {
            roblox.inject(Fault::new(Matcher::any(), effect));
        }
        counted.api.sweep().await.unwrap();
        let lines = counted.take_lines();
        assert_eq!((total(&lines, "SweepFound"), total(&lines, "SweepRecovered")), (1, recovered), "{lines:#?}");
        assert_eq!(total(&lines, "RobloxFailures"), 1 - recovered, "{lines:#?}");
        assert_eq!(total(&lines, "Requests"), 0, "a sweep is no request");
    }
}

#[tokio::test]
async fn a_sweep_that_finds_nothing_says_so() {
    let counted = Counted::start().await;
    counted.api.sweep().await.unwrap();
    let lines = counted.take_lines();
    let [line] = lines.as_slice() else { panic!("{lines:#?}") };
    assert!(line.metrics.contains_key("SweepFound") && line.metrics.contains_key("SweepRecovered"));
    assert_eq!((line.count("SweepFound"), line.count("SweepRecovered")), (0, 0));
}

#[tokio::test]
async fn a_used_up_month_is_counted() {
    let counted = Counted::start().await;
    let mut event = get_rank();
    let (starter, _) = KEYS[1];
    event.payload["headers"]["authorization"] = json!(format!("Bearer {starter}"));
    event.payload["headers"].as_object_mut().unwrap().remove("x-api-key");
    for _ in 0..100 {
        assert_eq!(counted.run_now(&event).await.0, 200);
    }
    let (status, lines) = counted.run_now(&event).await;
    assert_eq!((status, request(&lines).member("Outcome")), (429, Some("over_quota")));
    assert_eq!(total(&lines, "QuotaRefusals"), 1);
}

#[tokio::test]
async fn a_request_that_the_database_does_not_serve_is_counted_and_no_call_to_roblox() {
    let (metrics, lines) = kept_metrics();
    let world = crate::world::World::start().await.with_metrics(metrics);
    rankbot_events::seed(&world.table).await.unwrap();
    world.store.inject(StoreFault::before(CallMatch::any(), Effect::CloseConnection));
    let event = get_rank();
    world.invoke(event.function, &event.payload).await.expect("SERVICE_UNAVAILABLE");
    let lines = take(&lines);
    assert_eq!(request(&lines).member("Outcome"), Some("unavailable"));
    assert_eq!(total(&lines, "RobloxCalls"), 0, "{lines:#?}");
}

/// [`checked`] holds every dimension against the closed sets; here, whole lines against what the requests have in them.
#[tokio::test]
async fn no_key_group_or_user_is_in_a_line() {
    let counted = Counted::start().await;
    let secrets = KEYS.map(|(key, _)| key.split('_').nth(1).unwrap().to_owned());
    let people = [demo::GROUP_ID, demo::TRAINEE_USER_ID].map(|id| id.to_string());
    for function in Function::ALL.into_iter().filter(|function| *function != Function::Sweep) {
        for event in Event::of(function) {
            let (_, lines) = counted.run(&event).await;
            for said in lines.into_iter().map(MetricLine::without_its_time) {
                assert!(secrets.iter().chain(&people).all(|secret| !said.contains(secret)), "{event}: {said}");
            }
        }
    }
}
