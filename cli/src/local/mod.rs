//! RankBot on one machine: the store, a Roblox to try it on, and every function behind one HTTP server.
//!
//! ```no_run
//! # async fn example() -> Result<(), rankbot::local::LocalError> {
//! use rankbot::local::{Local, LocalOptions};
//! use rankbot_shared::domain::plan::Plan;
//!
//! let local = Local::start(LocalOptions::default()).await?;
//! println!("curl {}/v1/key -H 'X-Api-Key: {}'", local.url(), local.keys().on(Plan::Pro).reveal());
//! local.stop().await;
//! # Ok(())
//! # }
//! ```

mod answer;
mod banner;
mod command;
mod containers;
mod event;
mod gateway;
mod keys;
mod log;
mod private_file;
mod routes;
mod sam;
mod server;
mod stage;
mod sweeper;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use rankbot_sandbox::{Control, Sandbox, SandboxOptions, World, demo};
use rankbot_shared::adapters::bots::BotKey;
use rankbot_shared::adapters::dynamodb::{Table, patience};
use rankbot_shared::adapters::http_client::{HttpClient, NoHttpClient};
use rankbot_shared::app::ports::StoreError;
use rankbot_shared::app::recover::Swept;
use rankbot_shared::config::{BotSource, Config};
use rankbot_shared::domain::api_key::ApiKey;
use rankbot_shared::domain::id::{GroupId, InvalidId};
use rankbot_shared::domain::plan::Plan;
use rankbot_shared::http::Api;
use rankbot_store::{Connection, EmbeddedStore, Location};

pub(crate) use self::command::run;
pub use self::containers::ContainerAddress;
use self::gateway::Gateway;
use self::keys::{KeyStorage, Obtained};
pub use self::keys::{LocalKeys, LocalKeysError};
pub use self::log::RequestLog;
use self::routes::RouteTable;
pub use self::routes::TemplateError;
pub use self::sam::{SamVariables, SamVariablesError};
use self::server::{Server, listen};
use self::sweeper::Sweeper;

/// The table of the embedded store.
const TABLE_NAME: &str = "rankbot-local";

/// How a local RankBot starts. By default: any free port, an empty store in memory, the sandbox and its group, no log.
#[derive(Debug, Clone)]
pub struct LocalOptions {
    /// The port on 127.0.0.1; 0 for any free one.
    pub port: u16,
    /// Where things are kept.
    pub store: StoreChoice,
    /// Which Roblox is asked.
    pub roblox: RobloxChoice,
    /// The group of the keys; without one, the group used last in this data directory, else the sandbox's own.
    pub group: Option<GroupId>,
    /// Where a line per request goes.
    pub log: RequestLog,
    /// How often abandoned changes are looked after; `None` is only when [`Local::sweep`] is called.
    pub sweep_every: Option<Duration>,
}

/// Where a local RankBot keeps things.
#[derive(Debug, Clone)]
pub enum StoreChoice {
    /// In an embedded store of its own. In a directory, the keys are kept there too.
    Embedded(Location),
    /// At a DynamoDB that runs already; the keys are new at every start.
    External {
        /// How to reach it.
        connection: Connection,
        /// The table, made if it is not there.
        table_name: String,
    },
}

/// The Roblox of a local RankBot.
#[derive(Debug, Clone)]
pub enum RobloxChoice {
    /// A sandbox of its own, seeded with the group.
    Sandbox,
    /// One that runs already.
    External {
        /// Scheme and host, such as `https://apis.roblox.com`.
        base_url: String,
        /// The bot account's Open Cloud key.
        bot: BotKey,
    },
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            port: 0,
            store: StoreChoice::Embedded(Location::Memory),
            roblox: RobloxChoice::Sandbox,
            group: None,
            log: RequestLog::Off,
            sweep_every: None,
        }
    }
}

