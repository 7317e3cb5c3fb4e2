//! What a rank change does to a member's roles, and whom it leaves alone.

use rankbot_sandbox::demo::{self, role};
use rankbot_sandbox::{Assumptions, Endpoint, Group, RankOneWrites};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::role_lists::a_list_is_no_longer_new;
use crate::world::{GROUP, World, allowed_ranks, max_rank, set_rank, step, with};

/// Somebody who is a member only where a test makes them one.
const SOMEBODY: u64 = 700_001;

fn ascending(roles: &[u64]) -> Vec<u64> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles
}

fn moved(answer: Answer) -> (u64, u64, bool) {
    let answer = answer.expect_success();
    let rank = |field: &str| answer.body[field].as_u64().unwrap();
    (rank("fromRank"), rank("toRank"), answer.body["changed"].as_bool().unwrap())
}

/// The exclusive change: whatever the member held, the base role and the target remain, and what is at rank 1.
#[tokio::test]
async fn a_rank_change_leaves_the_base_role_and_the_target_and_nothing_else() {
    let world = World::start().await;
    let (member, passenger) = (role::MEMBER, role::PASSENGER);
    let several = [role::CABIN_CREW, role::SENIOR_CREW, role::VIP];
    for (held, rank, left, expected) in [
        (vec![role::TRAINEE], 50, vec![member, role::FIRST_OFFICER], (10, 50, true)),
        (vec![role::CAPTAIN], 10, vec![member, role::TRAINEE], (80, 10, true)),
        (vec![], 10, vec![member, role::TRAINEE], (1, 10, true)),
        (several.to_vec(), 50, vec![member, role::FIRST_OFFICER], (35, 50, true)),
        (several.to_vec(), 10, vec![member, role::TRAINEE], (35, 10, true)),
        (several.to_vec(), 20, vec![member, role::CABIN_CREW], (35, 20, true)),
        (vec![role::TRAINEE], 1, vec![member], (10, 1, true)),
        (several.to_vec(), 1, vec![member], (35, 1, true)),
        (vec![passenger], 10, vec![member, passenger, role::TRAINEE], (1, 10, true)),
        (vec![passenger, role::CAPTAIN], 1, vec![member, passenger], (80, 1, true)),
        (vec![role::TRAINEE], 10, vec![member, role::TRAINEE], (10, 10, false)),
        (vec![], 1, vec![member], (1, 1, false)),
        (several.to_vec(), 35, vec![member, role::SENIOR_CREW], (35, 35, true)),
    ] {
        world.roblox.put_member(GROUP, SOMEBODY, &held).unwrap();
        world.forget();
        let answer = world.set_rank(SOMEBODY, rank).await;
        assert_eq!(moved(answer), expected, "{held:?} to {rank}");
        assert_eq!(world.roles_of(SOMEBODY), ascending(&left), "{held:?} to {rank}");
        assert_eq!(world.writes().is_empty(), !expected.2, "{held:?} to {rank}");
    }
}

#[tokio::test]
async fn roles_of_rank_1_are_never_written_whatever_roblox_would_do_with_them() {
    let world = World::start().await;
    for rank_one in [RankOneWrites::Refused, RankOneWrites::BaseRefused, RankOneWrites::NoEffect] {
        world.roblox.set_assumptions(Assumptions { rank_one, ..Assumptions::default() });
        world.roblox.put_member(GROUP, SOMEBODY, &[role::PASSENGER, role::TRAINEE]).unwrap();
        assert_eq!(moved(world.set_rank(SOMEBODY, 1).await), (10, 1, true), "{rank_one:?}");
        assert_eq!(world.roles_of(SOMEBODY), ascending(&[role::MEMBER, role::PASSENGER]), "{rank_one:?}");
        assert_eq!(moved(world.promote(SOMEBODY).await), (1, 10, true), "{rank_one:?}");
    }
    let ones = [Some(role::MEMBER), Some(role::PASSENGER)];
    assert!(world.writes().iter().all(|call| !ones.contains(&call.role)));
}

/// Assign first: a member is at no time without the old role and the new.
#[tokio::test]
async fn the_target_is_assigned_before_anything_is_unassigned_lowest_first() {
    let world = World::start().await;
    world.set_rank(demo::SEVERAL_ROLES_USER_ID, 10).await.expect_success();
    let writes: Vec<_> = world.writes().into_iter().map(|call| (call.endpoint, call.role)).collect();
    let expected = [
        (Endpoint::AssignRole, Some(role::TRAINEE)),
        (Endpoint::UnassignRole, Some(role::VIP)),
        (Endpoint::UnassignRole, Some(role::CABIN_CREW)),
        (Endpoint::UnassignRole, Some(role::SENIOR_CREW)),
    ];
    assert_eq!(writes, expected);
}

