//! Moving a group between two tables: the steps.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use futures::{Stream, StreamExt as _, stream};
use jiff::Timestamp;

use super::admission::condition_failed;
use super::item::{Item, Unreadable, number, read_text, text, text_key};
use super::key_item::{ACTIVE, HELD, group_pointer, primary_key};
use super::{Table, store_error};
use crate::app::moving::{Inventory, Marker, MoveError, Moves, Phase, Standing};
use crate::app::ports::{Changes as _, StoreError};
use crate::domain::api_key::KeyId;
use crate::domain::id::GroupId;
use crate::domain::plan::Plan;

const MARKER: &str = "MOVE";
/// Writes at the same time: a log of 100,000 entries shall not take minutes.
const SIDE_BY_SIDE: usize = 32;
/// More open changes than one group has.
const MOST_OPEN: usize = 1_000;

/// A group, and the tables that it goes from and to. Both are reached by the same account.
#[derive(Debug)]
pub struct GroupMove<'a> {
    from: &'a Table,
    to: &'a Table,
    group: GroupId,
}

/// What an item of a group is.
enum Kind {
    Settings,
    LogEntry,
    Member,
    HeldMember,
    Answer,
}

impl<'a> GroupMove<'a> {
    /// Calls nothing yet.
    pub const fn new(group: GroupId, from: &'a Table, to: &'a Table) -> Self {
        Self { from, to, group }
    }

    fn partition(&self) -> String {
        format!("GROUP#{}", self.group)
    }

    fn marker_key(&self) -> Item {
        text_key(&[("pk", &self.partition()), ("sk", MARKER)])
    }

    async fn marker_in(&self, table: &Table) -> Result<Option<Marker>, StoreError> {
        const OPERATION: &str = "read move";
        let get = table.client.get_item().table_name(&table.name).set_key(Some(self.marker_key()));
        let answer = get.consistent_read(true).send().await.map_err(store_error(OPERATION))?;
        answer.item().map(read_marker).transpose().map_err(store_error(OPERATION))
    }

    async fn new_table_has_something(&self) -> Result<bool, StoreError> {
        let query = self
            .to
            .client
            .query()
            .table_name(&self.to.name)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_values(":pk", text(self.partition()))
            .consistent_read(true)
            .limit(1);
        let answer = query.send().await.map_err(store_error("look into the new table"))?;
        Ok(answer.count() > 0)
    }

    /// A page of all that belongs to the group but its keys and the marker, and where the next page begins.
    ///
    /// A scan: members and answers have partitions of their own, and no list of them is kept for this one occasion.
    async fn page(
        &self,
        table: &Table,
        keys: &[KeyId],
        start: Option<Item>,
    ) -> Result<(Vec<(Kind, Item)>, Option<Item>), StoreError> {
        let answer = table
            .client
            .scan()
            .table_name(&table.name)
            .filter_expression("#pk = :group OR begins_with(#pk, :members) OR begins_with(#pk, :answers)")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_values(":group", text(self.partition()))
            .expression_attribute_values(":members", text(format!("MEMBER#{}#", self.group)))
            .expression_attribute_values(":answers", text("IDEMP#"))
            .consistent_read(true)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(store_error("look through the table"))?;
        let items = answer.items.unwrap_or_default().into_iter();
        let of_group = items.filter_map(|item| kind(&item, keys).map(|kind| (kind, item)));
        Ok((of_group.collect(), answer.last_evaluated_key))
    }

