//! The clock of deadlines: milliseconds as one number, so that they fit an atomic.

use std::sync::LazyLock;
use std::time::Instant;

static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Milliseconds since the first call in this process; never 0, which deadlines use for "none".
pub(super) fn now_ms() -> u64 {
    STARTED.elapsed().as_millis() as u64 + 1
}