/// The whole ladder, up and down again, with the steps' sizes.
#[tokio::test]
async fn steps_go_from_rank_to_rank_over_gaps_and_stop_at_the_ladders_end() {
    let world = World::start().await;
    for (held, action, steps, expected) in [
        (vec![], "promote", 1, Some((1, 10))),
        (vec![role::TRAINEE], "promote", 1, Some((10, 15))),
        (vec![role::TRAINEE], "promote", 2, Some((10, 20))),
        (vec![role::TRAINEE], "promote", 5, Some((10, 80))),
        (vec![role::BOARD_MEMBER], "promote", 1, Some((150, 200))),
        (vec![role::CABIN_CREW, role::SENIOR_CREW], "promote", 1, Some((35, 50))),
        (vec![role::CAPTAIN], "demote", 1, Some((80, 50))),
        (vec![role::CAPTAIN], "demote", 3, Some((80, 20))),
        (vec![role::CABIN_CREW], "demote", 10, Some((20, 1))),
        (vec![role::TRAINEE], "demote", 1, Some((10, 1))),
        (vec![role::TRAINEE, role::PASSENGER], "demote", 1, Some((10, 1))),
        (vec![], "demote", 1, None),
        (vec![role::PASSENGER], "demote", 10, None),
    ] {
        world.roblox.put_member(GROUP, SOMEBODY, &held).unwrap();
        let body = with(step(GROUP, SOMEBODY, action), &json!({"steps": steps}));
        let answer = world.post("/v1/rank", &body).send().await;
        let Some((from, to)) = expected else {
            assert_eq!((answer.status, answer.code()), (200, Some("ALREADY_LOWEST_RANK")), "{held:?}");
            continue;
        };
        assert_eq!(moved(answer), (from, to, true), "{held:?} {action} {steps}");
        assert_eq!(world.roblox.rank_of(GROUP, SOMEBODY).map(u64::from), Some(to), "{held:?} {action} {steps}");
    }
}

/// A promotion of a member below the top goes to the top; one who stands there stays, gracefully.
#[tokio::test]
async fn ten_steps_up_end_at_the_top_and_from_the_top_there_is_none() {
    let world = World::start().await;
    let small = Group::new(GROUP)
        .role(role::MEMBER, "Member", 1)
        .role(71, "Middle", 100)
        .role(72, "Top", 254)
        .role(role::OWNER, "Owner", 255)
        .managing_role(role::BOT, "Owner's hand", 255)
        .member(demo::BOT_USER_ID, &[role::BOT])
        .member(SOMEBODY, &[]);
    world.roblox.put_group(small);
    let body = with(step(GROUP, SOMEBODY, "promote"), &json!({"steps": 10}));
    assert_eq!(moved(world.post("/v1/promote", &body).send().await), (1, 254, true));
    world.forget();
    let answer = world.post("/v1/promote", &body).send().await;
    assert_eq!((answer.status, answer.code()), (200, Some("ALREADY_HIGHEST_RANK")));
    let (from, to, changed) = (&answer.body["fromRank"], &answer.body["toRank"], &answer.body["changed"]);
    assert_eq!((from, to, changed), (&json!(254), &json!(254), &json!(false)));
    assert!(world.writes().is_empty());
}

#[tokio::test]
async fn two_roles_at_one_rank_are_ambiguous_unless_named_by_id() {
    let world = World::start().await;
    world.roblox.put_group(world.roblox.group(GROUP).unwrap().role(81, "Ground Crew", 12).role(82, "Cargo Crew", 12));
    let candidates = |answer: &Answer| -> Vec<u64> {
        let listed = answer.body["details"]["candidates"].as_array().unwrap();
        ascending(&listed.iter().map(|role| role["id"].as_u64().unwrap()).collect::<Vec<_>>())
    };
    let trainee = demo::TRAINEE_USER_ID;
    assert_eq!(candidates(&world.set_rank(trainee, 12).await.expect("AMBIGUOUS_ROLE")), [81, 82]);
    assert_eq!(candidates(&world.promote(trainee).await.expect("AMBIGUOUS_ROLE")), [81, 82]);
    assert!(world.writes().is_empty());

    let by_id = json!({"groupId": GROUP, "userId": trainee, "action": "setRank", "targetRoleId": 82});
    let answer = world.post("/v1/setRank", &by_id).send().await;
    assert_eq!(answer.body["toRole"], json!({"id": 82, "name": "Cargo Crew", "rank": 12}));
    assert_eq!(world.roles_of(trainee), ascending(&[82, role::MEMBER]));
    // From one of two to the other: no other rank, but another role.
    let other = with(by_id, &json!({"targetRoleId": 81}));
    assert_eq!(moved(world.post("/v1/setRank", &other).send().await), (12, 12, true));
    assert_eq!(world.roles_of(trainee), ascending(&[81, role::MEMBER]));
}

