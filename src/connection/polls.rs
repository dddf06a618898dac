//! The polls of one connection: whether one waits for an answer, and how long its client may take until the next. It
//! must not know what is answered.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct Polls {
    waits: AtomicBool,
    /// Bytes of the last answer.
    answered: AtomicUsize,
    ask: Notify,
}

impl Polls {
    /// A poll waits for this answer. `None`: it is to be answered at once, so that the client has to poll again.
    pub(super) async fn answer<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        let _waiting = Waiting::begin(&self.waits);
        tokio::select! {
            biased;
            answer = answer => Some(answer),
            () = self.ask.notified() => None,
        }
    }

    /// It was answered with so many bytes.
    pub(super) fn answered(&self, bytes: usize) {
        self.answered.store(bytes, Ordering::Relaxed);
    }

    /// Has the poll that waits answered at once, if there is one.
    pub(super) fn ask(&self) {
        self.ask.notify_waiters();
    }

    /// How long the client may read the last answer before it polls again, if it takes so many bytes per second.
    pub(super) fn reading_time(&self, rate: u64) -> Duration {
        match self.waits.load(Ordering::Relaxed) {
            true => Duration::ZERO,
            false => {
                let bytes = self.answered.load(Ordering::Relaxed) as u64;
                Duration::from_millis(bytes.saturating_mul(1000) / rate.max(1))
            }
        }
    }
}

/// A poll waits as long as this is there: its client may go away at any time.
struct Waiting<'a>(&'a AtomicBool);

impl<'a> Waiting<'a> {
    fn begin(waits: &'a AtomicBool) -> Self {
        waits.store(true, Ordering::Relaxed);
        Self(waits)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn a_poll_that_waits_is_answered_when_its_client_is_asked() {
        let polls = Polls::default();
        polls.ask();
        assert_eq!(polls.answer(ready(1)).await, Some(1));
        let waits = polls.answer(pending::<()>());
        let asked = async {
            assert_eq!(polls.reading_time(1), Duration::ZERO);
            polls.ask();
        };
        assert_eq!(tokio::join!(waits, asked).0, None);
    }

    #[test]
    fn what_was_answered_takes_its_time() {
        let polls = Polls::default();
        assert_eq!(polls.reading_time(4096), Duration::ZERO);
        polls.answered(8192);
        assert_eq!(polls.reading_time(4096), Duration::from_secs(2));
        polls.answered(usize::MAX);
        assert!(polls.reading_time(0) > Duration::from_secs(3600));
    }
}
