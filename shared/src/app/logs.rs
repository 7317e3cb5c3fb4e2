//! Reading the audit log.

use super::App;
use super::admission::{Done, Metered};
use super::error::AppError;
use super::ports::{LogPage, LogQuery, Roblox, Store};
use super::read::no_rescue;
use crate::domain::api_key::ApiKey;
use crate::domain::audit::LogEntry;
use crate::domain::id::GroupId;
use crate::domain::key_record::Demand;
use crate::domain::log_id::LogId;

impl<S: Store, R: Roblox> App<S, R> {
    /// A page of the key's group's log, newest first. `query` is given the group once the key is known.
    pub async fn logs(
        &self,
        key: &ApiKey,
        query: impl FnOnce(GroupId) -> LogQuery + Send,
    ) -> Metered<(GroupId, LogPage)> {
        self.metered(key, Demand::default(), async { Ok(()) }, no_rescue, |record, ()| async move {
            let page = self.store.page(&query(record.group), self.now()).await?;
            Ok(Done::Counted((record.group, page)))
        })
        .await
    }

    /// One entry of the key's group's log.
    pub async fn log_entry(&self, key: &ApiKey, id: LogId) -> Metered<LogEntry> {
        self.metered(key, Demand::default(), async { Ok(()) }, no_rescue, |record, ()| async move {
            let entry = self.store.entry(record.group, id, self.now()).await?;
            entry.map(Done::Counted).ok_or(AppError::LogNotFound)
        })
        .await
    }
}
