//! What the sessions in memory take, in all and for each who made them.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;

use super::MemoryStore;
use super::stored::Stored;

/// Whoever makes sessions may take one in so many bytes of all for members and keys.
const SHARES: usize = 16;

/// What all sessions take together.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// How many there are. Counted because counting the entries of the map locks all of it.
    sessions: AtomicUsize,
    /// Bytes of all histories.
    history: AtomicUsize,
    /// Bytes of everything else.
    fixed: AtomicUsize,
    /// The same bytes for each address that made sessions.
    fixed_of: DashMap<IpAddr, usize>,
}

impl Usage {
    pub(super) fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    pub(super) fn fixed(&self) -> usize {
        self.fixed.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> usize {
        self.fixed() + self.history.load(Ordering::Relaxed)
    }

    pub(super) fn fixed_of(&self, maker: IpAddr) -> usize {
        self.fixed_of.get(&maker).map_or(0, |bytes| *bytes)
    }

    fn count_fixed(&self, maker: IpAddr, before: usize, bytes: usize) {
        self.fixed.fetch_add(bytes, Ordering::Relaxed);
        self.fixed.fetch_sub(before, Ordering::Relaxed);
        let mut of_maker = self.fixed_of.entry(maker).or_insert(0);
        *of_maker = *of_maker + bytes - before;
        let is_unused = *of_maker == 0;
        drop(of_maker);
        if is_unused {
            self.fixed_of.remove_if(&maker, |_, bytes| *bytes == 0);
        }
    }
}

impl MemoryStore {
    /// Counts one more session. `false`: there are as many as there may be.
    pub(super) fn add_session(&self) -> bool {
        let max = self.limits.now().sessions;
        let add = |count| (count < max).then_some(count + 1);
        let sessions = &self.usage.sessions;
        sessions
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
            .is_ok()
    }

    /// Counts a session again, after its members or keys were changed.
    pub(super) fn recount(&self, session: &mut Stored) {
        let size = session.fixed_size();
        let before = std::mem::replace(&mut session.counted_fixed, size);
        self.usage.count_fixed(session.maker, before, size);
        self.memory.recount(before, size);
    }

    /// Counts the history of a session again, after it was changed.
    pub(super) fn recount_history(&self, session: &mut Stored) {
        let size = session.history.bytes();
        let before = std::mem::replace(&mut session.counted_history, size);
        self.usage.history.fetch_add(size, Ordering::Relaxed);
        self.usage.history.fetch_sub(before, Ordering::Relaxed);
        self.memory.recount(before, size);
    }

    /// A session was removed.
    pub(super) fn remove_usage(&self, session: &Stored) {
        let usage = &self.usage;
        usage.count_fixed(session.maker, session.counted_fixed, 0);
        usage
            .history
            .fetch_sub(session.counted_history, Ordering::Relaxed);
        usage.sessions.fetch_sub(1, Ordering::Relaxed);
        let taken = session.counted_fixed + session.counted_history;
        self.memory.recount(taken, 0);
    }

    pub(super) fn has_memory_for(&self, bytes: usize) -> bool {
        self.usage.bytes() + bytes <= self.limits.now().memory
    }

    /// Whether there is memory for this many bytes more of members and keys in the sessions that this address made.
    /// It may take a share of all, and all together half, so that cutting histories always helps. When more is
    /// taken, those sessions are evicted that take the most, of who takes the most. Must be called while no session
    /// is locked.
    pub(super) fn may_grow(&self, maker: IpAddr, bytes: usize) -> bool {
        if self.usage.fixed_of(maker) + bytes > self.limits.now().memory / SHARES {
            return false;
        }
        let excess = (self.usage.fixed() + bytes).saturating_sub(self.limits.now().memory / 2);
        if excess > 0 {
            self.evict(excess);
            return false;
        }
        self.free_memory(bytes)
    }
}
