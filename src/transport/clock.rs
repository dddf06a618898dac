//! The clock of deadlines: milliseconds as one number, so that they fit an atomic.

use rustix::time::{ClockId, clock_gettime};

/// It is asked several times for each event, so it is the clock that costs least. It is late by some milliseconds, at most
/// ten, as the kernel is configured.
#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::MonotonicCoarse;
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

/// Milliseconds of a clock that never jumps; never 0, which deadlines use for "none".
pub(super) fn now_ms() -> u64 {
    let now = clock_gettime(CLOCK);
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000 + 1
}

/// A moment, as exact as that clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(u64);

impl Moment {
    /// This moment.
    pub(crate) fn now() -> Self {
        Self(now_ms())
    }

    /// Whether something was certainly later: what was as long as the clock stood still may have been before.
    pub(super) fn is_before(self, ms: u64) -> bool {
        self.0 < ms
    }
}
