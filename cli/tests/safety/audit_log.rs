//! The audit log: every change of roles once, as it was; filters, pages, retention.

use futures::StreamExt as _;
use futures::stream;
use rankbot_sandbox::demo;
use rankbot_sandbox::{Endpoint, Fault, FaultEffect, Matcher};
use rankbot_shared::domain::key_record::RankLimits;
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{CallMatch, Operation};
use serde_json::{Value, json};

use crate::world::{GROUP, World};

const USER: u64 = demo::TRAINEE_USER_ID;

fn ids(page: &Value) -> Vec<String> {
    page["entries"].as_array().unwrap().iter().map(|entry| entry["logId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_entry_tells_what_was_done() {
    let world = World::start().await;
    let asked = world.set_rank(demo::SEVERAL_ROLES_USER_ID, 50);
    let change = asked.with(&json!({"reason": "exam passed", "actorId": "77"})).send().await;
    let entry = world.get(&format!("/v1/logs/{}", change.log_id())).send().await.success()["entry"].clone();
    let ranks = |name: &str| -> Vec<u64> {
        let mut ranks: Vec<_> =
            entry[name].as_array().unwrap().iter().map(|role| role["rank"].as_u64().unwrap()).collect();
        ranks.sort_unstable();
        ranks
    };
    assert_eq!((ranks("rolesAdded"), ranks("rolesRemoved")), (vec![50], vec![15, 20, 35]));
    for (name, expected) in [
        ("action", json!("setRank")),
        ("outcome", json!("changed")),
        ("userId", json!(demo::SEVERAL_ROLES_USER_ID)),
        ("groupId", json!(GROUP)),
        ("keyId", json!(world.key(Plan::Pro).id().to_string())),
        ("fromRank", json!(35)),
        ("toRank", json!(50)),
        ("reason", json!("exam passed")),
        ("actorId", json!(77)),
        ("undoes", Value::Null),
    ] {
        assert_eq!(entry[name], expected, "{name}");
    }
    assert!(entry["time"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    assert!(entry["durationMs"].as_u64().is_some());
    assert_eq!(world.log().await, [entry]);
}

#[tokio::test]
async fn what_changes_nothing_is_told_as_such() {
    let world = World::start().await;
    world.set_rank(USER, 10).send().await.success();
    world.change("demote", demo::BASE_ONLY_USER_ID).send().await;
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::AssignRole), FaultEffect::status(403)).once());
    world.change("promote", USER).send().await.error(502, "ROBLOX_PERMISSION_DENIED");
    let log = world.log().await;
    let outcomes: Vec<_> = log.iter().map(|entry| entry["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["unchanged", "alreadyLowest", "failed"]);
    for entry in log {
        assert_eq!((&entry["changed"], &entry["rolesAdded"]), (&json!(false), &json!([])));
        assert_eq!(entry["fromRank"], entry["toRank"], "{entry}");
    }
}

#[tokio::test]
async fn dry_runs_and_refusals_leave_no_entry() {
    let world = World::start().await;
    world.set_rank(USER, 50).with(&json!({"dryRun": true})).send().await.success();
    world.set_rank(USER, 77).send().await.error(400, "ROLE_NOT_FOUND");
    world.set_rank(demo::OWNER_USER_ID, 10).send().await.error(403, "TARGET_NOT_MANAGEABLE");
    world.set_rank(demo::STRANGER_USER_ID, 10).send().await.error(404, "USER_NOT_IN_GROUP");
    world.change("demote", USER).key(Plan::Starter).send().await.error(403, "PLAN_REQUIRED");
    assert_eq!(world.log().await, Vec::<Value>::new());
}

/// DynamoDB is paid for what it reads.
#[tokio::test]
async fn a_page_reads_one_entry_more_than_it_shows() {
    let world = World::start().await;
    for action in ["promote", "promote", "demote", "promote"] {
        world.change(action, USER).send().await.success();
    }
    world.forget();
    let page = world.get("/v1/logs").query("limit=2").send().await;
    assert_eq!((ids(page.success()).len(), page.body["nextCursor"].is_string()), (2, true), "{}", page.body);
    let queries = world.store.calls_matching(&CallMatch::of(Operation::Query));
    assert_eq!(queries.iter().map(|call| call.request_json()["Limit"].clone()).collect::<Vec<_>>(), [3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_every_entry_once_and_filters_what_they_say() {
    let world = World::warm().await;
    let users: Vec<u64> = (300_001..=300_010).collect();
    for user in &users {
        world.roblox.put_member(GROUP, *user, &[]).unwrap();
    }
    // 130 entries of 10 members, those of one member one after the other.
    let histories = users.iter().map(|user| {
        let world = &world;
        async move {
            for n in 0..13_u8 {
                let ask = if n % 3 == 2 { world.change("demote", *user) } else { world.change("promote", *user) };
                ask.key(Plan::Max).send().await.success();
            }
        }
    });
    // Only as many side by side as a busy machine answers within the time that a caller waits.
    stream::iter(histories).buffer_unordered(2).collect::<Vec<()>>().await;
    let log = world.log().await;
    let mut all: Vec<_> = log.iter().map(|entry| entry["logId"].as_str().unwrap().to_owned()).collect();
    assert_eq!(all.len(), 130);
    assert!(all.is_sorted(), "newest first");
    all.dedup();
    assert_eq!(all.len(), 130);

    let first = world.get("/v1/logs").send().await;
    assert_eq!(ids(first.success()).len(), 50, "the default");
    let query = |text: String| world.get("/v1/logs").query(&text).key(Plan::Max).send();
    let pages = |filter: String| async move {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = query(format!("{filter}&limit=7{cursor}")).await;
            assert!(ids(page.success()).len() <= 7);
            found.extend(page.body["entries"].as_array().unwrap().clone());
            let Some(next) = page.body["nextCursor"].as_str() else { return found };
            cursor = format!("&cursor={next}");
        }
    };
    for (filter, fits) in [
        (
            "userId=300004".to_owned(),
            Box::new(|entry: &Value| entry["userId"] == 300_004) as Box<dyn Fn(&Value) -> bool>,
        ),
        ("action=demote".to_owned(), Box::new(|entry| entry["action"] == "demote")),
        (
            "userId=300001&action=promote".to_owned(),
            Box::new(|entry| entry["userId"] == 300_001 && entry["action"] == "promote"),
        ),
        (
            format!("from={}&to={}", log[40]["time"].as_str().unwrap(), log[90]["time"].as_str().unwrap()),
            Box::new(|entry| {
                let time = |entry: &Value| entry["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
                time(entry) >= time(&log[40]) && time(entry) < time(&log[90])
            }),
        ),
    ] {
        let mut expected: Vec<_> = log.iter().filter(|entry| fits(entry)).cloned().collect();
        expected.reverse();
        assert!(!expected.is_empty());
        assert_eq!(pages(filter.clone()).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_group_sees_its_own_entries_alone() {
    let world = World::start().await;
    let change = world.change("promote", USER).send().await;
    let other = world.new_key(GROUP + 1, Plan::Pro, RankLimits::default()).await;
    let log = world.get("/v1/logs").with_key(&other).send().await;
    assert_eq!(log.success()["entries"], json!([]));
    world.get(&format!("/v1/logs/{}", change.log_id())).with_key(&other).send().await.error(404, "LOG_NOT_FOUND");
}

#[tokio::test]
async fn entries_are_kept_as_long_as_the_plan_says() {
    let world = World::start().await;
    let day = 24 * 3_600;
    let mut of_plan = Vec::new();
    for plan in [Plan::Starter, Plan::Pro, Plan::Max] {
        of_plan.push(world.change("promote", USER).key(plan).send().await.log_id().to_owned());
    }
    let items = world.dynamodb().scan().table_name(world.table_name()).send().await.unwrap();
    let ttl_days = |id: &str| {
        let item = items.items().iter().find(|item| item["sk"].as_s().is_ok_and(|sk| *sk == format!("LOG#{id}")));
        let ttl = item.unwrap().get("ttl").map(|ttl| ttl.as_n().unwrap().parse::<i64>().unwrap());
        ttl.map(|ttl| (ttl - world.now().as_second() + 60) / day)
    };
    assert_eq!(of_plan.iter().map(|id| ttl_days(id)).collect::<Vec<_>>(), [Some(30), Some(365), None]);

    let shown = || async { world.log().await.len() };
    assert_eq!(shown().await, 3);
    world.pass(30 * day + 60);
    assert_eq!(shown().await, 2, "what is over is not shown, deleted or not");
    world.get(&format!("/v1/logs/{}", of_plan[0])).key(Plan::Max).send().await.error(404, "LOG_NOT_FOUND");
    world.undo(&of_plan[0]).key(Plan::Max).send().await.error(404, "LOG_NOT_FOUND");
    world.pass(336 * day);
    assert_eq!(shown().await, 1);
}
