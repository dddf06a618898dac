//! The database, and how an operation gets through to it: behind a circuit breaker, and prepared.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use super::circuit_breaker::CircuitBreaker;
use super::db::Db;
use super::deletions::{finish_deletions, forget_removed_reactions};
use super::participant_changes::forget_old;
use super::upgrade::upgrade;
use crate::model::clock::Clock;
use crate::stores::conversations::error::StoreError;
use crate::stores::drivers::mongo::Mongo;

/// How often a MongoDB that does not answer is probed.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);

/// The conversations of one database. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct MongoConversations {
    pub(super) db: Arc<Db>,
    pub(super) breaker: Arc<CircuitBreaker>,
    /// Set once the indexes exist, and what is stored has the form that this release knows.
    prepared: Arc<OnceCell<()>>,
}

impl MongoConversations {
    /// Needs no server yet: as long as there is none, operations fail. Its health is to be checked
    /// at the start, which creates the indexes.
    pub(crate) fn new(mongo: &Mongo, clock: Arc<dyn Clock>) -> Self {
        Self {
            db: Arc::new(Db::of(mongo, clock)),
            breaker: Arc::new(CircuitBreaker::new()),
            prepared: Arc::default(),
        }
    }

    /// Performs an operation, unless the circuit breaker is open.
    pub(super) async fn run<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let _permit = self.breaker.acquire().await?;
        let outcome = match self.prepare().await {
            Ok(()) => operation.await,
            Err(error) => Err(error),
        };
        if self.breaker.record(&outcome) {
            tokio::spawn(self.clone().probe_until_closed());
        }
        outcome
    }

    /// Performs a write to its end, even if its caller stops waiting for it.
    pub(super) async fn write<T, F, O>(&self, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Db>) -> O,
        O: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let store = self.clone();
        let operation = operation(self.db.clone());
        let write = tokio::spawn(async move { store.run(operation).await });
        write
            .await
            .unwrap_or_else(|error| Err(StoreError::Failed(Arc::new(error))))
    }

    async fn prepare(&self) -> Result<(), StoreError> {
        let prepare = async || {
            self.db.make_indexes().await?;
            upgrade(&self.db).await?;
            finish_deletions(&self.db).await?;
            // What is left of them harms nobody.
            let forgotten =
                tokio::try_join!(forget_removed_reactions(&self.db), forget_old(&self.db));
            let _ = forgotten
                .inspect_err(|error| tracing::warn!(%error, "what is old was not removed"));
            Ok(())
        };
        self.prepared.get_or_try_init(prepare).await.map(drop)
    }

    async fn probe_until_closed(self) {
        while self.breaker.is_open() {
            tokio::time::sleep(PROBE_INTERVAL).await;
            let answered = match self.prepare().await {
                Ok(()) => self.db.probe().await,
                Err(error) => Err(error),
            };
            // Already open, so this task goes on probing.
            let _ = self.breaker.record(&answered);
        }
    }
}
