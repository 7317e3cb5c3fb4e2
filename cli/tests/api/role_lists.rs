//! Where a group's roles come from, and what keeping them costs: the database's copy, this process's memory, Roblox.

use rankbot_sandbox::{Endpoint, demo};
use rankbot_shared::domain::plan::Plan;
use rankbot_store::testing::{CallMatch, Effect, ErrorReply, Operation, StoreFault};

use crate::world::{GROUP, World, set_rank};

const USER: u64 = demo::TRAINEE_USER_ID;
/// A rank at which the seeded group has no role.
const NO_ROLE: u8 = 30;

/// Writes of the group's own item.
fn keeping() -> CallMatch {
    CallMatch::of(Operation::UpdateItem).pk_prefix("GROUP#").sk_prefix("GROUP")
}

fn kept(world: &World) -> usize {
    world.store.calls_matching(&keeping()).len()
}

/// Gives the group a role at [`NO_ROLE`].
fn add_role(world: &World) {
    world.roblox.put_group(world.roblox.group(GROUP).unwrap().role(41, "Purser", NO_ROLE));
}

/// Until a list counts no more as just read.
pub(crate) async fn a_list_is_no_longer_new() {
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
}

#[tokio::test]
async fn a_miss_reads_the_list_again_unless_it_was_just_read() {
    let world = World::start().await;
    a_list_is_no_longer_new().await;
    world.get_rank(USER).await.expect_success();
    assert_eq!(kept(&world), 1, "the first list is kept");
    a_list_is_no_longer_new().await;
    world.forget();
    add_role(&world);
    world.set_rank(USER, NO_ROLE).await.expect_success();
    assert_eq!((world.calls_to(Endpoint::ListRoles).len(), kept(&world)), (1, 1));
}

/// A key's loop over a role that is not there spends neither the bot's requests, which customers share, nor the writes that
/// the group's item takes; whichever process it meets.
#[tokio::test]
async fn a_loop_of_misses_reads_the_list_once_in_a_while() {
    const REQUESTS: usize = 24;
    let mut world = World::start().await;
    let key = world.key(Plan::Starter);
    for _ in 0..REQUESTS {
        world.post("/v1/setRank", &set_rank(GROUP, USER, NO_ROLE)).key(&key).send().await.expect("ROLE_NOT_FOUND");
        world.cold_start().await;
    }
    let reads = world.calls_to(Endpoint::ListRoles).len();
    assert!(reads <= REQUESTS / 4 && kept(&world) <= reads, "{reads} readings, {} kept", kept(&world));
}

#[tokio::test]
async fn reading_a_groups_roles_keeps_them_only_where_the_kept_list_is_another() {
    let world = World::start().await;
    world.get_rank(USER).await.expect_success();
    let roles = format!("/v1/group/{GROUP}/roles");
    for (change, writes) in [(false, 0), (true, 1), (false, 0)] {
        if change {
            add_role(&world);
        }
        world.forget();
        world.get(&roles).send().await.expect_success();
        assert_eq!(kept(&world), writes);
    }
    world.forget();
    world.set_rank(USER, NO_ROLE).await.expect_success();
    assert_eq!(world.calls_to(Endpoint::ListRoles).len(), 0, "what was seen there is known to changes too");
}

/// The database's copy stays the older one where keeping a newer list failed.
#[tokio::test]
async fn the_newer_of_the_kept_and_the_remembered_list_counts() {
    let world = World::start().await;
    world.get_rank(USER).await.expect_success();
    add_role(&world);
    a_list_is_no_longer_new().await;
    let failing = Effect::Error(ErrorReply::access_denied());
    world.store.inject(StoreFault::before(keeping(), failing));
    world.set_rank(USER, NO_ROLE).await.expect_success();
    world.store.heal();
    world.forget();
    world.set_rank(demo::BASE_ONLY_USER_ID, NO_ROLE).await.expect_success();
    assert_eq!(world.calls_to(Endpoint::ListRoles).len(), 0, "the list with the role is remembered");
}
