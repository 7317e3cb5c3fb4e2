//! What a client needs to know to reach a store off AWS.

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Region};

use crate::access::AccessKey;

/// How to reach one DynamoDB endpoint off AWS: where it is, and with which credentials.
///
/// No such store verifies signatures, but the SDK signs every request, so it needs a region and a secret all the same:
/// these are the same for all. The embedded store lets in those alone who know its access key; DynamoDB Local lets in
/// everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    endpoint: String,
    access_key: Option<AccessKey>,
}

impl Connection {
    /// The region clients sign for.
    pub const REGION: &'static str = "us-east-1";
    /// Where no key is asked for. Letters and digits only: later versions of DynamoDB Local refuse anything else.
    const ANY_ACCESS_KEY_ID: &'static str = "local";
    /// Not a secret: no store off AWS checks it.
    const SECRET_ACCESS_KEY: &'static str = "local";

    /// A connection to a store that lets everybody in, at an address such as `http://127.0.0.1:8000`.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), access_key: None }
    }

    /// A connection to a store that asks for this key.
    pub(crate) const fn guarded(endpoint: String, key: AccessKey) -> Self {
        Self { endpoint, access_key: Some(key) }
    }

    /// The same store with the same credentials, reached at another address: through a proxy.
    #[must_use]
    pub fn by_way_of(&self, endpoint: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), access_key: self.access_key.clone() }
    }

    /// The address, without a trailing slash. It is no secret.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The address for those whose credentials are not theirs to choose: it lets them in by itself, so it is as secret
    /// as credentials are. `sam local` hands its functions the credentials of whoever runs it.
    pub fn endpoint_with_key(&self) -> String {
        match &self.access_key {
            Some(key) => format!("{}/{}", self.endpoint, key.reveal()),
            None => self.endpoint.clone(),
        }
    }

    /// The standard AWS variables that lead another process, or code that reads its configuration from the
    /// environment, to this store.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL_DYNAMODB", self.endpoint.clone()),
            ("AWS_REGION", Self::REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", self.access_key_id().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", Self::SECRET_ACCESS_KEY.to_owned()),
        ]
    }

    fn access_key_id(&self) -> &str {
        self.access_key.as_ref().map_or(Self::ANY_ACCESS_KEY_ID, AccessKey::reveal)
    }

    /// The SDK's configuration for this store, for a caller that wants to add to it (timeouts, retries).
    pub fn config(&self) -> Builder {
        let credentials =
            Credentials::new(self.access_key_id(), Self::SECRET_ACCESS_KEY, None, None, "rankbot local store");
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
