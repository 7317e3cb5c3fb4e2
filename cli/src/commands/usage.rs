//! `rankbot usage KEY_ID`

use std::collections::BTreeMap;

use jiff::Timestamp;
use rankbot_shared::adapters::dynamodb::Table;
use rankbot_shared::app::keys;
use rankbot_shared::domain::api_key::KeyId;
use rankbot_shared::domain::key_record::{KeyRecord, Quota};
use rankbot_shared::domain::month::Month;
use rankbot_shared::domain::plan::Plan;
use serde::Serialize;

use super::key_id;
use crate::failure::Failure;
use crate::output::{Format, columns, minute, or_unlimited};

/// The months that the store still has, oldest first, the present one always among them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageView<'a> {
    key_id: &'a KeyId,
    plan: Plan,
    /// This month's; what held in earlier months is not kept.
    limit: Option<u64>,
    remaining: Option<u64>,
    resets_at: Timestamp,
    months: Vec<MonthView>,
}

#[derive(Debug, Serialize)]
struct MonthView {
    month: Month,
    used: u64,
}

impl<'a> UsageView<'a> {
    fn new(record: &'a KeyRecord, now: Timestamp) -> Self {
        let this_month = Month::of(now);
        let quota: Quota = record.quota(this_month);
        let mut months: BTreeMap<Month, u64> = record.usage.clone();
        months.insert(this_month, quota.used);
        Self {
            key_id: &record.key_id,
            plan: record.plan,
            limit: quota.limit,
            remaining: quota.remaining(),
            resets_at: quota.resets_at,
            months: months.into_iter().map(|(month, used)| MonthView { month, used }).collect(),
        }
    }

    fn text(&self) -> String {
        let last = self.months.len().saturating_sub(1);
        let rows = self.months.iter().enumerate().map(|(index, month)| {
            let (limit, left) = if index == last {
                (or_unlimited(self.limit), or_unlimited(self.remaining))
            } else {
                (String::new(), String::new())
            };
            vec![month.month.to_string(), month.used.to_string(), limit, left]
        });
        let table = columns(&["month", "used", "limit", "left"], rows);
        format!(
            "Key {} on {}\n\n{table}\n\nThe count begins anew on {}.",
            self.key_id,
            self.plan,
            minute(self.resets_at)
        )
    }
}

/// Prints the counts.
pub(crate) async fn run(table: &Table, typed_id: &str, format: Format, now: Timestamp) -> Result<(), Failure> {
    let record = keys::show(table, &key_id(typed_id)?).await?;
    let view = UsageView::new(&record, now);
    Ok(format.print(&view, || view.text())?)
}
