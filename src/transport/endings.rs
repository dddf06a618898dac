//! The ends of connections when very many come at once, as when a network fails: so many begin at a time, and whoever
//! comes meanwhile has its turn between them. It must not know what ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::yield_now;

use super::clock::now_ms;

/// How many begin at a time.
const AT_ONCE: usize = 32;
/// How long others have their turn at most, until the next ones begin.
const MAX_PAUSE_MS: u64 = 20;

/// The ends of the connections of one listener.
#[derive(Debug, Default)]
pub(super) struct Endings {
    state: Mutex<State>,
    /// Some wait.
    any: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The millisecond in which the last one began that did not wait, and how many did in it.
    moment: u64,
    begun: usize,
    waiting: VecDeque<Arc<AtomicWaker>>,
}

/// How far the end of one connection is.
#[derive(Debug, Default)]
pub(super) enum Ending {
    /// It has not come.
    #[default]
    None,
    /// It waits until nobody else has this.
    Waiting(Arc<AtomicWaker>),
    /// It may begin.
    Begun,
}

impl Endings {
    /// Starts the task that lets those begin that wait.
    pub(super) fn start() -> Arc<Self> {
        let endings = Arc::new(Self::default());
        tokio::spawn(endings.clone().run());
        endings
    }

    /// The end of a connection has come. Ready when it may begin.
    pub(super) fn poll(&self, cx: &mut Context<'_>, ending: &mut Ending) -> Poll<()> {
        if matches!(ending, Ending::None) {
            *ending = self.begin_or_wait(now_ms());
        }
        if let Ending::Waiting(waker) = ending {
            waker.register(cx.waker());
            if Arc::strong_count(waker) > 1 {
                return Poll::Pending;
            }
            *ending = Ending::Begun;
        }
        Poll::Ready(())
    }

    fn begin_or_wait(&self, now: u64) -> Ending {
        let mut state = self.state.lock();
        if state.moment != now {
            (state.moment, state.begun) = (now, 0);
        }
        if state.waiting.is_empty() && state.begun < AT_ONCE {
            state.begun += 1;
            return Ending::Begun;
        }
        let waker = Arc::new(AtomicWaker::new());
        state.waiting.push_back(waker.clone());
        if state.waiting.len() == 1 {
            self.any.notify_one();
        }
        Ending::Waiting(waker)
    }

    /// Lets those begin that have waited for longest.
    fn let_begin(&self) -> bool {
        let mut state = self.state.lock();
        let count = state.waiting.len().min(AT_ONCE);
        let due: Vec<_> = state.waiting.drain(..count).collect();
        let are_left = !state.waiting.is_empty();
        if !are_left && state.waiting.capacity() > AT_ONCE {
            state.waiting = VecDeque::new();
        }
        drop(state);
        for waker in due {
            let waiting = waker.take();
            // From now on only who waits has it.
            drop(waker);
            if let Some(waiting) = waiting {
                waiting.wake();
            }
        }
        are_left
    }

    async fn run(self: Arc<Self>) {
        loop {
            self.any.notified().await;
            while self.let_begin() {
                others_had_their_turn().await;
            }
        }
    }
}

/// Waits until all has its turn that is ready, and what has just arrived: what is left in the queue of all threads would
/// come behind whatever the ends lead to, which is in a thread's own. A server that never gets there goes on all the same.
async fn others_had_their_turn() {
    let runtime = Handle::current().metrics();
    let begun = now_ms();
    loop {
        yield_now().await;
        if runtime.global_queue_depth() == 0 || now_ms() >= begun + MAX_PAUSE_MS {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::*;

    #[derive(Debug, Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// So many ends that have come at this time.
    fn come(endings: &Endings, count: usize, now: u64) -> Vec<Ending> {
        (0..count).map(|_| endings.begin_or_wait(now)).collect()
    }

    fn begun(endings: &Endings, all: &mut [Ending], cx: &mut Context<'_>) -> usize {
        let polled = all.iter_mut().map(|ending| endings.poll(cx, ending));
        polled.filter(Poll::is_ready).count()
    }

    #[test]
    fn few_begin_at_once_and_of_many_a_part_at_a_time() {
        let endings = Endings::default();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        let mut all = come(&endings, AT_ONCE, 7);
        assert_eq!(begun(&endings, &mut all, &mut cx), AT_ONCE);
        let mut all = come(&endings, 2 * AT_ONCE + 1, 7);
        assert_eq!(begun(&endings, &mut all, &mut cx), 0);
        // Later ones come behind those.
        all.extend(come(&endings, 1, 8));
        assert!(endings.let_begin() && endings.let_begin());
        assert_eq!(begun(&endings, &mut all, &mut cx), 2 * AT_ONCE);
        assert_eq!(woken.0.load(Ordering::Relaxed), 2 * AT_ONCE);
        assert!(!endings.let_begin());
        assert_eq!(begun(&endings, &mut all, &mut cx), all.len());
        assert!(matches!(come(&endings, 1, 9)[..], [Ending::Begun]));
    }

    #[tokio::test]
    async fn whoever_waits_is_let_begin_and_others_have_their_turn_meanwhile() {
        let endings = Endings::start();
        let count = 100 * AT_ONCE;
        let left = Arc::new(AtomicUsize::new(count));
        for mut ending in come(&endings, count, 7) {
            let (endings, left) = (endings.clone(), left.clone());
            tokio::spawn(async move {
                std::future::poll_fn(|cx| endings.poll(cx, &mut ending)).await;
                left.fetch_sub(1, Ordering::Relaxed);
            });
        }
        let mut turns = 0;
        while left.load(Ordering::Relaxed) > 0 {
            turns += 1;
            yield_now().await;
        }
        assert!(turns > 50, "{turns}");
    }
}
