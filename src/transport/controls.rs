//! Frames that are of no event: heartbeats, empty fragments and the like. Each costs as much as a small
//! event, so a client may send only so many.

use std::sync::atomic::{AtomicU32, Ordering};

/// How many in a second, and how many at once.
const RATE: u32 = 20;
const BURST: u32 = 100;

/// Counts those of one connection.
#[derive(Debug, Default)]
pub(super) struct Controls(AtomicU32);

impl Controls {
    /// Counts so many; whether they are allowed.
    pub(super) fn allow(&self, count: u32) -> bool {
        let before = self.0.fetch_add(count, Ordering::Relaxed);
        before.saturating_add(count) <= BURST
    }

    /// A second has passed.
    pub(super) fn second_passed(&self) {
        let rest = |count: u32| Some(count.saturating_sub(RATE));
        // The closure never refuses.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_is_allowed_and_then_the_rate() {
        let controls = Controls::default();
        assert!(controls.allow(BURST - 1) && controls.allow(1));
        controls.second_passed();
        assert!(controls.allow(RATE) && !controls.allow(1));
    }
}
