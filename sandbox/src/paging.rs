//! Pages: sizes, and tokens bound to the question that they continue.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::reply::Refusal;

/// Items on a page where the request names no size (documented).
const DEFAULT_SIZE: usize = 10;

/// How the last page says that it is the last: Roblox's texts say both, so a client must take either.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LastPage {
    /// `"nextPageToken": ""`
    EmptyToken,
    /// No `nextPageToken`.
    NoToken,
    /// One, then the other, so that whatever runs against the sandbox meets both.
    #[default]
    Alternating,
}

/// One page's place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) offset: usize,
    pub(crate) size: usize,
    /// Stands for every parameter except the token.
    question: u64,
}

impl Window {
    /// Reads `maxPageSize` and `pageToken`. A size above `max` is lowered to it (documented); zero is the default and
    /// a negative one refused (assumed). A token of another question is a 400 (documented).
    pub(crate) fn parse(
        max_page_size: Option<&str>,
        token: Option<&str>,
        max: usize,
        question: &impl Hash,
    ) -> Result<Self, Refusal> {
        let size = match max_page_size {
            None | Some("" | "0") => DEFAULT_SIZE,
            Some(text) => match text.parse::<i32>().map(usize::try_from) {
                Ok(Ok(size)) => size.min(max),
                Ok(Err(_)) | Err(_) => return Err(Refusal::invalid("maxPageSize must be a positive integer.")),
            },
        };
        let question = fingerprint(&(question, size));
        let offset = match token {
            None | Some("") => 0,
            Some(token) => read_token(token, question).ok_or_else(|| {
                Refusal::invalid("The pageToken is not valid for this request: keep every other parameter as it was.")
            })?,
        };
        Ok(Self { offset, size, question })
    }

    /// The token of the page after this one; `None` where `total` items end here.
    pub(crate) fn next_token(&self, total: usize) -> Option<String> {
        let next = self.offset.saturating_add(self.size);
        (next < total).then(|| URL_SAFE_NO_PAD.encode(format!("{next}.{:x}", self.question)))
    }
}

fn read_token(token: &str, question: u64) -> Option<usize> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let (offset, hash) = text.split_once('.')?;
    (u64::from_str_radix(hash, 16).ok()? == question).then(|| offset.parse().ok())?
}

/// The same for the same value, for as long as the process lives.
pub(crate) fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
