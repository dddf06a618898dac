//! What an operation returns once the store has its change: the caller answers the client, then
//! publishes. It must not know what is published.

use std::fmt;
use std::future::Future;
use std::ops::Deref;

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

use crate::connection::Drain;

/// A change that is stored and not yet published. The operation's lock of the conversation, if it took
/// one, is still held: an answer that is sent now precedes every event of a later change.
///
/// A socket answers before [`publish`](Self::publish), a route after it. Dropped without it, the
/// change is published by a task of its own, which the end of the server waits for: what is stored must reach the
/// subscribers.
#[must_use = "what is stored has to be published"]
pub(crate) struct Stored<T> {
    value: T,
    rest: Rest,
}

impl<T> Stored<T> {
    /// A stored change, and the rest of the operation.
    pub(super) fn new(
        drain: &Drain,
        value: T,
        rest: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let rest = Rest {
            work: Some((drain.clone(), Box::pin(rest))),
            has_begun: false,
        };
        Self { value, rest }
    }

    /// Nothing was changed, and nothing is left to be done.
    pub(super) fn unchanged(value: T) -> Self {
        let rest = Rest {
            work: None,
            has_begun: false,
        };
        Self { value, rest }
    }

    /// Publishes it, and waits for what a sender has to wait for: deliveries that are to be noted, and
    /// subscribers that lag.
    pub(crate) async fn publish(self) -> T {
        let Self { value, mut rest } = self;
        rest.finish().await;
        value
    }
}

impl<T> Deref for Stored<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Stored<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut stored = f.debug_struct("Stored");
        stored.field("value", &self.value).finish_non_exhaustive()
    }
}

/// What is left to be done. It goes on where it was when whoever waited for it is cancelled.
struct Rest {
    work: Option<(Drain, BoxFuture<'static, ()>)>,
    has_begun: bool,
}

impl Rest {
    async fn finish(&mut self) {
        self.has_begun = true;
        if let Some((_, work)) = &mut self.work {
            work.await;
        }
        self.work = None;
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        let Some((drain, work)) = self.work.take() else {
            return;
        };
        if Handle::try_current().is_ok() {
            drain.spawn(work);
        }
        debug_assert!(
            self.has_begun || std::thread::panicking(),
            "a stored change was dropped without being published"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::sync::Notify;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn what_is_stored_is_published_once() {
        let published = Arc::new(AtomicUsize::new(0));
        let count = published.clone();
        let stored = Stored::new(&Drain::default(), 7, async move {
            count.fetch_add(1, Ordering::SeqCst);
        });
        assert_eq!((*stored, published.load(Ordering::SeqCst)), (7, 0));
        assert_eq!(stored.publish().await, 7);
        tokio::task::yield_now().await;
        assert_eq!(published.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn who_stops_waiting_does_not_stop_the_publishing() {
        let (go_on, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (waiting, finished) = (go_on.clone(), done.clone());
        let drain = Drain::default();
        let stored = Stored::new(&drain, (), async move {
            waiting.notified().await;
            finished.notify_one();
        });
        let cancelled = timeout(Duration::from_millis(1), stored.publish()).await;
        assert!(cancelled.is_err());
        assert!(
            drain.finished().now_or_never().is_none(),
            "the end of the server waits for it"
        );
        go_on.notify_one();
        let ended = timeout(Duration::from_secs(5), done.notified()).await;
        assert!(ended.is_ok(), "a task went on with it");
        drain.finished().await;
    }

    #[tokio::test]
    async fn a_forgotten_change_is_published_all_the_same() {
        let done = Arc::new(Notify::new());
        let finished = done.clone();
        let forgotten = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            drop(Stored::new(&Drain::default(), (), async move {
                finished.notify_one()
            }));
        }));
        assert_eq!(forgotten.is_err(), cfg!(debug_assertions), "it is a bug");
        let ended = timeout(Duration::from_secs(5), done.notified()).await;
        assert!(ended.is_ok());
    }
}
