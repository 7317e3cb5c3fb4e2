//! What a group's owner has decided: modes, managed roles, a ceiling, blocks, the bot.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use rankbot_sandbox::demo::{self, role};
use rankbot_sandbox::{Endpoint, ErrorBody, Fault, FaultEffect, Limits, Matcher, RateLimits, Timing};
use rankbot_shared::app::groups;
use rankbot_shared::domain::group_settings::{Block, ManagedRoles, RoleMode, SettingsChange};
use rankbot_shared::domain::id::{GroupId, RoleId, UserId};
use rankbot_shared::domain::plan::Plan;

use crate::world::{GROUP, SECOND_BOT, World, max_rank_of_group, sorted};

const SEVERAL: u64 = demo::SEVERAL_ROLES_USER_ID;
const USER: u64 = demo::TRAINEE_USER_ID;

impl World {
    async fn block(&self, until: Option<jiff::Timestamp>) {
        let block = Block { reason: Some("raid".to_owned()), until };
        groups::block(&self.table, GroupId::new(GROUP).unwrap(), UserId::new(USER).unwrap(), block).await.unwrap();
    }
}

fn bot(name: &str) -> SettingsChange {
    SettingsChange { bot: Some(name.parse().unwrap()), ..SettingsChange::default() }
}

fn all_but_vip() -> ManagedRoles {
    let ids = [role::TRAINEE, role::CABIN_CREW, role::SENIOR_CREW, role::FIRST_OFFICER, role::CAPTAIN];
    ManagedRoles::Only(ids.map(|id| RoleId::new(id).unwrap()).into_iter().collect::<BTreeSet<_>>())
}

#[tokio::test]
async fn a_role_that_is_not_managed_survives_and_is_no_step() {
    let world = World::start().await;
    world.settle(SettingsChange { managed: Some(all_but_vip()), ..SettingsChange::default() }).await;
    assert_eq!(world.set_rank(SEVERAL, 50).send().await.ranks(), (35, 50));
    assert_eq!(world.roles_of(SEVERAL), sorted(&[role::MEMBER, role::VIP, role::FIRST_OFFICER]));
    // From 10 to 20: the VIP role between them is no step.
    assert_eq!(world.change("promote", USER).send().await.ranks(), (10, 20));
    world.set_rank(USER, 15).send().await.error(400, "ROLE_NOT_FOUND");
    assert_eq!(world.set_rank(SEVERAL, 1).send().await.ranks(), (50, 1));
    assert_eq!(world.roles_of(SEVERAL), sorted(&[role::MEMBER, role::VIP]));
}

#[tokio::test]
async fn additive_roles_add_up_and_undo_takes_exactly_the_added_one_off() {
    let world = World::start().await;
    world.settle(SettingsChange { mode: Some(RoleMode::Additive), ..SettingsChange::default() }).await;
    let before = world.roles_of(SEVERAL);
    let up = world.change("promote", SEVERAL).send().await;
    assert_eq!(up.ranks(), (35, 50));
    assert_eq!(world.roles_of(SEVERAL), sorted(&[&before[..], &[role::FIRST_OFFICER]].concat()));
    world.undo(up.log_id()).send().await.success();
    assert_eq!(world.roles_of(SEVERAL), before);
    assert_eq!(world.set_rank(SEVERAL, 15).send().await.ranks(), (35, 15));
    assert_eq!(world.roles_of(SEVERAL), sorted(&[role::MEMBER, role::VIP]));
}

#[tokio::test]
async fn the_groups_ceiling_bounds_every_key() {
    let world = World::start().await;
    world.settle(max_rank_of_group(Some(50))).await;
    world.set_rank(USER, 80).key(Plan::Max).send().await.error(403, "RANK_NOT_ALLOWED");
    world.set_rank(demo::SENIOR_USER_ID, 10).send().await.error(403, "RANK_NOT_ALLOWED");
    world.set_rank(USER, 50).send().await.success();
    world.change("promote", USER).send().await.error(403, "RANK_NOT_ALLOWED");
    assert_eq!(world.used(world.key(Plan::Pro)).await, 1);
}

#[tokio::test]
async fn a_blocked_user_is_refused_without_a_call_to_roblox() {
    let world = World::start().await;
    let ends = world.now() + SignedDuration::from_secs(3_600);
    world.block(Some(ends)).await;
    for ask in [world.change("promote", USER), world.set_rank(USER, 50), world.change("promote", USER).once("a")] {
        let answer = ask.send().await;
        let body = answer.error(403, "USER_BLOCKED");
        assert!(!body.to_string().contains("raid"), "the reason is for the operator: {body}");
    }
    assert!(world.roblox.calls().is_empty());
    assert_eq!((world.used(world.key(Plan::Pro)).await, world.log().await.len()), (0, 0));
    world.change("promote", demo::BASE_ONLY_USER_ID).send().await.success();
    world.pass(3_601);
    world.change("promote", USER).send().await.success();

    world.block(None).await;
    world.pass(365 * 24 * 3_600);
    world.change("promote", USER).send().await.error(403, "USER_BLOCKED");
    let removed =
        groups::unblock(&world.table, GroupId::new(GROUP).unwrap(), UserId::new(USER).unwrap(), world.now()).await;
    assert!(removed.unwrap());
    world.change("promote", USER).send().await.success();
}

