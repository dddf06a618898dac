//! Who was disconnected from which session lately. It must not know what a session is.

use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;
use parking_lot::Mutex;

use crate::model::session::{Returning, SessionId};

/// How many are remembered; the oldest are forgotten first.
const MAX: NonZeroUsize = NonZeroUsize::MIN.saturating_add(16_383);

/// When each was disconnected, on the clock that never jumps.
#[derive(Debug)]
pub(super) struct Departures(Mutex<LruCache<(SessionId, String), u64>>);

impl Departures {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(MAX)))
    }

    pub(super) fn note(&self, id: &SessionId, who: Returning<'_>, now: u64) {
        let mut noted = self.0.lock();
        for mark in who.marks() {
            noted.push((id.clone(), mark), now);
        }
    }

    pub(super) fn has(
        &self,
        id: &SessionId,
        who: Returning<'_>,
        now: u64,
        within: Duration,
    ) -> bool {
        let noted = self.0.lock();
        who.marks().any(|mark| {
            let at = noted.peek(&(id.clone(), mark));
            let since = at.map(|at| Duration::from_millis(now.saturating_sub(*at)));
            since.is_some_and(|since| since < within && who.came_after(since))
        })
    }
}
