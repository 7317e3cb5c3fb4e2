//! The keys of a local RankBot: one per plan, kept so that later starts print the same.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use rankbot_shared::adapters::dynamodb::Table;
use rankbot_shared::app::keys::{self, KeyError, NewKey};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::id::GroupId;
use rankbot_shared::domain::key_record::{KeyRecord, KeyStatus, RankLimits};
use rankbot_shared::domain::plan::Plan;
use serde::{Deserialize, Serialize};

use super::private_file;

const FILE_NAME: &str = "keys.json";

/// One key per plan, all for one group.
#[derive(Debug, Clone)]
pub struct LocalKeys {
    group: GroupId,
    starter: ApiKey,
    pro: ApiKey,
    max: ApiKey,
}

impl LocalKeys {
    /// The group that they work in.
    pub const fn group(&self) -> GroupId {
        self.group
    }

    /// The key on a plan.
    pub const fn on(&self, plan: Plan) -> &ApiKey {
        match plan {
            Plan::Starter => &self.starter,
            Plan::Pro => &self.pro,
            Plan::Max => &self.max,
        }
    }
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum LocalKeysError {
    /// The store does not do its part.
    #[error("cannot make the local keys")]
    Store(#[from] KeyError),
    /// The file cannot be read.
    #[error("cannot read {}: make it readable, or remove it to get new keys", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {}: make its folder writable, or choose another with --data", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Where keys outlive the process, if anywhere.
#[derive(Debug, Clone)]
pub(crate) enum KeyStorage {
    /// New keys at every start.
    None,
    /// In a file of this directory, which exists.
    Directory(PathBuf),
}

/// The keys, and what a person should be told about them.
#[derive(Debug)]
pub(crate) struct Obtained {
    pub(crate) keys: LocalKeys,
    pub(crate) notices: Vec<String>,
}

/// The file's content: the keys of every group that was used, in the clear, and the group used last.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Kept {
    last_group: Option<GroupId>,
    groups: BTreeMap<GroupId, BTreeMap<Plan, String>>,
}

/// Gives the keys for `group` (without one: the group used last, else `default_group`), making those that are missing
/// or that the store does not take any more.
pub(crate) async fn obtain(
    table: &Table,
    storage: &KeyStorage,
    group: Option<GroupId>,
    default_group: GroupId,
) -> Result<Obtained, LocalKeysError> {
    let now = Timestamp::now();
    let mut notices = Vec::new();
    let (mut kept, state) = storage.read(&mut notices)?;
    let group = group.or(kept.last_group).unwrap_or(default_group);
    let known = kept.groups.remove(&group).unwrap_or_default();
    let starter = usable(table, known.get(&Plan::Starter), group, Plan::Starter, now, &mut notices).await?;
    let pro = usable(table, known.get(&Plan::Pro), group, Plan::Pro, now, &mut notices).await?;
    let max = usable(table, known.get(&Plan::Max), group, Plan::Max, now, &mut notices).await?;
    let keys = LocalKeys { group, starter, pro, max };
    let revealed: BTreeMap<Plan, String> =
        Plan::ALL.into_iter().map(|plan| (plan, keys.on(plan).reveal().to_owned())).collect();
    let is_new = revealed != known || kept.last_group != Some(group);
    kept.last_group = Some(group);
    kept.groups.insert(group, revealed);
    if is_new || state == FileState::ToBeWritten {
        storage.write(&kept)?;
    }
    Ok(Obtained { keys, notices })
}

/// The key that was kept, where the store still takes it for this group and plan; else a new one.
async fn usable(
    table: &Table,
    kept: Option<&String>,
    group: GroupId,
    plan: Plan,
    now: Timestamp,
    notices: &mut Vec<String>,
) -> Result<ApiKey, LocalKeysError> {
    if let Some(kept) = kept {
        if let Ok(key) = kept.parse::<ApiKey>() {
            match keys::show(table, key.id()).await {
                Ok(record) if is_taken(&record, &key, group, plan, now) => return Ok(key),
                Ok(_) | Err(KeyError::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        notices.push(format!("The {plan} key kept from before is not in this store any more; this one is new."));
    }
    let new = NewKey { group, plan, limit: None, limits: RankLimits::default(), expires_at: None };
    Ok(keys::create(table, new, now).await?.0)
}

fn is_taken(record: &KeyRecord, key: &ApiKey, group: GroupId, plan: Plan, now: Timestamp) -> bool {
    record.opens_with(key.hash(), now)
        && record.status == KeyStatus::Active
        && record.expires_at.is_none_or(|at| at > now)
        && record.group == group
        && record.plan == plan
}

/// Whether the file is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileState {
    Good,
    ToBeWritten,
}

impl KeyStorage {
    fn read(&self, notices: &mut Vec<String>) -> Result<(Kept, FileState), LocalKeysError> {
        let Self::Directory(directory) = self else { return Ok((Kept::default(), FileState::Good)) };
        let path = directory.join(FILE_NAME);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok((Kept::default(), FileState::ToBeWritten));
            }
            Err(source) => return Err(LocalKeysError::Unreadable { path, source }),
        };
        let Ok(kept) = serde_json::from_slice(&text) else {
            notices.push(format!("{} was damaged; these keys are new.", path.display()));
            return Ok((Kept::default(), FileState::ToBeWritten));
        };
        let state = if private_file::is_private(&path) { FileState::Good } else { FileState::ToBeWritten };
        Ok((kept, state))
    }

    fn write(&self, kept: &Kept) -> Result<(), LocalKeysError> {
        let Self::Directory(directory) = self else { return Ok(()) };
        let path = directory.join(FILE_NAME);
        private_file::write(&path, kept).map_err(|source| LocalKeysError::Unwritable { path, source })
    }
}
