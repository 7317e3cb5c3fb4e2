//! What is known about groups: role list, settings, blocked users.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::item::{
    Item, Unreadable, instant, number, read_number, read_optional_instant, read_optional_number, read_text, text,
    text_key,
};
use super::pages::every_item;
use super::{TTL_ATTRIBUTE, Table, store_error};
use crate::app::groups::GroupAdmin;
use crate::app::ports::{BlockedUser, GroupRecord, Groups, RoleList, StoreError};
use crate::domain::group_settings::{Block, BotName, Ceiling, GroupSettings, ManagedRoles, RoleMode, SettingsChange};
use crate::domain::id::{GroupId, Rank, RoleId, UserId};
use crate::domain::ladder::{Ladder, Role};

/// A role in the stored list, as short as may be: a group with 200 roles is read with every request. Member counts
/// are left out, as they change all the time and nobody reads them from here.
#[derive(Serialize, Deserialize)]
struct StoredRole(RoleId, Rank, String);

impl Groups for Table {
    /// Eventually consistent, at half the price: a role list is some minutes old anyway.
    async fn load_group(&self, group: GroupId) -> Result<GroupRecord, StoreError> {
        const OPERATION: &str = "load group";
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(primary_key(group)))
            .send()
            .await
            .map_err(store_error(OPERATION))?;
        answer.item().map_or_else(|| Ok(GroupRecord::default()), |item| record(item).map_err(store_error(OPERATION)))
    }

    /// Safe to repeat: it writes the same list. Two writers at once leave one of two lists, each read from Roblox.
    async fn save_roles(&self, group: GroupId, roles: &RoleList) -> Result<(), StoreError> {
        const OPERATION: &str = "save roles";
        let stored: Vec<StoredRole> =
            roles.ladder.roles().iter().map(|role| StoredRole(role.id, role.rank, role.name.clone())).collect();
        let json = serde_json::to_string(&stored).map_err(store_error(OPERATION))?;
        self.client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(primary_key(group)))
            .update_expression("SET #roles = :roles, #rolesReadAt = :readAt")
            .expression_attribute_names("#roles", "roles")
            .expression_attribute_names("#rolesReadAt", "rolesReadAt")
            .expression_attribute_values(":roles", text(json))
            .expression_attribute_values(":readAt", number(roles.read_at.as_millisecond()))
            .send()
            .await
            .map_err(store_error(OPERATION))?;
        Ok(())
    }
}

impl GroupAdmin for Table {
    async fn group(&self, group: GroupId, now: Timestamp) -> Result<(GroupRecord, Vec<BlockedUser>), StoreError> {
        const OPERATION: &str = "read group";
        let query = self
            .client
            .query()
            .table_name(&self.name)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :blocks AND :group")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#sk", "sk")
            .expression_attribute_values(":pk", text(format!("GROUP#{group}")))
            .expression_attribute_values(":blocks", text("BLOCK#"))
            .expression_attribute_values(":group", text("GROUP"))
            .consistent_read(true);
        let items = every_item(query, OPERATION).await?;
        let mut known = GroupRecord::default();
        let mut blocked = Vec::new();
        for item in &items {
            if read_text(item, "sk").map_err(store_error(OPERATION))? == "GROUP" {
                known = record(item).map_err(store_error(OPERATION))?;
                continue;
            }
            let user = read_number(item, "userId").map_err(store_error(OPERATION))?;
            let user = UserId::new(user).map_err(store_error(OPERATION))?;
            let block = block(item).map_err(store_error(OPERATION))?;
            blocked.extend(block.holds_at(now).then_some(BlockedUser { user, block }));
        }
        Ok((known, blocked))
    }

    async fn change_settings(&self, group: GroupId, change: &SettingsChange) -> Result<(), StoreError> {
        let mut update = Update::default();
        if let Some(mode) = change.mode {
            update.set("roleMode", text(mode.as_str()));
        }
        match &change.managed {
            None => {}
            Some(ManagedRoles::All) => update.remove("managedRoles"),
            Some(ManagedRoles::Only(ids)) => {
                update.set("managedRoles", AttributeValue::L(ids.iter().map(number).collect()));
            }
        }
        match change.ceiling {
            None => {}
            Some(Ceiling::Lifted) => update.remove("maxRank"),
            Some(Ceiling::At(rank)) => update.set("maxRank", number(rank)),
        }
        if let Some(bot) = &change.bot {
            update.set("bot", text(bot.as_str()));
        }
        let request = self.client.update_item().table_name(&self.name).set_key(Some(primary_key(group)));
        update.fill(request).send().await.map_err(store_error("set group settings"))?;
        Ok(())
    }

    async fn block(&self, group: GroupId, blocked: &BlockedUser) -> Result<(), StoreError> {
        let BlockedUser { user, block } = blocked;
        let mut item = block_key(group, *user);
        item.insert("userId".to_owned(), number(user));
        if let Some(reason) = &block.reason {
            item.insert("reason".to_owned(), text(reason));
        }
        if let Some(until) = block.until {
            item.insert("until".to_owned(), instant(until));
            item.insert(TTL_ATTRIBUTE.to_owned(), instant(until));
        }
        let put = self.client.put_item().table_name(&self.name).set_item(Some(item));
        put.send().await.map_err(store_error("block user"))?;
        Ok(())
    }

    async fn unblock(&self, group: GroupId, user: UserId) -> Result<Option<Block>, StoreError> {
        const OPERATION: &str = "unblock user";
        let delete = self
            .client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(block_key(group, user)))
            .return_values(ReturnValue::AllOld);
        let answer = delete.send().await.map_err(store_error(OPERATION))?;
        let deleted = answer.attributes().filter(|item| !item.is_empty());
        deleted.map(block).transpose().map_err(store_error(OPERATION))
    }
}

