//! Who gets through to MongoDB: nobody when the store is closed, and nobody while it does not answer.
//! Relaying must not depend on it, so nobody may wait for what will fail.

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::stores::conversations::StoreError;
use crate::stores::drivers::mongo::MongoError;

/// Most operations at one time; others wait for a place.
const PLACES: u32 = 1_024;

#[derive(Debug)]
pub(super) struct Gate {
    places: Semaphore,
    /// Why MongoDB did not answer when it was asked last.
    away: Mutex<Option<StoreError>>,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self {
            places: Semaphore::new(PLACES as usize),
            away: Mutex::new(None),
        }
    }

    /// A place for one operation, whose outcome is then to be noted.
    ///
    /// # Errors
    /// [`StoreError::Closed`], or the last failure while MongoDB is away.
    pub(super) async fn enter(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        let place = self.places.acquire().await;
        let place = place.map_err(|_| StoreError::Closed)?;
        match &*self.away.lock() {
            Some(error) => Err(error.clone()),
            None => Ok(place),
        }
    }

    /// Notes whether MongoDB has answered: one line of the log when it is away, and one when it is
    /// back. `true`: it was not known to be away before, so somebody has to look when it is back.
    #[must_use]
    pub(super) fn note<T>(&self, outcome: &Result<T, StoreError>) -> bool {
        let error = outcome.as_ref().err().filter(|error| is_away(error));
        let before = std::mem::replace(&mut *self.away.lock(), error.cloned());
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

    /// Whether nobody gets through now who might later.
    pub(super) fn is_waiting(&self) -> bool {
        !self.places.is_closed() && self.away.lock().is_some()
    }

    /// Lets nobody through any more, and returns when those that were are done.
    pub(super) async fn close(&self) {
        // An error means that it is closed.
        let _places = self.places.acquire_many(PLACES).await;
        self.places.close();
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
    async fn while_it_is_away_all_fail_at_once() {
        let gate = Gate::new();
        let timed_out = MongoError::timed_out(std::time::Duration::from_secs(5));
        let away: Result<(), _> = Err(StoreError::Failed(Arc::new(timed_out)));
        assert!(gate.note(&away));
        assert!(!gate.note(&away));
        assert!(gate.is_waiting());
        assert!(gate.enter().await.is_err());
        // An answer that is a refusal is an answer.
        assert!(!gate.note::<()>(&Err(StoreError::NotParticipant)));
        assert!(gate.enter().await.is_ok());
        gate.close().await;
        assert!(matches!(gate.enter().await, Err(StoreError::Closed)));
    }
}
