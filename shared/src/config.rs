//! What a function reads from its environment.
//!
//! | Variable | Meaning |
//! |---|---|
//! | `TABLE_NAME` | the DynamoDB table; required |
//! | `ROBLOX_SECRET_ARN` | the Secrets Manager secret with the bots' keys: `{"bots":{"default":"…"}}` |
//! | `ROBLOX_API_KEY` | one bot's key, or several as the secret has them, for local work; the secret counts before it |
//! | `ROBLOX_BASE_URL` | default `https://apis.roblox.com` |
//! | `STAGE` | the deployment's name, for the log |
//!
//! The AWS SDK reads the standard variables itself, `AWS_ENDPOINT_URL_DYNAMODB` included; [`crate::telemetry`] reads
//! `RUST_LOG` and `AWS_LAMBDA_LOG_LEVEL`, and [`crate::metrics`] reads `METRICS_NAMESPACE`.

use std::collections::HashMap;
use std::env;

use crate::adapters::bots::{self, BotKey};
use crate::domain::group_settings::BotName;
use crate::function::Function;

/// Roblox's own address.
pub const ROBLOX: &str = "https://apis.roblox.com";

/// Where the bot's credential is.
#[derive(Debug, Clone)]
pub enum BotSource {
    /// This Open Cloud key.
    Key(BotKey),
    /// These, by the names that groups are bound to.
    Keys(HashMap<BotName, BotKey>),
    /// In AWS Secrets Manager.
    SecretsManager {
        /// The secret's ARN or name.
        arn: String,
    },
    /// Nowhere: for what never calls Roblox.
    None,
}

/// A function's settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// The DynamoDB table.
    pub table_name: String,
    /// Where Open Cloud is.
    pub roblox_base_url: String,
    /// The bot's credential.
    pub bots: BotSource,
    /// The deployment's name, for the log.
    pub stage: Option<String>,
}

/// What is wrong with the environment.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `TABLE_NAME` is not set.
    #[error("set TABLE_NAME to the name of RankBot's DynamoDB table")]
    NoTable,
    /// No bot.
    #[error("set ROBLOX_SECRET_ARN to the secret with the bot's key, or ROBLOX_API_KEY to the key itself")]
    NoBot,
    /// `ROBLOX_API_KEY` cannot be sent in a header.
    #[error("ROBLOX_API_KEY is not an Open Cloud key: copy it again, in one line")]
    UnreadableBotKey,
}

impl Config {
    /// Reads the environment for this function; only those that call Roblox need a bot.
    pub fn from_env(function: Function) -> Result<Self, ConfigError> {
        let config = Self::read(function, |name| env::var(name).ok().filter(|value| !value.is_empty()));
        // The process ends with it, and Lambda shows no more of that than the variant's name.
        config.inspect_err(|error| tracing::error!(%error, "the function cannot start"))
    }

    fn read(function: Function, variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let bots = match (variable("ROBLOX_SECRET_ARN"), variable("ROBLOX_API_KEY")) {
            _ if !function.calls_roblox() => BotSource::None,
            (Some(arn), _) => BotSource::SecretsManager { arn },
            (None, Some(key)) => given(&key)?,
            (None, None) => return Err(ConfigError::NoBot),
        };
        Ok(Self {
            table_name: variable("TABLE_NAME").ok_or(ConfigError::NoTable)?,
            roblox_base_url: variable("ROBLOX_BASE_URL").unwrap_or_else(|| ROBLOX.to_owned()),
            bots,
            stage: variable("STAGE"),
        })
    }
}

/// One bot's key, or `{"bots":{"default":"…", …}}`. No Open Cloud key begins with a brace.
fn given(text: &str) -> Result<BotSource, ConfigError> {
    if text.trim_start().starts_with('{') {
        let ring = bots::parse(text).ok().filter(|ring| ring.unusable.is_empty());
        return ring.map(|ring| BotSource::Keys(ring.keys)).ok_or(ConfigError::UnreadableBotKey);
    }
    BotKey::new(text).map(BotSource::Key).map_err(|_| ConfigError::UnreadableBotKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(function: Function, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let value =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Config::read(function, value)
    }

    #[test]
    fn the_secret_counts_before_the_plain_key() {
        let both = [("TABLE_NAME", "t"), ("ROBLOX_SECRET_ARN", "arn"), ("ROBLOX_API_KEY", "key")];
        assert!(
            matches!(read(Function::Promote, &both).unwrap().bots, BotSource::SecretsManager { arn } if arn == "arn")
        );
    }

    #[test]
    fn what_is_missing_is_said_at_the_start() {
        assert!(matches!(read(Function::Promote, &[("TABLE_NAME", "t")]), Err(ConfigError::NoBot)));
        assert!(matches!(read(Function::KeyInfo, &[]), Err(ConfigError::NoTable)));
    }

    #[test]
    fn a_function_that_never_calls_roblox_has_no_bot() {
        let config = read(Function::KeyInfo, &[("TABLE_NAME", "t"), ("ROBLOX_API_KEY", "key")]).unwrap();
        assert!(matches!(config.bots, BotSource::None));
    }

    #[test]
    fn several_bots_are_given_as_the_secret_has_them() {
        let bots =
            |text| read(Function::Promote, &[("TABLE_NAME", "t"), ("ROBLOX_API_KEY", text)]).map(|read| read.bots);
        let two = bots(r#"{"bots":{"default":"a","second":"b"}}"#);
        assert!(matches!(two, Ok(BotSource::Keys(keys)) if keys.len() == 2));
        for wrong in ["{", r#"{"bots":{"default":"a","second":""}}"#] {
            assert!(matches!(bots(wrong), Err(ConfigError::UnreadableBotKey)), "{wrong}");
        }
    }

    #[test]
    fn no_credential_is_printed() {
        let config = read(Function::Promote, &[("TABLE_NAME", "t"), ("ROBLOX_API_KEY", "RBX-secret")]).unwrap();
        assert!(!format!("{config:?}").contains("RBX-secret"));
    }
}
