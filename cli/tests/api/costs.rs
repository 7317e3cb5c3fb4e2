//! What each request costs: round trips to the database one after another, calls to it, and requests to Roblox.
//!
//! Time is not measured. The database is made slow enough that calls made at once overlap, and then they count as one
//! round trip.
//!
//! [`TABLE`] is the one place for these numbers. `cargo xtask bench` prints what was measured here: with
//! `RANKBOT_COSTS` in the environment, the figures are written to the file it names.

use std::collections::BTreeSet;
use std::time::Duration;
use std::{env, fs};

use futures::FutureExt as _;
use futures::future::join_all;
use jiff::Timestamp;
use rankbot_sandbox::{Endpoint, Fault, FaultEffect, Matcher, demo};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::key_record::KeyRecord;
use rankbot_shared::domain::month::Month;
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{CallMatch, Effect, ErrorReply, Operation, StoreFault, round_trips};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::world::{Ask, GROUP, World, max_rank, record, set_rank, step, with};

/// What a request may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    /// Sequential round trips to the database before the first request to Roblox that matters: the first write of a
    /// rank change, the first request of anything else. All of them, where Roblox is not asked.
    round_trips_before_roblox: usize,
    /// Those after it.
    round_trips_after: usize,
    /// Calls to the database, however many of them at once.
    store_calls: usize,
    /// Requests to Roblox.
    roblox_calls: usize,
}

/// Round trips before and after Roblox, calls to the database, requests to Roblox.
const fn cost(before: usize, after: usize, store_calls: usize, roblox_calls: usize) -> Cost {
    Cost { round_trips_before_roblox: before, round_trips_after: after, store_calls, roblox_calls }
}

/// Every kind of request, and its cost on a process that has served before, if nothing else is said.
const TABLE: &[(&str, Cost)] = &[
    // Reads.
    ("status", cost(0, 0, 0, 0)),
    ("key", cost(1, 0, 1, 0)),
    ("get-rank", cost(1, 0, 2, 1)),
    ("get-rank, cold, roles in the database", cost(1, 0, 2, 1)),
    // Which group it is, only the admission says: nothing can be loaded beside it.
    ("group", cost(1, 0, 1, 1)),
    ("group, by id", cost(1, 0, 2, 1)),
    ("roles", cost(1, 0, 1, 1)),
    ("roles, by id", cost(1, 0, 2, 1)),
    ("logs", cost(2, 0, 2, 0)),
    ("logs of a member", cost(2, 0, 2, 0)),
    ("log entry", cost(2, 0, 2, 0)),
    // Changes. Load beside the admission, claim; then Roblox; then the record.
    ("set-rank, one other role", cost(2, 1, 4, 3)),
    ("set-rank, one other role, cold", cost(2, 1, 4, 3)),
    // The base role is never assigned.
    ("set-rank to the base role", cost(2, 1, 4, 2)),
    // Nothing is there to be taken off.
    ("set-rank from the base role", cost(2, 1, 4, 2)),
    ("promote", cost(2, 1, 4, 3)),
    ("demote", cost(2, 1, 4, 3)),
    ("rank", cost(2, 1, 4, 3)),
    // Whom it is about, only the log entry says, and the entry's group only the admission.
    ("undo", cost(4, 1, 5, 3)),
    // Nothing to write needs no claim, and leaves a log entry.
    ("set-rank to the rank held", cost(1, 1, 3, 1)),
    ("demote at the lowest rank", cost(1, 1, 3, 1)),
    ("set-rank, dry run", cost(1, 0, 2, 1)),
    // Refusals.
    ("400 parameter", cost(0, 0, 0, 0)),
    ("401 no key", cost(0, 0, 0, 0)),
    ("401 mistyped key", cost(0, 0, 0, 0)),
    ("404 route", cost(0, 0, 0, 0)),
    ("405 method", cost(0, 0, 0, 0)),
    ("413 body", cost(0, 0, 0, 0)),
    ("401 unknown key", cost(1, 0, 2, 0)),
    ("403 another group", cost(1, 0, 2, 0)),
    ("403 plan", cost(1, 0, 2, 0)),
    ("429 month's limit", cost(1, 0, 2, 0)),
    ("403 member above the key's limit", cost(1, 1, 3, 1)),
    ("404 not a member", cost(1, 0, 2, 1)),
    // Idempotency keys, retries.
    ("set-rank, idempotency key", cost(2, 1, 6, 3)),
    ("set-rank, replayed", cost(2, 0, 3, 0)),
    ("422 idempotency key reused", cost(2, 0, 3, 0)),
    ("get-rank, Roblox answers at the 2nd attempt", cost(1, 0, 2, 2)),
    ("get-rank, the database at the 2nd attempt", cost(2, 0, 3, 1)),
];

