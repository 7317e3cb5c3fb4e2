//! A group as the commands show it.

use jiff::Timestamp;
use rankbot_shared::app::groups::GroupView as Group;
use rankbot_shared::app::ports::{BlockedUser, RoleList};
use rankbot_shared::domain::group_settings::{Block, BotName, ManagedRoles, RoleMode};
use rankbot_shared::domain::id::{GroupId, Rank, RoleId, UserId};
use serde::Serialize;

use crate::output::{columns, minute, pairs};

/// A group's settings and whom it blocks. Times are RFC 3339; `null` where nothing is restricted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroupView<'a> {
    group_id: GroupId,
    mode: RoleMode,
    managed_roles: Option<Vec<RoleId>>,
    max_rank: Option<Rank>,
    bot: &'a BotName,
    blocked: Vec<BlockView<'a>>,
    #[serde(skip)]
    roles: Option<&'a RoleList>,
}

/// One blocked user.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlockView<'a> {
    user_id: UserId,
    reason: Option<&'a str>,
    until: Option<Timestamp>,
}

impl<'a> GroupView<'a> {
    pub(crate) fn new(group: &'a Group) -> Self {
        Self {
            group_id: group.group,
            mode: group.settings.mode,
            managed_roles: match &group.settings.managed {
                ManagedRoles::All => None,
                ManagedRoles::Only(ids) => Some(ids.iter().copied().collect()),
            },
            max_rank: group.settings.max_rank,
            bot: &group.settings.bot,
            blocked: group.blocked.iter().map(|BlockedUser { user, block }| BlockView::new(*user, block)).collect(),
            roles: group.roles.as_ref(),
        }
    }

    /// The settings, one to a line, and the blocked users below them.
    pub(crate) fn details(&self) -> String {
        let mode = match self.mode {
            RoleMode::Exclusive => "exclusive: a change leaves the target and no other managed role",
            RoleMode::Additive => "additive: managed roles below the target stay",
        };
        let managed = match &self.managed_roles {
            None => "every role of rank 2 to 254".to_owned(),
            Some(ids) => self.listed(ids),
        };
        let settings = pairs(&[
            ("Group", self.group_id.to_string()),
            ("Mode", mode.to_owned()),
            ("Managed", managed),
            ("Highest rank", self.max_rank.map_or_else(|| "as each key has it".to_owned(), |rank| rank.to_string())),
            ("Bot", self.bot.to_string()),
        ]);
        let blocked = if self.blocked.is_empty() {
            "Nobody is blocked.".to_owned()
        } else {
            columns(&BlockView::HEADER, self.blocked.iter().map(BlockView::row))
        };
        format!("{settings}\n\n{blocked}")
    }

    /// The roles by rank, with their names and ranks, so that a rank given in the place of an id shows. They are known
    /// from the group's last requests alone.
    fn listed(&self, ids: &[RoleId]) -> String {
        let role = |id: &RoleId| self.roles?.ladder.role(*id);
        let mut ids = ids.to_vec();
        ids.sort_by_key(|id| role(id).map(|role| role.rank));
        let named = ids.iter().map(|id| match role(id) {
            Some(role) => format!("{id} ({}, rank {})", role.name, role.rank),
            None if self.roles.is_some() => format!("{id} (not in the group when last looked)"),
            None => id.to_string(),
        });
        named.collect::<Vec<_>>().join(", ")
    }
}

impl<'a> BlockView<'a> {
    /// The names of [`Self::row`]'s columns.
    const HEADER: [&'static str; 3] = ["blocked", "until", "reason"];

    pub(crate) fn new(user_id: UserId, block: &'a Block) -> Self {
        Self { user_id, reason: block.reason.as_deref(), until: block.until }
    }

    fn row(&self) -> Vec<String> {
        let until = self.until.map_or_else(|| "unblocked".to_owned(), minute);
        vec![self.user_id.to_string(), until, self.reason.unwrap_or_default().to_owned()]
    }

    /// Until when the block holds, as the end of a sentence.
    pub(crate) fn until(&self) -> String {
        self.until.map_or_else(|| "until somebody unblocks them".to_owned(), |at| format!("until {}", minute(at)))
    }
}
