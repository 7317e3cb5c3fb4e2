//! The bot accounts' Open Cloud keys, which RankBot acts with.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_secretsmanager::Client as SecretsClient;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use http::HeaderValue;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::domain::group_settings::BotName;
use crate::telemetry::Causes;

/// The secret is read again at most this often, whatever the reason.
const SHORTEST_REFRESH: Duration = Duration::from_secs(30);
/// What was read so long ago is read again before it is used.
const STALE_AFTER: Duration = Duration::from_mins(10);
/// How long that may hold up a request, which has a key to go on with.
const LONGEST_DELAY: Duration = Duration::from_millis(500);
/// How long a request waits for the secret that cannot go on without it.
const LONGEST_READ: Duration = Duration::from_secs(2);

/// An Open Cloud key. Neither printed nor logged: `Debug` shows nothing of it, and HTTP treats it as sensitive.
#[derive(Clone, PartialEq, Eq)]
pub struct BotKey(HeaderValue);

/// A text that cannot be an Open Cloud key: empty, or not visible ASCII.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("an Open Cloud key is visible ASCII and not empty")]
pub struct InvalidBotKey;

impl BotKey {
    /// Accepts what can stand in a header.
    pub fn new(text: &str) -> Result<Self, InvalidBotKey> {
        let text = text.trim();
        let mut value = HeaderValue::from_str(text).map_err(|_| InvalidBotKey)?;
        if text.is_empty() || !text.is_ascii() {
            return Err(InvalidBotKey);
        }
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The key itself: for taking it out of texts.
    pub(super) fn expose(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The value of `x-api-key`, marked as sensitive.
    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for BotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BotKey(…)")
    }
}

/// Why there is no bot to act with.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NoBot {
    /// Secrets Manager refused, or cannot be reached.
    #[error("the bot secret cannot be read")]
    Unreadable(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// Secrets Manager did not answer in time.
    #[error("the bot secret cannot be read: Secrets Manager does not answer")]
    Silence,
    /// Nobody has put anything into it since the deployment.
    #[error("the bot secret has no value: put {{\"bots\":{{\"default\":\"<Open Cloud key>\"}}}} into it")]
    Empty,
    /// It is not `{"bots":{"default":"…"}}`.
    #[error("the bot secret is not {{\"bots\":{{\"default\":\"<Open Cloud key>\"}}}}")]
    Malformed,
    /// What the secret has for this bot cannot be a key; the other bots' are not concerned.
    #[error("the bot secret's key of {0} is empty or no Open Cloud key: put it in again, in one line")]
    Unusable(BotName),
    /// The group is bound to a bot that the secret does not have.
    #[error("the bot secret has no bot named {0}: add it, or bind the group to another")]
    Unknown(BotName),
}

#[derive(Debug)]
enum Source {
    Fixed,
    SecretsManager { client: Box<SecretsClient>, arn: String },
}

/// What a secret holds.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    pub(crate) keys: HashMap<BotName, BotKey>,
    /// The bots whose keys are none.
    pub(crate) unusable: HashSet<BotName>,
}

#[derive(Debug, Default)]
struct Held {
    ring: Keyring,
    read_at: Option<Instant>,
    /// When it was last tried to read it, and why that failed, if it did.
    tried_at: Option<Instant>,
    failure: Option<NoBot>,
}

impl Held {
    fn key(&self, bot: &BotName) -> Result<BotKey, NoBot> {
        match self.ring.keys.get(bot) {
            Some(key) => Ok(key.clone()),
            None if self.ring.unusable.contains(bot) => Err(NoBot::Unusable(bot.clone())),
            None => Err(NoBot::Unknown(bot.clone())),
        }
    }

    fn is_stale(&self, now: Instant) -> bool {
        self.read_at.is_some_and(|at| now.duration_since(at) >= STALE_AFTER)
    }

    fn may_be_refreshed(&self, now: Instant) -> bool {
        self.tried_at.is_none_or(|at| now.duration_since(at) >= SHORTEST_REFRESH)
    }

    /// A reading has come to its end. One that failed leaves what is held, as a whole or for one bot.
    fn end(&mut self, result: Result<Keyring, NoBot>) -> Result<(), NoBot> {
        let now = Instant::now();
        self.tried_at = Some(now);
        self.failure = result.as_ref().err().cloned();
        let mut ring = result?;
        for bot in &ring.unusable {
            tracing::error!(%bot, "the bot secret's key of this bot is no Open Cloud key");
            ring.keys.extend(self.ring.keys.remove_entry(bot));
        }
        self.ring = ring;
        self.read_at = Some(now);
        Ok(())
    }

    /// What came of a reading that has ended since.
    fn outcome_since(&self, began: Instant) -> Option<Result<(), NoBot>> {
        self.tried_at.filter(|at| *at >= began)?;
        Some(self.failure.clone().map_or(Ok(()), Err))
    }
}

/// The bots' keys, read once and kept, and read again without a restart:
///
/// * where Roblox refuses one,
/// * where a group is bound to a bot that is not among them,
/// * where they are ten minutes old. A request then waits for half a second at most, and what is held goes on counting
///   for as long as Secrets Manager fails: nobody who has a key is refused because of it.
#[derive(Debug)]
pub struct Bots {
    source: Source,
    held: Mutex<Held>,
    /// Whoever needs the secret while it is being read waits for that.
    reading: tokio::sync::Mutex<()>,
}

impl Bots {
    /// These keys, from the environment: for local work and tests.
    pub fn fixed(keys: HashMap<BotName, BotKey>) -> Self {
        Self::new(Source::Fixed, keys)
    }

