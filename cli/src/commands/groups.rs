//! `rankbot groups …`

use jiff::Timestamp;
use rankbot_shared::adapters::dynamodb::Table;
use rankbot_shared::app::groups::{self, GroupView as Group};
use rankbot_shared::domain::group_settings::{Block, Ceiling, ManagedRoles, SettingsChange};
use rankbot_shared::domain::id::{GroupId, RoleId, UserId};
use serde::Serialize;

use super::group_view::{BlockView, GroupView};
use super::{connect, moving};
use crate::args::{GroupsCommand, SettingsArgs};
use crate::failure::Failure;
use crate::output::Format;

/// Carries out the command at `now`, on the table of this name; a move names its two itself.
pub(crate) async fn run(
    table: Option<String>,
    command: GroupsCommand,
    format: Format,
    now: Timestamp,
) -> Result<(), Failure> {
    let open = || connect(table);
    match command {
        GroupsCommand::Show(group) => show(&open().await?.table, group.group_id, format, now).await,
        GroupsCommand::Set { group, settings } => {
            set(&open().await?.table, group.group_id, *settings, format, now).await
        }
        GroupsCommand::Block { group, user, reason, period } => {
            let reason = reason.map(|reason| reason.as_str().to_owned());
            let until = period.map(|period| now.saturating_add(period.duration()).unwrap_or(Timestamp::MAX));
            block(&open().await?.table, group.group_id, user.user_id, Block { reason, until }, format).await
        }
        GroupsCommand::Unblock { group, user } => {
            unblock(&open().await?.table, group.group_id, user.user_id, format, now).await
        }
        GroupsCommand::Move(args) => moving::run(args, format, now).await,
    }
}

async fn show(table: &Table, group: GroupId, format: Format, now: Timestamp) -> Result<(), Failure> {
    let group = groups::show(table, group, now).await?;
    let view = GroupView::new(&group);
    Ok(format.print(&view, || view.details())?)
}

async fn set(
    table: &Table,
    group: GroupId,
    settings: SettingsArgs,
    format: Format,
    now: Timestamp,
) -> Result<(), Failure> {
    let unchecked = settings.managed_roles.clone().filter(|_| !settings.force);
    let change = change(settings);
    if change.is_empty() {
        return Err(Failure::Usage(
            "what shall be set? Name --mode, --managed-roles or --manage-all, --max-rank or --no-max-rank, or --bot"
                .to_owned(),
        ));
    }
    if let Some(ids) = unchecked {
        check_roles(&ids, &groups::show(table, group, now).await?)?;
    }
    let group = groups::set(table, group, &change, now).await?;
    let view = GroupView::new(&group);
    Ok(format.print(&view, || view.details())?)
}

fn change(settings: SettingsArgs) -> SettingsChange {
    let SettingsArgs { mode, managed_roles, force: _, manage_all, max_rank, no_max_rank, bot } = settings;
    let only = managed_roles.map(|ids| ManagedRoles::Only(ids.into_iter().collect()));
    let at = max_rank.map(Ceiling::At);
    SettingsChange {
        mode,
        managed: only.or(manage_all.then_some(ManagedRoles::All)),
        ceiling: at.or(no_max_rank.then_some(Ceiling::Lifted)),
        bot,
    }
}

/// A role's id is easily taken for its rank, and a group whose managed roles are none of its own has no ladder at all.
fn check_roles(ids: &[RoleId], group: &Group) -> Result<(), Failure> {
    let Some(list) = &group.roles else {
        return Err(Failure::Refused(format!(
            "RankBot has not read the roles of group {} yet, and cannot check these ids: read a member's rank with one of \
             its keys first, or add --force",
            group.group
        )));
    };
    let Some(stray) = ids.iter().find(|id| list.ladder.role(**id).is_none()) else { return Ok(()) };
    let of_this_rank = list.ladder.roles().iter().find(|role| u64::from(role.rank.get()) == stray.get());
    let hint = of_this_rank.map_or_else(
        || "GET /v1/group/roles shows the ids".to_owned(),
        |role| format!("{stray} is the rank of {:?}, whose id is {}", role.name, role.id),
    );
    Err(Failure::Refused(format!(
        "group {} has no role of the id {stray}: {hint}. Add --force to set it all the same",
        group.group
    )))
}

/// A block as it was laid.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockedView<'a> {
    group_id: GroupId,
    #[serde(flatten)]
    block: BlockView<'a>,
}

async fn block(table: &Table, group: GroupId, user: UserId, block: Block, format: Format) -> Result<(), Failure> {
    groups::block(table, group, user, block.clone()).await?;
    let view = BlockedView { group_id: group, block: BlockView::new(user, &block) };
    Ok(format.print(&view, || format!("User {user} is blocked in group {group} {}.", view.block.until()))?)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UnblockedView {
    group_id: GroupId,
    user_id: UserId,
    was_blocked: bool,
}

async fn unblock(table: &Table, group: GroupId, user: UserId, format: Format, now: Timestamp) -> Result<(), Failure> {
    let was_blocked = groups::unblock(table, group, user, now).await?;
    let view = UnblockedView { group_id: group, user_id: user, was_blocked };
    Ok(format.print(&view, || {
        if was_blocked {
            format!("User {user} is no longer blocked in group {group}.")
        } else {
            format!("User {user} was not blocked in group {group}.")
        }
    })?)
}
