//! Where a table is, and so what one without a tag is taken for.

use std::net::IpAddr;

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use axum::http::Uri;
use rankbot_shared::adapters::dynamodb::Safety;
use rankbot_shared::domain::plan::Plan;
use rankbot_shared::domain::tenancy::Tenancy;

use super::OpenTable;
use crate::failure::Failure;

/// The ends of AWS's own hosts: of its ordinary endpoints, private ones included, of those in China, of dual-stack ones.
const AWS_DOMAINS: [&str; 3] = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];

/// Where the DynamoDB is that a command talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this machine: a store to develop against, everybody's and nobody's.
    Loopback,
    /// On AWS.
    Aws,
    /// Anywhere else: a store that speaks like AWS's, as far as it does.
    Elsewhere,
}

impl Place {
    /// By the endpoint that the SDK's client will use, which it looks up in this order.
    pub(crate) fn of(config: &SdkConfig) -> Self {
        let key = ServiceConfigKey::builder().service_id("DynamoDB").env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let of_dynamodb =
            key.build().ok().and_then(|key| config.service_config().and_then(|service| service.load_config(key)));
        let endpoint = of_dynamodb.or_else(|| config.endpoint_url().map(str::to_owned));
        endpoint.map_or(Self::Aws, |endpoint| Self::of_endpoint(&endpoint))
    }

    pub(crate) fn of_endpoint(endpoint: &str) -> Self {
        let uri: Option<Uri> = endpoint.parse().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        if host.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback()) {
            Self::Loopback
        } else if AWS_DOMAINS.iter().any(|domain| host.ends_with(domain)) {
            Self::Aws
        } else {
            Self::Elsewhere
        }
    }

    /// What a table that is made here is, unless its maker says.
    pub(crate) const fn tenancy_of_new_table(self) -> Option<Tenancy> {
        match self {
            Self::Loopback => None,
            Self::Aws | Self::Elsewhere => Some(Tenancy::Shared),
        }
    }

    /// Elsewhere too a table may be worth keeping, but no other store has all that AWS has for it.
    pub(crate) const fn safety_of_tables(self) -> Safety {
        match self {
            Self::Aws => Safety::Kept,
            Self::Loopback | Self::Elsewhere => Safety::Disposable,
        }
    }
}

impl OpenTable {
    /// Refuses a plan that the table does not take. The table is asked only where the answer matters.
    pub(crate) async fn ensure_takes(&self, plan: Plan) -> Result<(), Failure> {
        if Tenancy::Shared.takes(plan) {
            return Ok(());
        }
        let takes = match (self.table.labels().await?.tenancy, self.place) {
            (Some(tenancy), _) => tenancy.takes(plan),
            (None, Place::Loopback) => true,
            (None, Place::Aws | Place::Elsewhere) => false,
        };
        if takes { Ok(()) } else { Err(Failure::Refused(self.needs_an_instance(plan))) }
    }

    fn needs_an_instance(&self, plan: Plan) -> String {
        format!(
            "plan {plan} needs a dedicated instance, and table {} is shared: deploy one (docs/deploy.md), then make the \
             key in its table, or move the group there with `rankbot groups move`; if this table is one customer's \
             alone, tag it {}=dedicated",
            self.name,
            Tenancy::TAG
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_loopback() {
        for endpoint in ["http://127.0.0.1:8000", "http://localhost:8000/", "http://[::1]:8000", "https://LOCALHOST"] {
            assert_eq!(Place::of_endpoint(endpoint), Place::Loopback, "{endpoint}");
        }
        for endpoint in [
            "https://dynamodb.us-east-1.amazonaws.com",
            "https://vpce-1-2.dynamodb.eu-central-1.vpce.amazonaws.com",
            "https://dynamodb.us-east-1.api.aws",
        ] {
            assert_eq!(Place::of_endpoint(endpoint), Place::Aws, "{endpoint}");
        }
        for endpoint in [
            "https://amazonaws.com.example.com",
            "http://dynamodb-local:8000",
            "http://10.0.0.1:8000",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "localhost:8000/path",
            "",
        ] {
            assert_eq!(Place::of_endpoint(endpoint), Place::Elsewhere, "{endpoint}");
        }
    }
}
