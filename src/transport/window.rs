//! How much may wait for a receiver before those who send to it take turns: what it took lately in a moment, so that
//! what comes behind it does not wait for long, however slow the receiver is, and a fast one is not kept waiting.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The moment, in milliseconds.
const PERIOD: u64 = 200;
/// So much may wait for the slowest, in bytes.
const MIN: usize = 64 * 1024;
/// And so much for the fastest, which may be slow the next moment.
const MAX: usize = 1024 * 1024;

/// The window of one receiver.
#[derive(Debug)]
pub(super) struct Window {
    bytes: AtomicUsize,
    /// When the moment began that is measured, in `now_ms` time, and what was taken since.
    began: AtomicU64,
    taken: AtomicUsize,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            bytes: AtomicUsize::new(MIN),
            began: AtomicU64::new(0),
            taken: AtomicUsize::new(0),
        }
    }
}

impl Window {
    /// How many bytes may wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The receiver took so many bytes. To be called by one thread at a time.
    pub(super) fn taken(&self, bytes: usize, now: u64) {
        let taken = self.taken.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let period = now.saturating_sub(self.began.load(Ordering::Relaxed));
        if period >= PERIOD {
            let bytes = taken as u64 * PERIOD / period;
            let bytes = usize::try_from(bytes).unwrap_or(MAX).clamp(MIN, MAX);
            self.bytes.store(bytes, Ordering::Relaxed);
            self.began.store(now, Ordering::Relaxed);
            self.taken.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_what_was_taken_in_a_moment() {
        let window = Window::default();
        assert_eq!(window.bytes(), MIN);
        let mut now = 10 * PERIOD;
        let mut takes = |bytes, periods| {
            now += periods * PERIOD;
            window.taken(bytes, now);
            window.bytes()
        };
        assert_eq!(takes(100, 0), MIN);
        assert_eq!(takes(3 * MIN, 1), 3 * MIN);
        assert_eq!(takes(4 * MIN, 2), 2 * MIN);
        assert_eq!(takes(2 * MAX, 1), MAX);
        assert_eq!(takes(MAX, 1000), MIN);
    }
}
