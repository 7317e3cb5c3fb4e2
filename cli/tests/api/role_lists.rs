//! Where a group's roles come from, and what keeping them costs: the database's copy, this process's memory, Roblox.

use rankbot_sandbox::{Endpoint, demo};
use rankbot_store::testing::{CallMatch, Effect, ErrorReply, Operation, StoreFault};

use crate::world::{GROUP, World};

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

/// Whoever asks for roles that are not there must not make the group's item the busiest of the table.
#[tokio::test]
async fn a_miss_reads_the_list_again_and_keeps_it_only_where_it_is_another() {
    let world = World::start().await;
    world.get_rank(USER).await.expect_success();
    assert_eq!(kept(&world), 1, "the first list is kept");
    for _ in 0..3 {
        world.forget();
        world.set_rank(USER, NO_ROLE).await.expect("ROLE_NOT_FOUND");
        assert_eq!((world.calls_to(Endpoint::ListRoles).len(), kept(&world)), (1, 0));
    }
    add_role(&world);
    world.forget();
    world.set_rank(USER, NO_ROLE).await.expect_success();
    assert_eq!((world.calls_to(Endpoint::ListRoles).len(), kept(&world)), (1, 1));
}

/// A cold process knows of the database's copy by the request itself.
#[tokio::test]
async fn a_miss_in_a_cold_process_does_not_keep_what_is_kept() {
    let mut world = World::start().await;
    world.get_rank(USER).await.expect_success();
    world.cold_start().await;
    world.set_rank(USER, NO_ROLE).await.expect("ROLE_NOT_FOUND");
    assert_eq!((world.calls_to(Endpoint::ListRoles).len(), kept(&world)), (1, 0));
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
    let failing = Effect::Error(ErrorReply::access_denied());
    world.store.inject(StoreFault::before(keeping(), failing));
    world.set_rank(USER, NO_ROLE).await.expect_success();
    world.store.heal();
    world.forget();
    world.set_rank(demo::BASE_ONLY_USER_ID, NO_ROLE).await.expect_success();
    assert_eq!(world.calls_to(Endpoint::ListRoles).len(), 0, "the list with the role is remembered");
}
