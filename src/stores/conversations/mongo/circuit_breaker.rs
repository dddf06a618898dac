//! A circuit breaker before MongoDB: while it does not answer, and after the store was closed, all
//! operations fail at once. Relaying must not depend on it, so nobody may wait for what will fail.

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::stores::conversations::error::StoreError;
use crate::stores::drivers::mongo::MongoError;

/// Maximum number of concurrent operations; others wait for a permit.
const MAX_OPERATIONS: u32 = 1_024;

#[derive(Debug)]
pub(super) struct CircuitBreaker {
    permits: Semaphore,
    /// While it is open: why MongoDB did not answer the last operation.
    failure: Mutex<Option<StoreError>>,
}

impl CircuitBreaker {
    pub(super) fn new() -> Self {
        Self {
            permits: Semaphore::new(MAX_OPERATIONS as usize),
            failure: Mutex::new(None),
        }
    }

    /// A permit for one operation, whose outcome has to be recorded.
    ///
    /// # Errors
    /// [`StoreError::Closed`], or the last failure while the breaker is open.
    pub(super) async fn acquire(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        let permit = self.permits.acquire().await;
        let permit = permit.map_err(|_| StoreError::Closed)?;
        match &*self.failure.lock() {
            Some(error) => Err(error.clone()),
            None => Ok(permit),
        }
    }

    /// Opens or closes the breaker, depending on whether MongoDB has answered, and logs a line when
    /// that changes. `true`: it has just opened, so the caller has to start probing.
    #[must_use]
    pub(super) fn record<T>(&self, outcome: &Result<T, StoreError>) -> bool {
        let error = outcome.as_ref().err().filter(|error| is_away(error));
        let before = std::mem::replace(&mut *self.failure.lock(), error.cloned());
        match (before, error) {
            (None, Some(error)) => {
                tracing::error!(%error, "MongoDB is away; conversations fail");
                true
            }
            (Some(_), None) => {
                tracing::info!("MongoDB is back; conversations go on");
                false
            }
            _ => false,
        }
    }

    /// Whether operations fail now that may succeed later.
    pub(super) fn is_open(&self) -> bool {
        !self.permits.is_closed() && self.failure.lock().is_some()
    }

    /// Rejects new operations, and returns when the running ones have ended.
    pub(super) async fn close(&self) {
        // An error means that it is closed.
        let _permits = self.permits.acquire_many(MAX_OPERATIONS).await;
        self.permits.close();
    }
}

fn is_away(error: &StoreError) -> bool {
    let StoreError::Failed(error) = error else {
        return false;
    };
    let error = error.downcast_ref::<MongoError>();
    error.is_some_and(MongoError::is_away)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn while_it_is_open_all_operations_fail_at_once() {
        let breaker = CircuitBreaker::new();
        let timed_out = MongoError::timed_out(std::time::Duration::from_secs(5));
        let away: Result<(), _> = Err(StoreError::Failed(Arc::new(timed_out)));
        assert!(breaker.record(&away));
        assert!(!breaker.record(&away));
        assert!(breaker.is_open());
        assert!(breaker.acquire().await.is_err());
        // A rejection is an answer, too.
        assert!(!breaker.record::<()>(&Err(StoreError::NotParticipant)));
        assert!(breaker.acquire().await.is_ok());
        breaker.close().await;
        assert!(matches!(breaker.acquire().await, Err(StoreError::Closed)));
    }
}