/// How slow the database is: far longer than two calls made at once begin apart.
const STORE_DELAY: Duration = Duration::from_millis(200);
/// For a request that never asks Roblox what it should: the test shall fail, and not hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// A world, and what requests have cost in it.
struct Meter {
    world: World,
    measured: Vec<(&'static str, Cost)>,
}

impl Meter {
    /// In a world in which the group's roles have been read.
    async fn start() -> Self {
        let world = World::start().await;
        world.get_rank(demo::BASE_ONLY_USER_ID).await.expect_success();
        Self { world, measured: Vec::new() }
    }

    /// Measures a request that must be answered with `status`, and whose first request to Roblox that matters is
    /// `turn`.
    async fn note(
        &mut self,
        name: &'static str,
        status: u16,
        turn: Option<Endpoint>,
        ask: impl FnOnce(&World) -> Ask<'_>,
    ) -> Answer {
        let (answer, cost) = cost_of(&self.world, ask(&self.world).send(), turn).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.body);
        self.measured.push((name, cost));
        answer
    }
}

async fn cost_of(world: &World, request: impl Future<Output = Answer>, turn: Option<Endpoint>) -> (Answer, Cost) {
    world.forget();
    world.store.slow_down(STORE_DELAY);
    let watch = async {
        let turn = Matcher::endpoint(turn?);
        world.roblox.inject(Fault::new(turn.clone(), FaultEffect::Hold).once());
        world.roblox.arrived(&turn, 1).await;
        let before = round_trips(&world.store.calls());
        world.roblox.clear_faults();
        Some(before)
    };
    let both = tokio::time::timeout(PATIENCE, futures::future::join(request, watch)).await;
    let (answer, before) = both.expect("the request has its turn at Roblox");
    world.store.heal();
    let calls = world.store.calls();
    let all = round_trips(&calls);
    let round_trips_before_roblox = before.unwrap_or(all);
    let cost = Cost {
        round_trips_before_roblox,
        round_trips_after: all - round_trips_before_roblox,
        store_calls: calls.len(),
        roblox_calls: world.roblox.calls().len(),
    };
    (answer, cost)
}

const USER: u64 = demo::TRAINEE_USER_ID;
const MEMBER: Option<Endpoint> = Some(Endpoint::ListMemberships);
const ASSIGN: Option<Endpoint> = Some(Endpoint::AssignRole);

fn get_rank(world: &World) -> Ask<'_> {
    world.get(&format!("/v1/rank/{GROUP}/{USER}"))
}

fn set_rank_to(rank: u8) -> impl FnOnce(&World) -> Ask<'_> {
    move |world| world.post("/v1/setRank", &set_rank(GROUP, USER, rank))
}

fn set_rank_once_to(rank: u8) -> impl FnOnce(&World) -> Ask<'_> {
    move |world| set_rank_to(rank)(world).header("idempotency-key", "one")
}

