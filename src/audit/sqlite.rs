//! The embedded audit store: an SQLite file of the data folder, in which others read view `logs`.
//!
//! Owns when what is known of the file is forgotten. Only the writer thread writes; reading is in
//! `reader`, removing what is too much in `trim`, and the form of what is stored in `batches`.

mod batches;
mod body;
mod filter;
mod known;
mod reader;
mod removing;
mod rows;
mod schema;
mod stack;
mod texts;
mod trim;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::error::AuditStoreError;
use super::line::Line;
use super::read::Reader;
use super::store::{Rejected, Store, Trimmed};
use crate::stores::drivers::sqlite::{self, LazyDatabase, OpenError};
use batches::Batches;
use known::Known;
use reader::SqliteReader;
use schema::{MIGRATIONS, SETTINGS};

/// The file's name in the data folder.
const FILE_NAME: &str = "relay.db";

/// How long writing waits for another process that holds the file's write lock. The writer thread
/// retries, and must know soon that the store is failing.
const WRITE_TIMEOUT: Duration = Duration::from_millis(250);

type Open = Box<dyn Fn() -> Result<Connection, OpenError> + Send>;

/// The audit of one data folder.
pub(crate) struct SqliteStore {
    database: LazyDatabase<Open>,
    data_dir: PathBuf,
    /// What is known of the file, unless that has to be read again.
    batches: Option<Batches>,
    known: Option<Known>,
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
            let prepared = texts::add(&connection);
            let prepared = prepared.and_then(|()| connection.busy_timeout(WRITE_TIMEOUT));
            let path = folder.join(FILE_NAME);
            prepared.map_err(|source| OpenError::Database { path, source })?;
            Ok(connection)
        });
        let database = LazyDatabase::start(path, open)?;
        Ok(Self {
            database,
            data_dir,
            batches: None,
            known: None,
        })
    }

    /// A reader of the file in `data_dir`, which another process may be writing.
    pub(crate) fn reader_of(data_dir: &Path) -> Arc<dyn Reader> {
        Arc::new(SqliteReader::new(data_dir))
    }

    /// Writes lines. What is known is lost when it fails.
    fn write_lines(&mut self, lines: &[Line<'_>]) -> Result<(), AuditStoreError> {
        let connection = self.database.connection()?;
        let transaction = begin(connection)?;
        let mut known = match self.known.take() {
            Some(known) => known,
            None => Known::load(&transaction)?,
        };
        let mut batches = match self.batches.take() {
            Some(batches) => batches,
            None => Batches::load(&transaction)?,
        };
        let fresh = known.fresh(&transaction, lines)?;
        batches.write(&transaction, &fresh)?;
        transaction.commit()?;
        known.add(&fresh);
        self.known = Some(known);
        self.batches = Some(batches);
        Ok(())
    }

    /// Removes something, and has the batches that are left looked up again.
    fn remove<T>(
        &mut self,
        remove: impl FnOnce(&Connection) -> Result<T, AuditStoreError>,
    ) -> Result<T, AuditStoreError> {
        let transaction = begin(self.database.connection()?)?;
        self.batches = None;
        let removed = remove(&transaction)?;
        transaction.commit()?;
        Ok(removed)
    }
}

fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

impl Store for SqliteStore {
    type Error = AuditStoreError;

    const FAILING: &'static str = "the audit's database does not take records";

    fn write(&mut self, lines: &[Line<'_>]) -> Result<Rejected, AuditStoreError> {
        self.write_lines(lines)?;
        // It may have been lost meanwhile.
        self.database.check()?;
        Ok(Rejected::default())
    }

    fn expire(&mut self, before_ms: i64, limit: u32) -> Result<usize, AuditStoreError> {
        self.remove(|connection| {
            let old = rows::expire(connection, before_ms, limit)?;
            let left = limit.saturating_sub(old as u32);
            Ok(old + removing::expire(connection, before_ms, left)?)
        })
    }

    fn check(&mut self) -> Result<(), AuditStoreError> {
        self.database.connection()?;
        Ok(())
    }

    fn trim(&mut self, max_bytes: u64) -> Result<Option<Trimmed>, AuditStoreError> {
        let connection = self.database.connection()?;
        if trim::used(connection)? <= max_bytes {
            return Ok(None);
        }
        self.remove(|connection| trim::trim(connection, max_bytes))
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Self::reader_of(&self.data_dir)
    }
}

#[cfg(test)]
mod tests;