#[tokio::test]
async fn guest_owner_and_unknown_roles_are_no_targets() {
    let world = World::start().await;
    for target in [role::GUEST, role::OWNER, 77] {
        let body =
            json!({"groupId": GROUP, "userId": demo::TRAINEE_USER_ID, "action": "setRank", "targetRoleId": target});
        let answer = world.post("/v1/setRank", &body).send().await.expect("ROLE_NOT_FOUND");
        let ranks: Vec<u64> =
            answer.body["details"]["availableRanks"].as_array().unwrap().iter().map(|r| r.as_u64().unwrap()).collect();
        assert_eq!(ranks, [1, 10, 15, 20, 35, 50, 80, 120, 150, 200, 250]);
    }
    assert!(world.writes().is_empty());
}

#[tokio::test]
async fn the_owner_cannot_be_touched_by_any_action() {
    let world = World::start().await;
    let owner = demo::OWNER_USER_ID;
    world.set_rank(owner, 10).await.expect("TARGET_NOT_MANAGEABLE");
    world.promote(owner).await.expect("TARGET_NOT_MANAGEABLE");
    world.demote(owner).await.expect("TARGET_NOT_MANAGEABLE");
    assert!(world.writes().is_empty());
    assert_eq!(world.get_rank(owner).await.expect_success().body["rank"], 255);
}

#[tokio::test]
async fn a_keys_limits_bound_target_and_member() {
    let world = World::start().await;
    let to_20 = world.key_with_limits(max_rank(20)).await;
    let some = world.key_with_limits(allowed_ranks(&[10, 50])).await;
    let set = |user, rank| set_rank(GROUP, user, rank);
    let promote = |user| step(GROUP, user, "promote");
    let demote = |user| step(GROUP, user, "demote");
    let by_id = |role: u64| json!({"groupId": GROUP, "userId": SOMEBODY, "action": "setRank", "targetRoleId": role});
    for (key, held, body, allowed) in [
        (&to_20, role::TRAINEE, set(SOMEBODY, 20), true),
        (&to_20, role::TRAINEE, set(SOMEBODY, 35), false),
        (&to_20, role::TRAINEE, by_id(role::CABIN_CREW), true),
        (&to_20, role::TRAINEE, by_id(role::SENIOR_CREW), false),
        (&to_20, role::CABIN_CREW, set(SOMEBODY, 10), true),
        (&to_20, role::CABIN_CREW, promote(SOMEBODY), false),
        (&to_20, role::SENIOR_CREW, set(SOMEBODY, 10), false),
        (&to_20, role::SENIOR_CREW, demote(SOMEBODY), false),
        (&to_20, role::CABIN_CREW, demote(SOMEBODY), true),
        (&some, role::CAPTAIN, set(SOMEBODY, 50), true),
        (&some, role::CAPTAIN, set(SOMEBODY, 20), false),
        (&some, role::CAPTAIN, demote(SOMEBODY), true),
        (&some, role::TRAINEE, promote(SOMEBODY), false),
        (&some, role::TRAINEE, demote(SOMEBODY), false),
        (&some, role::TRAINEE, by_id(role::FIRST_OFFICER), true),
        (&some, role::TRAINEE, by_id(role::CAPTAIN), false),
    ] {
        world.roblox.put_member(GROUP, SOMEBODY, &[held]).unwrap();
        world.forget();
        let before = world.roles_of(SOMEBODY);
        let answer = world.post("/v1/rank", &body).key(key).send().await;
        if allowed {
            answer.expect_success();
            continue;
        }
        answer.expect("RANK_NOT_ALLOWED");
        assert!(world.writes().is_empty() && world.roles_of(SOMEBODY) == before, "{body}");
    }
}

#[tokio::test]
async fn reads_are_not_bounded_by_a_keys_limits() {
    let world = World::start().await;
    let key = world.key_with_limits(max_rank(20)).await;
    let path = format!("/v1/rank/{GROUP}/{}", demo::SENIOR_USER_ID);
    assert_eq!(world.get(&path).key(&key).send().await.expect_success().body["rank"], 120);
}

