//! The plans that RankBot sells, and what each allows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A plan; every API key belongs to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
pub enum Plan {
    /// 100 requests a month, no demote.
    Starter,
    /// 5,000 requests a month.
    Pro,
    /// Unlimited, on a deployment of its own.
    Max,
}

/// A text that names no plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a plan is starter, pro or max")]
pub struct UnknownPlan;

impl Plan {
    /// Every plan, smallest first.
    pub const ALL: [Self; 3] = [Self::Starter, Self::Pro, Self::Max];

    /// The plan's name as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starter => "starter",
            Self::Pro => "pro",
            Self::Max => "max",
        }
    }

    /// Requests that a key may make in a calendar month (UTC); `None` is unlimited.
    pub const fn monthly_limit(self) -> Option<u64> {
        match self {
            Self::Starter => Some(100),
            Self::Pro => Some(5_000),
            Self::Max => None,
        }
    }

    /// Refusals after admission that are given back in a calendar month; `None` is all of them. Each may have read from
    /// Roblox, whose limits all customers of a bot share: without an end to it, a key could spend them for nothing.
    pub const fn monthly_refusals(self) -> Option<u64> {
        match self.monthly_limit() {
            Some(limit) => Some(20 + limit / 10),
            None => None,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Plan {
    type Err = UnknownPlan;

    fn from_str(text: &str) -> Result<Self, UnknownPlan> {
        Self::ALL.into_iter().find(|plan| plan.as_str() == text).ok_or(UnknownPlan)
    }
}
