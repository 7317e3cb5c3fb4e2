//! What operators do with groups.

use jiff::Timestamp;

use super::ports::{BlockedUser, GroupRecord, RoleList, StoreError};
use crate::domain::group_settings::{Block, GroupSettings, SettingsChange};
use crate::domain::id::{GroupId, UserId};

/// Keeping groups' settings and blocks. Every write sets what it says and nothing else, so that repeating it changes
/// nothing, and two operators who set different things at once both get what they set.
pub trait GroupAdmin: Send + Sync {
    /// What is known of the group, and every block that still holds at `now`.
    fn group(
        &self,
        group: GroupId,
        now: Timestamp,
    ) -> impl Future<Output = Result<(GroupRecord, Vec<BlockedUser>), StoreError>> + Send;

    /// Sets what the change names, in one write.
    fn change_settings(
        &self,
        group: GroupId,
        change: &SettingsChange,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Blocks a user, or changes the block.
    fn block(&self, group: GroupId, blocked: &BlockedUser) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Takes a block off, and returns it; `None` if there was none.
    fn unblock(&self, group: GroupId, user: UserId) -> impl Future<Output = Result<Option<Block>, StoreError>> + Send;
}

/// Everything an operator sees of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    /// The group.
    pub group: GroupId,
    /// Its settings.
    pub settings: GroupSettings,
    /// Its roles as they were last read from Roblox, if they ever were.
    pub roles: Option<RoleList>,
    /// Whom it blocks.
    pub blocked: Vec<BlockedUser>,
}

/// A group's settings and blocks; a group that set nothing has the defaults.
pub async fn show<G: GroupAdmin>(groups: &G, group: GroupId, now: Timestamp) -> Result<GroupView, StoreError> {
    let (GroupRecord { roles, settings }, blocked) = groups.group(group, now).await?;
    Ok(GroupView { group, settings, roles, blocked })
}

/// Changes settings, and shows the group as it stands then.
pub async fn set<G: GroupAdmin>(
    groups: &G,
    group: GroupId,
    change: &SettingsChange,
    now: Timestamp,
) -> Result<GroupView, StoreError> {
    if !change.is_empty() {
        groups.change_settings(group, change).await?;
    }
    show(groups, group, now).await
}

/// Blocks a user.
pub async fn block<G: GroupAdmin>(groups: &G, group: GroupId, user: UserId, block: Block) -> Result<(), StoreError> {
    groups.block(group, &BlockedUser { user, block }).await
}

/// Takes a block off; `false` if none held the user at `now`.
pub async fn unblock<G: GroupAdmin>(
    groups: &G,
    group: GroupId,
    user: UserId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let block = groups.unblock(group, user).await?;
    Ok(block.is_some_and(|block| block.holds_at(now)))
}
