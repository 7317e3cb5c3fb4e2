//! The call log: every request that reached the Open Cloud side, in order of arrival.

use std::collections::VecDeque;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

use crate::endpoint::Endpoint;

/// Most calls that the log keeps; beyond it the oldest are forgotten, so that a bench cannot fill the memory.
pub const MAX_CALLS: usize = 100_000;

/// One request, as it arrived, and how it ended.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Counts from 1, in order of arrival; not begun anew by clearing the log.
    pub number: u64,
    /// When the request arrived. In JSON: `atMs`, milliseconds since 1970.
    #[serde(rename = "atMs", serialize_with = "unix_ms")]
    pub at: SystemTime,
    /// The HTTP method.
    pub method: String,
    /// The path, as sent.
    pub path: String,
    /// The query string, as sent, without the question mark.
    pub query: Option<String>,
    /// What was asked for.
    pub endpoint: Endpoint,
    /// The group in the path; `None` for the wildcard or where there is none.
    pub group: Option<u64>,
    /// The user whose membership is written or, for a `user ==` filter, read.
    pub user: Option<u64>,
    /// The role in the body of a write, where it is a full role path.
    pub role: Option<u64>,
    /// The body, as sent, where there is one; bytes that are no UTF-8 are replaced.
    pub body: Option<String>,
    /// Tells keys apart without revealing them: the same for the same key while the process lives.
    pub key_fingerprint: Option<String>,
    /// The status answered; `None` while the request is under way and where it got no answer.
    pub status: Option<u16>,
    /// When the request arrived, in µs since the sandbox started (monotonic).
    pub started_us: u64,
    /// When it was answered, dropped or abandoned by the client, in µs since the sandbox started; `None` while under way.
    pub finished_us: Option<u64>,
    /// How many other requests were under way when this one arrived.
    pub in_flight: usize,
}

impl Call {
    /// Whether the two calls were under way at the same time, for however short.
    pub fn overlaps(&self, other: &Self) -> bool {
        let before = |one: &Self, two: &Self| one.finished_us.is_some_and(|end| end <= two.started_us);
        !before(self, other) && !before(other, self)
    }
}

fn unix_ms<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let ms = at.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis());
    serializer.serialize_u64(u64::try_from(ms).unwrap_or(u64::MAX))
}

#[derive(Debug)]
pub(crate) struct CallLog {
    epoch: Instant,
    calls: VecDeque<Call>,
    arrived: u64,
    under_way: usize,
}

impl CallLog {
    pub(crate) fn new() -> Self {
        Self { epoch: Instant::now(), calls: VecDeque::new(), arrived: 0, under_way: 0 }
    }

    /// Numbers and dates a call and takes it in.
    pub(crate) fn begin(&mut self, mut call: Call) -> u64 {
        self.arrived += 1;
        call.number = self.arrived;
        call.started_us = self.now_us();
        call.in_flight = self.under_way;
        self.under_way += 1;
        if self.calls.len() == MAX_CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
        self.arrived
    }

    /// Notes how the call ended. Does nothing to the list where the call was cleared away meanwhile.
    pub(crate) fn finish(&mut self, number: u64, status: Option<u16>) {
        self.under_way = self.under_way.saturating_sub(1);
        let now_us = self.now_us();
        let index = self.calls.front().and_then(|first| number.checked_sub(first.number));
        let call = index.and_then(|index| self.calls.get_mut(usize::try_from(index).ok()?));
        if let Some(call) = call {
            call.status = status;
            call.finished_us = Some(now_us);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.calls.clear();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter()
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
