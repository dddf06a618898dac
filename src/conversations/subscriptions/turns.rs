//! Turns in a conversation: of those that are shared, there may be several at a time, and of the others one alone. It must
//! not know what is done in them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Maximum number of turns that are shared at a time.
const MAX_SHARED: u32 = 64;

/// The turns of those who do something in a conversation, in the order in which they ask.
#[derive(Debug, Clone)]
pub(super) struct Turns(Arc<Semaphore>);

/// That of one of them, until it is dropped. `None`: never, since the turns do not end.
pub(super) type Turn = Option<OwnedSemaphorePermit>;

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_SHARED as usize)))
    }
}

impl Turns {
    /// Nobody else has one meanwhile.
    pub(super) async fn alone(self) -> Turn {
        self.0.acquire_many_owned(MAX_SHARED).await.ok()
    }

    /// Others may have such a one, too.
    pub(super) async fn shared(self) -> Turn {
        self.0.acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_turn_that_is_not_shared_comes_behind_those_before_it_and_before_those_behind_it() {
        let turns = Turns::default();
        let shared = || turns.clone().shared();
        let (one, other) = (shared().await, shared().await);
        let mut alone = Box::pin(turns.clone().alone());
        assert!(alone.as_mut().now_or_never().is_none());
        let mut behind = Box::pin(shared());
        assert!(behind.as_mut().now_or_never().is_none());
        drop(one);
        assert!(alone.as_mut().now_or_never().is_none());
        drop(other);
        let alone = alone.await;
        assert!(behind.as_mut().now_or_never().is_none());
        drop(alone);
        assert!(behind.await.is_some());
    }
}
