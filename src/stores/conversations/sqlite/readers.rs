//! A small pool of read-only connections, used on threads that may block. It must not know what is
//! read.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;
use tokio::task;

use super::schema::STATEMENTS;
use crate::metrics::stores::Work;
use crate::stores::conversations::error::{StoreError, note_done};
use crate::stores::drivers::sqlite::{DataFile, FileError, UnusableError, WatchedFile, keep_plans};

/// Maximum number of concurrent reads; others wait for a permit.
const MAX_READS: u32 = 4;

/// The connections.
#[derive(Debug)]
pub(super) struct Readers {
    permits: Arc<Semaphore>,
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    path: PathBuf,
    file: WatchedFile,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// No connection is opened yet.
    pub(super) fn new(path: PathBuf, file: WatchedFile) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(MAX_READS as usize)),
            pool: Arc::new(Pool {
                path,
                file,
                idle: Mutex::default(),
            }),
        }
    }

    /// Reads a snapshot: one state of the database, after every write that was answered before.
    pub(super) async fn read<T, F>(&self, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.read_of(Work::ReadConversations, operation).await
    }

    /// The same, counted as this.
    pub(super) async fn read_of<T, F>(&self, work: Work, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let begun = Instant::now();
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| StoreError::Closed)?;
        let pool = self.pool.clone();
        let read = task::spawn_blocking(move || {
            let result = pool.read(operation);
            // Only now, so that the next read finds the idle connection.
            drop(permit);
            result
        });
        let failed = |error| StoreError::Failed(Arc::new(error));
        let read = read.await.map_err(failed).flatten();
        note_done(work, begun, &read);
        read
    }

    /// Rejects new reads, waits for running ones, and closes the connections.
    pub(super) async fn close(&self) {
        // An error means that they are closed.
        let _permits = self.permits.acquire_many(MAX_READS).await;
        self.permits.close();
        self.pool.idle.lock().clear();
    }
}

impl Pool {
    fn read<T>(
        &self,
        operation: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let file = self.file.get().ok_or(UnusableError::NotOpen)?;
        if file.is_lost() {
            file.check().map_err(UnusableError::from)?;
        }
        let idle = self.idle.lock().pop();
        let connection = idle.map_or_else(|| self.open(file), Ok)?;
        let result = in_snapshot(&connection, operation);
        if let Err(StoreError::Failed(error)) = &result
            && let Some(error) = error.downcast_ref()
        {
            file.note(error);
        }
        self.idle.lock().push(connection);
        result
    }

    /// Never another file than the one that is written.
    fn open(&self, file: &DataFile) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        match file.check() {
            Ok(()) | Err(FileError::Damaged { .. }) => {}
            Err(error) => return Err(UnusableError::from(error).into()),
        }
        keep_plans(&connection)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    }
}

fn in_snapshot<T>(
    connection: &Connection,
    operation: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let result = operation(&transaction)?;
    transaction.finish()?;
    Ok(result)
}
