//! Every route's successes, as a caller sees them: status, headers, body.

use rankbot_sandbox::demo;
use rankbot_shared::domain::plan::Plan;
use serde_json::json;

use crate::world::{GROUP, World, allowed_ranks, set_rank, step, with};

#[tokio::test]
async fn rank_changes_are_answered_in_one_shape() {
    let world = World::start().await;
    let set = world.set_rank(demo::TRAINEE_USER_ID, 50).await;
    insta::assert_snapshot!("set_rank", set.shown());
    let again = world.set_rank(demo::TRAINEE_USER_ID, 50).await;
    insta::assert_snapshot!("set_rank_to_the_rank_held", again.shown());
    insta::assert_snapshot!("promote", world.promote(demo::TRAINEE_USER_ID).await.shown());
    insta::assert_snapshot!("demote", world.demote(demo::TRAINEE_USER_ID).await.shown());
}

#[tokio::test]
async fn a_dry_run_says_that_it_is_one() {
    let world = World::start().await;
    let body = with(set_rank(GROUP, demo::TRAINEE_USER_ID, 50), &json!({"dryRun": true}));
    insta::assert_snapshot!("dry_run", world.post("/v1/setRank", &body).send().await.shown());
}

#[tokio::test]
async fn the_ladders_ends_fail_gracefully() {
    let world = World::start().await;
    world.roblox.put_member(GROUP, demo::SENIOR_USER_ID, &[demo::role::BOT]).unwrap();
    insta::assert_snapshot!("already_highest", world.promote(demo::SENIOR_USER_ID).await.shown());
    insta::assert_snapshot!("already_lowest", world.demote(demo::BASE_ONLY_USER_ID).await.shown());
}

/// `/v1/rank` answers each of the three bodies as the action's own route does.
#[tokio::test]
async fn the_rank_route_takes_every_action() {
    let world = World::start().await;
    for (user, path, body) in [
        (demo::TRAINEE_USER_ID, "/v1/setRank", set_rank(GROUP, demo::TRAINEE_USER_ID, 50)),
        (demo::SENIOR_USER_ID, "/v1/promote", step(GROUP, demo::SENIOR_USER_ID, "promote")),
        (demo::SEVERAL_ROLES_USER_ID, "/v1/demote", step(GROUP, demo::SEVERAL_ROLES_USER_ID, "demote")),
    ] {
        let roles = world.roles_of(user);
        let own = world.post(path, &body).send().await.expect_success();
        world.roblox.put_member(GROUP, user, &roles).unwrap();
        let any = world.post("/v1/rank", &body).send().await.expect_success();
        for field in ["groupId", "userId", "action", "fromRank", "toRank", "changed", "fromRole", "toRole"] {
            assert_eq!(own.body[field], any.body[field], "{path} {field}");
        }
    }
}

#[tokio::test]
async fn reads_are_answered_with_what_roblox_says() {
    let world = World::start().await;
    insta::assert_snapshot!("get_rank", world.get_rank(demo::SEVERAL_ROLES_USER_ID).await.shown());
    insta::assert_snapshot!("group", world.get("/v1/group").send().await.shown());
    insta::assert_snapshot!("group_roles", world.get("/v1/group/roles").send().await.shown());
    for (own, named) in
        [("/v1/group", format!("/v1/group/{GROUP}")), ("/v1/group/roles", format!("/v1/group/{GROUP}/roles"))]
    {
        let own = world.get(own).send().await.expect_success();
        assert_eq!(own.body, world.get(&named).send().await.expect_success().body, "{named}");
    }
}

#[tokio::test]
async fn what_roblox_leaves_out_of_a_group_is_null() {
    let world = World::start().await;
    let mut group = world.roblox.group(GROUP).unwrap();
    group.owner = None;
    world.roblox.put_group(group);
    let answer = world.get("/v1/group").send().await.expect_success();
    assert_eq!(answer.body.get("ownerId"), Some(&json!(null)));
}

#[tokio::test]
async fn a_key_is_shown_with_its_limits() {
    let world = World::start().await;
    for (name, plan) in [("key_starter", Plan::Starter), ("key_max", Plan::Max)] {
        insta::assert_snapshot!(name, world.get("/v1/key").key(&world.key(plan)).send().await.shown());
    }
    let limited = world.key_with_limits(allowed_ranks(&[10, 20])).await;
    let answer = world.get("/v1/key").key(&limited).send().await.expect_success();
    assert_eq!((&answer.body["allowedRanks"], &answer.body["maxRank"]), (&json!([10, 20]), &json!(null)));
    assert_eq!(answer.body["keyId"], limited.id().as_str());
}

#[tokio::test]
async fn the_status_needs_no_key_and_no_store() {
    let world = World::start().await;
    insta::assert_snapshot!("status", world.get("/v1/status").no_key().send().await.shown());
    assert!(world.store.calls().is_empty() && world.roblox.calls().is_empty());
}

/// Below a stage named after a plan, as API Gateway's own address has it.
#[tokio::test]
async fn every_route_works_below_a_stage_too() {
    let world = World::start().await;
    let user = demo::TRAINEE_USER_ID;
    for path in
        ["group", "group/roles", "key", "status", &format!("rank/{GROUP}/{user}"), &format!("group/{GROUP}/roles")]
    {
        let plain = world.get(&format!("/v1/{path}")).send().await.expect_success();
        let staged = world.get(&format!("/pro/v1/{path}")).send().await.expect_success();
        if path != "key" {
            assert_eq!(plain.body, staged.body, "{path}");
        }
    }
    for (path, body) in [
        ("setRank", set_rank(GROUP, user, 50)),
        ("promote", step(GROUP, user, "promote")),
        ("demote", step(GROUP, user, "demote")),
        ("rank", set_rank(GROUP, user, 10)),
    ] {
        world.post(&format!("/max/v1/{path}"), &body).send().await.expect_success();
    }
    world.get("/pro/v1/nothing").send().await.expect("ROUTE_NOT_FOUND");
}

#[tokio::test]
async fn bounds_that_leave_nothing_between_them_are_an_empty_page_of_the_log() {
    let world = World::start().await;
    let done = world.promote(demo::TRAINEE_USER_ID).await.expect_success();
    let cursor = done.body["logId"].as_str().unwrap();
    for query in [
        "from=2026-11-23T00:00:00Z&to=2000-01-01T00:00:00Z".to_owned(),
        format!("from=4102444800&cursor={cursor}"),
        format!("userId={}&from=4102444800&to=0", demo::TRAINEE_USER_ID),
    ] {
        let answer = world.get(&format!("/v1/logs?{query}")).send().await.expect_success();
        assert_eq!((&answer.body["entries"], &answer.body["nextCursor"]), (&json!([]), &json!(null)), "{query}");
    }
}
