//! What operators ask of the endpoints: what is dead, that it is told again, and whether an endpoint answers.
//!
//! Owns how long that may take. It must not wait for an endpoint longer than a request to it may.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

use super::Webhooks;
use super::endpoint::Replay;
use super::fact::{self, FactId};
use super::progress::{DeadFact, ProgressError, Selection};
use super::queue::Outcome;
use super::status::Status;
use super::telling::Known;

/// How long is waited for who tells the endpoint.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Why something is not done with an endpoint.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// There is none of this name.
    #[error("no such endpoint")]
    Unknown,
    /// Something else has to be done before.
    #[error("the endpoint is busy")]
    Busy,
    /// What it was told cannot be read or changed.
    #[error("what the endpoint was told: {0}")]
    Failed(#[from] FailedError),
}

/// What failed, in words that may be logged.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct FailedError(ProgressError);

impl From<ProgressError> for AskError {
    fn from(error: ProgressError) -> Self {
        Self::Failed(FailedError(error))
    }
}

/// What became of a request that tried an endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tried {
    /// The `webhook-id`.
    pub(crate) id: FactId,
    /// What became of it.
    pub(crate) outcome: Outcome,
    /// How long it took.
    pub(crate) took: Duration,
}

impl Webhooks {
    /// All endpoints, in the order of the settings.
    pub(crate) fn endpoints(&self) -> Vec<Arc<Status>> {
        let telling = self.telling();
        let all = telling.known().iter();
        all.map(|known| known.status.clone()).collect()
    }

    /// Whether it can be read what endpoints are to be told, and noted what they were. `None`: there are none.
    pub(crate) fn work(&self) -> Option<bool> {
        let all = self.endpoints();
        let work = || all.iter().all(|endpoint| !endpoint.now().is_broken);
        (!all.is_empty()).then(work)
    }

    /// Up to `limit` dead facts of an endpoint behind one, the earliest first.
    ///
    /// # Errors
    /// There is no such endpoint, or they cannot be read.
    pub(crate) async fn dead(
        &self,
        endpoint: &str,
        after: Option<FactId>,
        limit: usize,
    ) -> Result<Vec<DeadFact>, AskError> {
        let known = self.known(endpoint)?;
        Ok(known.store.dead(endpoint, after, limit).await?)
    }

    /// Makes dead facts of an endpoint be told again; how many. They are, also if the process is killed after this.
    ///
    /// # Errors
    /// There is no such endpoint, or it could not be noted: then they are as they were.
    pub(crate) async fn replay(
        &self,
        endpoint: &str,
        selection: Selection,
    ) -> Result<u64, AskError> {
        let known = self.known(endpoint)?;
        let (answer, answered) = oneshot::channel();
        let asked = Replay { selection, answer };
        known.replays.try_send(asked).map_err(|_| AskError::Busy)?;
        let answered = timeout(ANSWER_TIMEOUT, answered).await;
        // Without an answer, it is about to stop, or cannot read what it had been told.
        let answered = answered.map_err(|_| AskError::Busy)?;
        Ok(answered.map_err(|_| AskError::Busy)??)
    }

    /// Sends one request to an endpoint, which is not repeated.
    ///
    /// # Errors
    /// There is no such endpoint, or it is being tried.
    pub(crate) async fn test(&self, endpoint: &str) -> Result<Tried, AskError> {
        let known = self.known(endpoint)?;
        let Known {
            client,
            status,
            trying,
            node,
            ..
        } = &*known;
        let _turn = trying.try_lock().map_err(|_| AskError::Busy)?;
        let id = FactId {
            record: Uuid::now_v7(),
            part: 0,
        };
        let body = fact::test(id, endpoint, node).map_err(ProgressError::from)?;
        let begun = Instant::now();
        let (outcome, _) = client.send(id, body).await;
        let took = begun.elapsed();
        status.attempted(outcome, took);
        Ok(Tried { id, outcome, took })
    }

    fn known(&self, endpoint: &str) -> Result<Arc<Known>, AskError> {
        let telling = self.telling();
        telling.find(endpoint).cloned().ok_or(AskError::Unknown)
    }
}