    async fn put_if_absent(&self, item: Item) -> Result<(), StoreError> {
        let put = self
            .to
            .client
            .put_item()
            .table_name(&self.to.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", "pk");
        match put.send().await {
            Err(error)
                if !error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Err(store_error("copy item")(error))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The key and then its pointer, so that a key that is there can always be found.
    async fn copy_key(&self, id: &KeyId) -> Result<bool, MoveError> {
        const OPERATION: &str = "copy key";
        let get = self.from.client.get_item().table_name(&self.from.name).set_key(Some(primary_key(id)));
        let answer = get.consistent_read(true).send().await.map_err(store_error(OPERATION))?;
        let Some(item) = answer.item else { return Ok(false) };
        if read_text(&item, "status").map_err(store_error(OPERATION))? == ACTIVE {
            return Err(MoveError::KeyMadeMeanwhile(id.clone()));
        }
        self.put_if_absent(item).await?;
        let mut pointer = group_pointer(self.group, id);
        pointer.insert("keyId".to_owned(), text(id.as_str()));
        self.put_if_absent(pointer).await?;
        Ok(true)
    }

    /// Keys that are in this status get another one, and the named plan.
    async fn switch_keys(
        &self,
        table: &Table,
        (before, after): (&str, &str),
        plan: Option<Plan>,
    ) -> Result<(), StoreError> {
        for id in table.key_ids(self.group).await? {
            let mut request = table
                .client
                .update_item()
                .table_name(&table.name)
                .set_key(Some(primary_key(&id)))
                .condition_expression("#status = :before")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":before", text(before))
                .expression_attribute_values(":after", text(after));
            let mut update = "SET #status = :after".to_owned();
            if let Some(plan) = plan {
                update.push_str(", #plan = :plan");
                request =
                    request.expression_attribute_names("#plan", "plan").expression_attribute_names("#limit", "limit");
                request = request.expression_attribute_values(":plan", text(plan.as_str()));
                if let Some(limit) = plan.monthly_limit() {
                    update.push_str(", #limit = :limit");
                    request = request.expression_attribute_values(":limit", number(limit));
                } else {
                    update.push_str(" REMOVE #limit");
                }
            }
            match request.update_expression(update).send().await {
                Err(error) if condition_failed(&error).is_none() => return Err(store_error("switch key")(error)),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Everything of the group goes out of the table but active keys: those whose turn it is, or that are newer.
    ///
    /// Which keys the group has is told by the old table, which never has fewer of them.
    async fn clear(&self, table: &Table) -> Result<(), StoreError> {
        let keys = self.from.key_ids(self.group).await?;
        let mut start = None;
        loop {
            let (items, next) = self.page(table, &keys, start).await?;
            let deleting = stream::iter(items).map(|(_, item)| self.delete(table, item));
            all_of(deleting).await?;
            start = next;
            if start.is_none() {
                break;
            }
        }
        for id in keys {
            if delete_idle_key(table, &id).await? {
                self.delete(table, group_pointer(self.group, &id)).await?;
            }
        }
        Ok(())
    }

    async fn delete(&self, table: &Table, mut item: Item) -> Result<(), StoreError> {
        item.retain(|name, _| matches!(name.as_str(), "pk" | "sk"));
        let delete = table.client.delete_item().table_name(&table.name).set_key(Some(item));
        delete.send().await.map_err(store_error("take moved item away"))?;
        Ok(())
    }

    async fn remove_marker(&self) -> Result<(), StoreError> {
        self.delete(self.from, self.marker_key()).await
    }
}

impl Moves for GroupMove<'_> {
    fn to(&self) -> &str {
        &self.to.name
    }

    async fn standing(&self) -> Result<Standing, StoreError> {
        if let Some(marker) = self.marker_in(self.from).await? {
            // The new table's keys may be held because the group goes on to a third table: they are that move's.
            let goes_on = self.marker_in(self.to).await?.is_some();
            return Ok(if goes_on { Standing::Both } else { Standing::Begun(marker) });
        }
        if self.from.key_ids(self.group).await?.is_empty() {
            let has_arrived = !self.to.key_ids(self.group).await?.is_empty();
            return Ok(if has_arrived { Standing::There } else { Standing::Nowhere });
        }
        Ok(if self.new_table_has_something().await? { Standing::Both } else { Standing::NotBegun })
    }

    async fn unsettled(&self, now: Timestamp) -> Result<usize, StoreError> {
        let open = self.from.open_changes(MOST_OPEN).await?;
        Ok(open.iter().filter(|open| open.until <= now && open.intent.group == self.group).count())
    }

    async fn inventory(&self) -> Result<Inventory, StoreError> {
        let keys = self.from.key_ids(self.group).await?;
        let mut found = Inventory { keys: keys.len().try_into().unwrap_or(u64::MAX), ..Inventory::default() };
        let mut start = None;
        loop {
            let (items, next) = self.page(self.from, &keys, start).await?;
            for (kind, _) in &items {
                count(&mut found, kind);
            }
            start = next;
            if start.is_none() {
                return Ok(found);
            }
        }
    }

    async fn begin(&self, plan: Option<Plan>) -> Result<Marker, StoreError> {
        const OPERATION: &str = "begin move";
        let mut item = self.marker_key();
        item.insert("to".to_owned(), text(&self.to.name));
        item.insert("phase".to_owned(), text(phase_text(Phase::Copying)));
        item.extend(plan.map(|plan| ("plan".to_owned(), text(plan.as_str()))));
        let put = self
            .from
            .client
            .put_item()
            .table_name(&self.from.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", "pk");
        match put.send().await {
            Err(error)
                if !error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                return Err(store_error(OPERATION)(error));
            }
            Ok(_) | Err(_) => {}
        }
        self.marker_in(self.from).await?.ok_or_else(|| store_error(OPERATION)("somebody took the marker away"))
    }

    async fn hold_keys(&self) -> Result<(), StoreError> {
        self.switch_keys(self.from, (ACTIVE, HELD), None).await
    }

    async fn copy(&self) -> Result<Inventory, MoveError> {
        let keys = self.from.key_ids(self.group).await?;
        let mut copied = Inventory::default();
        let mut start = None;
        loop {
            let (items, next) = self.page(self.from, &keys, start).await?;
            for (kind, _) in &items {
                count(&mut copied, kind);
            }
            let settled = items.into_iter().filter(|(kind, _)| !matches!(kind, Kind::HeldMember));
            let copying = stream::iter(settled).map(|(_, item)| self.put_if_absent(item));
            all_of(copying).await?;
            start = next;
            if start.is_none() {
                break;
            }
        }
        for id in &keys {
            copied.keys += u64::from(self.copy_key(id).await?);
        }
        Ok(copied)
    }

    async fn turn(&self, from: Phase, to: Phase) -> Result<bool, StoreError> {
        let update = self
            .from
            .client
            .update_item()
            .table_name(&self.from.name)
            .set_key(Some(self.marker_key()))
            .update_expression("SET #phase = :after")
            .condition_expression("#phase IN (:before, :after)")
            .expression_attribute_names("#phase", "phase")
            .expression_attribute_values(":before", text(phase_text(from)))
            .expression_attribute_values(":after", text(phase_text(to)));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) if condition_failed(&error).is_some() => Ok(false),
            Err(error) => Err(store_error("mark how far the move is")(error)),
        }
    }

    async fn admit_keys(&self, plan: Option<Plan>) -> Result<(), StoreError> {
        self.switch_keys(self.to, (HELD, ACTIVE), plan).await
    }

    async fn clear_old(&self) -> Result<(), StoreError> {
        self.clear(self.from).await?;
        self.remove_marker().await
    }

    async fn restore_old(&self) -> Result<(), StoreError> {
        self.clear(self.to).await?;
        self.switch_keys(self.from, (HELD, ACTIVE), None).await?;
        self.remove_marker().await
    }
}

/// Some at a time. After a failure too every write that was begun is waited for: none arrives later, when somebody else
/// has begun to tidy up.
async fn all_of<F: Future<Output = Result<(), StoreError>>>(writes: impl Stream<Item = F>) -> Result<(), StoreError> {
    let results: Vec<_> = writes.buffer_unordered(SIDE_BY_SIDE).collect().await;
    results.into_iter().collect()
}

/// `false` if the key is active, and stays.
async fn delete_idle_key(table: &Table, id: &KeyId) -> Result<bool, StoreError> {
    let delete = table
        .client
        .delete_item()
        .table_name(&table.name)
        .set_key(Some(primary_key(id)))
        .condition_expression("attribute_not_exists(#pk) OR #status <> :active")
        .expression_attribute_names("#pk", "pk")
        .expression_attribute_names("#status", "status")
        .expression_attribute_values(":active", text(ACTIVE));
    match delete.send().await {
        Ok(_) => Ok(true),
        Err(error) if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) => {
            Ok(false)
        }
        Err(error) => Err(store_error("take moved key away")(error)),
    }
}

/// What an item is to the group with these keys, which are sorted as the table has them; `None` if it is none of its, or is moved by itself.
fn kind(item: &Item, keys: &[KeyId]) -> Option<Kind> {
    let (pk, sk) = (read_text(item, "pk").ok()?, read_text(item, "sk").ok()?);
    if let Some(answer) = pk.strip_prefix("IDEMP#") {
        let key_id = answer.split('#').next()?;
        let is_of_a_key = keys.binary_search_by(|id| id.as_str().cmp(key_id)).is_ok();
        return is_of_a_key.then_some(Kind::Answer);
    }
    if pk.starts_with("MEMBER#") {
        return Some(if item.contains_key("claimHolder") { Kind::HeldMember } else { Kind::Member });
    }
    if sk == MARKER || sk.starts_with("KEY#") {
        return None;
    }
    Some(if sk.starts_with("LOG#") { Kind::LogEntry } else { Kind::Settings })
}

const fn count(inventory: &mut Inventory, kind: &Kind) {
    match kind {
        Kind::Settings => inventory.settings += 1,
        Kind::LogEntry => inventory.log_entries += 1,
        Kind::Member => inventory.members += 1,
        Kind::HeldMember => inventory.open += 1,
        Kind::Answer => inventory.answers += 1,
    }
}

const fn phase_text(phase: Phase) -> &'static str {
    match phase {
        Phase::Copying => "copying",
        Phase::Copied => "copied",
        Phase::CallingOff => "callingOff",
    }
}

fn read_marker(item: &Item) -> Result<Marker, Unreadable> {
    let phase = read_text(item, "phase")?;
    let phases = [Phase::Copying, Phase::Copied, Phase::CallingOff];
    let plan = item.contains_key("plan").then(|| read_text(item, "plan")).transpose()?;
    Ok(Marker {
        to: read_text(item, "to")?.to_owned(),
        plan: plan.map(str::parse).transpose().map_err(|_| Unreadable("plan"))?,
        phase: phases.into_iter().find(|known| phase_text(*known) == phase).ok_or(Unreadable("phase"))?,
    })
}
