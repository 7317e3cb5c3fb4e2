//! `rankbot groups`: what an operator sets, the API of a running RankBot keeps to.

use jiff::{SignedDuration, Timestamp};
use rankbot_sandbox::demo::{self, role};
use rankbot_shared::app::groups;
use rankbot_shared::domain::group_settings::Block;
use rankbot_shared::domain::id::UserId;
use rankbot_shared::domain::plan::Plan;
use reqwest::Client;
use serde_json::{Value, json};

use crate::desk::Desk;

const GROUP: u64 = demo::GROUP_ID;
const TRAINEE: u64 = demo::TRAINEE_USER_ID;
const SEVERAL_ROLES: u64 = demo::SEVERAL_ROLES_USER_ID;

impl Desk {
    /// A rank change's status and answer.
    async fn ask(&self, route: &str, body: &Value) -> (u16, Value) {
        let request = Client::new().post(format!("{}/v1/{route}", self.local.url())).json(body);
        let response = request.bearer_auth(self.local.key(Plan::Pro).reveal()).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn promote(&self, user: u64) -> (u16, Value) {
        self.ask("promote", &json!({ "groupId": GROUP, "userId": user, "action": "promote" })).await
    }

    async fn set_rank(&self, user: u64, rank: u8) -> (u16, Value) {
        let body = json!({ "groupId": GROUP, "userId": user, "action": "setRank", "targetRank": rank });
        self.ask("setRank", &body).await
    }

    /// The roles that a member holds at Roblox, besides the base role.
    fn roles_of(&self, user: u64) -> Vec<u64> {
        let held = self.local.sandbox().unwrap().roles_of(GROUP, user).unwrap();
        held.into_iter().filter(|held| *held != role::MEMBER).collect()
    }

    fn roblox_writes(&self) -> usize {
        let calls = self.local.sandbox().unwrap().calls();
        calls.iter().filter(|call| call.method == "POST").count()
    }
}

/// The status, and the code of a refusal.
fn outcome((status, answer): &(u16, Value)) -> (u16, Option<&str>) {
    (*status, answer["code"].as_str())
}

#[tokio::test]
async fn a_group_that_nobody_has_set_anything_for_has_the_defaults() {
    let desk = Desk::open().await;
    let defaults = json!({
        "groupId": GROUP, "mode": "exclusive", "managedRoles": null, "maxRank": null, "bot": "default", "blocked": []
    });
    assert_eq!(desk.json(&format!("groups show {GROUP}")).await, defaults);
    let text = desk.run(&format!("groups show {GROUP}")).await.stdout;
    assert!(text.contains("Managed       every role of rank 2 to 254"), "{text}");
    assert!(text.ends_with("\n\nNobody is blocked.\n"), "{text}");
}

#[tokio::test]
async fn set_changes_the_named_settings_and_leaves_the_others() {
    let desk = Desk::open().await;
    for (options, setting, value) in [
        ("--mode additive", "mode", json!("additive")),
        ("--managed-roles 32,31,32 --force", "managedRoles", json!([31, 32])),
        ("--max-rank 80", "maxRank", json!(80)),
        ("--bot second", "bot", json!("second")),
    ] {
        assert_eq!(desk.json(&format!("groups set {GROUP} {options}")).await[setting], value, "{options}");
    }
    let all = json!({
        "groupId": GROUP, "mode": "additive", "managedRoles": [31, 32], "maxRank": 80, "bot": "second", "blocked": []
    });
    assert_eq!(desk.json(&format!("groups show {GROUP}")).await, all);
    let back = format!("groups set {GROUP} --mode exclusive --manage-all --no-max-rank --bot default");
    let defaults = json!({
        "groupId": GROUP, "mode": "exclusive", "managedRoles": null, "maxRank": null, "bot": "default", "blocked": []
    });
    assert_eq!(desk.json(&back).await, defaults);
}

#[tokio::test]
async fn operators_who_set_different_things_at_once_all_get_what_they_set() {
    let desk = Desk::open().await;
    let set = |options: &'static str| {
        let line = format!("groups set {GROUP} {options}");
        let desk = &desk;
        async move { desk.run(&line).await.status }
    };
    let statuses = tokio::join!(
        set("--mode additive"),
        set("--managed-roles 31 --force"),
        set("--max-rank 80"),
        set("--bot second")
    );
    assert_eq!(statuses, (0, 0, 0, 0));
    let group = desk.json(&format!("groups show {GROUP}")).await;
    let settings = ["mode", "managedRoles", "maxRank", "bot"].map(|name| &group[name]);
    assert_eq!(json!(settings), json!(["additive", [31], 80, "second"]));
}

#[tokio::test]
async fn set_without_a_setting_says_what_can_be_set() {
    let desk = Desk::open().await;
    let refused = desk.run(&format!("groups set {GROUP}")).await;
    let sentence =
        "what shall be set? Name --mode, --managed-roles or --manage-all, --max-rank or --no-max-rank, or --bot";
    assert_eq!(refused.refusal(2), sentence);
}