/// Refused as anybody with the right key would be: who is blocked is not told to a stranger.
#[tokio::test]
async fn nothing_of_a_block_is_told_to_a_key_of_another_group() {
    let world = World::start().await;
    world.block(None).await;
    let stranger = world.new_key(GROUP + 1, Plan::Pro, rankbot_shared::domain::key_record::RankLimits::default()).await;
    world.change("promote", USER).with_key(&stranger).send().await.error(403, "GROUP_NOT_LINKED");
}

#[tokio::test]
async fn a_group_bound_to_a_bot_acts_by_that_bots_key_everywhere() {
    let world = World::warm().await;
    let mut group = world.roblox.group(GROUP).unwrap();
    group = group.member(SECOND_BOT.2, &[role::BOT]);
    world.roblox.put_group(group);
    world.change("promote", USER).send().await.success();
    let fingerprints = || world.roblox.calls().into_iter().map(|call| call.key_fingerprint).collect::<BTreeSet<_>>();
    let default = fingerprints();
    assert_eq!(default.len(), 1);
    world.forget();
    world.settle(bot(SECOND_BOT.0)).await;
    // A change, and a recovery: each by the second bot alone.
    let unassign = Matcher::endpoint(Endpoint::UnassignRole);
    world.roblox.inject(Fault::new(unassign, FaultEffect::status(403)).once());
    world.change("promote", USER).send().await.success();
    assert_eq!(world.sweep().await, 1);
    let second = fingerprints();
    assert_eq!(second.len(), 1);
    assert!(second.is_disjoint(&default));
    assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::CABIN_CREW]));
}

#[tokio::test]
async fn a_bot_that_the_secret_lacks_is_said() {
    let world = World::warm().await;
    world.settle(bot("third")).await;
    world.change("promote", USER).send().await.error(502, "ROBLOX_CREDENTIAL_INVALID");
    assert_eq!(world.used(world.key(Plan::Pro)).await, 0);
}

#[tokio::test]
async fn when_a_bots_minute_is_spent_the_caller_is_told_to_wait_and_another_bots_groups_go_on() {
    let world = World::warm().await;
    world.roblox.put_group(world.roblox.group(GROUP).unwrap().member(SECOND_BOT.2, &[role::BOT]));
    let limits = Limits { window: Duration::from_mins(1), assign_role: 1, ..Limits::ROBLOX };
    world.roblox.set_rate_limits(RateLimits::Custom(limits));
    world.change("promote", USER).send().await.success();
    let spent = world.change("promote", USER).send().await;
    spent.error(502, "ROBLOX_RATE_LIMITED");
    let wait: u64 = spent.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!((world.rank_of(USER), world.used(world.key(Plan::Pro)).await), (15, 1));
    world.settle(bot(SECOND_BOT.0)).await;
    assert_eq!(world.change("promote", USER).send().await.ranks(), (15, 20));
}

#[tokio::test]
async fn a_promotion_whose_clean_up_is_rate_limited_succeeds_and_the_sweep_finishes_it() {
    let world = World::warm().await;
    let spent =
        FaultEffect::Status { status: 429, body: ErrorBody::V2, retry_after_s: Some(30), timing: Timing::Before };
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::UnassignRole), spent));
    let promote = world.change("promote", SEVERAL).send().await;
    assert_eq!(promote.ranks(), (35, 50));
    assert_eq!((world.rank_of(SEVERAL), world.roles_of(SEVERAL).len()), (50, 5), "the old roles are still on");
    let swept = world.api().sweep().await.unwrap();
    assert_eq!((swept.found, swept.recovered), (1, 0), "not before Roblox lets it");
    world.roblox.clear_faults();
    assert_eq!(world.sweep().await, 1);
    assert_eq!(world.roles_of(SEVERAL), sorted(&[role::MEMBER, role::FIRST_OFFICER]));
    assert_eq!((world.sweep().await, world.changes_logged().await.len()), (0, 1));
}

/// The remembered roles may be wrong about the target; reading them once more tells.
#[tokio::test]
async fn a_role_that_roblox_keeps_refusing_is_looked_up_once_more_and_no_oftener() {
    let world = World::warm().await;
    world.roblox.inject(Fault::new(Matcher::endpoint(Endpoint::AssignRole), FaultEffect::status(400)));
    world.change("promote", USER).send().await.error(502, "ROBLOX_UNEXPECTED_RESPONSE");
    assert_eq!((world.calls_to(Endpoint::AssignRole), world.calls_to(Endpoint::ListRoles)), (2, 1));
    assert_eq!(world.roles_of(USER), sorted(&[role::MEMBER, role::TRAINEE]));
}
