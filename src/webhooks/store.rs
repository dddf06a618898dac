//! Where it is kept how far endpoints were told: in a file of the data folder, or in the database that several servers
//! share. It must not know what is told, nor to whom.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::fact::FactId;
use super::mongo::{Cursors, RENEWAL};
use super::progress::{DeadFact, Progress, ProgressError, Selection, Step};
use super::sqlite::ProgressFile;
use crate::config::Config;
use crate::metrics::stores::{self, Work};
use crate::stores::drivers::mongo::Mongo;
use crate::stores::drivers::sqlite::OpenError;

/// Where the progress of this server's endpoints is kept. A file is opened for the first of them, and then stays open.
pub(super) struct Place {
    data_dir: PathBuf,
    /// Those of all endpoints, unless the progress is in a file.
    cursors: Option<Cursors>,
    file: Mutex<Option<Arc<ProgressFile>>>,
}

impl Place {
    /// As the settings say that need a restart. Nothing is opened yet.
    pub(super) fn of(config: &Config, mongo: Option<&Mongo>) -> Self {
        Self {
            data_dir: config.data_dir.clone(),
            cursors: mongo.map(|mongo| Cursors::new(mongo, &config.node_name)),
            file: Mutex::default(),
        }
    }

    /// That of one endpoint.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(super) fn store(&self) -> Result<Store, OpenError> {
        match &self.cursors {
            Some(cursors) => Ok(Store::Database(cursors.for_endpoint())),
            None => self.file().map(Store::File),
        }
    }

    /// The file, also where the progress is in a database.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn file(&self) -> Result<Arc<ProgressFile>, OpenError> {
        let mut file = self.file.lock();
        if let Some(file) = &*file {
            return Ok(file.clone());
        }
        let opened = Arc::new(ProgressFile::open(&self.data_dir)?);
        Ok(file.insert(opened).clone())
    }
}

/// Keeps the progress of endpoints; cheap to clone.
#[derive(Clone)]
pub(super) enum Store {
    /// Of a single server.
    File(Arc<ProgressFile>),
    /// Of all servers; this one's cursors, or those of which it is the heir.
    Database(Cursors),
}

impl Store {
    /// How often it has to be written, also if nothing has changed.
    pub(super) fn renewal(&self) -> Option<Duration> {
        match self {
            Self::File(_) => None,
            Self::Database(_) => Some(RENEWAL),
        }
    }

    /// How far an endpoint was told; of one that was never known, nothing up to `now`.
    ///
    /// # Errors
    /// It cannot be read, or another server tells it.
    pub(super) async fn load(&self, endpoint: &str, now: Uuid) -> Result<Progress, ProgressError> {
        let name = endpoint.to_owned();
        match self {
            Self::File(file) => {
                blocking(file, Work::ReadWebhooks, move |file| file.load(&name, now)).await
            }
            Self::Database(cursors) => timed(Work::ReadWebhooks, cursors.load(endpoint, now)).await,
        }
    }

    /// Takes a step. Returns how many facts are dead, if that has changed.
    ///
    /// # Errors
    /// It was not taken, or not to its end, or another server tells the endpoint now.
    pub(super) async fn take(
        &self,
        endpoint: &str,
        step: &Arc<Step>,
    ) -> Result<Option<u64>, ProgressError> {
        match self {
            Self::File(file) => {
                let (name, step) = (endpoint.to_owned(), step.clone());
                let take = move |file: &ProgressFile| file.take(&name, &step);
                blocking(file, Work::WriteWebhooks, take).await
            }
            Self::Database(cursors) => {
                timed(Work::WriteWebhooks, cursors.take(endpoint, step)).await
            }
        }
    }

    /// Leaves it to another server, if there may be one; `is_finished`: there is nothing left.
    ///
    /// # Errors
    /// Another server waits until it can.
    pub(super) async fn release(
        &self,
        endpoint: &str,
        is_finished: bool,
    ) -> Result<(), ProgressError> {
        match self {
            Self::File(_) => Ok(()),
            Self::Database(cursors) => {
                let released = cursors.release(endpoint, is_finished);
                timed(Work::WriteWebhooks, released).await
            }
        }
    }

    /// Up to `limit` dead facts of an endpoint behind one, the earliest first.
    ///
    /// # Errors
    /// They cannot be read.
    pub(super) async fn dead(
        &self,
        endpoint: &str,
        after: Option<FactId>,
        limit: usize,
    ) -> Result<Vec<DeadFact>, ProgressError> {
        match self {
            Self::File(file) => {
                let name = endpoint.to_owned();
                let read = move |file: &ProgressFile| file.dead(&name, after, limit);
                blocking(file, Work::ReadWebhooks, read).await
            }
            Self::Database(cursors) => {
                timed(Work::ReadWebhooks, cursors.dead(endpoint, after, limit)).await
            }
        }
    }

    /// Makes dead facts wait again, as of `now` in milliseconds since 1970; which they are, and how many are still dead.
    ///
    /// # Errors
    /// They are as they were, or some of them wait and are still dead.
    pub(super) async fn revive(
        &self,
        endpoint: &str,
        selection: Selection,
        now: u64,
    ) -> Result<(Vec<FactId>, u64), ProgressError> {
        match self {
            Self::File(file) => {
                let name = endpoint.to_owned();
                let revive = move |file: &ProgressFile| file.revive(&name, &selection, now);
                blocking(file, Work::WriteWebhooks, revive).await
            }
            Self::Database(cursors) => {
                let revived = cursors.revive(endpoint, &selection, now);
                timed(Work::WriteWebhooks, revived).await
            }
        }
    }
}

/// Does something that blocks.
pub(super) async fn blocking<T: Send + 'static>(
    file: &Arc<ProgressFile>,
    work: Work,
    run: impl FnOnce(&ProgressFile) -> Result<T, ProgressError> + Send + 'static,
) -> Result<T, ProgressError> {
    let file = file.clone();
    let done = async {
        let done = spawn_blocking(move || run(&file)).await;
        done.map_err(ProgressError::from).flatten()
    };
    timed(work, done).await
}

async fn timed<T>(
    work: Work,
    done: impl Future<Output = Result<T, ProgressError>>,
) -> Result<T, ProgressError> {
    let begun = Instant::now();
    let done = done.await;
    let has_failed = !matches!(done, Ok(_) | Err(ProgressError::Taken));
    stores::done(work, begun, has_failed);
    done
}