/// Asked dry and then for real, a change answers the same; asked dry, it writes nothing.
#[tokio::test]
async fn a_dry_run_foretells_the_change_and_writes_nothing() {
    let world = World::start().await;
    for body in [
        set_rank(GROUP, demo::SEVERAL_ROLES_USER_ID, 50),
        set_rank(GROUP, demo::BASE_ONLY_USER_ID, 1),
        step(GROUP, demo::TRAINEE_USER_ID, "promote"),
        step(GROUP, demo::SENIOR_USER_ID, "demote"),
        step(GROUP, demo::LEGACY_USER_ID, "demote"),
    ] {
        world.forget();
        let members = world.roblox.group(GROUP).unwrap().members;
        let dry = world.post("/v1/rank", &with(body.clone(), &json!({"dryRun": true}))).send().await;
        assert_eq!((dry.status, &dry.body["dryRun"]), (200, &json!(true)), "{body}");
        assert!(world.writes().is_empty(), "{body}");
        let now = world.roblox.group(GROUP).unwrap().members;
        assert_eq!(serde_json::to_value(members).unwrap(), serde_json::to_value(now).unwrap());
        let real = world.post("/v1/rank", &body).send().await;
        assert_eq!(real.body.get("dryRun"), None);
        for field in ["success", "fromRank", "toRank", "fromRole", "toRole", "changed", "code"] {
            assert_eq!(dry.body.get(field), real.body.get(field), "{body}: {field}");
        }
    }
}

#[tokio::test]
async fn a_dry_run_is_refused_where_the_change_would_be() {
    let world = World::start().await;
    let dry = |user, rank| with(set_rank(GROUP, user, rank), &json!({"dryRun": true}));
    for (body, code) in [
        (dry(demo::STRANGER_USER_ID, 20), "USER_NOT_IN_GROUP"),
        (dry(demo::OWNER_USER_ID, 20), "TARGET_NOT_MANAGEABLE"),
        (dry(demo::TRAINEE_USER_ID, 99), "ROLE_NOT_FOUND"),
    ] {
        world.post("/v1/setRank", &body).send().await.expect(code);
    }
}

#[tokio::test]
async fn reason_and_actor_are_taken_with_every_action() {
    let world = World::start().await;
    let extra = json!({"reason": "Passed the exam – übrigens 🎉", "actorId": demo::OWNER_USER_ID});
    for (body, expected) in [
        (set_rank(GROUP, demo::TRAINEE_USER_ID, 20), (10, 20, true)),
        (step(GROUP, demo::TRAINEE_USER_ID, "promote"), (20, 35, true)),
        (step(GROUP, demo::TRAINEE_USER_ID, "demote"), (35, 20, true)),
    ] {
        assert_eq!(moved(world.post("/v1/rank", &with(body, &extra)).send().await), expected);
    }
}

