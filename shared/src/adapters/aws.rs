//! The AWS SDK's settings inside a function: from the standard variables that Lambda sets, and nothing else.
//!
//! The SDK's own loader looks for profiles, single sign-on, web identities and instance metadata, too. None of that
//! exists in Lambda, and each cold start would pay for its code (docs/adr/0032).

use std::env;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;

use super::dynamodb::patience;
use super::http_client::HttpClient;

/// The settings of one process.
#[derive(Debug)]
pub struct Aws {
    sdk: SdkConfig,
    dynamodb_endpoint: Option<String>,
    secrets_manager_endpoint: Option<String>,
}

impl Aws {
    /// Reads the environment: region, credentials, and where a service is to be found if not at AWS.
    pub fn from_env(http: &HttpClient) -> Self {
        Self::read(http, |name| env::var(name).ok())
    }

    fn read(http: &HttpClient, variable: impl Fn(&str) -> Option<String>) -> Self {
        // `sam local` sets every variable that the template names, blank where nobody gave it a value.
        let variable = |name| variable(name).filter(|value| !value.trim().is_empty());
        let is_on = |name| variable(name).map(|value| value.eq_ignore_ascii_case("true"));
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let mut sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region.map(Region::new))
            .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
            .http_client(http.for_aws());
        sdk.set_endpoint_url(variable("AWS_ENDPOINT_URL"))
            .set_use_fips(is_on("AWS_USE_FIPS_ENDPOINT"))
            .set_use_dual_stack(is_on("AWS_USE_DUALSTACK_ENDPOINT"));
        Self {
            sdk: sdk.build(),
            dynamodb_endpoint: variable("AWS_ENDPOINT_URL_DYNAMODB"),
            secrets_manager_endpoint: variable("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
        }
    }

    /// A client of DynamoDB, as patient as [`patience`] says.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = patience(aws_sdk_dynamodb::config::Builder::from(&self.sdk));
        if self.dynamodb_endpoint.is_some() {
            config.set_endpoint_url(self.dynamodb_endpoint.clone());
        }
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// A client of Secrets Manager.
    pub fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        let mut config = aws_sdk_secretsmanager::config::Builder::from(&self.sdk);
        if self.secrets_manager_endpoint.is_some() {
            config.set_endpoint_url(self.secrets_manager_endpoint.clone());
        }
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }
}
