//! What the sessions in memory take, and how memory is freed: the longest histories are cut.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::MemoryStore;
use super::stored::Stored;

/// What all sessions take together.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// How many there are. Counted because counting the entries of the map locks all of it.
    sessions: AtomicUsize,
    /// Bytes of all histories.
    history: AtomicUsize,
    /// Bytes of everything else.
    fixed: AtomicUsize,
}

impl Usage {
    pub(super) fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    fn fixed(&self) -> usize {
        self.fixed.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> usize {
        self.fixed() + self.history.load(Ordering::Relaxed)
    }
}

impl MemoryStore {
    /// Counts one more session. `false`: there are as many as there may be.
    pub(super) fn add_session(&self) -> bool {
        let max = self.limits.sessions;
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
        self.usage.fixed.fetch_add(size, Ordering::Relaxed);
        self.usage.fixed.fetch_sub(before, Ordering::Relaxed);
    }

    /// Counts the history of a session again, after it was changed.
    pub(super) fn recount_history(&self, session: &mut Stored) {
        let size = session.history.bytes();
        let before = std::mem::replace(&mut session.counted_history, size);
        self.usage.history.fetch_add(size, Ordering::Relaxed);
        self.usage.history.fetch_sub(before, Ordering::Relaxed);
    }

    /// A session was removed.
    pub(super) fn remove_usage(&self, session: &Stored) {
        let usage = &self.usage;
        usage
            .fixed
            .fetch_sub(session.counted_fixed, Ordering::Relaxed);
        usage
            .history
            .fetch_sub(session.counted_history, Ordering::Relaxed);
        usage.sessions.fetch_sub(1, Ordering::Relaxed);
    }

    fn has_memory_for(&self, bytes: usize) -> bool {
        self.usage.bytes() + bytes <= self.limits.memory
    }

    /// Whether there is memory for this many bytes more of members and keys. They may take half of
    /// all, so that cutting histories always helps.
    pub(super) fn may_grow(&self, bytes: usize) -> bool {
        self.usage.fixed() + bytes <= self.limits.memory / 2 && self.free_memory(bytes)
    }

    /// Whether there is memory for this many bytes more. If not, the longest histories are cut first,
    /// to a length that suffices for a while. Must be called while no session is locked.
    pub(super) fn free_memory(&self, bytes: usize) -> bool {
        if self.has_memory_for(bytes) {
            return true;
        }
        let mut histories: Vec<usize> = self
            .sessions
            .iter()
            .map(|session| session.history.bytes())
            .collect();
        let target = self.limits.memory - self.limits.memory / 16;
        let others = self.usage.fixed() + bytes;
        let max = common_length(&mut histories, target.saturating_sub(others));
        for mut session in self.sessions.iter_mut() {
            if session.history.bytes() > max {
                session.history.cut_to(max);
                self.recount_history(&mut session);
            }
        }
        self.has_memory_for(bytes)
    }
}

/// The length to which the longest of these have to be cut so that all together take at most `sum`.
pub(super) fn common_length(lengths: &mut [usize], sum: usize) -> usize {
    lengths.sort_unstable();
    let mut left = sum;
    for (index, &length) in lengths.iter().enumerate() {
        let share = left / (lengths.len() - index);
        if length > share {
            return share;
        }
        left -= length;
    }
    usize::MAX
}
