//! Where it is kept how far endpoints were told. It must not know what is told, nor to whom.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::fact::FactId;
use super::online::Change;
use super::progress::{DeadFact, Progress, Selection, Step};
use super::sqlite::{ProgressError, ProgressFile};
use crate::metrics::stores::{self, Work};

/// Keeps the progress of endpoints; cheap to clone.
#[derive(Clone)]
pub(super) struct Store(Arc<ProgressFile>);

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Keeps it in this file.
    pub(super) fn of(file: ProgressFile) -> Self {
        Self(Arc::new(file))
    }

    /// How far an endpoint was told; of one that was never known, nothing up to `now`.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn load(&self, endpoint: &str, now: Uuid) -> Result<Progress, ProgressError> {
        let name = endpoint.to_owned();
        self.run(Work::ReadWebhooks, move |file| file.load(&name, now))
            .await
    }

    /// Takes a step, all or nothing. Returns how many facts are dead, if that has changed.
    ///
    /// # Errors
    /// It was not taken.
    pub(super) async fn take(
        &self,
        endpoint: &str,
        step: &Arc<Step>,
    ) -> Result<Option<u64>, ProgressError> {
        let (name, step) = (endpoint.to_owned(), step.clone());
        self.run(Work::WriteWebhooks, move |file| file.take(&name, &step))
            .await
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
        let name = endpoint.to_owned();
        let read = move |file: &ProgressFile| file.dead(&name, after, limit);
        self.run(Work::ReadWebhooks, read).await
    }

    /// Makes dead facts wait again, as of `now` in milliseconds since 1970; which they are, and how many are still dead.
    ///
    /// # Errors
    /// They are as they were.
    pub(super) async fn revive(
        &self,
        endpoint: &str,
        selection: Selection,
        now: u64,
    ) -> Result<(Vec<FactId>, u64), ProgressError> {
        let name = endpoint.to_owned();
        let revive = move |file: &ProgressFile| file.revive(&name, &selection, now);
        self.run(Work::WriteWebhooks, revive).await
    }

    /// How far it was read who is online.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn load_online(&self, now: Uuid) -> Result<Progress, ProgressError> {
        let load = move |file: &ProgressFile| file.load_online(now);
        self.run(Work::ReadWebhooks, load).await
    }

    /// Notes who came online or went offline, and that it was read up to there.
    ///
    /// # Errors
    /// Nothing of it was noted.
    pub(super) async fn take_online(
        &self,
        position: Uuid,
        changes: &Arc<[Change]>,
    ) -> Result<(), ProgressError> {
        let changes = changes.clone();
        let take = move |file: &ProgressFile| file.take_online(position, &changes);
        self.run(Work::WriteWebhooks, take).await
    }

    /// Who has been online since before this record.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn online_before(&self, record: Uuid) -> Result<Vec<String>, ProgressError> {
        let read = move |file: &ProgressFile| file.online_before(record);
        self.run(Work::ReadWebhooks, read).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: Work,
        run: impl FnOnce(&ProgressFile) -> Result<T, ProgressError> + Send + 'static,
    ) -> Result<T, ProgressError> {
        let (begun, file) = (Instant::now(), self.0.clone());
        let done = spawn_blocking(move || run(&file)).await;
        let done = done.map_err(ProgressError::from).flatten();
        stores::done(work, begun, done.is_err());
        done
    }
}
