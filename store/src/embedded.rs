//! The embedded engine: DynamoDB's API on `SQLite`, inside this process.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use dynoxide::Database;
use tokio::net::TcpListener;

use crate::access::{AccessKey, NoRandomness};
use crate::connection::Connection;
use crate::front;
use crate::private;
use crate::server_thread::{ServerThread, ShutdownSignal};

/// The database, inside the directory of [`Location::Directory`].
const DATABASE_FILE: &str = "dynamodb.sqlite";
/// Locked for as long as a process has the database open. Its content means nothing, and it is never deleted: a file
/// that is deleted and made anew can be locked twice.
const LOCK_FILE: &str = "dynamodb.lock";
/// DynamoDB deletes what has expired within days, this store within the hour. Code may rely on neither.
const SWEEP_INTERVAL: Duration = Duration::from_hours(1);

/// Where the embedded store keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In memory: gone with the store, and shared with no other store.
    Memory,
    /// In files in this directory, which is made if it is not there. They survive a restart.
    Directory(PathBuf),
}

/// Why an embedded store could not start.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made or written.
    #[error("cannot write the data directory {}: choose another, or make it writable", path.display())]
    DirectoryNotWritable {
        /// The directory asked for.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another process, or another store of this process, has the database open.
    #[error("the data directory {} is in use by another RankBot: stop that one, or choose another", path.display())]
    AlreadyOpen {
        /// The directory asked for.
        path: PathBuf,
    },
    /// The engine cannot open the database: it is damaged, or was written by a newer version.
    #[error("cannot open the database {}: restore it, or move it away to begin with an empty one", path.display())]
    Unreadable {
        /// The database file.
        path: PathBuf,
        /// What the engine says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no access key without it.
    #[error("cannot make the embedded store's access key")]
    NoAccessKey(#[from] NoRandomness),
    /// No loopback port can be bound, or no thread started.
    #[error("cannot serve the embedded store on 127.0.0.1")]
    Serve(#[source] io::Error),
}

/// A DynamoDB served on a free loopback port by this process, for those who know its access key: [`EmbeddedStore::connection`]
/// has it. The key is new with each start.
///
/// Reads are always strongly consistent, and nothing is ever throttled. Dropping the store closes its connections and
/// its database at once; what was answered is kept either way.
#[derive(Debug)]
pub struct EmbeddedStore {
    // Dropped in this order: the lock is given up only after the server has closed the database.
    server: ServerThread,
    key: AccessKey,
    _lock: Option<File>,
}

impl EmbeddedStore {
    /// Opens the data at `location` and serves it. When this returns, the store answers.
    pub fn start(location: Location) -> Result<Self, StoreError> {
        let (database, lock) = match location {
            Location::Memory => (open(Path::new(":memory:"), |_| Database::memory())?, None),
            Location::Directory(path) => {
                let (lock, file) = claim(&path)?;
                (open(&file, Database::new)?, Some(lock))
            }
        };
        let key = AccessKey::random()?;
        let own = key.clone();
        let server = ServerThread::spawn("rankbot-store", |listener, stop| serve(listener, database, own, stop))
            .map_err(StoreError::Serve)?;
        Ok(Self { server, key, _lock: lock })
    }

    /// Where it is: `http://127.0.0.1:PORT`. The address alone lets nobody in.
    pub fn endpoint(&self) -> String {
        self.server.url()
    }

    /// How a client reaches this store.
    pub fn connection(&self) -> Connection {
        Connection::guarded(self.endpoint(), self.key.clone())
    }

    /// A client of this store. See [`Connection::client`].
    pub fn client(&self) -> Client {
        self.connection().client()
    }

    /// Lets the requests that are running finish, closes the database, and returns when another store could open it.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

async fn serve(listener: TcpListener, database: Database, key: AccessKey, stop: ShutdownSignal) {
    let sweeping = delete_expired_items(database.clone());
    let serving = front::serve(listener, database, key, stop);
    tokio::select! {
        () = serving => {}
        () = sweeping => {}
    }
}

async fn delete_expired_items(database: Database) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        // What could not be deleted now is found again by the next sweep.
        let _ = database.sweep_ttl();
    }
}

fn open<E>(file: &Path, open: impl FnOnce(&str) -> Result<Database, E>) -> Result<Database, StoreError>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let unreadable = |source| StoreError::Unreadable { path: file.to_owned(), source };
    let name = file.to_str().ok_or_else(|| unreadable("its path is not valid Unicode".into()))?;
    open(name).map_err(|error| unreadable(Box::new(error)))
}

/// Makes the directory and takes its lock. The engine itself would let two processes share the file and then answer
/// from caches that do not know of each other.
fn claim(directory: &Path) -> Result<(File, PathBuf), StoreError> {
    let not_writable = |source| StoreError::DirectoryNotWritable { path: directory.to_owned(), source };
    private::make_directory(directory).map_err(not_writable)?;
    // An absolute path: SQLite would take one that begins with `file:` for a URI.
    let directory_found = directory.canonicalize().map_err(not_writable)?;
    let lock = private::open(&directory_found.join(LOCK_FILE)).map_err(not_writable)?;
    match lock.try_lock() {
        Ok(()) => {
            let file = directory_found.join(DATABASE_FILE);
            // The engine takes an empty file for a new database, and gives its own files beside it the same rights.
            private::open(&file).map_err(not_writable)?;
            for beside in ["-wal", "-shm", "-journal"] {
                let name = format!("{DATABASE_FILE}{beside}");
                private::close(&directory_found.join(name)).map_err(not_writable)?;
            }
            Ok((lock, file))
        }
        Err(TryLockError::WouldBlock) => Err(StoreError::AlreadyOpen { path: directory.to_owned() }),
        Err(TryLockError::Error(source)) => Err(not_writable(source)),
    }
}
