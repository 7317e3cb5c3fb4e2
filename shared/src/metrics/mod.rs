//! What is counted: lines of CloudWatch's embedded metric format, from which CloudWatch makes the metrics that the
//! alarms and the dashboard of `template.yaml` look at.
//!
//! | Metric | Unit | Dimension sets | Counts |
//! |---|---|---|---|
//! | `Requests` | Count | none; `Function`, `Outcome` | every answered request |
//! | `RefusedKeys` | Count | none | every 401 |
//! | `QuotaRefusals` | Count | none | every 429 |
//! | `RobloxCalls` | Count | none; `Call` | attempts to call Roblox |
//! | `RobloxFailures` | Count | none; `Call` | of these, the failed ones |
//! | `RobloxRetries` | Count | none; `Call` | of these, repetitions of one that failed |
//! | `RobloxLatency` | Milliseconds | none; `Call` | each answered or timed out attempt |
//! | `SweepFound`, `SweepRecovered` | Count | none | abandoned changes, and those put right |
//!
//! Dimensions have closed sets of values, all of them this module's or [`Function`]'s: a key, group or user in one would
//! cost a metric each, and be read by people whom they do not concern.

mod calls;
mod line;

use std::fmt;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::{env, panic};

use http::StatusCode;
use jiff::Timestamp;

use self::calls::{Attempts, Tally};
pub use self::calls::{CallAttempt, RobloxCall, misunderstood};
use self::line::{Line, Unit};
use crate::app::recover::Swept;
use crate::function::Function;

/// The most values that the format takes under one name in one line.
const MOST_VALUES: usize = 100;
const EACH_CALL: &[&[&str]] = &[&[], &["Call"]];
const TOTAL: &[&[&str]] = &[&[]];

/// How a request ended, as far as an operator would do something different about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx, graceful failures included.
    Success,
    /// The caller's to mend: any 4xx that has no outcome of its own.
    Refused,
    /// 401.
    Unauthorized,
    /// 429.
    OverQuota,
    /// 502.
    RobloxFailed,
    /// 503: the database is away.
    Unavailable,
    /// 500, and anything that is not foreseen: a defect.
    Failed,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 7] = [
        Self::Success,
        Self::Refused,
        Self::Unauthorized,
        Self::OverQuota,
        Self::RobloxFailed,
        Self::Unavailable,
        Self::Failed,
    ];

    /// The outcome that an answer of this status is.
    pub fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::TOO_MANY_REQUESTS => Self::OverQuota,
            StatusCode::BAD_GATEWAY => Self::RobloxFailed,
            StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable,
            status if status.is_success() => Self::Success,
            status if status.is_client_error() => Self::Refused,
            _ => Self::Failed,
        }
    }

    /// The dimension's value.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Unauthorized => "unauthorized",
            Self::OverQuota => "over_quota",
            Self::RobloxFailed => "roblox_failed",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }
}

/// Where metrics go, and under which namespace. Cheap to clone; off unless somebody asks for them.
#[derive(Clone, Default)]
pub struct Metrics(Option<Arc<Sink>>);

struct Sink {
    namespace: String,
    write: Box<dyn Fn(&str) + Send + Sync + panic::RefUnwindSafe + panic::UnwindSafe>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metrics").field(&self.0.as_ref().map(|sink| &sink.namespace)).finish()
    }
}

impl Metrics {
    /// None: for local work.
    pub const fn off() -> Self {
        Self(None)
    }

    /// As Lambda takes them, on standard output, in the namespace that `METRICS_NAMESPACE` names; without it, none.
    pub fn from_env() -> Self {
        match env::var("METRICS_NAMESPACE") {
            Ok(namespace) if !namespace.is_empty() => Self::to(namespace, |line| {
                // One write a line, so that no other line comes between. Nobody may be reading: requests go on.
                let _ = io::stdout().lock().write_all(line.as_bytes());
            }),
            Ok(_) | Err(_) => Self::off(),
        }
    }

    /// Wherever `write` puts them; it is given one whole line at a time, with its line feed.
    pub fn to(
        namespace: impl Into<String>,
        write: impl Fn(&str) + Send + Sync + panic::RefUnwindSafe + panic::UnwindSafe + 'static,
    ) -> Self {
        Self(Some(Arc::new(Sink { namespace: namespace.into(), write: Box::new(write) })))
    }

