//! The one HTTP client of a process: for Roblox, and through the AWS SDK's own port for AWS (docs/adr/0032).

use std::mem;
use std::time::Duration;

use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::{HttpClient as SdkHttpClient, RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use reqwest::Client;
use reqwest::redirect::Policy;

/// TLS could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("no HTTPS client can be made")]
pub struct NoHttpClient(#[source] reqwest::Error);

/// An HTTP client with its connections, which are kept open between requests. Clones share them.
#[derive(Debug, Clone)]
pub struct HttpClient(Client);

impl HttpClient {
    /// Reads the system's root certificates; calls nothing.
    ///
    /// Redirects are not followed: they would carry a credential to whoever is named. No time limit but the one on
    /// connecting: callers know how long they can wait.
    pub fn new() -> Result<Self, NoHttpClient> {
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(1))
            .pool_idle_timeout(Duration::from_secs(30))
            .redirect(Policy::none())
            .user_agent(concat!("RankBot/", env!("CARGO_PKG_VERSION")))
            .build();
        client.map(Self).map_err(NoHttpClient)
    }

    /// For calls that are ours.
    pub(super) const fn inner(&self) -> &Client {
        &self.0
    }

    /// For the AWS SDK's clients.
    pub fn for_aws(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }
}

impl SdkHttpClient for HttpClient {
    /// The SDK's own time limits, per attempt and per operation, hold around every call.
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for HttpClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move { exchange(&client, request).await })
    }
}

async fn exchange(client: &Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (parts, body) = request.into_parts();
    // The operations that RankBot uses have bodies in memory; a stream would have none to show.
    let body = body.bytes().ok_or_else(|| ConnectorError::user("a streaming body is not supported".into()))?.to_vec();
    let request = reqwest::Request::try_from(http::Request::from_parts(parts, body))
        .map_err(|error| ConnectorError::user(error.into()))?;
    let mut response = client.execute(request).await.map_err(failed)?;
    let (status, headers) = (response.status(), mem::take(response.headers_mut()));
    // Read as a whole: under the attempt's time limit, and small (DynamoDB's answers end at 16 MB).
    let body = response.bytes().await.map_err(failed)?;
    let mut answer = http::Response::new(SdkBody::from(body));
    (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

/// In the terms by which the SDK decides whether to try again: it does after a time-out and after a broken connection.
fn failed(error: reqwest::Error) -> ConnectorError {
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_builder() {
        ConnectorError::user(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}
