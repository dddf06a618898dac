//! Connections that have ended of late, for who watches which there are. While nobody does, none is kept. It must not know
//! who watches.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::ConnectionId;
use crate::model::{DisconnectReason, clock};

/// For how long ends are kept after somebody has asked.
const WATCHED: Duration = Duration::from_secs(10);
/// How many are kept, the newest.
const KEPT: usize = 2_048;

/// The end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    /// Which.
    pub(crate) id: ConnectionId,
    /// Why.
    pub(crate) reason: DisconnectReason,
    /// When, in milliseconds since the epoch.
    pub(crate) at: u64,
}

/// The ends of late.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Until when they are kept, in milliseconds since the epoch.
    watched_until: AtomicU64,
    kept: Mutex<VecDeque<End>>,
}

impl Ends {
    /// A connection has ended.
    pub(super) fn note(&self, id: ConnectionId, reason: DisconnectReason) {
        let until = self.watched_until.load(Ordering::Relaxed);
        if until == 0 {
            return;
        }
        let at = clock::now_us() / 1000;
        let mut kept = self.kept.lock();
        if at > until {
            // Nobody asks any more.
            self.watched_until.store(0, Ordering::Relaxed);
            *kept = VecDeque::new();
            return;
        }
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(End { id, reason, at });
    }

    /// Those of late. From now on more are kept.
    pub(super) fn of_late(&self) -> Vec<End> {
        let now = clock::now_us() / 1000;
        let watched = WATCHED.as_millis() as u64;
        self.watched_until.store(now + watched, Ordering::Relaxed);
        let mut kept = self.kept.lock();
        while kept.front().is_some_and(|end| end.at + watched < now) {
            kept.pop_front();
        }
        kept.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_kept_while_somebody_asks_and_so_many() {
        let ends = Ends::default();
        let note = || ends.note(ConnectionId::random(), DisconnectReason::ClientLeft);
        note();
        assert!(ends.of_late().is_empty());
        for _ in 0..KEPT + 1 {
            note();
        }
        assert_eq!(ends.of_late().len(), KEPT);
        // Nobody has asked for long.
        ends.watched_until.store(1, Ordering::Relaxed);
        note();
        note();
        assert!(ends.kept.lock().is_empty());
    }
}
