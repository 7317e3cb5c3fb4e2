//! `ifRank` and `neverLower`: judged by the rank that is read for the change, before anything is written.

use rankbot_sandbox::demo::{self, role};
use rankbot_shared::domain::plan::Plan;
use serde_json::{Value, json};

use crate::world::{Answer, GROUP, World, sorted};

const TRAINEE: u64 = demo::TRAINEE_USER_ID;
/// Stands at 120.
const SENIOR: u64 = demo::SENIOR_USER_ID;
/// Holds the ranks 15, 20 and 35.
const SEVERAL: u64 = demo::SEVERAL_ROLES_USER_ID;

#[track_caller]
fn kept(answer: &Answer, rank: u64) {
    let body = answer.success();
    assert_eq!((&body["changed"], &body["kept"]), (&json!(false), &json!(true)), "{body}");
    assert_eq!(answer.ranks(), (rank, rank));
}

#[tokio::test]
async fn a_purchase_never_lowers_and_still_raises() {
    let world = World::start().await;
    let buy = |user| world.set_rank(user, 20).with(&json!({"neverLower": true}));
    kept(&buy(SENIOR).send().await, 120);
    assert_eq!((world.writes(), world.rank_of(SENIOR)), (0, 120));
    let raised = buy(TRAINEE).send().await;
    assert_eq!((raised.ranks(), &raised.body["kept"]), ((10, 20), &Value::Null));
    let again = buy(TRAINEE).send().await;
    assert_eq!((again.ranks(), &again.body["changed"], &again.body["kept"]), ((20, 20), &json!(false), &Value::Null));
    let outcomes: Vec<_> = world.log().await.iter().map(|entry| entry["outcome"].clone()).collect();
    assert_eq!(outcomes, ["unchanged", "changed", "unchanged"]);
    assert_eq!(world.used(world.key(Plan::Pro)).await, 3, "each is an answer, and counts");
}

#[tokio::test]
async fn who_is_kept_keeps_every_role() {
    let world = World::start().await;
    let before = world.roles_of(SEVERAL);
    kept(&world.set_rank(SEVERAL, 20).with(&json!({"neverLower": true})).send().await, 35);
    assert_eq!(world.roles_of(SEVERAL), before);
    // At the target itself nobody is lowered, and the other roles go as ever.
    world.set_rank(SEVERAL, 35).with(&json!({"neverLower": true})).send().await.success();
    assert_eq!(world.roles_of(SEVERAL), sorted(&[role::MEMBER, role::SENIOR_CREW]));
}

#[tokio::test]
async fn a_change_is_made_only_at_the_rank_that_it_names() {
    let world = World::start().await;
    world.change("promote", TRAINEE).with(&json!({"ifRank": 20})).send().await.error(409, "RANK_MISMATCH");
    for (condition, stands) in [(json!(11), false), (json!([11, 50]), false), (json!([1, 9]), false), (json!(10), true)]
    {
        let answer = world.change("promote", TRAINEE).with(&json!({"ifRank": condition, "dryRun": true})).send().await;
        assert_eq!(answer.status == 200, stands, "{condition}: {}", answer.body);
        if !stands {
            assert_eq!(answer.error(409, "RANK_MISMATCH")["details"], json!({"rank": 10}), "{condition}");
            assert_eq!(answer.body["retryable"], false);
        }
    }
    assert_eq!((world.writes(), world.used(world.key(Plan::Pro)).await), (0, 1), "refusals are given back");
    assert_eq!(world.change("promote", TRAINEE).with(&json!({"ifRank": [10, 10]})).send().await.ranks(), (10, 15));
    assert_eq!(world.set_rank(TRAINEE, 50).with(&json!({"ifRank": [1, 49]})).send().await.ranks(), (15, 50));
    assert_eq!(world.change("demote", TRAINEE).with(&json!({"ifRank": "50"})).send().await.ranks(), (50, 35));
}

/// Two servers of a game decide by the same old view: the second one's condition fails, instead of a second step.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_changes_from_the_same_rank_one_is_made() {
    let world = World::warm().await;
    let asks = (0..5).map(|_| world.change("promote", TRAINEE).with(&json!({"ifRank": 10})).send());
    let answers = futures::future::join_all(asks).await;
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((made, world.rank_of(TRAINEE)), (1, 15), "{answers:#?}");
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert!(matches!(refused.code(), Some("RANK_MISMATCH" | "RANK_CHANGE_IN_PROGRESS")), "{}", refused.body);
    }
}

#[tokio::test]
async fn conditions_are_part_of_the_request_under_its_key_and_only_a_success_is_kept() {
    let world = World::start().await;
    let buy = world.set_rank(SENIOR, 20).with(&json!({"neverLower": true})).once("purchase-1");
    let first = buy.clone().send().await;
    kept(&first, 120);
    let again = buy.send().await;
    assert!(again.is_replayed());
    assert_eq!(again.text, first.text);
    world.set_rank(SENIOR, 20).once("purchase-1").send().await.error(422, "IDEMPOTENCY_KEY_REUSED");
    let only_at_20 = world.change("promote", TRAINEE).with(&json!({"ifRank": 20})).once("a");
    only_at_20.clone().send().await.error(409, "RANK_MISMATCH");
    world.roblox.put_member(GROUP, TRAINEE, &[role::CABIN_CREW]).unwrap();
    assert_eq!(only_at_20.send().await.ranks(), (20, 35));
}

#[tokio::test]
async fn a_role_is_named_by_its_whole_name_whatever_its_case() {
    let world = World::start().await;
    let by_name = |name: &str| {
        let body = json!({"groupId": GROUP, "userId": TRAINEE, "action": "setRank", "targetRoleName": name});
        world.post("/v1/setRank", &body)
    };
    assert_eq!(by_name("first officer").send().await.ranks(), (10, 50));
    by_name("Officer").send().await.error(400, "ROLE_NOT_FOUND");
    by_name("Owner").send().await.error(400, "ROLE_NOT_FOUND");
    world.roblox.rename_role(GROUP, role::CAPTAIN, "Pilot").unwrap();
    world.roblox.rename_role(GROUP, role::VIP, "PILOT").unwrap();
    world.pass(600);
    let twice = by_name("pilot").send().await;
    let candidates = twice.error(400, "AMBIGUOUS_ROLE")["details"]["candidates"].as_array().unwrap().len();
    assert_eq!((candidates, world.rank_of(TRAINEE)), (2, 50));
}
