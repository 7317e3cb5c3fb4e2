//! A key as the commands show it: everything but its secret.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rankbot_shared::domain::api_key::{ApiKey, KeyId};
use rankbot_shared::domain::id::{GroupId, Rank};
use rankbot_shared::domain::key_record::{KeyRecord, KeyStatus, Quota};
use rankbot_shared::domain::month::Month;
use rankbot_shared::domain::plan::Plan;
use serde::Serialize;

use crate::output::{minute, or_unlimited, pairs};

/// What a key is at a moment. Times are RFC 3339; `null` where there is no limit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyView<'a> {
    key_id: &'a KeyId,
    group_id: GroupId,
    plan: Plan,
    status: Status,
    limit: Option<u64>,
    used: u64,
    remaining: Option<u64>,
    resets_at: Timestamp,
    max_rank: Option<Rank>,
    allowed_ranks: Option<&'a BTreeSet<Rank>>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    /// Until when the secret before the last rotation still works, where it does.
    previous_secret_valid_until: Option<Timestamp>,
}

/// A key with its secret, the once that it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct NewKeyView<'a> {
    key: &'a str,
    #[serde(flatten)]
    view: KeyView<'a>,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Active,
    Expired,
    Revoked,
    Held,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Held => "held",
        }
    }
}

impl<'a> KeyView<'a> {
    pub(crate) fn new(record: &'a KeyRecord, now: Timestamp) -> Self {
        let quota: Quota = record.quota(Month::of(now));
        let status = match record.status {
            KeyStatus::Revoked => Status::Revoked,
            KeyStatus::Held => Status::Held,
            KeyStatus::Active if record.expires_at.is_some_and(|at| at <= now) => Status::Expired,
            KeyStatus::Active => Status::Active,
        };
        let previous = record.previous_secret.map(|previous| previous.valid_until);
        Self {
            key_id: &record.key_id,
            group_id: record.group,
            plan: record.plan,
            status,
            limit: quota.limit,
            used: quota.used,
            remaining: quota.remaining(),
            resets_at: quota.resets_at,
            max_rank: record.limits.max_rank,
            allowed_ranks: record.limits.allowed_ranks.as_ref(),
            created_at: record.created_at,
            expires_at: record.expires_at,
            previous_secret_valid_until: previous.filter(|until| *until > now),
        }
    }

    /// The names of [`Self::row`]'s columns.
    pub(crate) const HEADER: [&'static str; 7] = ["key", "group", "plan", "status", "used", "limit", "created"];

    /// One line of a list.
    pub(crate) fn row(&self) -> Vec<String> {
        vec![
            self.key_id.to_string(),
            self.group_id.to_string(),
            self.plan.to_string(),
            self.status.as_str().to_owned(),
            self.used.to_string(),
            or_unlimited(self.limit),
            minute(self.created_at),
        ]
    }

    /// Everything, one thing to a line; what is not set is left out.
    pub(crate) fn details(&self) -> String {
        let used = match (self.limit, self.remaining) {
            (Some(limit), Some(remaining)) => format!("{} of {limit} this month, {remaining} left", self.used),
            _ => format!("{} this month, unlimited", self.used),
        };
        let mut rows = vec![
            ("Key id", self.key_id.to_string()),
            ("Group", self.group_id.to_string()),
            ("Plan", self.plan.to_string()),
            ("Status", self.status.as_str().to_owned()),
            ("Used", used),
            ("Resets", minute(self.resets_at)),
            ("Created", minute(self.created_at)),
        ];
        rows.extend(self.expires_at.map(|at| ("Expires", minute(at))));
        rows.extend(self.max_rank.map(|rank| ("Highest rank", rank.to_string())));
        rows.extend(self.allowed_ranks.map(|ranks| ("Allowed ranks", listed(ranks))));
        rows.extend(self.previous_secret_valid_until.map(|at| ("Old secret", format!("works until {}", minute(at)))));
        pairs(&rows)
    }
}

impl<'a> NewKeyView<'a> {
    pub(crate) fn new(key: &'a ApiKey, record: &'a KeyRecord, now: Timestamp) -> Self {
        Self { key: key.reveal(), view: KeyView::new(record, now) }
    }

    /// The key first, as it will not be seen again.
    pub(crate) fn details(&self) -> String {
        format!("{}\n\nKeep it now: it is not shown again.\n\n{}", self.key, self.view.details())
    }
}

fn listed(ranks: &BTreeSet<Rank>) -> String {
    ranks.iter().map(Rank::to_string).collect::<Vec<_>>().join(", ")
}
