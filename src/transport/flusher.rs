//! Has what was handed to WebSockets written, once those who hand it over have done what they were at: so what they
//! hand to one client is written by one system call. Who says when that is has it written there and then, and wakes no task,
//! if it is for few. What is for many is written by a task, when all who can run have run: then others have mostly handed
//! over something for the same clients. It must not know what is written.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use smallvec::{SmallVec, smallvec};

/// How many a task writes before others have their turn.
const AT_ONCE: usize = 128;
/// How many are written there and then, at most.
const FEW: usize = 4;

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
    due: Mutex<VecDeque<Arc<dyn Flush>>>,
    waker: AtomicWaker,
}

/// Links that are due: mostly the one of a receiver and the one of the sender.
type Due = SmallVec<[Arc<dyn Flush>; FEW]>;

/// The links that are due by what a thread is at.
enum Gathered {
    /// Nobody says when it has done that.
    Nothing,
    Few(Due),
    /// There were more, which the tasks write.
    Many,
}

thread_local! {
    static GATHERED: RefCell<Gathered> = const { RefCell::new(Gathered::Nothing) };
}

/// Does this, and then writes the links that it has made due.
pub(super) fn gather<T>(work: impl FnOnce() -> T) -> T {
    let is_outermost = GATHERED.with_borrow_mut(|gathered| {
        let is_outermost = matches!(gathered, Gathered::Nothing);
        if is_outermost {
            *gathered = Gathered::Few(Due::new());
        }
        is_outermost
    });
    let gathering = is_outermost.then(|| Gathering);
    let done = work();
    drop(gathering);
    done
}

/// Does this, and whenever it waits or is done, writes the links that it has made due.
pub(crate) async fn written_together<F: Future>(work: F) -> F::Output {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|cx| gather(|| work.as_mut().poll(cx))).await
}

/// Writes those that are due by now.
pub(super) fn flush_gathered() {
    GATHERED.with_borrow_mut(Gathered::take).flush();
}

/// Ends with what was done, also by a panic.
struct Gathering;

impl Drop for Gathering {
    fn drop(&mut self) {
        GATHERED.replace(Gathered::Nothing).flush();
    }
}

impl Gathered {
    /// Adds a link. Gives back those that a task has to write.
    fn add(&mut self, link: Arc<dyn Flush>) -> Due {
        match self {
            Self::Few(due) if due.len() < FEW => {
                due.push(link);
                Due::new()
            }
            Self::Few(due) => {
                let mut all = std::mem::take(due);
                all.push(link);
                *self = Self::Many;
                all
            }
            Self::Nothing | Self::Many => smallvec![link],
        }
    }

    /// Those until now; what comes later is gathered again.
    fn take(&mut self) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Few(_) | Self::Many => std::mem::replace(self, Self::Few(Due::new())),
        }
    }

    fn flush(self) {
        if let Self::Few(due) = self {
            due.into_iter().for_each(|link| link.flush());
        }
    }
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
        let links = GATHERED.with_borrow_mut(|gathered| gathered.add(link));
        if links.is_empty() {
            return;
        }
        let is_first = {
            let mut due = self.due.lock();
            let is_first = due.is_empty();
            due.extend(links);
            is_first
        };
        if is_first {
            self.waker.wake();
        }
    }

    async fn run(self: Arc<Self>) {
        let mut links: VecDeque<Arc<dyn Flush>> = VecDeque::new();
        let mut others_have_run = false;
        std::future::poll_fn::<(), _>(|cx| {
            self.waker.register(cx.waker());
            if !std::mem::replace(&mut others_have_run, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            for _ in 0..AT_ONCE {
                if links.is_empty() {
                    std::mem::swap(&mut links, &mut *self.due.lock());
                }
                let Some(link) = links.pop_front() else {
                    others_have_run = false;
                    return Poll::Pending;
                };
                link.flush();
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Link(AtomicUsize);

    impl Flush for Link {
        fn flush(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Link {
        fn flushed(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn what_is_due_is_written_when_what_made_it_due_is_done() {
        let (shard, link) = (Shard::default(), Arc::new(Link::default()));
        let seen = gather(|| {
            shard.add(link.clone());
            let inner = gather(|| {
                shard.add(link.clone());
                link.flushed()
            });
            let before = link.flushed();
            flush_gathered();
            shard.add(link.clone());
            (inner, before, link.flushed())
        });
        assert_eq!((seen, link.flushed()), ((0, 0, 2), 3));
        assert!(shard.due.lock().is_empty());
    }

    #[test]
    fn what_is_for_more_than_a_few_is_written_by_a_task() {
        let (shard, link) = (Shard::default(), Arc::new(Link::default()));
        gather(|| (0..=FEW).for_each(|_| shard.add(link.clone())));
        assert_eq!((link.flushed(), shard.due.lock().len()), (0, FEW + 1));
        gather(|| {
            (0..=FEW).for_each(|_| shard.add(link.clone()));
            flush_gathered();
            (0..FEW).for_each(|_| shard.add(link.clone()));
        });
        assert_eq!((link.flushed(), shard.due.lock().len()), (FEW, 2 * FEW + 2));
    }

    #[tokio::test]
    async fn a_task_writes_what_all_have_handed_over_who_can_run_and_some_at_a_time() {
        const MANY: usize = 10 * AT_ONCE;
        let (shard, link) = (Arc::new(Shard::default()), Arc::new(Link::default()));
        tokio::spawn(shard.clone().run());
        tokio::task::yield_now().await;
        let handing_over: Vec<_> = (0..MANY / 10)
            .map(|_| {
                let (shard, link) = (shard.clone(), link.clone());
                tokio::spawn(async move {
                    gather(|| (0..10).for_each(|_| shard.add(link.clone())));
                    link.flushed()
                })
            })
            .collect();
        let turns = Arc::new(AtomicUsize::new(0));
        let (written, of_others) = (link.clone(), turns.clone());
        let other = std::future::poll_fn(move |cx| match written.flushed() {
            MANY => Poll::Ready(()),
            some => {
                of_others.fetch_add(usize::from(some > 0), Ordering::Relaxed);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        });
        tokio::spawn(other).await.unwrap();
        for seen in futures_util::future::join_all(handing_over).await {
            assert_eq!(seen.unwrap(), 0);
        }
        let turns = turns.load(Ordering::Relaxed);
        assert!(turns >= 9, "{turns}");
    }

    #[test]
    fn otherwise_and_after_a_panic_a_task_writes_it() {
        let (shard, link) = (Shard::default(), Arc::new(Link::default()));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            gather(|| {
                shard.add(link.clone());
                panic!("as a test");
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(link.flushed(), 1);
        shard.add(link.clone());
        assert_eq!((link.flushed(), shard.due.lock().len()), (1, 1));
    }
}
