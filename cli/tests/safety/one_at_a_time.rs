//! One change at a time per member: what is answered as done was done, each step once, in an order.

use futures::future::{join, join_all};
use rankbot_sandbox::demo::{self, role};
use rankbot_sandbox::{Endpoint, Fault, FaultEffect, Matcher};
use rankbot_shared::domain::plan::Plan;

use crate::world::{Answer, GROUP, World};

/// The ladder of the seeded group.
const LADDER: [u64; 11] = [1, 10, 15, 20, 35, 50, 80, 120, 150, 200, 250];

/// The member's rank, the log and the counter agree with what was answered.
async fn check(world: &World, start: u64, answers: &[Answer]) {
    let mut steps: Vec<(u64, u64)> = Vec::new();
    let mut out_of_time = 0;
    for answer in answers {
        match (answer.status, answer.code()) {
            (200, _) => steps.push(answer.ranks()),
            // The next step is the bot's own role.
            (502, Some("ROBLOX_PERMISSION_DENIED")) => {}
            // On a machine too slow for so many at once: nothing happened, or it is finished below.
            (502, Some("ROBLOX_TIMEOUT")) | (503, Some("SERVICE_UNAVAILABLE")) => out_of_time += 1,
            _ => answer.in_progress("RANK_CHANGE_IN_PROGRESS"),
        }
    }
    if out_of_time > 0 {
        world.pass(16);
        world.sweep().await;
    }
    let logged = world.changes_logged().await;
    let logged: Vec<_> =
        logged.iter().map(|entry| (entry["fromRank"].as_u64().unwrap(), entry["toRank"].as_u64().unwrap())).collect();
    let first = LADDER.iter().position(|rank| *rank == start).unwrap();
    let chain: Vec<_> = LADDER[first..].windows(2).map(|pair| (pair[0], pair[1])).take(logged.len()).collect();
    assert_eq!(logged, chain, "the log tells the steps in their order, each once, without a gap");
    let end = chain.last().map_or(start, |(_, to)| *to);
    assert_eq!(u64::from(world.rank_of(demo::TRAINEE_USER_ID)), end);
    steps.sort_unstable();
    let answered_twice = steps.windows(2).any(|pair| pair[0] == pair[1]);
    assert!(!answered_twice && steps.iter().all(|step| chain.contains(step)), "{steps:?}");
    assert!(chain.len() - steps.len() <= out_of_time, "only what ran out of time is logged without a 200");
    let used = world.used(world.key(Plan::Pro)).await;
    let most = steps.len() + world.admissions_sent_again(answers.len()) + out_of_time;
    assert!((steps.len() as u64..=most as u64).contains(&used), "what is refused is given back: {used} used");
    let held = world.roles_of(demo::TRAINEE_USER_ID).len();
    assert_eq!(held, 2, "the base role and one other");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_promotes_at_once_are_five_steps_or_some_are_told_to_wait() {
    let world = World::start().await;
    let answers = join_all((0..5).map(|_| world.change("promote", demo::TRAINEE_USER_ID).send())).await;
    check(&world, 10, &answers).await;
    assert!(answers.iter().filter(|answer| answer.status == 200).count() >= 2, "waiting is worth its while");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_promotes_at_once_never_share_a_step() {
    let world = World::start().await;
    let answers = join_all((0..50).map(|_| world.change("promote", demo::TRAINEE_USER_ID).send())).await;
    check(&world, 10, &answers).await;
}

/// Promotes and demotes among each other: a walk along the ladder in which each step begins where another ended.
#[tokio::test(flavor = "multi_thread")]
async fn promotes_and_demotes_at_once_are_one_walk() {
    let world = World::warm().await;
    let asked = (0..16).map(|n| if n % 2 == 0 { "promote" } else { "demote" });
    let answers = join_all(asked.map(|action| world.change(action, demo::TRAINEE_USER_ID).send())).await;
    let mut rank = 10;
    for entry in world.changes_logged().await {
        assert_eq!(entry["fromRank"], rank, "{entry}");
        rank = entry["toRank"].as_u64().unwrap();
    }
    assert_eq!(u64::from(world.rank_of(demo::TRAINEE_USER_ID)), rank);
    let done = answers.iter().filter(|answer| answer.body["changed"] == true).count();
    assert_eq!(done, world.changes_logged().await.len());
}

#[tokio::test]
async fn a_member_held_by_a_run_is_refused_in_bounded_time_and_free_afterwards() {
    let world = World::warm().await;
    let user = demo::TRAINEE_USER_ID;
    let assign = Matcher::endpoint(Endpoint::AssignRole).user(user);
    // Every time: the first run gives up on an attempt about when the second run stops waiting, and tries again.
    world.roblox.inject(Fault::new(assign.clone(), FaultEffect::Hold));
    let first = world.change("promote", user).start();
    world.roblox.arrived(&assign, 1).await;
    // Another member is not affected.
    let another = world.set_rank(demo::BASE_ONLY_USER_ID, 10);
    let (second, another) = join(world.change("promote", user).send(), another.send()).await;
    second.in_progress("RANK_CHANGE_IN_PROGRESS");
    another.success();
    world.roblox.clear_faults();
    assert_eq!(first.await.unwrap().ranks(), (10, 15));
    world.change("promote", user).send().await.success();
    assert_eq!(world.roblox.roles_of(GROUP, user).unwrap(), crate::world::sorted(&[role::MEMBER, role::CABIN_CREW]));
}
