//! How a command ends without success: one sentence, and an exit status.

use std::error::Error;
use std::io;

use rankbot_shared::app::keys::KeyError;
use rankbot_shared::app::moving::MoveError;
use rankbot_shared::app::ports::StoreError;

use crate::local::LocalError;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It was asked wrongly; the text says how to ask.
    #[error("{0}")]
    Usage(String),
    /// It is not done as things stand; the text says what would have to change.
    #[error("{0}")]
    Refused(String),
    /// An operator's command on keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Moving a group.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// `rankbot local` did not start.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The answer could not be printed.
    #[error("cannot print the answer")]
    Output(#[from] io::Error),
}

impl Failure {
    /// 2 where the command line is to blame, as clap has it; else 1.
    pub(crate) const fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Refused(_) | Self::Key(_) | Self::Move(_) | Self::Store(_) | Self::Local(_) | Self::Output(_) => 1,
        }
    }

    /// One line that says the fix, where there is a known one; else the sentence, and in brackets the causes below it
    /// that say more.
    pub(crate) fn sentence(&self) -> String {
        let mut chain = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !chain.contains(&text) {
                chain = format!("{chain} ({text})");
            }
            cause = error.source();
        }
        let chain = one_line(&chain);
        DATABASE_FIXES.iter().find(|(sign, _)| chain.contains(sign)).map_or(chain, |(_, fix)| (*fix).to_owned())
    }
}

/// By what an AWS SDK error says somewhere in its chain of causes, what an operator can do about it. The SDK gives each
/// operation an error type of its own, so there is no one type to match on.
const DATABASE_FIXES: [(&str, &str); 6] = [
    (
        "ResourceNotFoundException",
        "there is no such table: check --table or TABLE_NAME and the AWS region, or make it with `rankbot table create`",
    ),
    (
        "no credentials found in chain",
        "no AWS credentials: sign in, and name the profile in AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ),
    ("ExpiredToken", "the AWS credentials have expired: sign in again"),
    (
        "UnrecognizedClientException",
        "DynamoDB does not know these credentials: check AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY \
         (those of `rankbot local` are new with each start: paste the line that it prints)",
    ),
    (
        "AccessDeniedException",
        "these AWS credentials may not do this to the table: use others, or have the rights granted",
    ),
    (
        "dispatch failure",
        "cannot reach DynamoDB: check the network, the AWS region and AWS_ENDPOINT_URL_DYNAMODB (is `rankbot local` running?)",
    ),
];

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// clap's report on one line: what is wrong and, where it knows, what was meant.
pub(crate) fn sentence_of(error: &clap::Error) -> String {
    let report = error.render().to_string();
    let mut paragraphs = report.split("\n\n");
    let wrong = paragraphs.next().unwrap_or_default();
    let wrong = wrong.strip_prefix("error: ").unwrap_or(wrong);
    let tip = paragraphs.find_map(|paragraph| paragraph.trim().strip_prefix("tip: "));
    let wrong = one_line(wrong);
    match tip {
        Some(tip) => format!("{wrong}: {}", one_line(tip)),
        None => format!("{wrong}; --help shows what there is"),
    }
}