#[tokio::test]
async fn what_no_group_can_have_is_refused_in_one_sentence() {
    let desk = Desk::open().await;
    let role_id = "a role's id is the whole number that GET /v1/group/roles shows; it is not its rank";
    for (options, sentence) in [
        ("--managed-roles=", format!("invalid value '' for '--managed-roles <ID,ID,…>': {role_id}")),
        ("--managed-roles VIP", format!("invalid value 'VIP' for '--managed-roles <ID,ID,…>': {role_id}")),
        ("--mode both", "invalid value 'both' for '--mode <MODE>' [possible values: exclusive, additive]".to_owned()),
        ("--max-rank 9 --no-max-rank", "the argument '--max-rank <N>' cannot be used with '--no-max-rank'".to_owned()),
    ] {
        let refused = desk.run(&format!("groups set {GROUP} {options}")).await;
        let said = refused.refusal(2);
        assert!(said.starts_with(&sentence), "{said}");
    }
}

#[tokio::test]
async fn a_blocked_user_is_refused_before_roblox_is_written_to_until_unblocked() {
    let desk = Desk::open().await;
    let block = format!("groups block {GROUP} {TRAINEE} --reason griefing --for 30d");
    let blocked = desk.json(&block).await;
    let named = ["groupId", "userId", "reason"].map(|name| &blocked[name]);
    assert_eq!(json!(named), json!([GROUP, TRAINEE, "griefing"]));
    let until: Timestamp = blocked["until"].as_str().unwrap().parse().unwrap();
    assert!(until > Timestamp::now() + SignedDuration::from_hours(29 * 24));

    let refused = desk.promote(TRAINEE).await;
    assert_eq!(outcome(&refused), (403, Some("USER_BLOCKED")));
    assert!(!refused.1.to_string().contains("griefing"), "the reason is for operators alone: {refused:?}");
    assert_eq!((desk.roblox_writes(), desk.roles_of(TRAINEE)), (0, vec![role::TRAINEE]));
    assert_eq!(outcome(&desk.promote(SEVERAL_ROLES).await), (200, None), "nobody else is blocked");

    let unblocked = desk.run(&format!("groups unblock {GROUP} {TRAINEE}")).await.stdout;
    assert_eq!(unblocked, format!("User {TRAINEE} is no longer blocked in group {GROUP}.\n"));
    assert_eq!(outcome(&desk.promote(TRAINEE).await), (200, None));
}

#[tokio::test]
async fn show_lists_whom_the_group_blocks_and_blocking_again_changes_the_block() {
    let desk = Desk::open().await;
    desk.json(&format!("groups block {GROUP} 8 --for 1d")).await;
    let text = desk.run(&format!("groups block {GROUP} 8 --reason spam")).await.stdout;
    assert_eq!(text, format!("User 8 is blocked in group {GROUP} until somebody unblocks them.\n"));
    desk.json("groups block 5 9").await;
    let blocked = desk.json(&format!("groups show {GROUP}")).await["blocked"].take();
    assert_eq!(blocked, json!([{ "userId": 8, "reason": "spam", "until": null }]));
    let text = desk.run(&format!("groups show {GROUP}")).await.stdout;
    assert!(text.ends_with("BLOCKED  UNTIL      REASON\n8        unblocked  spam\n"), "{text}");
}

#[tokio::test]
async fn a_block_that_has_ended_holds_nobody_back() {
    let desk = Desk::open().await;
    let ended = Block { reason: None, until: Some(Timestamp::now() - SignedDuration::from_secs(60)) };
    let user = UserId::new(TRAINEE).unwrap();
    groups::block(desk.local.table(), desk.local.group_id(), user, ended).await.unwrap();
    assert_eq!(desk.json(&format!("groups show {GROUP}")).await["blocked"], json!([]));
    assert_eq!(outcome(&desk.promote(TRAINEE).await), (200, None));
    for _ in 0..2 {
        let unblocked = desk.json(&format!("groups unblock {GROUP} {TRAINEE}")).await;
        assert_eq!(unblocked, json!({ "groupId": GROUP, "userId": TRAINEE, "wasBlocked": false }));
    }
}

#[tokio::test]
async fn a_role_that_is_not_managed_survives_a_promotion_and_is_no_step_of_the_ladder() {
    let desk = Desk::open().await;
    let steps = [role::TRAINEE, role::CABIN_CREW, role::SENIOR_CREW, role::FIRST_OFFICER].map(|id| id.to_string());
    desk.json(&format!("groups set {GROUP} --managed-roles {} --force", steps.join(","))).await;
    let (_, promoted) = desk.promote(SEVERAL_ROLES).await;
    assert_eq!(json!([promoted["fromRank"], promoted["toRank"]]), json!([35, 50]));
    assert_eq!(desk.roles_of(SEVERAL_ROLES), [role::FIRST_OFFICER, role::VIP]);
    // From 10 over the VIPs' 15.
    assert_eq!(desk.promote(TRAINEE).await.1["toRank"], 20);
    assert_eq!(desk.set_rank(TRAINEE, 15).await.1["code"], "ROLE_NOT_FOUND");
}