/// An update of chosen attributes.
#[derive(Default)]
struct Update {
    set: Vec<(&'static str, AttributeValue)>,
    remove: Vec<&'static str>,
}

impl Update {
    fn set(&mut self, attribute: &'static str, value: AttributeValue) {
        self.set.push((attribute, value));
    }

    fn remove(&mut self, attribute: &'static str) {
        self.remove.push(attribute);
    }

    /// The request with this update, which is not empty. Attributes that it does not name stay as they are.
    fn fill(self, mut request: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
        let mut clauses = Vec::new();
        if !self.set.is_empty() {
            let pairs: Vec<String> = self.set.iter().map(|(name, _)| format!("#{name} = :{name}")).collect();
            clauses.push(format!("SET {}", pairs.join(", ")));
        }
        if !self.remove.is_empty() {
            let names: Vec<String> = self.remove.iter().map(|name| format!("#{name}")).collect();
            clauses.push(format!("REMOVE {}", names.join(", ")));
        }
        for name in self.set.iter().map(|(name, _)| name).chain(&self.remove) {
            request = request.expression_attribute_names(format!("#{name}"), *name);
        }
        for (name, value) in self.set {
            request = request.expression_attribute_values(format!(":{name}"), value);
        }
        request.update_expression(clauses.join(" "))
    }
}

/// The primary key of a group's own item.
pub(super) fn primary_key(group: GroupId) -> Item {
    text_key(&[("pk", &format!("GROUP#{group}")), ("sk", "GROUP")])
}

/// The primary key of a user's block.
pub(super) fn block_key(group: GroupId, user: UserId) -> Item {
    text_key(&[("pk", &format!("GROUP#{group}")), ("sk", &format!("BLOCK#{user}"))])
}

/// Reads a group's item.
pub(super) fn record(item: &Item) -> Result<GroupRecord, Unreadable> {
    // A role list that this version cannot read is no reason to refuse a request: Roblox has the original.
    Ok(GroupRecord { roles: role_list(item).ok(), settings: settings(item)? })
}

/// Reads a block's item.
pub(super) fn block(item: &Item) -> Result<Block, Unreadable> {
    let reason = item.contains_key("reason").then(|| read_text(item, "reason").map(str::to_owned)).transpose()?;
    Ok(Block { reason, until: read_optional_instant(item, "until")? })
}

/// A setting that this version cannot read is an error: going on without it could touch what is not to be touched.
fn settings(item: &Item) -> Result<GroupSettings, Unreadable> {
    let parsed = |name: &'static str| item.contains_key(name).then(|| read_text(item, name)).transpose();
    Ok(GroupSettings {
        mode: parsed("roleMode")?
            .map_or_else(|| Ok(RoleMode::default()), str::parse)
            .map_err(|_| Unreadable("roleMode"))?,
        managed: managed_roles(item)?,
        max_rank: read_optional_number(item, "maxRank")?.map(Rank::new),
        bot: parsed("bot")?.map_or_else(|| Ok(BotName::default()), str::parse).map_err(|_| Unreadable("bot"))?,
    })
}

fn managed_roles(item: &Item) -> Result<ManagedRoles, Unreadable> {
    let unreadable = || Unreadable("managedRoles");
    let Some(value) = item.get("managedRoles") else { return Ok(ManagedRoles::All) };
    let ids = value.as_l().map_err(|_| unreadable())?.iter();
    let id = |value| super::item::parse_number(value).and_then(|id| RoleId::new(id).ok());
    let ids: Option<BTreeSet<RoleId>> = ids.map(id).collect();
    ids.map(ManagedRoles::Only).ok_or_else(unreadable)
}

fn role_list(item: &Item) -> Result<RoleList, Unreadable> {
    let json = read_text(item, "roles")?;
    let stored: Vec<StoredRole> = serde_json::from_str(json).map_err(|_| Unreadable("roles"))?;
    let role = |StoredRole(id, rank, name)| Role { id, name, rank, member_count: None };
    let read_at = Timestamp::from_millisecond(read_number(item, "rolesReadAt")?).map_err(|_| Unreadable("rolesReadAt"));
    Ok(RoleList { ladder: Ladder::new(stored.into_iter().map(role).collect()), read_at: read_at? })
}
