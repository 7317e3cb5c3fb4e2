//! Faults: what goes wrong on request.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::calls::Call;
use crate::endpoint::Endpoint;
use crate::millis;
use crate::reply::ErrorBody;

/// Which calls are meant. Every part that is `None` fits anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Matcher {
    /// The operation.
    pub endpoint: Option<Endpoint>,
    /// The group in the path.
    pub group: Option<u64>,
    /// The user written, or named by a `user ==` filter.
    pub user: Option<u64>,
    /// The role in the body of a write.
    pub role: Option<u64>,
    /// From the how-manieth fitting call on, counting from 1, since the fault was injected. Ignored where calls are
    /// looked up or awaited.
    pub nth: Option<u32>,
}

impl Matcher {
    /// Fits every call.
    pub fn any() -> Self {
        Self::default()
    }

    /// Fits every call of one operation.
    pub fn endpoint(endpoint: Endpoint) -> Self {
        Self { endpoint: Some(endpoint), ..Self::default() }
    }

    /// Only calls for this group.
    #[must_use]
    pub fn group(mut self, group: u64) -> Self {
        self.group = Some(group);
        self
    }

    /// Only calls for this user.
    #[must_use]
    pub fn user(mut self, user: u64) -> Self {
        self.user = Some(user);
        self
    }

    /// Only writes of this role.
    #[must_use]
    pub fn role(mut self, role: u64) -> Self {
        self.role = Some(role);
        self
    }

    /// Only from the `nth` fitting call on, counting from 1.
    #[must_use]
    pub fn nth(mut self, nth: u32) -> Self {
        self.nth = Some(nth);
        self
    }

    /// Whether the call fits, `nth` apart.
    pub fn fits(&self, call: &Call) -> bool {
        self.endpoint.is_none_or(|endpoint| endpoint == call.endpoint)
            && self.group.is_none_or(|group| Some(group) == call.group)
            && self.user.is_none_or(|user| Some(user) == call.user)
            && self.role.is_none_or(|role| Some(role) == call.role)
    }
}

/// Something that goes wrong for some calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Which calls it befalls.
    #[serde(default)]
    pub on: Matcher,
    /// How many of them; `None`: all, until the faults are cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens.
    pub effect: FaultEffect,
}

impl Fault {
    /// A fault that befalls every fitting call until the faults are cleared.
    pub fn new(on: Matcher, effect: FaultEffect) -> Self {
        Self { on, times: None, effect }
    }

    /// Limits the fault to the next `times` fitting calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Limits the fault to the next fitting call.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }
}

/// Whether the operation had taken effect when it went wrong. A client cannot tell the two apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Timing {
    /// Nothing was done; not even the key was looked at.
    #[default]
    Before,
    /// The operation was done, if it was allowed.
    After,
}

/// What happens to a call.
///
/// Of the faults that fit a call, all delays and holds apply, and of the others the one injected first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultEffect {
    /// Answers with this status, whatever the operation came to.
    #[serde(rename_all = "camelCase")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The body's shape.
        #[serde(default)]
        body: ErrorBody,
        /// The value of `retry-after`, in seconds; `None` for no such header.
        #[serde(default)]
        retry_after_s: Option<u64>,
        /// Before or after the operation.
        #[serde(default)]
        timing: Timing,
    },
    /// Waits before the operation, then goes on as usual. In JSON: `delayMs`.
    #[serde(rename = "delayMs", with = "millis")]
    Delay(Duration),
    /// Waits before the operation until the faults are cleared, then goes on as usual: holds a call in flight for as
    /// long as a test needs it there.
    Hold,
    /// Closes the TCP connection without a byte of an answer.
    Drop(Timing),
    /// Does the operation and answers its status with a body cut off half-way, valid HTTP and broken JSON.
    BrokenBody,
    /// Answers a write with 200 and the membership as it was, changing nothing, provided that it would have been
    /// allowed. Reads are not affected.
    NoEffect,
    /// Keeps the connection open and never answers.
    Hang(Timing),
}

impl FaultEffect {
    /// This status with Roblox's usual v2 body, before anything was done.
    pub fn status(status: u16) -> Self {
        Self::Status { status, body: ErrorBody::V2, retry_after_s: None, timing: Timing::Before }
    }

    /// This status with Roblox's usual v2 body, although the operation was done.
    pub fn status_after(status: u16) -> Self {
        Self::Status { status, body: ErrorBody::V2, retry_after_s: None, timing: Timing::After }
    }
}

/// What the faults have in store for one call.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) delay: Duration,
    pub(crate) held: Held,
    pub(crate) effect: Option<FaultEffect>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Held {
    #[default]
    No,
    UntilCleared,
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    seen: u32,
}

#[derive(Debug, Default)]
pub(crate) struct FaultBook {
    armed: Vec<Armed>,
}

impl FaultBook {
    pub(crate) fn inject(&mut self, fault: Fault) {
        self.armed.push(Armed { fault, seen: 0 });
    }

    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.armed.iter().map(|armed| armed.fault.clone()).collect()
    }

    /// Counts the call against every fault that fits it, and uses up those that befall it.
    pub(crate) fn plan(&mut self, call: &Call) -> Plan {
        let mut plan = Plan::default();
        for armed in &mut self.armed {
            if !armed.fault.on.fits(call) {
                continue;
            }
            armed.seen = armed.seen.saturating_add(1);
            let spent = armed.fault.times == Some(0);
            if spent || armed.seen < armed.fault.on.nth.unwrap_or(1) {
                continue;
            }
            match &armed.fault.effect {
                FaultEffect::Delay(delay) => plan.delay += *delay,
                FaultEffect::Hold => plan.held = Held::UntilCleared,
                FaultEffect::NoEffect if !call.endpoint.is_write() => continue,
                effect @ (FaultEffect::Status { .. }
                | FaultEffect::Drop(_)
                | FaultEffect::BrokenBody
                | FaultEffect::NoEffect
                | FaultEffect::Hang(_)) => {
                    if plan.effect.is_some() {
                        continue;
                    }
                    plan.effect = Some(effect.clone());
                }
            }
            armed.fault.times = armed.fault.times.map(|times| times.saturating_sub(1));
        }
        self.armed.retain(|armed| armed.fault.times != Some(0));
        plan
    }
}
