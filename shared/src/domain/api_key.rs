//! RankBot's API keys: `wesk_<keyId>_<secret><checksum>`.
//!
//! The pattern `wesk_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}` is published and registered with secret scanners. Its prefix,
//! lengths, alphabet and checksum may never change: a key in a game that nobody updates must stay readable.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

const PREFIX: &str = "wesk_";
const KEY_ID_LENGTH: usize = 12;
/// 32 base62 digits carry 190.5 bits.
const SECRET_LENGTH: usize = 32;
const CHECKSUM_LENGTH: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Why a text is no API key. The text itself is never repeated: it may be a secret with a typing error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiKey {
    /// It does not begin with `wesk_`.
    #[error("an API key begins with wesk_")]
    Prefix,
    /// It has more or fewer characters than 56, or the second underscore is elsewhere.
    #[error("an API key is wesk_, 12 characters, an underscore and 38 characters")]
    Shape,
    /// A character outside `0-9A-Za-z`.
    #[error("an API key holds only letters and digits after wesk_")]
    Alphabet,
    /// The last six characters do not fit the rest: something was mistyped or cut off.
    #[error("the API key's checksum does not match: it was mistyped or cut off")]
    Checksum,
}

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the operating system's random source failed")]
pub struct NoRandomness;

/// The public half of a key, for logs, support and the dashboard: 12 base62 digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId(String);

impl KeyId {
    /// The 12 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, InvalidApiKey> {
        if text.len() != KEY_ID_LENGTH {
            return Err(InvalidApiKey::Shape);
        }
        all_base62(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for KeyId {
    type Error = InvalidApiKey;
    fn try_from(text: String) -> Result<Self, InvalidApiKey> {
        text.parse()
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> String {
        id.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.0)
    }
}

/// SHA-256 of a whole key: all that is ever stored of its secret.
///
/// A plain hash is enough, where a password would need a slow one: 190 random bits cannot be guessed.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The 32 bytes, as stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From the bytes that were stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl PartialEq for SecretHash {
    /// In constant time: how long a comparison takes tells nothing about where it differs.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// A key in the clear: what a caller presents, and what its owner is shown once.
///
/// No `Display`, no `Serialize`, a `Debug` that shows the id alone; the one way out is [`ApiKey::reveal`].
#[derive(Clone)]
pub struct ApiKey {
    id: KeyId,
    text: String,
}

impl ApiKey {
    /// A new key with a new id.
    pub fn generate() -> Result<Self, NoRandomness> {
        Self::generate_for(KeyId(random_base62(KEY_ID_LENGTH)?))
    }

    /// A new secret for an id that exists: rotation.
    pub fn generate_for(id: KeyId) -> Result<Self, NoRandomness> {
        let body = format!("{PREFIX}{id}_{}", random_base62(SECRET_LENGTH)?);
        let text = format!("{body}{}", checksum(&body));
        Ok(Self { id, text })
    }

    /// The public half.
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// What is stored of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.text.as_bytes()).into())
    }

    /// The whole key, to be shown once to its owner and never logged.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl FromStr for ApiKey {
    type Err = InvalidApiKey;

    fn from_str(text: &str) -> Result<Self, InvalidApiKey> {
        let rest = text.strip_prefix(PREFIX).ok_or(InvalidApiKey::Prefix)?;
        let (id, tail) = rest.split_once('_').ok_or(InvalidApiKey::Shape)?;
        if tail.len() != SECRET_LENGTH + CHECKSUM_LENGTH {
            return Err(InvalidApiKey::Shape);
        }
        let id = id.parse()?;
        all_base62(tail)?;
        let (body, sum) = text.split_at_checked(text.len() - CHECKSUM_LENGTH).ok_or(InvalidApiKey::Shape)?;
        if checksum(body) == sum { Ok(Self { id, text: text.to_owned() }) } else { Err(InvalidApiKey::Checksum) }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, …)", self.id)
    }
}

