//! The `group-info` Lambda function.

use lambda_http::Error;
use rankbot_shared::config::Config;
use rankbot_shared::function::Function;
use rankbot_shared::{lambda, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(Function::GroupInfo)?;
    let api = lambda::connect(&config)?;
    lambda::warm(&api).await;
    lambda::serve(Function::GroupInfo, api).await
}
