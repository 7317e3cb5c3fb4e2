//! The world that the events fit, for functions that run outside this process or in it.

use rankbot_sandbox::{Control, Sandbox, SandboxOptions, demo};
use rankbot_shared::adapters::bots::BotKey;
use rankbot_shared::adapters::dynamodb::{Table, patience};
use rankbot_shared::adapters::http_client::HttpClient;
use rankbot_shared::config::{BotSource, Config};
use rankbot_shared::function::Function;
use rankbot_shared::http::Api;
use rankbot_store::testing::{Backend, TestStore, unique_table_name};

use super::abandoned::abandon;
use super::event::Event;
use crate::seed;

/// A store and a sandbox of its own, seeded for the events.
#[derive(Debug)]
pub struct World {
    store: TestStore,
    sandbox: Sandbox,
    groups: rankbot_sandbox::World,
    table_name: String,
}

impl World {
    /// Starts it on the store that the environment names, as every test does.
    pub async fn start() -> Self {
        Self::with_groups(rankbot_sandbox::World::seeded(demo::GROUP_ID)).await
    }

    /// Starts another one whose groups are the same, to the instant at which they were made.
    pub async fn twin(&self) -> Self {
        Self::with_groups(self.groups.clone()).await
    }

    async fn with_groups(groups: rankbot_sandbox::World) -> Self {
        let store = TestStore::start().await;
        let options = SandboxOptions { world: groups.clone(), ..SandboxOptions::default() };
        let sandbox = Sandbox::start(options).await.unwrap();
        let world = Self { store, sandbox, groups, table_name: unique_table_name() };
        let table = world.table();
        table.create().await.unwrap();
        seed::seed(&table).await.unwrap();
        world
    }

    /// Puts the sandbox's group back as it is at the start, which is how each event expects it; with somebody in it for
    /// the sweep to look after.
    pub async fn arrange(&self, event: &Event) {
        self.roblox().reset();
        if event.function == Function::Sweep {
            abandon(&self.table(), &self.roblox()).await;
        }
    }

    /// The hand on the sandbox.
    pub fn roblox(&self) -> Control {
        self.sandbox.control()
    }

    /// What a function reads from its environment, so that it works in this world.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = Vec::from(self.store.connection().environment());
        variables.extend([
            ("TABLE_NAME", self.table_name.clone()),
            ("ROBLOX_BASE_URL", self.sandbox.url()),
            ("ROBLOX_API_KEY", demo::BOT_API_KEY.to_owned()),
            ("STAGE", "pro".to_owned()),
        ]);
        variables
    }

    /// The same for a function that `sam local` runs, and gives the credentials of whoever runs it.
    pub fn environment_for_sam(&self) -> Vec<(&'static str, String)> {
        let mut variables = self.environment();
        variables.retain(|(name, _)| *name != "AWS_ENDPOINT_URL_DYNAMODB");
        variables.push(("AWS_ENDPOINT_URL_DYNAMODB", self.store.connection().endpoint_with_key()));
        variables
    }

    /// The functions' work in this process, with the same settings.
    pub fn api(&self) -> Api {
        let config = Config {
            table_name: self.table_name.clone(),
            roblox_base_url: self.sandbox.url(),
            bots: BotSource::Key(BotKey::new(demo::BOT_API_KEY).unwrap()),
            stage: Some("pro".to_owned()),
        };
        let http = HttpClient::new().unwrap();
        let dynamodb = patience(self.store.connection().config()).http_client(http.for_aws());
        let client = aws_sdk_dynamodb::Client::from_conf(Backend::from_environment().unhurried(dynamodb).build());
        Api::new(&config, http, client, None)
    }

    fn table(&self) -> Table {
        Table::new(self.store.client(), self.table_name.as_str())
    }
}
