//! A load generator: so many clients, each sending its next request when it has the answer to the one before.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::future::try_join_all;
use hdrhistogram::Histogram;
use reqwest::{Client, Request};

/// The longest time that a histogram can hold, in microseconds.
const LONGEST_US: u64 = 60_000_000;
/// Times are kept to three digits.
const DIGITS: u8 = 3;

/// How long a run takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// Before anything counts.
    pub(crate) warm_up: Duration,
    /// In which requests count that begin in it.
    pub(crate) measured: Duration,
}

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// Successes, by how long they took in microseconds.
    times_us: Histogram<u64>,
    errors: u64,
    took: Duration,
}

impl Load {
    /// Runs `clients` at once. `request` makes the nth request of a client, which must be answered 200.
    pub(crate) async fn run(
        clients: u32,
        span: Span,
        request: impl Fn(u32, u64) -> anyhow::Result<Request>,
    ) -> anyhow::Result<Self> {
        // Connections stay open, one for each client, as a game server keeps its own.
        let http = Client::builder().no_proxy().tcp_nodelay(true).build()?;
        let begin = Instant::now() + span.warm_up;
        let end = begin + span.measured;
        let request = &request;
        let runs = (0..clients).map(|client| one_client(&http, begin, end, move |n| request(client, n)));
        let runs = try_join_all(runs).await?;
        let mut load = Self { times_us: histogram()?, errors: 0, took: begin.elapsed() };
        for (times_us, errors) in runs {
            load.times_us.add(times_us).context("histograms of one kind can be added")?;
            load.errors += errors;
        }
        Ok(load)
    }

    /// Successes in a second.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
    pub(crate) fn per_second(&self) -> f64 {
        self.times_us.len() as f64 / self.took.as_secs_f64()
    }

    /// The time, in milliseconds, within which this share of the successes was answered.
    #[expect(clippy::cast_precision_loss, reason = "far less than 2^52 microseconds")]
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        self.times_us.value_at_quantile(share) as f64 / 1000.0
    }

    /// What was answered otherwise than 200, or not at all.
    pub(crate) const fn errors(&self) -> u64 {
        self.errors
    }
}

async fn one_client(
    http: &Client,
    begin: Instant,
    end: Instant,
    request: impl Fn(u64) -> anyhow::Result<Request>,
) -> anyhow::Result<(Histogram<u64>, u64)> {
    let (mut times_us, mut errors) = (histogram()?, 0);
    for n in 0.. {
        let request = request(n)?;
        let start = Instant::now();
        if start >= end {
            break;
        }
        let succeeded = answered(http, request).await;
        if start < begin {
            continue;
        }
        if succeeded {
            times_us.saturating_record(u64::try_from(start.elapsed().as_micros()).unwrap_or(LONGEST_US));
        } else {
            errors += 1;
        }
    }
    Ok((times_us, errors))
}

/// Whether it was answered 200, to the last byte: only then can the connection be used again.
async fn answered(http: &Client, request: Request) -> bool {
    match http.execute(request).await {
        Ok(response) => response.status() == 200 && response.bytes().await.is_ok(),
        Err(_) => false,
    }
}

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Histogram::new_with_max(LONGEST_US, DIGITS).context("no histogram can be made")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::Router;
    use axum::http::StatusCode;
    use reqwest::{Method, Url};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn every_request_is_a_success_or_an_error_and_clients_run_at_once() {
        let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let highest = Arc::clone(&most);
        let served = Router::new().fallback(move |method: axum::http::Method| async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            if method == axum::http::Method::GET { StatusCode::OK } else { StatusCode::CONFLICT }
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, served).await });
        let span = Span { warm_up: Duration::from_millis(20), measured: Duration::from_secs(2) };
        let method = |client| if client == 0 { Method::PUT } else { Method::GET };
        let load = Load::run(3, span, |client, _| Ok(Request::new(method(client), url.clone()))).await.unwrap();
        assert!(load.errors() > 0 && load.per_second() > 0.0);
        assert!(load.quantile_ms(0.5) >= 5.0 && load.quantile_ms(0.99) >= load.quantile_ms(0.5));
        assert_eq!(highest.load(Ordering::SeqCst), 3);
    }
}
