//! How the cost of a request grows with what has gathered: months of history, keys, roles, log entries.
//!
//! [`probe`] makes a world of one size and asks it; the bench compares a small one with a large one, and
//! `tests/growth.rs` holds what may not grow.

mod fill;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use reqwest::Method;
use serde_json::Value;

use crate::bed::{Bed, GROUP, USER, set_rank};
use crate::median::median;
use crate::report::{Cell, Section};

/// What gathers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gathered {
    /// Months in which the key was used.
    Months,
    /// Keys in the table.
    Keys,
    /// Roles of the group.
    Roles,
    /// Entries of the group's log, 40 of them the member's.
    LogEntries,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// The key.
    Key,
    /// A rank is read.
    GetRank,
    /// A rank is changed.
    SetRank,
    /// The group's roles.
    Roles,
    /// The log's first page.
    Logs,
    /// The member's entries in it.
    LogsOfMember,
}

/// What one request to a route took: medians.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// What was asked.
    pub route: Route,
    /// Calls to DynamoDB.
    pub store_calls: usize,
    /// The bodies of these calls and of their answers, in bytes.
    pub store_bytes: u64,
    /// Requests to Roblox.
    pub roblox_calls: usize,
    /// From the request until its answer was read, over HTTP.
    pub latency: Duration,
}

impl Gathered {
    const ALL: [Self; 4] = [Self::Months, Self::Keys, Self::Roles, Self::LogEntries];

    const fn name(self) -> &'static str {
        match self {
            Self::Months => "months of history",
            Self::Keys => "keys in the table",
            Self::Roles => "roles of the group",
            Self::LogEntries => "entries of the log",
        }
    }

    /// The sizes that the bench compares.
    const fn sizes(self) -> [u32; 2] {
        match self {
            Self::Months => [1, 60],
            Self::Keys => [10, 10_000],
            Self::Roles => [10, 200],
            Self::LogEntries => [100, 100_000],
        }
    }

    /// The routes that it could concern.
    const fn routes(self) -> &'static [Route] {
        match self {
            Self::Months => &[Route::Key, Route::GetRank, Route::SetRank],
            Self::Keys => &[Route::GetRank, Route::SetRank],
            Self::Roles => &[Route::GetRank, Route::SetRank, Route::Roles],
            Self::LogEntries => &[Route::SetRank, Route::Logs, Route::LogsOfMember],
        }
    }
}

impl Route {
    const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::GetRank => "get-rank",
            Self::SetRank => "set-rank",
            Self::Roles => "roles",
            Self::Logs => "logs",
            Self::LogsOfMember => "logs of a member",
        }
    }

    /// The nth request: method, path, body. Every set-rank is a change.
    fn request(self, n: u32) -> (Method, String, Option<Value>) {
        let get = |path: String| (Method::GET, path, None);
        match self {
            Self::Key => get("/v1/key".to_owned()),
            Self::GetRank => get(format!("/v1/rank/{GROUP}/{USER}")),
            Self::Roles => get(format!("/v1/group/{GROUP}/roles")),
            Self::Logs => get("/v1/logs".to_owned()),
            Self::LogsOfMember => get(format!("/v1/logs?userId={USER}")),
            Self::SetRank => {
                let rank = if n.is_multiple_of(2) { fill::LOWER_RANK } else { fill::UPPER_RANK };
                (Method::POST, "/v1/setRank".to_owned(), Some(set_rank(rank)))
            }
        }
    }
}

/// Makes a world in which so much has gathered, and asks each route that it could concern `requests` times.
pub async fn probe(gathered: Gathered, size: u32, requests: u32) -> anyhow::Result<Vec<Figure>> {
    let mut bed = Bed::start().await?;
    fill::fill(&mut bed, gathered, size).await?;
    let mut figures = Vec::new();
    for route in gathered.routes() {
        figures.push(figure(&bed, *route, requests).await.with_context(|| route.name())?);
    }
    Ok(figures)
}

async fn figure(bed: &Bed, route: Route, requests: u32) -> anyhow::Result<Figure> {
    let (mut store_calls, mut store_bytes) = (Vec::new(), Vec::new());
    let (mut roblox_calls, mut latencies) = (Vec::new(), Vec::new());
    // What the first two do alone, such as reading the roles, is not what a request costs.
    for n in 0..requests + 2 {
        bed.forget();
        let (method, path, body) = route.request(n);
        let start = Instant::now();
        bed.ask(method, &path, body.as_ref()).await?;
        let latency = start.elapsed();
        if n < 2 {
            continue;
        }
        let calls = bed.recorder.calls();
        store_bytes.push(calls.iter().map(|call| call.request.len() as u64 + call.answer_bytes).sum());
        store_calls.push(calls.len());
        roblox_calls.push(bed.roblox().calls().len());
        latencies.push(latency);
    }
    Ok(Figure {
        route,
        store_calls: median(store_calls)?,
        store_bytes: median(store_bytes)?,
        roblox_calls: median(roblox_calls)?,
        latency: median(latencies)?,
    })
}

/// A line for each route: the small world and the large one.
pub(crate) async fn section(requests: u32) -> anyhow::Result<Section> {
    let mut rows = Vec::new();
    for gathered in Gathered::ALL {
        let [small, large] = gathered.sizes();
        let few = probe(gathered, small, requests).await?;
        let many = probe(gathered, large, requests).await?;
        rows.extend(few.iter().zip(&many).map(|(few, many)| {
            let latency = |figure: &Figure| Cell::number(figure.latency.as_secs_f64() * 1000.0, 2);
            vec![
                Cell::text(few.route.name()),
                Cell::text(format!("{small} → {large} {}", gathered.name())),
                Cell::count(few.store_calls),
                Cell::count(many.store_calls),
                Cell::count(few.store_bytes),
                Cell::count(many.store_bytes),
                Cell::count(few.roblox_calls),
                Cell::count(many.roblox_calls),
                latency(few),
                latency(many),
            ]
        }));
    }
    Ok(Section {
        name: "growth",
        title: "What a request costs as things gather".to_owned(),
        notes: vec![
            format!("Medians of {requests} requests over HTTP, one at a time, at the smaller size and at the larger."),
            "Bytes: bodies of the calls to DynamoDB and of their answers.".to_owned(),
        ],
        columns: vec![
            "route",
            "from → to",
            "DynamoDB calls",
            "→ calls",
            "DynamoDB [bytes]",
            "→ [bytes]",
            "Roblox requests",
            "→ requests",
            "p50 [ms]",
            "→ [ms]",
        ],
        rows,
    })
}
