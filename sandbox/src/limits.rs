//! Requests per minute, per endpoint, over all keys of one owner.

use std::collections::HashMap;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::endpoint::Endpoint;
use crate::millis;

/// Whether the sandbox limits requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RateLimits {
    /// No limits and no limit headers.
    #[default]
    Off,
    /// Roblox's own figures ([`Limits::ROBLOX`]).
    PerMinute,
    /// Others.
    Custom(Limits),
}

impl RateLimits {
    fn limits(self) -> Option<Limits> {
        match self {
            Self::Off => None,
            Self::PerMinute => Some(Limits::ROBLOX),
            Self::Custom(limits) => Some(limits),
        }
    }
}

/// How many requests one key owner may make within a window, by endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// The window's length.
    #[serde(rename = "windowMs", with = "millis")]
    pub window: Duration,
    /// For [`Endpoint::GetGroup`].
    pub get_group: u32,
    /// For [`Endpoint::ListRoles`], and for [`Endpoint::GetRole`] by itself.
    pub list_roles: u32,
    /// For [`Endpoint::ListMemberships`].
    pub list_memberships: u32,
    /// For [`Endpoint::AssignRole`].
    pub assign_role: u32,
    /// For [`Endpoint::UnassignRole`].
    pub unassign_role: u32,
}

impl Limits {
    /// What Roblox's OpenAPI document says of key owners (August 2026).
    pub const ROBLOX: Self = Self {
        window: Duration::from_mins(1),
        get_group: 150,
        list_roles: 300,
        list_memberships: 300,
        assign_role: 300,
        unassign_role: 300,
    };

    fn of(&self, endpoint: Endpoint) -> u32 {
        match endpoint {
            Endpoint::GetGroup => self.get_group,
            Endpoint::ListRoles | Endpoint::GetRole => self.list_roles,
            Endpoint::ListMemberships => self.list_memberships,
            Endpoint::AssignRole | Endpoint::UpdateMembership => self.assign_role,
            Endpoint::UnassignRole => self.unassign_role,
            Endpoint::Other => u32::MAX,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::ROBLOX
    }
}

/// Counts requests in fixed windows, each beginning with its first request (the kind of window is assumed).
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    pub(crate) rules: RateLimits,
    windows: HashMap<(u64, Endpoint), (Instant, u32)>,
}

/// What a request was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant {
    limit: u32,
    window_s: u64,
    remaining: u32,
    reset_s: u64,
    pub(crate) verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Admitted,
    Exceeded,
}

impl Limiter {
    pub(crate) fn new(rules: RateLimits) -> Self {
        Self { rules, windows: HashMap::new() }
    }

    /// Counts one request of `owner`; `None` where nothing is limited.
    pub(crate) fn take(&mut self, owner: u64, endpoint: Endpoint, now: Instant) -> Option<Grant> {
        let limits = self.rules.limits()?;
        let limit = limits.of(endpoint);
        let window = self.windows.entry((owner, endpoint)).or_insert((now, 0));
        if now.duration_since(window.0) >= limits.window {
            *window = (now, 0);
        }
        let verdict = if window.1 < limit { Verdict::Admitted } else { Verdict::Exceeded };
        window.1 = window.1.saturating_add(1);
        let left = limits.window.saturating_sub(now.duration_since(window.0));
        Some(Grant {
            limit,
            window_s: limits.window.as_secs().max(1),
            remaining: limit.saturating_sub(window.1),
            // Rounded up: a client that waits this long must not come too early.
            reset_s: u64::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u64::MAX),
            verdict,
        })
    }
}

impl Grant {
    pub(crate) fn write_headers(&self, headers: &mut HeaderMap) {
        let limit = format!("{0}, {0};w={1}", self.limit, self.window_s);
        if let Ok(limit) = HeaderValue::from_str(&limit) {
            headers.insert("x-ratelimit-limit", limit);
        }
        headers.insert("x-ratelimit-remaining", HeaderValue::from(self.remaining));
        headers.insert("x-ratelimit-reset", HeaderValue::from(self.reset_s));
        if self.verdict == Verdict::Exceeded {
            headers.insert("retry-after", HeaderValue::from(self.reset_s));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_and_owners_are_counted_apart_and_the_window_ends() {
        let limits = Limits { assign_role: 1, ..Limits::ROBLOX };
        let mut limiter = Limiter::new(RateLimits::Custom(limits));
        let start = Instant::now();
        let mut take = |owner, endpoint, at| limiter.take(owner, endpoint, start + at).unwrap().verdict;
        assert_eq!(take(1, Endpoint::AssignRole, Duration::ZERO), Verdict::Admitted);
        assert_eq!(take(1, Endpoint::AssignRole, Duration::from_secs(59)), Verdict::Exceeded);
        assert_eq!(take(2, Endpoint::AssignRole, Duration::from_secs(59)), Verdict::Admitted);
        assert_eq!(take(1, Endpoint::UnassignRole, Duration::from_secs(59)), Verdict::Admitted);
        assert_eq!(take(1, Endpoint::AssignRole, Duration::from_mins(1)), Verdict::Admitted);
    }
}
