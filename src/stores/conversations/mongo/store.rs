//! The database, and how an operation gets through to it: behind a circuit breaker, and prepared.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::circuit_breaker::CircuitBreaker;
use super::db::Db;
use super::prepare::Prepared;
use crate::metrics::stores::Work;
use crate::model::clock::Clock;
use crate::stores::conversations::error::{StoreError, note_done};
use crate::stores::drivers::mongo::Mongo;

/// How often a MongoDB that does not answer is probed.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);

/// The conversations of one database. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct MongoConversations {
    pub(super) db: Arc<Db>,
    pub(super) breaker: Arc<CircuitBreaker>,
    /// How far indexes exist, and what is stored has the form that this release knows.
    pub(super) prepared: Arc<Prepared>,
}

impl MongoConversations {
    /// Needs no server yet: as long as there is none, operations fail. Its health is to be checked
    /// at the start, which creates the indexes. `shows_conversations`: they are shown to clients, and not only
    /// users are kept.
    pub(crate) fn new(mongo: &Mongo, clock: Arc<dyn Clock>, shows_conversations: bool) -> Self {
        Self {
            db: Arc::new(Db::of(mongo, clock)),
            breaker: Arc::new(CircuitBreaker::new()),
            prepared: Arc::new(Prepared::new(shows_conversations)),
        }
    }

    /// Performs an operation, unless the circuit breaker is open.
    pub(super) async fn run<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.run_of(Work::ReadConversations, operation).await
    }

    /// The same, counted as this.
    pub(super) async fn run_of<T>(
        &self,
        work: Work,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let guarded = self.guarded(self.prepared.ready(&self.db), operation);
        timed(work, guarded).await
    }

    /// Performs an operation after a preparation, unless the circuit breaker is open.
    async fn guarded<T>(
        &self,
        preparation: impl Future<Output = Result<(), StoreError>>,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let _permit = self.breaker.acquire().await?;
        let outcome = match preparation.await {
            Ok(()) => operation.await,
            Err(error) => Err(error),
        };
        if self.breaker.record(&outcome) {
            tokio::spawn(self.clone().probe_until_closed());
        }
        outcome
    }

    /// Performs a write in conversations to its end, even if its caller stops waiting for it.
    pub(super) async fn write<T, F, O>(&self, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Db>) -> O,
        O: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let (store, operation) = (self.clone(), operation(self.db.clone()));
        to_its_end(async move {
            let preparation = store.prepared.ready_for_conversations(&store.db);
            timed(
                Work::WriteConversations,
                store.guarded(preparation, operation),
            )
            .await
        })
        .await
    }

    /// The same for a write that is of users only.
    pub(super) async fn write_user<T, F, O>(&self, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Db>) -> O,
        O: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.write_of(Work::WriteConversations, operation).await
    }

    /// The same, counted as this.
    pub(super) async fn write_of<T, F, O>(&self, work: Work, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Db>) -> O,
        O: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let (store, operation) = (self.clone(), operation(self.db.clone()));
        to_its_end(async move {
            let guarded = store.guarded(store.prepared.ready(&store.db), operation);
            timed(work, guarded).await
        })
        .await
    }

    async fn probe_until_closed(self) {
        while self.breaker.is_open() {
            tokio::time::sleep(PROBE_INTERVAL).await;
            let answered = match self.prepared.ready(&self.db).await {
                Ok(()) => self.db.probe().await,
                Err(error) => Err(error),
            };
            // Already open, so this task goes on probing.
            let _ = self.breaker.record(&answered);
        }
    }
}

/// Counts how long something took, and whether the store failed.
async fn timed<T>(
    work: Work,
    operation: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let begun = Instant::now();
    let outcome = operation.await;
    note_done(work, begun, &outcome);
    outcome
}

async fn to_its_end<T: Send + 'static>(
    write: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let written = tokio::spawn(write).await;
    written.unwrap_or_else(|error| Err(StoreError::Failed(Arc::new(error))))
}
