//! What a client needs to know to reach a store off AWS.

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Region};

/// How to reach one DynamoDB endpoint off AWS.
///
/// Neither the embedded engine nor DynamoDB Local checks signatures, but the SDK signs every request, so it needs a
/// region and credentials all the same. They are constants here, so that every client of a store uses the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    endpoint: String,
}

impl Connection {
    /// The region clients sign for.
    pub const REGION: &'static str = "us-east-1";
    /// Letters and digits only: later versions of DynamoDB Local refuse anything else.
    pub const ACCESS_KEY_ID: &'static str = "local";
    /// Not a secret: no store off AWS checks it.
    pub const SECRET_ACCESS_KEY: &'static str = "local";

    /// A connection to `endpoint`, such as `http://127.0.0.1:8000`.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into() }
    }

    /// The address, without a trailing slash.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The standard AWS variables that lead another process, or code that reads its configuration from the
    /// environment, to this store.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL_DYNAMODB", self.endpoint.clone()),
            ("AWS_REGION", Self::REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", Self::ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", Self::SECRET_ACCESS_KEY.to_owned()),
        ]
    }

    /// The SDK's configuration for this store, for a caller that wants to add to it (timeouts, retries).
    pub fn config(&self) -> Builder {
        let credentials =
            Credentials::new(Self::ACCESS_KEY_ID, Self::SECRET_ACCESS_KEY, None, None, "rankbot local store");
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(Self::REGION))
            .credentials_provider(credentials)
            .endpoint_url(&self.endpoint)
    }

    /// A client with the SDK's defaults. Make one per runtime: its connections belong to the runtime that opened
    /// them, and fail once that runtime (a finished test's, say) is gone.
    pub fn client(&self) -> Client {
        Client::from_conf(self.config().build())
    }
}
