//! A store for one test.

use std::env;
use std::fmt;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;

use super::{DynamoDbLocal, Recorder};
use crate::{Connection, EmbeddedStore, Location};

/// The engine a [`TestStore`] runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// [`EmbeddedStore`], the default: in memory, one for each test.
    Embedded,
    /// [`DynamoDbLocal`]: one process, shared by the tests that run at the same time.
    DynamoDbLocal,
}

impl Backend {
    /// The environment variable that chooses.
    pub const VARIABLE: &'static str = "RANKBOT_TEST_STORE";
    /// Every backend there is.
    pub const ALL: [Self; 2] = [Self::Embedded, Self::DynamoDbLocal];

    /// The value of `RANKBOT_TEST_STORE` that chooses this backend.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::DynamoDbLocal => "dynamodb-local",
        }
    }

    /// The backend the environment names; without the variable, [`Backend::Embedded`].
    ///
    /// # Panics
    /// If the value names no backend: a suite that ran on another store than the one asked for would prove nothing.
    pub fn from_environment() -> Self {
        match env::var(Self::VARIABLE) {
            Ok(name) => Self::named(&name),
            Err(env::VarError::NotPresent) => Self::Embedded,
            Err(env::VarError::NotUnicode(name)) => Self::named(&name.to_string_lossy()),
        }
    }

    /// The time limits of a client of the code under test: its own, except on DynamoDB Local. That one is shared by all
    /// tests, on a machine that they share with it, and what is tested is what happens, not how fast.
    #[must_use]
    pub fn unhurried(self, config: aws_sdk_dynamodb::config::Builder) -> aws_sdk_dynamodb::config::Builder {
        match self {
            Self::Embedded => config,
            Self::DynamoDbLocal => config.timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(2))
                    .operation_attempt_timeout(Duration::from_secs(3))
                    .operation_timeout(Duration::from_secs(5))
                    .build(),
            ),
        }
    }

    /// The backend of that name.
    ///
    /// # Panics
    /// If there is none.
    #[expect(clippy::panic, reason = "in a test suite, a panic is how a wrong set-up is reported")]
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|backend| backend.name() == name).unwrap_or_else(|| {
            let valid = Self::ALL.map(Self::name).join(", ");
            panic!("{} is {name:?}; valid values: {valid}", Self::VARIABLE)
        })
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The DynamoDB of one test, on the engine that `RANKBOT_TEST_STORE` names.
///
/// An embedded store begins empty and is this test's alone. DynamoDB Local is shared, so a test names its tables with
/// [`unique_table_name`], whichever engine it meets.
#[derive(Debug)]
pub struct TestStore {
    connection: Connection,
    backend: Backend,
    _running: Running,
}

/// What has to stay alive for as long as the test uses the store.
#[derive(Debug)]
enum Running {
    Embedded {
        _store: EmbeddedStore,
    },
    Shared {
        _process: Arc<DynamoDbLocal>,
    },
    /// Started by someone else, who ends it.
    Elsewhere,
}

impl TestStore {
    /// The environment variable with the address of a DynamoDB Local that is running already. A test runner that
    /// gives each test a process of its own starts one for all and sets this.
    pub const ENDPOINT_VARIABLE: &'static str = "DYNAMODB_LOCAL_ENDPOINT";

    /// Starts the store that the environment names.
    ///
    /// # Panics
    /// If `RANKBOT_TEST_STORE` names no backend, or the store does not start.
    pub async fn start() -> Self {
        Self::start_on(Backend::from_environment()).await
    }

    /// Starts a store on `backend`, whatever the environment says.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_on(backend: Backend) -> Self {
        match backend {
            Backend::Embedded => {
                let store = EmbeddedStore::start(Location::Memory).unwrap_or_else(|error| fail(backend, &error));
                Self { connection: store.connection(), backend, _running: Running::Embedded { _store: store } }
            }
            Backend::DynamoDbLocal => {
                if let Some(endpoint) = env::var(Self::ENDPOINT_VARIABLE).ok().filter(|value| !value.is_empty()) {
                    let connection = Connection::new(endpoint.trim_end_matches('/'));
                    return Self { connection, backend, _running: Running::Elsewhere };
                }
                let process = tokio::task::spawn_blocking(shared_dynamodb_local)
                    .await
                    .unwrap_or_else(|error| fail(backend, &error));
                Self { connection: process.connection(), backend, _running: Running::Shared { _process: process } }
            }
        }
    }

    /// The engine, for the few tests that hold for one engine only.
    pub const fn backend(&self) -> Backend {
        self.backend
    }

    /// The address to give the code under test: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        self.connection.endpoint()
    }

    /// How a client reaches this store.
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// A new client of this store. See [`Connection::client`].
    pub fn client(&self) -> Client {
        self.connection.client()
    }

    /// Puts a recording proxy in front of this store. Keep the store alive for as long as the proxy is used.
    ///
    /// # Panics
    /// If the proxy does not start.
    pub fn record(&self) -> Recorder {
        Recorder::start(&self.connection)
    }
}

/// A table name that no other test uses, in this process or another.
pub fn unique_table_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("rankbot-test-{}-{}-{count}", process::id(), since_epoch.as_nanos())
}

/// The process that the tests of this binary share. It ends with the last test that uses it: one kept in a static
/// would outlive the test binary, because statics are never dropped.
fn shared_dynamodb_local() -> Arc<DynamoDbLocal> {
    static SHARED: Mutex<Weak<DynamoDbLocal>> = Mutex::new(Weak::new());
    // A test that panicked while it held the lock left no half-made state behind.
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let started = DynamoDbLocal::start().unwrap_or_else(|error| fail(Backend::DynamoDbLocal, &error));
        let started = Arc::new(started);
        *shared = Arc::downgrade(&started);
        started
    })
}

#[expect(clippy::panic, reason = "in a test suite, a panic is how a wrong set-up is reported")]
fn fail(backend: Backend, error: &dyn std::error::Error) -> ! {
    let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    panic!("cannot start a test store on {backend}: {error}{cause}")
}
