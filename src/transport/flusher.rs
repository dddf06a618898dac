//! Has what was handed to WebSockets written, once those who hand it over have done what they were at: so what they
//! hand to one client is written by one system call. It must not know what is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

/// How often a task looks again before others have their turn.
const ROUNDS: usize = 16;

/// The tasks that write: one for each thread of the runtime, among which the links are divided.
#[derive(Debug)]
pub(super) struct Flusher {
    shards: Box<[Arc<Shard>]>,
    next: AtomicUsize,
}

/// What is written when it is due.
pub(super) trait Flush: std::fmt::Debug + Send + Sync {
    /// Writes what waits.
    fn flush(self: Arc<Self>);
}

/// The links that one of the tasks writes.
#[derive(Debug, Default)]
pub(super) struct Shard {
    due: Mutex<Vec<Arc<dyn Flush>>>,
    waker: AtomicWaker,
}

impl Flusher {
    /// Starts the tasks.
    pub(super) fn start() -> Self {
        let threads = tokio::runtime::Handle::current().metrics().num_workers();
        let start = |_| {
            let shard = Arc::new(Shard::default());
            tokio::spawn(shard.clone().run());
            shard
        };
        Self {
            shards: (0..threads.max(1)).map(start).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// The task of a new link.
    pub(super) fn shard(&self) -> Arc<Shard> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.shards[number % self.shards.len()].clone()
    }
}

impl Shard {
    /// This link is to be written soon.
    pub(super) fn add(&self, link: Arc<dyn Flush>) {
        let is_first = {
            let mut due = self.due.lock();
            due.push(link);
            due.len() == 1
        };
        if is_first {
            self.waker.wake();
        }
    }

    async fn run(self: Arc<Self>) {
        let mut links: Vec<Arc<dyn Flush>> = Vec::new();
        std::future::poll_fn::<(), _>(|cx| {
            self.waker.register(cx.waker());
            for _ in 0..ROUNDS {
                std::mem::swap(&mut links, &mut *self.due.lock());
                if links.is_empty() {
                    return Poll::Pending;
                }
                links.drain(..).for_each(|link| link.flush());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
