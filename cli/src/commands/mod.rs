//! The operators' commands.

pub(crate) mod group_view;
pub(crate) mod groups;
pub(crate) mod key_view;
pub(crate) mod keys;
pub(crate) mod moving;
pub(crate) mod place;
pub(crate) mod table;
pub(crate) mod usage;

use aws_config::BehaviorVersion;
use rankbot_shared::adapters::dynamodb::Table;
use rankbot_shared::domain::api_key::KeyId;

use self::place::Place;
use crate::failure::Failure;

/// The table that a command works on.
#[derive(Debug)]
pub(crate) struct OpenTable {
    pub(crate) name: String,
    pub(crate) table: Table,
    pub(crate) place: Place,
}

/// The table that the command works on, at the DynamoDB of the environment. Calls nothing yet.
pub(crate) async fn connect(table: Option<String>) -> Result<OpenTable, Failure> {
    let name = table
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Failure::Usage("which table? Name it with --table NAME or in TABLE_NAME".to_owned()))?;
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    if config.region().is_none() {
        return Err(Failure::Usage(
            "which AWS region? Name it in AWS_REGION, or in the profile of AWS_PROFILE".to_owned(),
        ));
    }
    let table = Table::new(aws_sdk_dynamodb::Client::new(&config), name.as_str());
    Ok(OpenTable { name, table, place: Place::of(&config) })
}

/// The key's id. What was typed is not repeated: it may be a whole key.
pub(crate) fn key_id(typed: &str) -> Result<KeyId, Failure> {
    typed.parse().map_err(|_| {
        Failure::Usage(if typed.starts_with("wesk_") {
            "that is a whole API key: give only its id, the 12 characters after wesk_".to_owned()
        } else {
            "a key's id is 12 letters and digits: `rankbot keys list` shows them".to_owned()
        })
    })
}
