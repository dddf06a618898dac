//! The embedded audit store: table `logs` in an SQLite file of the data folder.
//!
//! Owns the schema of the file and its migrations. Only the writer thread writes; reading is in
//! `reader`, and removing what is too much in `trim`.

mod reader;
mod trim;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use mongodb::bson::RawDocument;
use rusqlite::{Connection, TransactionBehavior, params};

use super::entry::Fields;
use super::error::AuditStoreError;
use super::read::Reader;
use super::store::{Rejected, Store, Trimmed};
use crate::stores::drivers::sqlite::{self, LazyDatabase, OpenError};
use reader::SqliteReader;

/// The file's name in the data folder.
const FILE_NAME: &str = "relay.db";

/// How long writing waits for another process that holds the file's write lock. The writer thread
/// retries, and must know soon that the store is failing.
const WRITE_TIMEOUT: Duration = Duration::from_millis(250);

/// - WAL: readers (an administrator's shell, the admin API) never block the writer.
/// - NORMAL: a commit survives a crash or a kill of the server; only a power failure can take the
///   last moments, and never damages the file. FULL would pay a disk flush for every batch to
///   protect rows that a power failure can take from memory anyway.
/// - Larger pages and rarer checkpoints than the defaults write hot index pages less often.
const SETTINGS: &str = "
    PRAGMA page_size = 8192;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = 2000;
    PRAGMA journal_size_limit = 67108864;
";

/// Schema versions, oldest first; `PRAGMA user_version` counts those applied. Never edit one that
/// was released: append.
///
/// `_id` and `sessionId` are the 16 bytes of the UUID: half the size of the text. `createdAt` is
/// integer milliseconds since 1970: it sorts and compares as time. It is also part of `_id`, so the
/// unique pair makes `_id` unique and serves as the index on `createdAt`: one index instead of two.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE logs (
        _id BLOB NOT NULL,
        eventType TEXT NOT NULL,
        level TEXT NOT NULL,
        dialect TEXT,
        user TEXT,
        username TEXT,
        sessionId BLOB,
        ipAddress TEXT,
        userAgent TEXT,
        node TEXT NOT NULL,
        details TEXT NOT NULL,
        success INTEGER NOT NULL,
        message TEXT NOT NULL,
        createdAt INTEGER NOT NULL,
        UNIQUE (createdAt, _id)
    );
    CREATE INDEX logs_user ON logs (user, createdAt);
    CREATE INDEX logs_event ON logs (eventType, createdAt);
"];

const INSERT: &str = "
    INSERT INTO logs (_id, eventType, level, dialect, user, username, sessionId, ipAddress,
                      userAgent, node, details, success, message, createdAt, rowid)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
    ON CONFLICT (createdAt, _id) DO NOTHING";

const EXPIRE: &str = "
    DELETE FROM logs WHERE rowid IN
        (SELECT rowid FROM logs WHERE createdAt < ?1 ORDER BY createdAt LIMIT ?2)";

type Open = Box<dyn Fn() -> Result<Connection, OpenError> + Send>;

/// The audit table of one data folder.
pub(crate) struct SqliteStore {
    database: LazyDatabase<Open>,
    data_dir: PathBuf,
}

impl SqliteStore {
    /// Opens `relay.db` in `data_dir`; when its disk is full, later.
    ///
    /// # Errors
    /// Those of [`sqlite::open`] but for a full disk.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, AuditStoreError> {
        let (data_dir, path) = (data_dir.to_owned(), data_dir.join(FILE_NAME));
        let folder = data_dir.clone();
        let open: Open = Box::new(move || {
            let connection = sqlite::open(&folder, FILE_NAME, SETTINGS, MIGRATIONS)?;
            let path = folder.join(FILE_NAME);
            let limited = connection.busy_timeout(WRITE_TIMEOUT);
            limited.map_err(|source| OpenError::Database { path, source })?;
            Ok(connection)
        });
        let database = LazyDatabase::start(path, open)?;
        Ok(Self { database, data_dir })
    }

    /// A reader of the file in `data_dir`, which another process may be writing.
    pub(crate) fn reader_of(data_dir: &Path) -> Arc<dyn Reader> {
        Arc::new(SqliteReader::new(data_dir))
    }
}

impl Store for SqliteStore {
    type Error = AuditStoreError;

    const FAILING: &'static str = "the audit's database does not take records";

    fn write(&mut self, records: &[&RawDocument]) -> Result<Rejected, AuditStoreError> {
        let mut rejected = Rejected::default();
        let connection = self.database.connection()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert = transaction.prepare_cached(INSERT)?;
            let mut rows = trim::Rows::behind_last(&transaction)?;
            for (position, record) in records.iter().enumerate() {
                match Fields::read(record) {
                    Some(fields) => {
                        let row = rows.next(fields.removal());
                        write_row(&mut insert, &fields, row)?;
                    }
                    None => rejected.positions.push(position),
                }
            }
        }
        transaction.commit()?;
        // It may have been lost meanwhile.
        self.database.check()?;
        Ok(rejected)
    }

    fn expire(&mut self, before_ms: i64, limit: u32) -> Result<usize, AuditStoreError> {
        let connection = self.database.connection()?;
        let mut expire = connection.prepare_cached(EXPIRE)?;
        Ok(expire.execute(params![before_ms, limit])?)
    }

    fn check(&mut self) -> Result<(), AuditStoreError> {
        self.database.connection()?;
        Ok(())
    }

    fn trim(&mut self, max_bytes: u64) -> Result<Option<Trimmed>, AuditStoreError> {
        let connection = self.database.connection()?;
        trim::trim(connection, max_bytes)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Self::reader_of(&self.data_dir)
    }
}

fn write_row(
    insert: &mut rusqlite::CachedStatement<'_>,
    fields: &Fields<'_>,
    row: i64,
) -> Result<(), AuditStoreError> {
    insert.execute(params![
        fields.id.as_bytes(),
        fields.event_type,
        fields.level,
        fields.dialect,
        fields.user,
        fields.username,
        fields.session_id.as_ref().map(|id| &id.as_bytes()[..]),
        fields.ip_address,
        fields.user_agent,
        fields.node,
        fields.details_json()?,
        fields.success,
        fields.message,
        fields.created_at_ms,
        row,
    ])?;
    Ok(())
}

#[cfg(test)]
mod tests;
