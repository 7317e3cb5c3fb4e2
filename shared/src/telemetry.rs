//! How a function speaks about itself: JSON lines on standard output, which Lambda hands to CloudWatch.
//!
//! One line a request, with `request_id`, `key_id`, `group_id`, `route`, `status`, `code` and `duration_ms`. Never a
//! key, a body or a header. What is counted is the lines of [`crate::metrics`], beside these.

use std::env;
use std::error::Error;
use std::fmt;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging. `RUST_LOG` counts, then Lambda's own `AWS_LAMBDA_LOG_LEVEL`, then `info`.
pub fn init() {
    let level = env::var("RUST_LOG").or_else(|_| env::var("AWS_LAMBDA_LOG_LEVEL")).unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false);
    tracing_subscriber::registry().with(filter(&level)).with(lines).init();
}

/// A level, or levels by crate: `warn`, `info,hyper=debug`. Without the regular expressions of `EnvFilter`, whose code
/// every cold start would load. What cannot be read is `info`: a typo may not silence a deployment.
fn filter(text: &str) -> Targets {
    // Lambda's levels have one more than tracing's.
    let wanted = text.trim().to_lowercase().replace("fatal", "error");
    // Among directives a lone word is a crate's name; as the whole text it is a level or a typo.
    let readable = if wanted.contains('=') || wanted.contains(',') {
        wanted.parse().ok()
    } else {
        wanted.parse::<LevelFilter>().ok().filter(|_| !wanted.is_empty()).map(everywhere)
    };
    readable.unwrap_or_else(|| everywhere(LevelFilter::INFO))
}

fn everywhere(level: LevelFilter) -> Targets {
    Targets::new().with_default(level)
}

/// An error with the causes behind it, in one line: for the log, where "the database failed" alone helps nobody.
#[derive(Debug)]
pub struct Causes<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn levels_are_read_as_lambda_and_tracing_write_them() {
        for (text, level) in
            [("WARN", Level::WARN), ("debug", Level::DEBUG), ("FATAL", Level::ERROR), (" trace ", Level::TRACE)]
        {
            assert_eq!(filter(text).default_level(), Some(LevelFilter::from_level(level)), "{text}");
        }
        assert_eq!(filter("off").default_level(), Some(LevelFilter::OFF));
        let by_crate = filter("warn,rankbot_shared=debug");
        assert!(by_crate.would_enable("rankbot_shared::app", &Level::DEBUG));
        assert!(!by_crate.would_enable("hyper", &Level::INFO));
    }

    #[test]
    fn a_level_that_cannot_be_read_is_info() {
        for text in ["", "  ", "loud", "warn,hyper=loud"] {
            assert!(filter(text).would_enable("rankbot_shared", &Level::INFO), "{text:?}");
            assert!(!filter(text).would_enable("rankbot_shared", &Level::DEBUG), "{text:?}");
        }
    }
}
