//! The caller's promise that two requests are one.

use std::fmt::{self, Write as _};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::hold::is_ahead;
use super::log_id::LogId;

/// How long an answer is kept for the same request to be answered by it again.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// An `Idempotency-Key` header: 1 to 255 visible ASCII characters, kept only as a hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(String);

/// A header that is no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to 255 visible ASCII characters")]
pub struct InvalidIdempotencyKey;

impl IdempotencyKey {
    /// Accepts 1 to 255 visible ASCII characters.
    pub fn new(text: &str) -> Result<Self, InvalidIdempotencyKey> {
        if text.is_empty() || text.len() > 255 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidIdempotencyKey);
        }
        Ok(Self(hex(&Sha256::digest(text))))
    }

    /// SHA-256 of the key, in hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for IdempotencyKey {
    /// From what was stored: the hash, not the header.
    fn from(stored: &str) -> Self {
        Self(stored.to_owned())
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({})", self.0)
    }
}

/// What tells one parsed request from another, whatever route and spelling it came by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestHash(String);

impl RequestHash {
    /// The hash of a request's canonical JSON, which must not change while answers of an older version are kept.
    pub fn of(request: &serde_json::Value) -> Self {
        Self(hex(&Sha256::digest(request.to_string())))
    }

    /// Hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for RequestHash {
    /// From what was stored.
    fn from(stored: &str) -> Self {
        Self(stored.to_owned())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// The caller's key and the request that it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// The key.
    pub key: IdempotencyKey,
    /// The request.
    pub request: RequestHash,
}

/// An answer that is kept, to be given again word for word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// What is known about an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// A run holds it, until then.
    Running {
        /// What it runs.
        request: RequestHash,
        /// When its lease ends.
        until: Timestamp,
        /// How long the key stands for this request; DynamoDB deletes late.
        kept_until: Timestamp,
        /// The change that it makes.
        change: LogId,
        /// The run.
        holder: LogId,
    },
    /// It was answered.
    Answered {
        /// What was asked.
        request: RequestHash,
        /// The answer.
        answer: StoredAnswer,
        /// How long it is kept; DynamoDB deletes late.
        kept_until: Timestamp,
    },
}

impl Known {
    /// Whether its 24 hours are over, and the key stands for nothing any more.
    pub fn is_over(&self, now: Timestamp) -> bool {
        match self {
            Self::Running { kept_until, .. } | Self::Answered { kept_until, .. } => *kept_until <= now,
        }
    }
}

/// What becomes of a request with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement<'a> {
    /// Run it.
    Run,
    /// Give this answer again.
    Replay(&'a StoredAnswer),
    /// The first one is still running, until then at the latest.
    InProgress(Timestamp),
    /// The key stands for another request.
    Reused,
}

/// Judges a request by what is known about its key.
pub fn judge<'a>(known: Option<&'a Known>, request: &RequestHash, now: Timestamp) -> Judgement<'a> {
    match known.filter(|known| !known.is_over(now)) {
        None => Judgement::Run,
        // One that a clock far ahead has laid says nothing of when it ends; the claim on the member stands in the way still.
        Some(Known::Running { until, .. }) if *until <= now || is_ahead(*until, now) => Judgement::Run,
        Some(Known::Running { request: first, .. } | Known::Answered { request: first, .. }) if first != request => {
            Judgement::Reused
        }
        Some(Known::Running { until, .. }) => Judgement::InProgress(*until),
        Some(Known::Answered { answer, .. }) => Judgement::Replay(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn only_visible_ascii_is_a_key() {
        assert!(IdempotencyKey::new(&"a".repeat(255)).is_ok());
        for text in ["", "a b", "é", "\u{7f}", &"a".repeat(256)] {
            assert!(IdempotencyKey::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_crashed_runs_key_is_free_when_its_lease_ends() {
        let request = RequestHash::from("a");
        let (change, holder) = (LogId::MIN, LogId::MAX);
        let running = Known::Running { request: request.clone(), until: at(10), kept_until: at(99), change, holder };
        assert_eq!(judge(Some(&running), &request, at(9)), Judgement::InProgress(at(10)));
        assert_eq!(judge(Some(&running), &request, at(10)), Judgement::Run);
        assert_eq!(judge(Some(&running), &RequestHash::from("b"), at(9)), Judgement::Reused);
    }

    #[test]
    fn a_key_that_was_held_by_a_clock_an_hour_ahead_is_free() {
        let request = RequestHash::from("a");
        let (change, holder) = (LogId::MIN, LogId::MAX);
        let running = |until| Known::Running {
            request: request.clone(),
            until: at(until),
            kept_until: at(9_999),
            change,
            holder,
        };
        assert_eq!(judge(Some(&running(3_615)), &request, at(0)), Judgement::Run);
        assert_eq!(judge(Some(&running(16)), &request, at(0)), Judgement::InProgress(at(16)), "clocks differ a little");
    }

    #[test]
    fn an_answer_is_for_the_same_request_alone() {
        let answer = StoredAnswer { status: 200, body: "{}".to_owned() };
        let known = Known::Answered { request: RequestHash::from("a"), answer: answer.clone(), kept_until: at(10) };
        assert_eq!(judge(Some(&known), &RequestHash::from("a"), at(0)), Judgement::Replay(&answer));
        assert_eq!(judge(Some(&known), &RequestHash::from("b"), at(0)), Judgement::Reused);
        assert_eq!(judge(Some(&known), &RequestHash::from("b"), at(10)), Judgement::Run, "its time is over");
    }
}
