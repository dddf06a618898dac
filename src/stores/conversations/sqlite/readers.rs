//! A small pool of connections that read, each on a thread where it may block. It must not know what
//! is read.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;
use tokio::task;

use super::schema::STATEMENTS;
use crate::stores::conversations::error::StoreError;

/// Most reads at one time; others wait for a place.
const READERS: u32 = 4;

/// The connections.
#[derive(Debug)]
pub(super) struct Readers {
    places: Arc<Semaphore>,
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// None is opened yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            places: Arc::new(Semaphore::new(READERS as usize)),
            pool: Arc::new(Pool {
                path,
                idle: Mutex::default(),
            }),
        }
    }

    /// Reads. All that one call reads is of one moment, after every write that was answered before.
    pub(super) async fn read<T, F>(&self, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let place = self.places.clone().acquire_owned().await;
        let place = place.map_err(|_| StoreError::Closed)?;
        let pool = self.pool.clone();
        let read = task::spawn_blocking(move || {
            let result = pool.read(operation);
            // Only now: whoever is next finds the connection.
            drop(place);
            result
        });
        read.await
            .map_err(|error| StoreError::Failed(Arc::new(error)))?
    }

    /// Takes no more reads, waits for those that run, and closes the connections.
    pub(super) async fn close(&self) {
        // An error means that they are closed.
        let _places = self.places.acquire_many(READERS).await;
        self.places.close();
        self.pool.idle.lock().clear();
    }
}

impl Pool {
    fn read<T>(
        &self,
        operation: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().pop();
        let connection = idle.map_or_else(|| self.open(), Ok)?;
        let result = in_one_moment(&connection, operation);
        self.idle.lock().push(connection);
        result
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    }
}

fn in_one_moment<T>(
    connection: &Connection,
    operation: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let result = operation(&transaction)?;
    transaction.finish()?;
    Ok(result)
}
