//! A bounded set of those who block one user, by the hashes of their ids, with how far it can be relied on.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limits::{Fixed, Memory};

/// The most that are kept; where there are more, the store knows them.
pub(super) const MAX_KEPT: usize = 10_000;
/// The most of one who is not connected.
const MAX_REMEMBERED: usize = 1_000;
/// How long after the user has left they count as read, where only this node changes them: another process on the same
/// database is noticed after that.
const REMEMBERED: Duration = Duration::from_secs(60);
/// What one takes, about.
pub(super) const BYTES: usize = 16;

/// Who blocks a user, as far as this node knows.
#[derive(Debug, Default)]
pub(super) struct Blockers {
    known: HashSet<u64>,
    /// There are more than those.
    is_cut: bool,
    /// They were read since the user is connected.
    is_read: bool,
    /// When the user left, if they still count as read.
    left: Option<Instant>,
    /// How often they were changed.
    changes: u64,
    held: Option<Fixed>,
}

/// How often the set had been changed when its reading began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading(u64);

impl Blockers {
    /// Whether somebody with this hash is among them. `None`: only the store knows.
    pub(super) fn contains(&self, hash: impl FnOnce() -> u64) -> Option<bool> {
        let is_known = !self.known.is_empty() && self.known.contains(&hash());
        (is_known || !self.is_cut).then_some(is_known)
    }

    /// Adds one, or removes them. Whether that may be news.
    pub(super) fn set(&mut self, hash: u64, is_blocked: bool, memory: &Arc<Memory>) -> bool {
        self.changes += 1;
        let is_news = match is_blocked {
            true if self.known.len() >= MAX_KEPT => {
                let is_other = !self.known.contains(&hash);
                self.is_cut |= is_other;
                is_other
            }
            true => self.known.insert(hash),
            false => self.known.remove(&hash) || self.is_cut,
        };
        self.count(memory);
        is_news
    }

    /// They are read from now on. `None`: that need not be.
    pub(super) fn begin_reading(&mut self) -> Option<Reading> {
        self.is_read &= self
            .left
            .take()
            .is_none_or(|left| left.elapsed() < REMEMBERED);
        (!self.is_read).then_some(Reading(self.changes))
    }

    /// They were read. `false`: they were changed meanwhile, and have to be read again.
    pub(super) fn read(
        &mut self,
        reading: Reading,
        read: impl ExactSizeIterator<Item = u64>,
        memory: &Arc<Memory>,
    ) -> bool {
        if Reading(self.changes) != reading {
            return false;
        }
        self.is_cut = read.len() > MAX_KEPT;
        self.known = read.take(MAX_KEPT).collect();
        self.is_read = true;
        self.count(memory);
        true
    }

    /// They may have changed without notice.
    pub(super) fn expire(&mut self) {
        self.is_read = false;
    }

    /// The user has left, and whoever changes them is on this node.
    pub(super) fn leave(&mut self) {
        match self.known.len() > MAX_REMEMBERED {
            true => self.forget(),
            false => self.left = Some(Instant::now()),
        }
    }

    /// They may change without notice from now on. Few are remembered, for when the store fails.
    pub(super) fn forget(&mut self) {
        self.expire();
        if self.known.len() > MAX_REMEMBERED {
            (self.known, self.is_cut, self.held) = (HashSet::new(), false, None);
        }
    }

    fn count(&mut self, memory: &Arc<Memory>) {
        let bytes = BYTES * self.known.len();
        self.held = (bytes > 0).then(|| memory.hold(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_while_it_is_read_has_to_be_read_again() {
        let memory = Memory::new(1 << 30);
        let mut blockers = Blockers::default();
        let before = blockers.begin_reading().unwrap();
        assert!(blockers.set(1, true, &memory));
        assert!(!blockers.set(1, true, &memory), "no news");
        assert!(!blockers.read(before, [2].into_iter(), &memory));
        assert_eq!(
            [1, 2].map(|hash| blockers.contains(|| hash)),
            [Some(true), Some(false)]
        );
        let again = blockers.begin_reading().unwrap();
        assert!(blockers.read(again, [1, 2].into_iter(), &memory));
        assert_eq!(blockers.begin_reading(), None);
        assert_eq!(blockers.contains(|| 2), Some(true));
        assert!(blockers.set(2, false, &memory) && !blockers.set(2, false, &memory));
        blockers.expire();
        assert!(blockers.begin_reading().is_some());
    }

    #[test]
    fn of_one_who_comes_back_soon_they_are_known() {
        let memory = Memory::new(1 << 30);
        let mut blockers = Blockers::default();
        let reading = blockers.begin_reading().unwrap();
        assert!(blockers.read(reading, [1].into_iter(), &memory));
        blockers.leave();
        assert!(blockers.set(2, true, &memory));
        assert_eq!(blockers.begin_reading(), None);
        assert_eq!(blockers.contains(|| 2), Some(true));
        blockers.leave();
        blockers.left = Instant::now().checked_sub(REMEMBERED);
        assert!(
            blockers.begin_reading().is_some(),
            "later they are read again"
        );
    }
}
