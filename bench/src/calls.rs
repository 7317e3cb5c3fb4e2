//! Calls and requests by route, as the tests of `cli/tests/api/costs.rs` counted them.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use crate::report::{Cell, Section};

/// A line of the file that the tests write.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cost {
    request: String,
    round_trips_before_roblox: usize,
    round_trips_after: usize,
    store_calls: usize,
    roblox_calls: usize,
}

pub(crate) fn section(costs: &Path) -> anyhow::Result<Section> {
    let text = fs::read_to_string(costs).with_context(|| format!("could not read {}", costs.display()))?;
    let costs: Vec<Cost> = serde_json::from_str(&text).context("the tests' counts are not as expected")?;
    let rows = costs.into_iter().map(|cost| {
        vec![
            Cell::text(cost.request),
            Cell::count(cost.round_trips_before_roblox),
            Cell::count(cost.round_trips_after),
            Cell::count(cost.store_calls),
            Cell::count(cost.roblox_calls),
        ]
    });
    Ok(Section {
        name: "calls",
        title: "Calls of one request, warm".to_owned(),
        notes: vec![
            "Counted by the tests, which fail when one of them changes (cli/tests/api/costs.rs).".to_owned(),
            "Round trips: to DynamoDB one after another, before Roblox's part of the request and after it.".to_owned(),
        ],
        columns: vec!["request", "round trips before", "round trips after", "DynamoDB calls", "Roblox requests"],
        rows: rows.collect(),
    })
}
