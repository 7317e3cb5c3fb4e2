//! Running one function on AWS Lambda: everything its `main` does.

use std::time::Duration;

use futures::future::join;
use lambda_http::{LambdaEvent, service_fn};
use serde::de::IgnoredAny;
use tokio::time::timeout;

use crate::adapters::aws::Aws;
use crate::adapters::http_client::{HttpClient, NoHttpClient};
use crate::app::recover::Swept;
use crate::config::{BotSource, Config};
use crate::domain::group_settings::BotName;
use crate::function::Function;
use crate::http::Api;
use crate::metrics::Metrics;

/// Lambda gives an environment 10 s to initialise; warming up is a favour to the first request and may not cost one.
const WARM_UP: Duration = Duration::from_secs(2);

/// Makes the function's one [`Api`] from the environment.
pub fn connect(config: &Config) -> Result<Api, NoHttpClient> {
    let http = HttpClient::new()?;
    let aws = Aws::from_env(&http);
    let secrets = match config.bots {
        BotSource::SecretsManager { .. } => Some(aws.secrets_manager()),
        BotSource::Key(_) | BotSource::Keys(_) | BotSource::None => None,
    };
    Ok(Api::new(config, http, aws.dynamodb(), secrets).with_metrics(Metrics::from_env()))
}

/// Opens the connection to DynamoDB and fetches the bot's credential, at once, while the environment initialises at
/// full speed. What fails here is tried again by the first request.
pub async fn warm(api: &Api) {
    let _ = timeout(WARM_UP, join(api.table().warm(), api.bots().key(&BotName::default()))).await;
}

/// Serves the sweep's invocations, one a minute from the schedule; the event says nothing that matters.
pub async fn serve_sweep(api: Api) -> Result<(), lambda_http::Error> {
    let sweep = service_fn(async |_: LambdaEvent<IgnoredAny>| {
        let Swept { found, recovered } = api.sweep().await?;
        tracing::info!(found, recovered, "sweep");
        Ok::<(), lambda_http::Error>(())
    });
    lambda_http::lambda_runtime::run(sweep).await
}

/// Serves API Gateway's invocations until the environment is shut down.
pub async fn serve(function: Function, api: Api) -> Result<(), lambda_http::Error> {
    lambda_http::lambda_runtime::run(api.service(function)).await
}
