//! Keeping groups' settings and blocks, on either store.

use jiff::{SignedDuration, Timestamp};
use rankbot_shared::adapters::dynamodb::Table;
use rankbot_shared::app::groups;
use rankbot_shared::domain::group_settings::{Block, Ceiling, GroupSettings, ManagedRoles, RoleMode, SettingsChange};
use rankbot_shared::domain::id::{GroupId, Rank, RoleId, UserId};
use rankbot_store::testing::{CallMatch, Operation};
use serde_json::json;

use crate::world::{GROUP, World};

fn group() -> GroupId {
    GroupId::new(GROUP).unwrap()
}

fn user(id: u64) -> UserId {
    UserId::new(id).unwrap()
}

/// One change for each setting, and the attribute that it is.
fn changes() -> [(&'static str, SettingsChange); 4] {
    let only = ManagedRoles::Only([32, 31].map(|id| RoleId::new(id).unwrap()).into());
    [
        ("roleMode", SettingsChange { mode: Some(RoleMode::Additive), ..SettingsChange::default() }),
        ("managedRoles", SettingsChange { managed: Some(only), ..SettingsChange::default() }),
        ("maxRank", SettingsChange { ceiling: Some(Ceiling::At(Rank::new(80))), ..SettingsChange::default() }),
        ("bot", SettingsChange { bot: Some("second".parse().unwrap()), ..SettingsChange::default() }),
    ]
}

/// So nothing that somebody else sets at the same time can be undone by it.
#[tokio::test]
async fn a_setting_is_changed_by_one_write_that_names_nothing_else() {
    let world = World::start().await;
    let table = Table::new(world.store.client(), world.table_name());
    for (attribute, change) in changes() {
        world.forget();
        groups::set(&table, group(), &change, Timestamp::now()).await.unwrap();
        let writes = world.store.calls_matching(&CallMatch::of(Operation::UpdateItem));
        let named: Vec<_> =
            writes.iter().map(|write| write.request_json()["ExpressionAttributeNames"].clone()).collect();
        assert_eq!(json!(named), json!([{ format!("#{attribute}"): attribute }]));
    }
}

#[tokio::test]
async fn settings_are_read_as_they_were_set_and_can_all_be_set_back() {
    let world = World::start().await;
    let now = Timestamp::now();
    for (_, change) in changes() {
        groups::set(&world.table, group(), &change, now).await.unwrap();
    }
    let [(_, mode), (_, managed), _, (_, bot)] = changes();
    let set = GroupSettings {
        mode: mode.mode.unwrap(),
        managed: managed.managed.unwrap(),
        max_rank: Some(Rank::new(80)),
        bot: bot.bot.unwrap(),
    };
    assert_eq!(groups::show(&world.table, group(), now).await.unwrap().settings, set);
    let back = SettingsChange {
        mode: Some(RoleMode::Exclusive),
        managed: Some(ManagedRoles::All),
        ceiling: Some(Ceiling::Lifted),
        bot: Some("default".parse().unwrap()),
    };
    let view = groups::set(&world.table, group(), &back, now).await.unwrap();
    assert_eq!(view.settings, GroupSettings::default());
}

#[tokio::test]
async fn a_change_of_nothing_writes_nothing() {
    let world = World::start().await;
    let table = Table::new(world.store.client(), world.table_name());
    groups::set(&table, group(), &SettingsChange::default(), Timestamp::now()).await.unwrap();
    assert_eq!(world.store.calls_matching(&CallMatch::of(Operation::UpdateItem)).len(), 0);
}

#[tokio::test]
async fn blocks_that_hold_are_shown_and_taking_one_off_tells_whether_it_held() {
    let world = World::start().await;
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let hour = SignedDuration::from_hours(1);
    let block = |until| Block { reason: Some("spam".to_owned()), until };
    for (id, until) in [(1, None), (2, Some(now + hour)), (3, Some(now - hour)), (4, Some(now))] {
        groups::block(&world.table, group(), user(id), block(until)).await.unwrap();
    }
    let view = groups::show(&world.table, group(), now).await.unwrap();
    let shown: Vec<_> = view.blocked.into_iter().map(|blocked| (blocked.user, blocked.block)).collect();
    assert_eq!(shown, [(user(1), block(None)), (user(2), block(Some(now + hour)))]);
    let mut held = Vec::new();
    for id in [1, 1, 2, 3, 4, 5] {
        held.push(groups::unblock(&world.table, group(), user(id), now).await.unwrap());
    }
    assert_eq!(held, [true, false, true, false, false, false]);
}
