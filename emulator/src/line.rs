//! What a function and the emulator print.

use std::time::Duration;

use serde_json::Value;

/// One line, in the order of printing.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// The function's: a line of JSON, as its log and its metrics are.
    Json(Value),
    /// The platform's: `START`, `END`, `REPORT`, and what the emulator says of itself.
    Platform(String),
    /// Anything else, such as a panic's message.
    Text(String),
}

impl Line {
    pub(crate) fn parse(text: String) -> Self {
        match serde_json::from_str::<Value>(&text) {
            Ok(value) if value.is_object() => Self::Json(value),
            Ok(_) | Err(_) if is_platforms(&text) => Self::Platform(text),
            Ok(_) | Err(_) => Self::Text(text),
        }
    }

    /// The line's JSON, if it is a log line of the function.
    pub fn log(&self) -> Option<&Value> {
        self.json().filter(|value| value.get("_aws").is_none())
    }

    /// The line's JSON, if it is a metric in CloudWatch's embedded metric format.
    pub fn metric(&self) -> Option<&Value> {
        self.json().filter(|value| value.get("_aws").is_some())
    }

    fn json(&self) -> Option<&Value> {
        match self {
            Self::Json(value) => Some(value),
            Self::Platform(_) | Self::Text(_) => None,
        }
    }

    fn platform(&self) -> Option<&str> {
        match self {
            Self::Platform(text) => Some(text),
            Self::Json(_) | Self::Text(_) => None,
        }
    }

    /// `INIT REPORT(durationMs: 62.145000)`: from the start of the function's process until it asks for an event. (The
    /// `Init Duration` of a `REPORT` line is not it: emulators print hundredths of a millisecond there.)
    pub(crate) fn init_duration(&self) -> Option<Duration> {
        let (_, after) = self.platform()?.split_once("INIT REPORT(durationMs: ")?;
        milliseconds(after.split_once(')')?.0)
    }

    /// `INVOKE RTDONE(status: success, produced bytes: 0, duration: 2.646000ms)`: from handing over the event until the
    /// function asks for the next.
    pub(crate) fn invoke_duration(&self) -> Option<Duration> {
        let (_, after) = self.platform()?.split_once("INVOKE RTDONE(")?;
        let (_, after) = after.split_once("duration: ")?;
        milliseconds(after.split_once("ms")?.0)
    }

    /// Whether it is the last line of an invocation that a reader has to wait for: `REPORT RequestId: …`, or the
    /// emulator's word that the function's process has ended.
    pub(crate) fn ends_invocation(&self) -> bool {
        let ends = |text: &str| text.starts_with("REPORT RequestId:") || text.contains("(rapid) Reset initiated:");
        self.platform().is_some_and(ends)
    }
}

/// Whether the emulator wrote it: `START RequestId: …`, or a line with its own mark, `(rapid)`.
fn is_platforms(text: &str) -> bool {
    const FIRST_WORDS: [&str; 3] = ["START RequestId:", "END RequestId:", "REPORT RequestId:"];
    text.contains("] (rapid) ") || FIRST_WORDS.iter().any(|words| text.starts_with(words))
}

fn milliseconds(text: &str) -> Option<Duration> {
    let milliseconds: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(milliseconds / 1000.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::parse(text.to_owned())
    }

    #[test]
    fn durations_are_the_emulators_own() {
        let init = line("23 Nov 2026 10:00:44,017 [INFO] (rapid) INIT REPORT(durationMs: 278.250000)");
        assert_eq!(init.init_duration(), Some(Duration::from_micros(278_250)));
        let invoke = line(
            "23 Nov 2026 10:00:44,020 [INFO] (rapid) INVOKE RTDONE(status: success, produced bytes: 0, duration: 2.500000ms)",
        );
        assert_eq!((invoke.invoke_duration(), invoke.init_duration()), (Some(Duration::from_micros(2_500)), None));
    }

    #[test]
    fn a_metric_is_no_log_line() {
        let metric = line(r#"{"_aws":{"Timestamp":1},"requests":1}"#);
        assert!(metric.metric().is_some() && metric.log().is_none());
        let log = line(r#"{"level":"INFO","message":"request"}"#);
        assert!(log.log().is_some() && log.metric().is_none());
    }

    #[test]
    fn what_neither_the_platform_nor_the_log_wrote_is_text() {
        assert_eq!(line("thread 'main' panicked"), Line::Text("thread 'main' panicked".to_owned()));
        assert!(line("REPORT RequestId: c5ce\tDuration: 1.60 ms").ends_invocation());
    }
}