    /// Runs `work`, and notes the calls to Roblox that it makes in this task.
    pub(crate) async fn watch<T>(&self, work: impl Future<Output = T>) -> (T, Calls) {
        if self.0.is_none() {
            return (work.await, Calls(Vec::new()));
        }
        let tally = Tally::default();
        let result = calls::noting(tally.clone(), work).await;
        (result, Calls(tally.take()))
    }

    /// A request that was answered.
    pub(crate) fn request(
        &self,
        function: Function,
        status: StatusCode,
        request_id: &str,
        at: Timestamp,
        calls: Calls,
    ) {
        let Some(sink) = &self.0 else { return };
        let outcome = Outcome::of(status);
        let mut line = Line::new(at);
        line.dimension("Function", function.name());
        line.dimension("Outcome", outcome.name());
        line.metric("Requests", Unit::Count, 1.into(), &[&[], &["Function", "Outcome"]]);
        match outcome {
            Outcome::Unauthorized => line.metric("RefusedKeys", Unit::Count, 1.into(), TOTAL),
            Outcome::OverQuota => line.metric("QuotaRefusals", Unit::Count, 1.into(), TOTAL),
            Outcome::Success | Outcome::Refused | Outcome::RobloxFailed | Outcome::Unavailable | Outcome::Failed => {}
        }
        sink.write(line, calls, at, Some(request_id));
    }

    /// A sweep that came to its end.
    pub(crate) fn sweep(&self, swept: Swept, at: Timestamp, calls: Calls) {
        let Some(sink) = &self.0 else { return };
        let mut line = Line::new(at);
        line.metric("SweepFound", Unit::Count, swept.found.into(), TOTAL);
        line.metric("SweepRecovered", Unit::Count, swept.recovered.into(), TOTAL);
        sink.write(line, calls, at, None);
    }
}

/// The calls to Roblox of one piece of work.
#[derive(Debug)]
pub(crate) struct Calls(Vec<(RobloxCall, Attempts)>);

impl Sink {
    /// A line has one value of each dimension: the first kind of call goes along in `line`, each further one is a line
    /// of its own.
    fn write(&self, line: Line, calls: Calls, at: Timestamp, request_id: Option<&str>) {
        let mut line = line;
        let parts = calls
            .0
            .into_iter()
            .flat_map(|(call, attempts)| attempts.in_parts(MOST_VALUES).map(move |part| (call, part)));
        for (place, (call, attempts)) in parts.enumerate() {
            if place > 0 {
                self.write_line(std::mem::replace(&mut line, Line::new(at)), request_id);
            }
            add(&mut line, call, attempts);
        }
        self.write_line(line, request_id);
    }

    fn write_line(&self, mut line: Line, request_id: Option<&str>) {
        if let Some(id) = request_id {
            line.property("request_id", id);
        }
        (self.write)(&line.text(&self.namespace));
    }
}

fn add(line: &mut Line, call: RobloxCall, attempts: Attempts) {
    line.dimension("Call", call.name());
    line.metric("RobloxCalls", Unit::Count, attempts.made.into(), EACH_CALL);
    line.metric("RobloxFailures", Unit::Count, attempts.failed.into(), EACH_CALL);
    line.metric("RobloxRetries", Unit::Count, attempts.repeated.into(), EACH_CALL);
    if !attempts.latencies_ms.is_empty() {
        line.metric("RobloxLatency", Unit::Milliseconds, attempts.latencies_ms.into(), EACH_CALL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::ErrorCode;

    #[test]
    fn every_error_has_the_outcome_that_the_alarms_expect() {
        for code in ErrorCode::ALL {
            let expected = match code.status().as_u16() {
                401 => Outcome::Unauthorized,
                429 => Outcome::OverQuota,
                400..500 => Outcome::Refused,
                500 => Outcome::Failed,
                502 => Outcome::RobloxFailed,
                503 => Outcome::Unavailable,
                status => panic!("{status}"),
            };
            assert_eq!(Outcome::of(code.status()), expected, "{}", code.as_str());
        }
        assert_eq!(Outcome::of(StatusCode::OK), Outcome::Success);
    }
}
