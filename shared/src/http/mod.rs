//! RankBot over HTTP: routes, extraction, responses, errors. The only place that knows `lambda_http`.

mod answer;
mod body;
mod credential;
mod endpoint;
mod error_code;
mod event;
mod faults;
mod fields;
mod log_answer;
mod log_query;
mod near_names;
#[cfg(feature = "openapi")]
pub mod openapi;
mod problem;
mod rank_change_body;
pub mod routes;
mod undo_body;

use std::convert::Infallible;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_secretsmanager::Client as SecretsClient;
use lambda_http::request::LambdaRequest;
use lambda_http::tower::ServiceBuilder;
use lambda_http::{Adapter, LambdaEvent, Request, Service, service_fn};
use serde::Serialize;

pub use self::error_code::{ErrorCode, Retryable};
use crate::adapters::bots::Bots;
use crate::adapters::dynamodb::Table;
use crate::adapters::http_client::HttpClient;
use crate::adapters::roblox::OpenCloud;
use crate::app::ports::StoreError;
use crate::app::recover::Swept;
use crate::app::{App, Clock};
use crate::config::{BotSource, Config};
use crate::domain::group_settings::BotName;
pub use crate::function::Function;
use crate::metrics::Metrics;

/// RankBot with its real adapters: made once, before the first request, and shared by all of them.
#[derive(Debug, Clone)]
pub struct Api {
    table: Table,
    app: Arc<App<Table, OpenCloud>>,
    /// For the log: whose deployment this is.
    stage: Option<Arc<str>>,
    metrics: Metrics,
}

impl Api {
    /// Puts the parts together; calls nothing.
    pub fn new(config: &Config, http: HttpClient, dynamodb: Client, secrets: Option<SecretsClient>) -> Self {
        Self::with_clock(config, http, dynamodb, secrets, Clock::system())
    }

    /// The same, by another clock: a test need not wait for a lease to end.
    pub fn with_clock(
        config: &Config,
        http: HttpClient,
        dynamodb: Client,
        secrets: Option<SecretsClient>,
        clock: Clock,
    ) -> Self {
        let table = Table::new(dynamodb, &config.table_name);
        let bots = match (&config.bots, secrets) {
            (BotSource::Key(key), _) => Bots::fixed([(BotName::default(), key.clone())].into()),
            (BotSource::Keys(keys), _) => Bots::fixed(keys.clone()),
            (BotSource::SecretsManager { arn }, Some(client)) => Bots::in_secrets_manager(client, arn.clone()),
            (BotSource::SecretsManager { .. }, None) | (BotSource::None, _) => Bots::none(),
        };
        let roblox = OpenCloud::new(http, &config.roblox_base_url, bots);
        let app = Arc::new(App::new(table.clone(), roblox, clock));
        Self { table, app, stage: config.stage.as_deref().map(Arc::from), metrics: Metrics::off() }
    }

    /// Looks after changes that were left half-done. Run it every minute.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        let (swept, calls) = self.metrics.watch(self.app.sweep()).await;
        swept.inspect(|swept| self.metrics.sweep(*swept, self.app.now(), calls))
    }

    /// The same, with what it does counted there.
    #[must_use]
    pub fn with_metrics(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// The table, for warming up.
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// The bots, for warming up.
    pub fn bots(&self) -> &Bots {
        self.app.roblox().bots()
    }

    /// One function as a service that turns Lambda's events into Lambda's responses.
    pub fn service(
        &self,
        function: Function,
    ) -> impl Service<LambdaEvent<LambdaRequest>, Response = impl Serialize + Send, Error = Infallible, Future: Send>
    + Clone
    + Send {
        let api = self.clone();
        let handler = service_fn(move |request: Request| {
            let api = api.clone();
            async move { Ok::<_, Infallible>(api.handle(function, request).await) }
        });
        ServiceBuilder::new().map_request(event::tame).service(Adapter::from(handler))
    }
}
