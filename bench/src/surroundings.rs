//! What a function finds around it: a database, Roblox and AWS Secrets Manager, and the variables that lead there.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::http::header::CONTENT_TYPE;
use axum::{Json, Router};
use rankbot_emulator::TlsFront;
use rankbot_sandbox::demo;
use rankbot_shared::function::Function;
use rankbot_store::Connection;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::bed::{Bed, TABLE};

/// How a function reaches them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// Plain HTTP on loopback: everything but the network and its encryption.
    Plain,
    /// TLS on loopback, as on AWS.
    Tls,
}

/// Whether calls to the database are counted and timed, which costs a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Itself,
    Recorded,
}

/// They last as long as this.
pub(crate) struct Surroundings {
    store: Connection,
    roblox: String,
    secrets: SecretsManager,
    secrets_url: String,
    /// The authorities of the fronts, in one file.
    authorities: Option<NamedTempFile>,
    _fronts: Vec<TlsFront>,
}

impl Surroundings {
    pub(crate) async fn around(bed: &Bed, transport: Transport, store: Store) -> anyhow::Result<Self> {
        let secrets = SecretsManager::start().await?;
        let store = match store {
            Store::Itself => bed.store(),
            Store::Recorded => bed.recorder.connection(),
        };
        let plain = [store.endpoint().to_owned(), bed.roblox_url(), format!("http://{}", secrets.address)];
        if transport == Transport::Plain {
            let [_, roblox, secrets_url] = plain;
            return Ok(Self { store, roblox, secrets, secrets_url, authorities: None, _fronts: Vec::new() });
        }
        let mut fronts = Vec::new();
        for url in plain {
            let authority = url.strip_prefix("http://").context("a local server is reached over plain HTTP")?;
            fronts.push(TlsFront::start(authority.parse()?).await?);
        }
        let authorities = NamedTempFile::new()?;
        let certificates = fronts.iter().map(|front| std::fs::read_to_string(front.authority()));
        std::fs::write(authorities.path(), certificates.collect::<Result<String, _>>()?)?;
        let mut urls = fronts.iter().map(TlsFront::url);
        let mut url = || urls.next().context("each server has a front");
        let (store, roblox, secrets_url) = (store.by_way_of(url()?), url()?, url()?);
        Ok(Self { store, roblox, secrets, secrets_url, authorities: Some(authorities), _fronts: fronts })
    }

    /// The function's environment, as `template.yaml` and Lambda set it.
    pub(crate) fn environment(&self, function: Function) -> Vec<(&'static str, String)> {
        let mut environment = vec![("TABLE_NAME", TABLE.to_owned())];
        environment.extend(self.store.environment());
        if function.calls_roblox() {
            environment.extend([
                ("ROBLOX_BASE_URL", self.roblox.clone()),
                ("ROBLOX_SECRET_ARN", "rankbot-bot".to_owned()),
                ("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.secrets_url.clone()),
            ]);
        }
        let file = self.authorities.as_ref().map(|file| file.path().display().to_string());
        environment.extend(file.map(|path| ("SSL_CERT_FILE", path)));
        environment
    }
}

impl Drop for Surroundings {
    fn drop(&mut self) {
        self.secrets.server.abort();
    }
}

/// An AWS Secrets Manager with one secret, the bot's.
struct SecretsManager {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl SecretsManager {
    async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(|| async { ([(CONTENT_TYPE, "application/x-amz-json-1.1")], secret()) });
        let server = tokio::spawn(async move {
            // It ends when it is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, server })
    }
}

fn secret() -> Json<Value> {
    let bots = json!({"bots": {"default": demo::BOT_API_KEY}});
    Json(json!({
        "ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:rankbot-bot-a1b2c3",
        "Name": "rankbot-bot",
        "SecretString": bots.to_string(),
        "VersionId": "EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE",
        "VersionStages": ["AWSCURRENT"],
        "CreatedDate": 1_795_197_794.0,
    }))
}
