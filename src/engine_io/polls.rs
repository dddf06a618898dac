//! The polls of one session: whether one waits for an answer, and how long its client may take until the next. It must
//! not know what is answered.

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
    /// A poll waits for an answer from now on. `false`: another one does already.
    pub(super) fn begin(&self) -> bool {
        !self.waits.swap(true, Ordering::AcqRel)
    }

    /// It waits no more.
    pub(super) fn end(&self) {
        self.waits.store(false, Ordering::Release);
    }

    /// It was answered with so many bytes.
    pub(super) fn answered(&self, bytes: usize) {
        self.answered.store(bytes, Ordering::Relaxed);
    }

    /// Has the poll that waits answered at once, if there is one, so that the client has to poll again.
    pub(super) fn ask(&self) {
        self.ask.notify_waiters();
    }

    /// Waits until the poll is to be answered at once.
    pub(super) async fn asked(&self) {
        self.ask.notified().await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_poll_waits_at_a_time() {
        let polls = Polls::default();
        assert!(polls.begin() && !polls.begin());
        assert_eq!(polls.reading_time(1), Duration::ZERO);
        polls.end();
        assert!(polls.begin());
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