#[tokio::test]
async fn roles_that_the_group_does_not_have_are_not_managed_unless_by_force() {
    let desk = Desk::open().await;
    let set = |ids: &str| format!("groups set {GROUP} --managed-roles {ids}");
    let unread = desk.run(&set("20,35")).await;
    assert!(unread.refusal(1).contains("has not read the roles"), "{}", unread.refusal(1));
    assert_eq!(desk.set_rank(TRAINEE, 15).await.0, 200);
    let ranks = desk.run(&set("20,35")).await;
    let hint = format!("20 is the rank of \"Cabin Crew\", whose id is {}", role::CABIN_CREW);
    assert!(ranks.refusal(1).contains(&hint), "{}", ranks.refusal(1));
    let mixed = desk.run(&set(&format!("{},31", role::CABIN_CREW))).await;
    assert!(mixed.refusal(1).contains("no role of the id 31"), "{}", mixed.refusal(1));
    assert_eq!(desk.json(&format!("groups show {GROUP}")).await["managedRoles"], json!(null), "nothing was set");
    let ids = [role::CABIN_CREW, role::SENIOR_CREW];
    let right = set(&ids.map(|id| id.to_string()).join(","));
    assert_eq!(desk.json(&right).await["managedRoles"], json!([role::CABIN_CREW, role::SENIOR_CREW]));
    assert_eq!(desk.json(&format!("{} --force", set("20"))).await["managedRoles"], json!([20]));
}

#[tokio::test]
async fn in_an_additive_group_lower_roles_stay_and_higher_ones_go() {
    let desk = Desk::open().await;
    desk.json(&format!("groups set {GROUP} --mode additive")).await;
    assert_eq!(desk.set_rank(TRAINEE, 35).await.0, 200);
    assert_eq!(desk.roles_of(TRAINEE), [role::TRAINEE, role::SENIOR_CREW]);
    assert_eq!(desk.set_rank(TRAINEE, 20).await.0, 200);
    assert_eq!(desk.roles_of(TRAINEE), [role::CABIN_CREW, role::TRAINEE]);
}

#[tokio::test]
async fn a_groups_highest_rank_bounds_targets_and_members_until_it_is_lifted() {
    let desk = Desk::open().await;
    desk.json(&format!("groups set {GROUP} --max-rank 20")).await;
    assert_eq!(outcome(&desk.set_rank(TRAINEE, 35).await), (403, Some("RANK_NOT_ALLOWED")));
    assert_eq!(outcome(&desk.set_rank(SEVERAL_ROLES, 10).await), (403, Some("RANK_NOT_ALLOWED")));
    assert_eq!(desk.roblox_writes(), 0);
    assert_eq!(outcome(&desk.set_rank(TRAINEE, 20).await), (200, None));
    desk.json(&format!("groups set {GROUP} --no-max-rank")).await;
    assert_eq!(outcome(&desk.set_rank(TRAINEE, 35).await), (200, None));
}

#[tokio::test]
async fn a_group_bound_to_a_bot_that_there_is_not_is_not_acted_in_by_another() {
    let desk = Desk::open().await;
    desk.json(&format!("groups set {GROUP} --bot second")).await;
    assert_eq!(outcome(&desk.promote(TRAINEE).await), (502, Some("ROBLOX_CREDENTIAL_INVALID")));
    assert_eq!(desk.local.sandbox().unwrap().calls().len(), 0);
    desk.json(&format!("groups set {GROUP} --bot default")).await;
    assert_eq!(outcome(&desk.promote(TRAINEE).await), (200, None));
}

#[tokio::test]
async fn managed_roles_are_shown_by_rank_and_a_rank_in_the_place_of_an_id_stands_out() {
    let desk = Desk::open().await;
    let (vip, trainee) = (role::VIP, role::TRAINEE);
    let text = desk.run(&format!("groups set {GROUP} --managed-roles 35,{vip},{trainee} --force")).await.stdout;
    let unknown = format!("Managed       35, {trainee}, {vip}\n");
    assert!(text.contains(&unknown), "nothing is known of the roles yet: {text}");
    assert_eq!(desk.set_rank(TRAINEE, 15).await.0, 200);
    let text = desk.run(&format!("groups show {GROUP}")).await.stdout;
    let named = format!("35 (not in the group when last looked), {trainee} (Trainee, rank 10), {vip} (VIP, rank 15)\n");
    assert!(text.contains(&named), "{text}");
}