    /// No bot at all: for what never calls Roblox.
    pub fn none() -> Self {
        Self::new(Source::Fixed, HashMap::new())
    }

    /// The keys in an AWS Secrets Manager secret; nothing is read yet.
    pub fn in_secrets_manager(client: SecretsClient, arn: String) -> Self {
        Self::new(Source::SecretsManager { client: Box::new(client), arn }, HashMap::new())
    }

    fn new(source: Source, keys: HashMap<BotName, BotKey>) -> Self {
        let ring = Keyring { keys, ..Keyring::default() };
        Self { source, held: Mutex::new(Held { ring, ..Held::default() }), reading: tokio::sync::Mutex::default() }
    }

    /// The key that this bot acts with.
    pub async fn key(&self, bot: &BotName) -> Result<BotKey, NoBot> {
        let Source::SecretsManager { client, arn } = &self.source else { return self.held().key(bot) };
        let began = Instant::now();
        let (known, is_stale, may_be_read) = {
            let held = self.held();
            let may_be_read = held.read_at.is_none() || held.may_be_refreshed(began);
            (held.key(bot), held.is_stale(began), may_be_read)
        };
        let longest = match &known {
            Ok(_) if is_stale => LONGEST_DELAY,
            Ok(_) => return known,
            Err(_) => LONGEST_READ,
        };
        if !may_be_read {
            return known;
        }
        match (self.read(client, arn, began, longest).await, known) {
            (Ok(()), _) => self.held().key(bot),
            (Err(why), Ok(key)) => {
                tracing::warn!(error = %Causes(&why), "bot secret not read again: the keys at hand go on counting");
                Ok(key)
            }
            (Err(why), Err(_)) => Err(why),
        }
    }

    /// Whether there is another key for the bot than the one that Roblox has `refused`; reads the secret to find out,
    /// unless that was done moments ago.
    pub async fn renew(&self, bot: &BotName, refused: &BotKey) -> bool {
        let Source::SecretsManager { client, arn } = &self.source else { return false };
        let is_newer = |held: &Held| held.key(bot).is_ok_and(|key| key != *refused);
        let began = Instant::now();
        let (is_renewed, may_be_read) = {
            let held = self.held();
            (is_newer(&held), held.may_be_refreshed(began))
        };
        if is_renewed || !may_be_read {
            return is_renewed;
        }
        if let Err(why) = self.read(client, arn, began, LONGEST_READ).await {
            tracing::warn!(error = %Causes(&why), "bot secret not read again, and Roblox refuses the key at hand");
        }
        is_newer(&self.held())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the secret, or waits for somebody else who is about it.
    async fn read(&self, client: &SecretsClient, arn: &str, began: Instant, longest: Duration) -> Result<(), NoBot> {
        let reading = async {
            let _alone = self.reading.lock().await;
            if let Some(outcome) = self.held().outcome_since(began) {
                return outcome;
            }
            let result = ask(client, arn).await;
            self.held().end(result)
        };
        timeout(longest, reading).await.unwrap_or_else(|_| self.held().end(Err(NoBot::Silence)))
    }
}

async fn ask(client: &SecretsClient, arn: &str) -> Result<Keyring, NoBot> {
    let answer = client.get_secret_value().secret_id(arn).send().await.map_err(|error| {
        let is_empty = error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception);
        if is_empty { NoBot::Empty } else { NoBot::Unreadable(Arc::new(error)) }
    })?;
    parse(answer.secret_string().unwrap_or_default())
}

#[derive(Deserialize)]
struct Secret {
    bots: HashMap<String, Value>,
}

/// Reads the secret's text. What is wrong with one bot is no other's affair; a name that no group can be bound to is
/// nobody's.
pub(crate) fn parse(json: &str) -> Result<Keyring, NoBot> {
    let secret: Secret = serde_json::from_str(json).map_err(|_| NoBot::Malformed)?;
    let mut ring = Keyring::default();
    for (name, key) in secret.bots {
        let Ok(name) = name.parse::<BotName>() else { continue };
        match key.as_str().map(BotKey::new) {
            Some(Ok(key)) => _ = ring.keys.insert(name, key),
            Some(Err(InvalidBotKey)) | None => _ = ring.unusable.insert(name),
        }
    }
    Ok(ring)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bot_key_is_never_printed() {
        let key = BotKey::new("RBX-secret").unwrap();
        assert_eq!(format!("{key:?} {:?}", key.header()), "BotKey(…) Sensitive");
    }

    #[test]
    fn keys_that_no_header_can_carry_are_refused() {
        for text in ["", "  ", "a\nb", "schlüssel"] {
            assert!(BotKey::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_secret_has_one_shape() {
        assert_eq!(parse(r#"{"note":"ours","bots":{"default":"a"},"version":2}"#).unwrap().keys.len(), 1);
        assert_eq!(parse(r#"{"bots":{"default":"a","second":"b"}}"#).unwrap().keys.len(), 2);
        for text in ["", "RBX-key", r#"{"default":"a"}"#, r#"{"bots":"a"}"#] {
            assert!(matches!(parse(text), Err(NoBot::Malformed)), "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_one_bot_is_no_others_affair() {
        let text =
            r#"{"bots":{"default":"a","empty":"","number":5,"none":null,"lines":"a\nb","two words":"c","":"d"}}"#;
        let Keyring { keys, unusable } = parse(text).unwrap();
        assert_eq!(keys.into_keys().collect::<Vec<_>>(), [BotName::default()]);
        let mut unusable: Vec<String> = unusable.into_iter().map(String::from).collect();
        unusable.sort();
        assert_eq!(unusable, ["empty", "lines", "none", "number"]);
    }
}
