//! Tasks that go on until they are to end.
//!
//! Owns that whoever waits for their end may leave, and somebody else wait on.

use tokio::sync::{Mutex as Turn, watch};
use tokio::task::JoinHandle;

/// Tasks that end together.
#[derive(Default)]
pub(super) struct Tasks {
    stop: watch::Sender<bool>,
    running: Turn<Vec<JoinHandle<()>>>,
}

impl Tasks {
    /// Begins one, which ends when what it is given says so.
    pub(super) fn begin<T>(&mut self, task: impl FnOnce(watch::Receiver<bool>) -> T)
    where
        T: Future<Output = ()> + Send + 'static,
    {
        let task = task(self.stop.subscribe());
        self.running.get_mut().push(tokio::spawn(task));
    }

    /// Has all of them end. Cancelled, they still do.
    pub(super) async fn stop(&self) {
        self.stop.send_replace(true);
        let mut running = self.running.lock().await;
        while let Some(task) = running.last_mut() {
            let ended = task.await;
            running.pop();
            if let Err(error) = ended {
                tracing::error!(%error, "telling an endpoint did not come to an end");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn who_stops_waiting_leaves_the_end_to_be_waited_for() {
        let mut tasks = Tasks::default();
        let (end, may_end) = oneshot::channel::<()>();
        let (ended, has_ended) = oneshot::channel();
        tasks.begin(|mut stop| async move {
            stop.wait_for(|stop| *stop).await.unwrap();
            may_end.await.unwrap();
            ended.send(()).unwrap();
        });
        assert!(tasks.stop().now_or_never().is_none());
        assert!(tasks.stop().now_or_never().is_none());
        end.send(()).unwrap();
        tasks.stop().await;
        assert_eq!(has_ended.now_or_never(), Some(Ok(())));
    }
}
