//! `sam-local.json`, beside the kept keys: SAM's file of variables, by which a function that `sam local` runs works with
//! this RankBot's table and Roblox.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use rankbot_sandbox::demo;
use rankbot_shared::app::ports::StoreError;
use serde::Serialize;

use super::{ContainerAddress, Local, private_file};
use crate::commands::place::Place;

/// As `samconfig.toml` names it.
const FILE_NAME: &str = "sam-local.json";

/// What `sam local --env-vars` reads. Its values are good for as long as this lives.
#[derive(Debug)]
pub struct SamVariables {
    variables: BTreeMap<&'static str, String>,
    /// Open for as long as functions ask.
    _addresses: [ContainerAddress; 2],
}

/// Why `sam local` cannot work with this RankBot.
#[derive(Debug, thiserror::Error)]
pub enum SamVariablesError {
    /// What is in the store is carried out with a real bot's key, so the store stays on loopback.
    #[error("with a Roblox elsewhere no container is let in, since the bot's key would act for it")]
    RealBot,
    /// No way in for containers, or no file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What the events need cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// SAM's form: these count for all functions, and each gets those that the template names for it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct File<'a> {
    parameters: &'a BTreeMap<&'static str, String>,
}

impl SamVariables {
    /// Opens the way in for containers, if the Roblox is one on this machine. The way leads through the machine's other
    /// addresses, and what is in the store is carried out with the bot's key: with another Roblox that is a real one's.
    ///
    /// The store's address has its access key in it: SAM gives functions the credentials of whoever runs it, and takes none
    /// from its file of variables.
    ///
    /// With the sandbox's own group, the keys of the events under `events/` are made too, so that these succeed: anyone
    /// can read them, but they open nothing else.
    pub async fn of(local: &Local) -> Result<Self, SamVariablesError> {
        if Place::of_endpoint(&local.roblox_base_url) != Place::Loopback {
            return Err(SamVariablesError::RealBot);
        }
        if local.sandbox.is_some() && local.group_id().get() == demo::GROUP_ID {
            rankbot_events::seed(&local.table).await?;
        }
        let store = ContainerAddress::of(&local.connection().endpoint_with_key()).await?;
        let roblox = ContainerAddress::of(&local.roblox_base_url).await?;
        let mut variables = BTreeMap::from([
            ("TABLE_NAME", local.table_name.clone()),
            ("AWS_ENDPOINT_URL_DYNAMODB", store.url().to_owned()),
            ("ROBLOX_BASE_URL", roblox.url().to_owned()),
        ]);
        // A real bot's key is not written down: SAM hands on the one in its own environment.
        if local.sandbox.is_some() {
            variables.insert("ROBLOX_API_KEY", demo::BOT_API_KEY.to_owned());
        }
        Ok(Self { variables, _addresses: [store, roblox] })
    }

    /// Writes the file into the data directory.
    pub(super) fn write(&self, directory: &Path) -> Result<(), SamVariablesError> {
        Ok(private_file::write(&directory.join(FILE_NAME), &File { parameters: &self.variables })?)
    }
}