fn all_base62(text: &str) -> Result<(), InvalidApiKey> {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric()) { Ok(()) } else { Err(InvalidApiKey::Alphabet) }
}

/// CRC-32 (IEEE) of `body` as six base62 digits, most significant first, zero-padded.
fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for place in digits.iter_mut().rev() {
        *place = base62_digit(rest % 62);
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

fn base62_digit(value: u32) -> u8 {
    usize::try_from(value).ok().and_then(|index| BASE62.get(index)).copied().unwrap_or(b'0')
}

/// Rejection sampling: a byte of 248 or more is thrown away, so that every digit is equally likely.
fn random_base62(length: usize) -> Result<String, NoRandomness> {
    const UNBIASED: u8 = 248;
    let mut text = String::with_capacity(length);
    let mut bytes = [0_u8; 64];
    while text.len() < length {
        getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
        let wanted = length - text.len();
        let digits = bytes.iter().filter(|byte| **byte < UNBIASED).take(wanted);
        text.extend(digits.map(|byte| char::from(base62_digit(u32::from(byte % 62)))));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn checksum_is_the_crc_32_of_everything_before_it() {
        // CRC-32 of "123456789" is 0xCBF43926 = 3421780262, the check value of the algorithm's catalogue.
        assert_eq!(checksum("123456789"), {
            let mut rest = 3_421_780_262_u32;
            let mut digits = vec![];
            for _ in 0..6 {
                digits.insert(0, char::from(BASE62[(rest % 62) as usize]));
                rest /= 62;
            }
            digits.into_iter().collect::<String>()
        });
        assert_eq!(checksum("123456789").len(), 6);
    }

    #[test]
    fn a_generated_key_has_the_published_shape_and_parses() {
        let key = ApiKey::generate().unwrap();
        assert_eq!(key.reveal().len(), 56);
        let parsed: ApiKey = key.reveal().parse().unwrap();
        assert_eq!(parsed.id(), key.id());
        assert_eq!(parsed.hash(), key.hash());
    }

    #[test]
    fn rotation_keeps_the_id_and_changes_the_secret() {
        let old = ApiKey::generate().unwrap();
        let new = ApiKey::generate_for(old.id().clone()).unwrap();
        assert_eq!(new.id(), old.id());
        assert_ne!(new.hash(), old.hash());
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let key = ApiKey::generate().unwrap();
        let secret = key.reveal().rsplit('_').next().unwrap();
        assert!(!format!("{key:?}").contains(secret));
        assert_eq!(format!("{:?}", key.hash()), "SecretHash(…)");
    }

    #[test]
    fn each_way_of_being_unreadable_is_named() {
        let key = ApiKey::generate().unwrap().reveal().to_owned();
        let parse = |text: &str| text.parse::<ApiKey>().map(|_| ()).unwrap_err();
        assert_eq!(parse("sk_live_1"), InvalidApiKey::Prefix);
        assert_eq!(parse(&key[..55]), InvalidApiKey::Shape);
        assert_eq!(parse(&format!("{key}0")), InvalidApiKey::Shape);
        assert_eq!(parse(&format!("{}-{}", &key[..20], &key[21..])), InvalidApiKey::Alphabet);
        let last = if key.ends_with('0') { "1" } else { "0" };
        assert_eq!(parse(&format!("{}{last}", &key[..55])), InvalidApiKey::Checksum);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*") {
            let _ = text.parse::<ApiKey>();
        }

        #[test]
        fn every_single_character_typo_is_caught(position in 18_usize..56, replacement in "[0-9A-Za-z]") {
            let key = ApiKey::generate().unwrap().reveal().to_owned();
            let typo = format!("{}{replacement}{}", &key[..position], &key[position + 1..]);
            prop_assert_eq!(typo.parse::<ApiKey>().is_ok(), typo == key);
        }
    }
}
