//! `rankbot local` under load: a process of its own, asked over HTTP.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use rankbot_sandbox::demo::role;
use reqwest::header::AUTHORIZATION;
use reqwest::{Client, Method, Request};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::load::{Load, Span};
use crate::report::{Cell, Section};

const CLIENTS: [u32; 4] = [1, 4, 16, 64];
/// How slow Roblox is, in milliseconds for each of its answers.
const DELAYS_MS: [u64; 2] = [0, 20];
/// The clients' members: each has one of its own, so that no change meets another.
const FIRST_MEMBER: u64 = 600_000;
/// Where the members are sent in turn.
const RANKS: [u8; 2] = [20, 35];

#[derive(Debug, Clone, Copy)]
enum Route {
    GetRank,
    SetRank,
}

impl Route {
    const ALL: [Self; 2] = [Self::GetRank, Self::SetRank];

    const fn name(self) -> &'static str {
        match self {
            Self::GetRank => "get-rank",
            Self::SetRank => "set-rank",
        }
    }
}

/// What `rankbot local --json` says when it is ready.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ready {
    url: String,
    keys: Keys,
    group_id: u64,
    sandbox_url: String,
}

#[derive(Debug, Deserialize)]
struct Keys {
    max: String,
}

/// A running `rankbot local`, which ends with this value.
struct RankBot {
    _process: Child,
    ready: Ready,
    http: Client,
}

pub(crate) async fn section(rankbot: &Path, span: Span) -> anyhow::Result<Section> {
    let running = RankBot::start(rankbot).await?;
    let mut rows = Vec::new();
    for delay_ms in DELAYS_MS {
        running.control("/sandbox/delay", &json!({"delayMs": delay_ms})).await?;
        for route in Route::ALL {
            for clients in CLIENTS {
                rows.push(running.row(route, clients, delay_ms, span).await?);
            }
        }
    }
    Ok(Section {
        name: "throughput",
        title: "rankbot local, under load".to_owned(),
        notes: vec![
            "One process with store and sandbox, on the cores that it shares with the clients.".to_owned(),
            format!("Each client sends its next request when it has its answer; {} s a line.", span.measured.as_secs()),
        ],
        columns: vec!["route", "Roblox takes [ms]", "clients", "requests/s", "p50 [ms]", "p99 [ms]", "errors"],
        rows,
    })
}

impl RankBot {
    async fn start(program: &Path) -> anyhow::Result<Self> {
        let mut process = Command::new(program)
            .args(["local", "--json", "--ephemeral", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // A line a request, which nobody reads here.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("could not start {}", program.display()))?;
        let mut line = String::new();
        let stdout = process.stdout.take().context("rankbot local has no output")?;
        BufReader::new(stdout).read_line(&mut line).await?;
        let ready = serde_json::from_str(&line).context("rankbot local did not start")?;
        Ok(Self { _process: process, ready, http: Client::builder().no_proxy().build()? })
    }

    async fn row(&self, route: Route, clients: u32, delay_ms: u64, span: Span) -> anyhow::Result<Vec<Cell>> {
        for client in 0..clients {
            let path = format!("/sandbox/groups/{}/members/{}", self.ready.group_id, member(client));
            self.control(&path, &json!({"roles": [role::TRAINEE]})).await?;
        }
        let load = Load::run(clients, span, |client, n| self.request(route, client, n)).await?;
        Ok(vec![
            Cell::text(route.name()),
            Cell::count(delay_ms),
            Cell::count(clients),
            Cell::number(load.per_second(), 0),
            Cell::number(load.quantile_ms(0.5), 2),
            Cell::number(load.quantile_ms(0.99), 2),
            Cell::count(load.errors()),
        ])
    }

    /// Each request of a client does something: the rank it asks for is not the one before.
    fn request(&self, route: Route, client: u32, n: u64) -> anyhow::Result<Request> {
        let Ready { url, keys, group_id, .. } = &self.ready;
        let user = member(client);
        let request = match route {
            Route::GetRank => self.http.get(format!("{url}/v1/rank/{group_id}/{user}")),
            Route::SetRank => {
                let [even, odd] = RANKS;
                let rank = if n.is_multiple_of(2) { even } else { odd };
                let body = json!({"groupId": group_id, "userId": user, "action": "setRank", "targetRank": rank});
                self.http.post(format!("{url}/v1/setRank")).json(&body)
            }
        };
        Ok(request.header(AUTHORIZATION, &keys.max).build()?)
    }

    async fn control(&self, path: &str, body: &Value) -> anyhow::Result<()> {
        let url = format!("{}{path}", self.ready.sandbox_url);
        let status = self.http.request(Method::PUT, url).json(body).send().await?.status();
        ensure!(status.is_success(), "the sandbox answered {status} to {path}");
        Ok(())
    }
}

fn member(client: u32) -> u64 {
    FIRST_MEMBER + u64::from(client)
}
