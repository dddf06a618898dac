//! What a link is checked for about once a second, while something of it may become due: its deadline, whether its peer takes
//! what waits for it, and whether a client that is busy is taken to be alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{INJECT_PONG, Link, NONE};
use crate::model::DisconnectReason;
use crate::transport::carrier::Carrier as _;
use crate::transport::watch::{Watch, Watchable, Watched};

/// Bytes moved between two checks that make a link busy.
const BUSY_BYTES: u64 = 64 * 1024;

impl Link {
    /// Watched from now on: its first request must arrive in time.
    pub(in crate::transport) fn watched_by(self, watched: &Arc<Watched<Self>>) -> Arc<Self> {
        let link = Arc::new_cyclic(|link| Self {
            watch: Watch::of(link.clone(), watched.clone()),
            ..self
        });
        link.watch.begin();
        link
    }

    /// So many bytes were read or written.
    pub(super) fn was_moved(&self, bytes: usize) {
        let bytes = bytes as u64;
        let before = self.moved.fetch_add(bytes, Ordering::Relaxed);
        if before <= BUSY_BYTES && before + bytes > BUSY_BYTES {
            self.watch.begin();
        }
    }

    fn check_progress(&self, now: u64) {
        let since = self.blocked_since.load(Ordering::Relaxed);
        let window = self.limits.now().write_deadline.as_millis() as u64;
        if since == NONE || now < since + window {
            return;
        }
        let required = (self.limits.now().min_drain_rate * window / 1000).max(1);
        if self.taken_since.swap(0, Ordering::Relaxed) < required {
            self.close(DisconnectReason::SlowConsumer);
        } else {
            self.blocked_since.store(now, Ordering::Relaxed);
        }
    }

    /// The library disconnects a client that does not answer a ping in time, but the pong of a busy
    /// client waits behind everything else that it sends or receives. Bytes that move prove as much
    /// as a pong, so while many move, or while it is the server that does not read, one is injected.
    fn inject_pong_if_busy(&self, now: u64) {
        let moved = self.moved.swap(0, Ordering::Relaxed);
        let Some(flow) = self.flow() else { return };
        let busy = moved > BUSY_BYTES
            || (moved > 0 && self.blocked_since.load(Ordering::Relaxed) != NONE)
            || flow.reading_paused();
        let due = self.pong_injected_at.load(Ordering::Relaxed)
            + self.limits.now().heartbeat.as_millis() as u64;
        if busy && now >= due {
            self.pong_injected_at.store(now, Ordering::Relaxed);
            self.inject(INJECT_PONG);
        }
    }
}

impl Watchable for Link {
    fn check(&self, now: u64) {
        let deadline = self.deadline.load(Ordering::Relaxed);
        if deadline != NONE && now >= deadline {
            self.close(DisconnectReason::GuestTimeout);
        }
        self.check_progress(now);
        self.inject_pong_if_busy(now);
        if self.flow().is_some_and(|flow| !flow.is_read()) {
            // It looks whether the client is still there.
            self.reader.wake();
        }
    }

    fn may_become_due(&self) -> bool {
        let is_set = |time: &AtomicU64| time.load(Ordering::Relaxed) != NONE;
        is_set(&self.deadline)
            || is_set(&self.blocked_since)
            || self.moved.load(Ordering::Relaxed) > BUSY_BYTES
            || self.flow().is_some_and(|flow| !flow.is_read())
    }

    fn watch(&self) -> &Watch<Self> {
        &self.watch
    }
}
