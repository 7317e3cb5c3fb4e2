//! Real HTTP for the host: requests run on their own threads, and their outcomes are collected in order of arrival.

use std::sync::mpsc;
use std::time::Duration;

use reqwest::header::HeaderMap;

/// A response header by which a test server says that its answer takes this many *virtual* seconds.
///
/// The request itself is real and has its effect; only the moment at which the script sees the answer is virtual. An
/// answer slower than the request's timeout is thrown as `HttpError: Timedout` at the timeout. Scripts never see the
/// header.
pub const VIRTUAL_DELAY: &str = "x-virtual-delay";

/// How response header names reach the script. Roblox has been seen to do both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderCase {
    /// `retry-after`, as HTTP/2 servers send them.
    #[default]
    Lower,
    /// `Retry-After`, as most HTTP/1.1 servers send them.
    Title,
}

/// One request as the script asked for it, Secrets already resolved.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: u64,
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<String>,
    /// Real time: the limit for servers that cannot say how slow they are.
    pub(crate) timeout: Duration,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: &'static str,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Virtual seconds until the script may see this; see [`VIRTUAL_DELAY`].
    pub(crate) delay: f64,
}

/// What `RequestAsync` throws, in the wording seen from Roblox; the names are those of its `Enum.HttpError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    Timeout,
    /// No connection came about: nothing was sent.
    Refused,
    /// The connection ended before the whole answer was there.
    Closed,
    Url,
}

impl Failure {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Timeout => "HttpError: Timedout",
            Self::Refused => "HttpError: ConnectFail",
            Self::Closed => "HttpError: ConnectionClosed",
            Self::Url => "HttpError: InvalidUrl",
        }
    }
}

/// The host's side of the network.
pub(crate) struct Network {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    header_case: HeaderCase,
    finished: mpsc::Sender<(u64, Result<Answer, Failure>)>,
    arrivals: mpsc::Receiver<(u64, Result<Answer, Failure>)>,
}

impl Network {
    pub(crate) fn new(header_case: HeaderCase) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        // No connection is used twice: a client may quietly send a request again on a kept connection that turned
        // out to be closed, and these tests count requests.
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build()?;
        let (finished, arrivals) = mpsc::channel();
        Ok(Self { runtime, client, header_case, finished, arrivals })
    }

    /// Sends `request`; its outcome will be among those that [`Network::wait`] returns.
    pub(crate) fn start(&self, request: Request) {
        let (client, header_case, finished) = (self.client.clone(), self.header_case, self.finished.clone());
        self.runtime.spawn(async move {
            let id = request.id;
            let outcome = exchange(&client, request, header_case).await;
            // The receiver is gone once the run has ended; nobody is left to be told.
            let _ = finished.send((id, outcome));
        });
    }

    /// Blocks until a request has ended. Call only while at least one is in flight.
    pub(crate) fn wait(&self) -> Result<(u64, Result<Answer, Failure>), mpsc::RecvError> {
        self.arrivals.recv()
    }
}

async fn exchange(client: &reqwest::Client, request: Request, header_case: HeaderCase) -> Result<Answer, Failure> {
    let method = reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|_| Failure::Url)?;
    let mut builder = client.request(method, &request.url).timeout(request.timeout);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    if let Some(body) = request.body {
        builder = builder.body(body);
    }
    let response = builder.send().await.map_err(|error| classify(&error))?;
    let (status, received) = (response.status(), response.headers().clone());
    let body = response.bytes().await.map_err(|error| classify(&error))?.to_vec();
    let delay = received.get(VIRTUAL_DELAY).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    Ok(Answer {
        status: status.as_u16(),
        reason: status.canonical_reason().unwrap_or_default(),
        headers: visible(&received, header_case),
        body,
        delay: delay.unwrap_or(0.0),
    })
}

fn classify(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        Failure::Timeout
    } else if error.is_builder() {
        Failure::Url
    } else if error.is_connect() {
        Failure::Refused
    } else {
        Failure::Closed
    }
}

fn visible(headers: &HeaderMap, header_case: HeaderCase) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| name.as_str() != VIRTUAL_DELAY)
        .map(|(name, value)| {
            let name = match header_case {
                HeaderCase::Lower => name.as_str().to_owned(),
                HeaderCase::Title => title(name.as_str()),
            };
            (name, String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}

fn title(name: &str) -> String {
    let capitalised = name.split('-').map(|part| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    });
    capitalised.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn header_names_are_capitalised_part_by_part() {
        assert_eq!(title("x-ratelimit-remaining"), "X-Ratelimit-Remaining");
        assert_eq!(title("etag"), "Etag");
    }
}