fn one_step(action: &'static str) -> impl FnOnce(&World) -> Ask<'_> {
    move |world| world.post(&format!("/v1/{action}"), &step(GROUP, USER, action))
}

async fn reads() -> Meter {
    let mut meter = Meter::start().await;
    let entry = log_id(&meter.world.set_rank(USER, 50).await);
    meter.note("status", 200, None, |world| world.get("/v1/status").no_key()).await;
    meter.note("key", 200, None, |world| world.get("/v1/key")).await;
    meter.note("get-rank", 200, MEMBER, get_rank).await;
    let own_group = format!("/v1/group/{GROUP}");
    for (name, path) in [("group", "/v1/group"), ("group, by id", &own_group)] {
        meter.note(name, 200, Some(Endpoint::GetGroup), |world| world.get(path)).await;
    }
    for (name, path) in [("roles", "/v1/group/roles"), ("roles, by id", &format!("{own_group}/roles"))] {
        meter.note(name, 200, Some(Endpoint::ListRoles), |world| world.get(path)).await;
    }
    meter.note("logs", 200, None, |world| world.get("/v1/logs")).await;
    meter.note("logs of a member", 200, None, |world| world.get(&format!("/v1/logs?userId={USER}"))).await;
    meter.note("log entry", 200, None, |world| world.get(&format!("/v1/logs/{entry}"))).await;
    meter.world.cold_start().await;
    meter.note("get-rank, cold, roles in the database", 200, MEMBER, get_rank).await;
    meter
}

async fn changes() -> Meter {
    let mut meter = Meter::start().await;
    let change = meter.note("set-rank, one other role", 200, ASSIGN, set_rank_to(50)).await;
    let undo = format!("/v1/logs/{}/undo", log_id(&change));
    meter.note("undo", 200, ASSIGN, |world| world.post(&undo, &json!({}))).await;
    meter.note("promote", 200, ASSIGN, one_step("promote")).await;
    meter.note("demote", 200, ASSIGN, one_step("demote")).await;
    meter.note("rank", 200, ASSIGN, |world| world.post("/v1/rank", &step(GROUP, USER, "promote"))).await;
    meter.note("set-rank to the base role", 200, Some(Endpoint::UnassignRole), set_rank_to(1)).await;
    meter.note("set-rank to the rank held", 200, MEMBER, set_rank_to(1)).await;
    meter.note("demote at the lowest rank", 200, MEMBER, one_step("demote")).await;
    let dry_run = with(set_rank(GROUP, USER, 50), &json!({"dryRun": true}));
    meter.note("set-rank, dry run", 200, MEMBER, |world| world.post("/v1/setRank", &dry_run)).await;
    meter.note("set-rank from the base role", 200, ASSIGN, set_rank_to(10)).await;
    meter.world.cold_start().await;
    meter.note("set-rank, one other role, cold", 200, ASSIGN, set_rank_to(50)).await;
    meter
}

async fn refusals() -> Meter {
    let mut meter = Meter::start().await;
    let zero = json!({"action": "setRank", "groupId": GROUP, "userId": 0, "targetRank": 5});
    let large = "x".repeat(16_385);
    meter.note("400 parameter", 400, None, |world| world.post("/v1/setRank", &zero)).await;
    meter.note("401 no key", 401, None, |world| get_rank(world).no_key()).await;
    meter.note("401 mistyped key", 401, None, |world| get_rank(world).header("authorization", "wesk_0")).await;
    meter.note("404 route", 404, None, |world| world.post("/v1/nothing", &zero)).await;
    meter.note("405 method", 405, None, |world| world.get("/v1/setRank")).await;
    meter.note("413 body", 413, None, |world| world.post("/v1/setRank", &zero).body(large)).await;

    let (unknown, starter) = (ApiKey::generate().unwrap(), meter.world.key(Plan::Starter));
    let (used_up, narrow) = (ApiKey::generate().unwrap(), meter.world.key_with_limits(max_rank(5)).await);
    let usage = [(Month::of(Timestamp::now()), 100)].into();
    meter.world.insert(&KeyRecord { usage, ..record(&used_up, Plan::Starter) }).await;
    let elsewhere = set_rank(GROUP + 1, USER, 50);
    meter.note("401 unknown key", 401, None, |world| set_rank_to(50)(world).key(&unknown)).await;
    meter.note("403 another group", 403, None, |world| world.post("/v1/setRank", &elsewhere)).await;
    meter.note("403 plan", 403, None, |world| one_step("demote")(world).key(&starter)).await;
    meter.note("429 month's limit", 429, None, |world| set_rank_to(50)(world).key(&used_up)).await;
    meter.note("403 member above the key's limit", 403, MEMBER, |world| set_rank_to(1)(world).key(&narrow)).await;
    let stranger = set_rank(GROUP, demo::STRANGER_USER_ID, 50);
    meter.note("404 not a member", 404, MEMBER, |world| world.post("/v1/setRank", &stranger)).await;
    meter
}

async fn repeated() -> Meter {
    let mut meter = Meter::start().await;
    meter.note("set-rank, idempotency key", 200, ASSIGN, set_rank_once_to(50)).await;
    let replayed = meter.note("set-rank, replayed", 200, None, set_rank_once_to(50)).await;
    assert_eq!(replayed.header("idempotency-replayed"), Some("true"));
    meter.note("422 idempotency key reused", 422, None, set_rank_once_to(80)).await;

    let unavailable = FaultEffect::status(503);
    meter.world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::ListMemberships), unavailable).once());
    meter.note("get-rank, Roblox answers at the 2nd attempt", 200, None, get_rank).await;
    let load = CallMatch::of(Operation::GetItem).pk_prefix("GROUP#");
    let failing = StoreFault::before(load, Effect::Error(ErrorReply::internal_server_error())).times(1);
    let failing = meter.world.store.inject(failing);
    meter.note("get-rank, the database at the 2nd attempt", 200, MEMBER, get_rank).await;
    assert_eq!(failing.fired(), 1);
    meter
}

