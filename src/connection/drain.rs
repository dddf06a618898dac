//! Whether the server is shutting down: set once, read by whoever would begin something new.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The shutdown of one server. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drain(Arc<AtomicBool>);

impl Drain {
    /// From now on no new connections are taken.
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
