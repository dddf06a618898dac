//! Counts, and logs now and then, what other nodes send that this release does not know, or that is not for the topic it
//! came by: a node of a newer release may send it with every event. It must not keep anything of it.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The shortest time between two warnings.
const INTERVAL: Duration = Duration::from_secs(60);

/// The messages that were dropped.
#[derive(Debug, Default)]
pub(super) struct UnknownMessages(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    /// Since the last warning.
    unlogged: u64,
    logged: Option<Instant>,
}

impl UnknownMessages {
    /// One more was dropped.
    pub(super) fn note(&self) {
        if let Some(count) = self.count(Instant::now()) {
            // Nothing of it is logged: it may contain what a user wrote.
            tracing::warn!(
                count,
                "a message of another node is not known to this release"
            );
        }
    }

    /// How many the log is to say that there were, if it is to have them now.
    fn count(&self, now: Instant) -> Option<u64> {
        let mut counted = self.0.lock();
        counted.unlogged += 1;
        let logged = counted.logged;
        let is_due = logged.is_none_or(|at| now.duration_since(at) >= INTERVAL);
        is_due.then(|| {
            counted.logged = Some(now);
            std::mem::take(&mut counted.unlogged)
        })
    }

    /// How many were dropped since the last warning, and whether there was one.
    #[cfg(test)]
    pub(super) fn unlogged(&self) -> (u64, bool) {
        let counted = self.0.lock();
        (counted.unlogged, counted.logged.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_and_they_are_logged_once_a_minute() {
        let unknown = UnknownMessages::default();
        let now = Instant::now();
        assert_eq!(unknown.count(now), Some(1));
        assert_eq!(unknown.count(now), None);
        assert_eq!(unknown.count(now + INTERVAL / 2), None);
        assert_eq!(unknown.count(now + INTERVAL), Some(3));
        assert_eq!(unknown.count(now + INTERVAL), None);
    }
}
