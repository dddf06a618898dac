//! Whether the server is shutting down: set once, read by whoever would begin something new; and what has to be done before
//! it is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The shutdown of one server. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Drain(Arc<State>);

#[derive(Debug)]
struct State {
    has_begun: watch::Sender<bool>,
    /// A receiver for each task.
    tasks: watch::Sender<()>,
}

impl Default for Drain {
    fn default() -> Self {
        Self(Arc::new(State {
            has_begun: watch::Sender::new(false),
            tasks: watch::Sender::new(()),
        }))
    }
}

impl Drain {
    /// From now on no new connections are taken.
    pub(crate) fn begin(&self) {
        self.0.has_begun.send_replace(true);
    }

    /// Whether it has begun.
    pub(crate) fn has_begun(&self) -> bool {
        *self.0.has_begun.borrow()
    }

    /// Waits until it begins.
    pub(crate) async fn begun(&self) {
        let mut begun = self.0.has_begun.subscribe();
        // An error is that nobody is left who could begin it.
        let _ = begun.wait_for(|has_begun| *has_begun).await;
    }

    /// Waits for a time, or until it begins: then nothing is left to wait for.
    pub(crate) async fn sleep(&self, time: Duration) {
        let mut begun = self.0.has_begun.subscribe();
        let begun = begun.wait_for(|has_begun| *has_begun);
        // Either is the end of waiting.
        let _ = tokio::time::timeout(time, begun).await;
    }

    /// Waits until then, or until it begins. `false`: it has begun.
    pub(crate) async fn sleep_until(&self, then: Instant) -> bool {
        self.sleep(then.saturating_duration_since(Instant::now()))
            .await;
        !self.has_begun()
    }

    /// Runs a task of its own, which is done before the server has stopped.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let running = self.0.tasks.subscribe();
        tokio::spawn(async move {
            let done = task.await;
            drop(running);
            done
        })
    }

    /// Waits until all such tasks are done.
    pub(crate) async fn finished(&self) {
        self.0.tasks.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn it_is_over_when_all_tasks_are_done_which_do_not_wait_any_more() {
        let (drain, goes_on) = (Drain::default(), Arc::new(Notify::new()));
        let (waiting, begun) = (goes_on.clone(), drain.clone());
        drain.spawn(async move {
            begun.sleep(Duration::from_secs(3600)).await;
            waiting.notified().await;
        });
        drain.begin();
        assert!(drain.has_begun() && drain.finished().now_or_never().is_none());
        goes_on.notify_one();
        drain.finished().await;
    }
}