#[tokio::test]
async fn numbers_come_in_every_written_form_and_go_out_as_numbers() {
    let world = World::start().await;
    for (group, user, rank) in [
        (GROUP.to_string(), "200001".to_owned(), "50".to_owned()),
        (format!("{GROUP}.0"), "200001.000".to_owned(), "5e1".to_owned()),
        (format!("\"{GROUP}\""), "\"200001\"".to_owned(), "\"0050\"".to_owned()),
        (format!("{GROUP}e0"), "2000010e-1".to_owned(), "0.05E+3".to_owned()),
    ] {
        let body = format!(r#"{{"groupId":{group},"userId":{user},"action":"setRank","targetRank":{rank}}}"#);
        let answer = world.post("/v1/setRank", &Value::Null).body(body.clone()).send().await.expect_success();
        let (group, user, rank) = (&answer.body["groupId"], &answer.body["userId"], &answer.body["toRank"]);
        assert_eq!((group, user, rank), (&json!(GROUP), &json!(200_001), &json!(50)), "{body}");
        assert!(answer.body["toRole"]["id"].is_u64(), "{body}");
    }
}

/// The list of roles is remembered for minutes, and the group's owner can change it at any moment.
#[tokio::test]
async fn a_role_made_since_the_list_was_read_is_found() {
    let world = World::start().await;
    world.get_rank(demo::TRAINEE_USER_ID).await.expect_success();
    world.roblox.put_group(world.roblox.group(GROUP).unwrap().role(91, "Purser", 42).role(92, "Pilot", 43));
    a_list_is_no_longer_new().await;
    world.forget();
    assert_eq!(moved(world.set_rank(demo::TRAINEE_USER_ID, 42).await), (10, 42, true));
    assert_eq!(world.calls_to(Endpoint::ListRoles).len(), 1, "one read of the one page");
    let by_id = json!({"groupId": GROUP, "userId": demo::TRAINEE_USER_ID, "action": "setRank", "targetRoleId": 92});
    assert_eq!(moved(world.post("/v1/setRank", &by_id).send().await), (42, 43, true));
    assert_eq!(world.calls_to(Endpoint::ListRoles).len(), 1, "nothing was missed, and nothing read again");
}

#[tokio::test]
async fn a_member_who_holds_a_role_made_since_is_read_rightly() {
    let world = World::start().await;
    world.get_rank(demo::TRAINEE_USER_ID).await.expect_success();
    world.roblox.put_group(world.roblox.group(GROUP).unwrap().role(91, "Purser", 42));
    world.roblox.put_member(GROUP, demo::TRAINEE_USER_ID, &[91]).unwrap();
    let answer = world.get_rank(demo::TRAINEE_USER_ID).await.expect_success();
    assert_eq!((&answer.body["rank"], &answer.body["roleName"]), (&json!(42), &json!("Purser")));
    assert_eq!(moved(world.promote(demo::TRAINEE_USER_ID).await), (42, 50, true));
}

#[tokio::test]
async fn a_role_deleted_and_made_anew_is_assigned_as_it_is_now() {
    let world = World::start().await;
    world.get_rank(demo::TRAINEE_USER_ID).await.expect_success();
    let mut group = world.roblox.group(GROUP).unwrap();
    group.roles.retain(|held| held.id != role::FIRST_OFFICER);
    world.roblox.put_group(group.role(93, "First Officer", 50));
    let answer = world.set_rank(demo::TRAINEE_USER_ID, 50).await.expect_success();
    assert_eq!(answer.body["toRole"]["id"], 93);
    assert_eq!(world.roles_of(demo::TRAINEE_USER_ID), ascending(&[93, role::MEMBER]));
}

#[tokio::test]
async fn a_role_deleted_without_a_successor_is_not_found_and_changes_nothing() {
    let world = World::start().await;
    world.get_rank(demo::TRAINEE_USER_ID).await.expect_success();
    let mut group = world.roblox.group(GROUP).unwrap();
    group.roles.retain(|held| held.id != role::FIRST_OFFICER);
    world.roblox.put_group(group);
    let before = world.roles_of(demo::TRAINEE_USER_ID);
    let answer = world.set_rank(demo::TRAINEE_USER_ID, 50).await.expect("ROLE_NOT_FOUND");
    let ranks = answer.body["details"]["availableRanks"].as_array().unwrap();
    assert!(!ranks.contains(&json!(50)));
    assert_eq!(world.roles_of(demo::TRAINEE_USER_ID), before);
    assert_eq!(world.used(&world.key(rankbot_shared::domain::plan::Plan::Pro)).await, 1, "given back");
}

/// Roblox gives at most 20 roles a page, in no promised order.
#[tokio::test]
async fn every_page_of_roles_is_read() {
    let world = World::start().await;
    let mut group = world.roblox.group(GROUP).unwrap();
    for extra in 0..47_u8 {
        group = group.role(500 + u64::from(extra), &format!("Step {extra}"), 249 - extra);
    }
    let roles = group.roles.len();
    world.roblox.put_group(group);
    world.forget();
    let answer = world.get("/v1/group/roles").send().await.expect_success();
    let listed = answer.body["roles"].as_array().unwrap();
    assert_eq!(listed.len(), roles);
    assert!(listed.windows(2).all(|pair| pair[0]["rank"].as_u64() <= pair[1]["rank"].as_u64()));
    assert_eq!(world.calls_to(Endpoint::ListRoles).len(), roles.div_ceil(20));
    assert_eq!(moved(world.set_rank(demo::TRAINEE_USER_ID, 230).await), (10, 230, true));
}

#[tokio::test]
async fn a_change_that_roblox_refuses_to_the_bot_is_said_to_be_one_and_leaves_the_member() {
    let world = World::start().await;
    // The bot stands at 250: neither its peers nor its own rank are its to give.
    let before = world.roles_of(demo::TOP_MEMBER_USER_ID);
    world.promote(demo::TOP_MEMBER_USER_ID).await.expect("ROBLOX_PERMISSION_DENIED");
    assert_eq!(world.roles_of(demo::TOP_MEMBER_USER_ID), before);
    let bot = world.roles_of(demo::BOT_USER_ID);
    world.set_rank(demo::BOT_USER_ID, 10).await.expect("ROBLOX_PERMISSION_DENIED");
    assert_eq!(world.roles_of(demo::BOT_USER_ID), bot);
}
