//! The database file, and who writes and reads it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::readers::Readers;
use super::schema;
use super::writer::Writer;
use crate::model::clock::Clock;
use crate::stores::conversations::error::StoreError;
use crate::stores::drivers::sqlite::{self, LazyDatabase, OpenError, UnusableError};

/// The file's name in the data folder.
pub(super) const FILE_NAME: &str = "conversations.db";
/// How long a batch waits for another process that holds the file's write lock.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// The conversations of one data folder.
#[derive(Debug)]
pub(crate) struct SqliteConversations {
    pub(super) writer: Writer,
    pub(super) readers: Readers,
    pub(super) clock: Arc<dyn Clock>,
}

impl SqliteConversations {
    /// Opens `conversations.db` in `data_dir`, when its disk is full later, and starts the thread that
    /// writes it.
    ///
    /// # Errors
    /// Those of [`sqlite::open`] but for a full disk; [`OpenError::Create`] also when the system has no
    /// thread to give.
    pub(crate) fn open(data_dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = data_dir.join(FILE_NAME);
        let folder = data_dir.to_owned();
        let database = LazyDatabase::start(path.clone(), move || open(&folder))?;
        let file = database.file();
        let no_thread = |source: io::Error| OpenError::Create {
            path: path.clone(),
            source,
        };
        Ok(Self {
            writer: Writer::start(database, clock.clone()).map_err(no_thread)?,
            readers: Readers::new(path, file),
            clock,
        })
    }
}

fn open(data_dir: &Path) -> Result<Connection, OpenError> {
    let connection = sqlite::open(data_dir, FILE_NAME, schema::SETTINGS, schema::MIGRATIONS)?;
    let path = data_dir.join(FILE_NAME);
    let limited = connection.busy_timeout(WRITE_TIMEOUT);
    limited.map_err(|source| OpenError::Database { path, source })?;
    connection.set_prepared_statement_cache_capacity(schema::STATEMENTS);
    Ok(connection)
}

/// Opens the file for a look from outside: nothing is made or changed. `None`: it cannot be.
pub(super) fn read_only(data_dir: &Path) -> Option<Connection> {
    let path = data_dir.join(FILE_NAME);
    // Without a log beside it nobody has the file open, and it is read as it is; else SQLite makes one.
    let is_in_use = path.with_extension("db-wal").exists();
    let path = path.to_str()?.replace('?', "%3f").replace('#', "%23");
    let mode = if is_in_use { "mode=ro" } else { "immutable=1" };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(format!("file:{path}?{mode}"), flags).ok()
}

impl From<UnusableError> for StoreError {
    fn from(error: UnusableError) -> Self {
        Self::Failed(Arc::new(error))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        // It names statements and columns, and never what is bound to them or read from them.
        Self::Failed(Arc::new(error))
    }
}