/// Why a local RankBot did not start.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// Something else listens on the port.
    #[error("port {port} is in use: stop what uses it, or choose another with --port (0 takes any free one)")]
    PortTaken {
        /// The port asked for.
        port: u16,
    },
    /// The port cannot be had for another reason.
    #[error("cannot listen on 127.0.0.1:{port}: choose another port with --port")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the operating system says.
        source: io::Error,
    },
    /// The embedded store did not start.
    #[error(transparent)]
    EmbeddedStore(#[from] rankbot_store::StoreError),
    /// The table could not be made.
    #[error("cannot make the table")]
    Table(#[from] StoreError),
    /// The local keys could not be had.
    #[error(transparent)]
    Keys(#[from] LocalKeysError),
    /// The sandbox did not start.
    #[error("cannot start the sandbox Roblox on 127.0.0.1")]
    Sandbox(#[source] io::Error),
    /// `--roblox-base-url` alone is not enough.
    #[error("--roblox-base-url needs the bot account's Open Cloud key in ROBLOX_API_KEY")]
    NoRobloxKey,
    /// `ROBLOX_API_KEY` holds something else.
    #[error("ROBLOX_API_KEY is not an Open Cloud key: copy it again, in one line")]
    UnreadableRobloxKey,
    /// No connection to Roblox can be made.
    #[error(transparent)]
    HttpClient(#[from] NoHttpClient),
    /// A defect of this build.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A defect of this build.
    #[error("the sandbox's group has an impossible id")]
    DemoGroup(#[from] InvalidId),
    /// No handler for signals.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

/// A running local RankBot. Dropping it stops it at once; [`Local::stop`] lets running requests finish.
#[derive(Debug)]
pub struct Local {
    address: SocketAddr,
    keys: LocalKeys,
    notices: Vec<String>,
    table: Table,
    table_name: String,
    connection: Connection,
    roblox_base_url: String,
    // Stopped and dropped in this order: what serves before what it needs.
    server: Server,
    sweeper: Option<Sweeper>,
    api: Api,
    sandbox: Option<Sandbox>,
    store: Option<EmbeddedStore>,
}

impl Local {
    /// Starts everything. When this returns, requests are answered.
    pub async fn start(options: LocalOptions) -> Result<Self, LocalError> {
        // The port first: the likeliest thing to fail, and nothing has been made yet that would be left behind.
        let listener = listen(options.port).await?;
        let address = listener.local_addr().map_err(|source| LocalError::Listen { port: options.port, source })?;
        let Opened { store, connection, table_name, key_storage } = open(options.store)?;
        let http = HttpClient::new()?;
        let store_config = patience(connection.config()).http_client(http.for_aws()).timeout_config(busy_machine());
        let client = aws_sdk_dynamodb::Client::from_conf(store_config.build());
        let table = Table::new(client.clone(), table_name.as_str());
        table.create().await?;
        let demo_group = GroupId::new(demo::GROUP_ID)?;
        let Obtained { keys, notices } = keys::obtain(&table, &key_storage, options.group, demo_group).await?;
        let (sandbox, roblox_base_url, bot) = reach_roblox(options.roblox, keys.group()).await?;
        let roblox = roblox_base_url.clone();
        let config =
            Config { table_name: table_name.clone(), roblox_base_url: roblox, bots: BotSource::Key(bot), stage: None };
        let api = Api::new(&config, http, client, None);
        let sweeper = options.sweep_every.map(|period| Sweeper::start(api.clone(), period));
        let gateway = Gateway::new(RouteTable::embedded()?, api.clone(), options.log, address.port());
        let server = Server::start(listener, gateway);
        Ok(Self {
            address,
            keys,
            notices,
            table,
            table_name,
            connection,
            roblox_base_url,
            server,
            sweeper,
            api,
            sandbox,
            store,
        })
    }

    /// The base address, without a slash at its end: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// One key per plan.
    pub const fn keys(&self) -> &LocalKeys {
        &self.keys
    }

    /// The key on a plan.
    pub const fn key(&self, plan: Plan) -> &ApiKey {
        self.keys.on(plan)
    }

    /// Looks after abandoned changes now, as the `sweep` function does every minute.
    pub async fn sweep(&self) -> Result<Swept, StoreError> {
        self.api.sweep().await
    }

    /// The group that the keys work in.
    pub const fn group_id(&self) -> GroupId {
        self.keys.group()
    }

    /// The hand on the sandbox; `None` with another Roblox.
    pub fn sandbox(&self) -> Option<Control> {
        self.sandbox.as_ref().map(Sandbox::control)
    }

    /// The sandbox's base address; `None` with another Roblox.
    pub fn sandbox_url(&self) -> Option<String> {
        self.sandbox.as_ref().map(Sandbox::url)
    }

    /// The table, for looking into it and for making keys.
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// How to reach the store.
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What leads the operators' commands to this store: `TABLE_NAME` and the standard AWS variables.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let table = ("TABLE_NAME", self.table_name.clone());
        std::iter::once(table).chain(self.connection.environment()).collect()
    }

    /// What was put right at the start, in sentences for a person.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Takes no more connections, lets the requests that are running finish within 15 s, and closes the store.
    pub async fn stop(mut self) {
        drop(self.sweeper.take());
        self.server.stop().await;
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
        if let Some(store) = self.store {
            store.stop().await;
        }
    }
}

/// How long a call to the store may take here: a machine that also compiles is slower than any DynamoDB. Under the
/// functions' own, shorter time-outs a request that is merely slow would be sent twice, and counted twice.
fn busy_machine() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(6))
        .build()
}

struct Opened {
    store: Option<EmbeddedStore>,
    connection: Connection,
    table_name: String,
    key_storage: KeyStorage,
}

fn open(choice: StoreChoice) -> Result<Opened, LocalError> {
    let location = match choice {
        StoreChoice::Embedded(location) => location,
        StoreChoice::External { connection, table_name } => {
            return Ok(Opened { store: None, connection, table_name, key_storage: KeyStorage::None });
        }
    };
    let key_storage = match &location {
        Location::Memory => KeyStorage::None,
        Location::Directory(path) => KeyStorage::Directory(path.clone()),
    };
    let store = EmbeddedStore::start(location)?;
    let connection = store.connection();
    Ok(Opened { store: Some(store), connection, table_name: TABLE_NAME.to_owned(), key_storage })
}

/// The sandbox, if it is one, the base address and the bot's key.
async fn reach_roblox(choice: RobloxChoice, group: GroupId) -> Result<(Option<Sandbox>, String, BotKey), LocalError> {
    match choice {
        RobloxChoice::External { base_url, bot } => Ok((None, base_url, bot)),
        RobloxChoice::Sandbox => {
            let bot = BotKey::new(demo::BOT_API_KEY).map_err(|_| LocalError::UnreadableRobloxKey)?;
            let options = SandboxOptions { world: World::seeded(group.get()), ..SandboxOptions::default() };
            let sandbox = Sandbox::start(options).await.map_err(LocalError::Sandbox)?;
            let url = sandbox.url();
            Ok((Some(sandbox), url, bot))
        }
    }
}