fn log_id(answer: &Answer) -> String {
    answer.clone().expect_success().body["logId"].as_str().unwrap().to_owned()
}

/// One line for each request whose cost is not the table's: both costs, or that one of them is missing.
fn differences(measured: &[(&str, Cost)]) -> Vec<String> {
    let find = |costs: &[(&str, Cost)], name| costs.iter().find(|(other, _)| *other == name).map(|(_, cost)| *cost);
    let names = TABLE.iter().chain(measured).map(|(name, _)| *name).collect::<BTreeSet<_>>();
    let pairs = names.into_iter().map(|name| (name, find(TABLE, name), find(measured, name)));
    let differing = pairs.filter(|(_, expected, measured)| expected != measured);
    differing
        .map(|(name, expected, measured)| format!("{name}: {expected:?} in the table, {measured:?} measured"))
        .collect()
}

/// For `cargo xtask bench`: what was measured, in the table's order.
fn write_figures(measured: &[(&str, Cost)]) {
    let Ok(path) = env::var("RANKBOT_COSTS") else { return };
    let place = |name| TABLE.iter().position(|(other, _)| *other == name);
    let mut measured = measured.to_vec();
    measured.sort_by_key(|(name, _)| place(*name));
    let figures: Vec<Value> = measured.iter().map(|(name, cost)| figures(name, *cost)).collect();
    fs::write(path, Value::from(figures).to_string()).unwrap();
}

fn figures(request: &str, cost: Cost) -> Value {
    json!({
        "request": request,
        "roundTripsBeforeRoblox": cost.round_trips_before_roblox,
        "roundTripsAfter": cost.round_trips_after,
        "storeCalls": cost.store_calls,
        "robloxCalls": cost.roblox_calls,
    })
}

#[tokio::test]
async fn every_request_costs_what_the_table_says() {
    let meters = join_all([reads().boxed(), changes().boxed(), refusals().boxed(), repeated().boxed()]).await;
    let measured: Vec<_> = meters.into_iter().flat_map(|meter| meter.measured).collect();
    write_figures(&measured);
    let differences = differences(&measured);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Before and behind it there is nothing else: the list is kept for the next request.
#[tokio::test]
async fn the_first_request_ever_reads_member_and_roles_at_once_and_keeps_the_list() {
    let world = World::start().await;
    world.roblox.inject(Fault::new(Matcher::any(), FaultEffect::Hold).times(2));
    let release = async {
        // Either is held until both have come: one after the other would never end.
        world.roblox.arrived(&Matcher::any(), 2).await;
        world.roblox.clear_faults();
    };
    let (answer, ()) = futures::future::join(world.get_rank(USER), release).await;
    answer.expect_success();
    let endpoints: Vec<_> = world.roblox.calls().into_iter().map(|call| call.endpoint).collect();
    assert_eq!(endpoints.len(), 2, "{endpoints:?}");
    assert!(endpoints.contains(&Endpoint::ListMemberships) && endpoints.contains(&Endpoint::ListRoles));
}

/// An unknown key must not be able to fill the table.
#[tokio::test]
async fn what_admission_refuses_writes_nothing() {
    let world = World::start().await;
    let unknown = ApiKey::generate().unwrap();
    set_rank_to(50)(&world).key(&unknown).send().await.expect("INVALID_API_KEY");
    let items = world.dynamodb().scan().table_name(world.table_name()).send().await.unwrap();
    let of_unknown = items.items().iter().filter(|item| format!("{item:?}").contains(unknown.id().as_str()));
    assert_eq!(of_unknown.count(), 0);
}
