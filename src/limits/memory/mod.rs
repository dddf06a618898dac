//! The memory that clients make this server hold: one budget for all of them, and the share of it that each
//! user may have. The less of the budget is left, the smaller is a share, so whoever holds the most is slowed
//! down first. It must not know what is held, nor slow or close anybody itself.

mod account;
mod held;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

pub(crate) use account::{Account, Accounts};
pub(crate) use held::Held;

/// A user may hold one in so many bytes of those that are free.
const SHARES: usize = 8;
/// What each user, and each connection, may hold whatever others do.
pub(crate) const ALWAYS: usize = 64 * 1024;

/// The budget of the whole server.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: AtomicUsize,
    held: AtomicUsize,
    /// Bytes that are kept though nothing needs them: they narrow nobody's share, for they can be freed.
    kept: AtomicUsize,
    /// Somebody was found to hold more than their share.
    is_exceeded: AtomicBool,
    /// That is so, or it became scarce.
    pressure: Notify,
}

impl Memory {
    /// Clients may make the server hold `limit` bytes.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit: AtomicUsize::new(limit),
            held: AtomicUsize::new(0),
            kept: AtomicUsize::new(0),
            is_exceeded: AtomicBool::new(false),
            pressure: Notify::new(),
        })
    }

    /// Bytes that are held.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// How many bytes one user may hold now.
    fn share(&self) -> usize {
        (self.limit().saturating_sub(self.held()) / SHARES).max(ALWAYS)
    }

    /// Waits until it is scarce, or somebody is found to hold more than their share; it is one task that waits.
    pub(crate) async fn pressure(&self) {
        if !self.is_scarce() {
            self.pressure.notified().await;
        }
    }

    fn note_exceeded(&self) {
        if !self.is_exceeded.swap(true, Ordering::Relaxed) {
            self.pressure.notify_one();
        }
    }

    fn note_if_scarce(&self) {
        if self.is_scarce() {
            self.pressure.notify_one();
        }
    }

    /// Whether somebody was found to hold more than their share since the last call.
    pub(crate) fn take_exceeded(&self) -> bool {
        self.is_exceeded.swap(false, Ordering::Relaxed)
    }

    /// Whether so much is held that connections which are of little use are to be ended: four fifths.
    pub(crate) fn is_scarce(&self) -> bool {
        self.scarcity() > 0
    }

    /// How many bytes are held beyond the point from which they are [scarce](Self::is_scarce).
    pub(crate) fn scarcity(&self) -> usize {
        self.taken().saturating_sub(self.limit() / 5 * 4)
    }

    /// How many bytes are held beyond what may be for long: nineteen twentieths.
    pub(crate) fn excess(&self) -> usize {
        self.taken().saturating_sub(self.limit() / 20 * 19)
    }

    /// Whether so much is held, beside what is kept, that nobody new is to hold anything.
    pub(crate) fn is_full(&self) -> bool {
        self.held() > self.limit() / 20 * 19
    }

    /// How many bytes may be held.
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// So many bytes may be held from now on.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
        self.note_if_scarce();
    }

    /// Bytes that are held, or kept though nothing needs them.
    pub(crate) fn taken(&self) -> usize {
        self.held() + self.kept.load(Ordering::Relaxed)
    }

    /// Counts `after` bytes instead of `before`.
    pub(crate) fn recount(&self, before: usize, after: usize) {
        self.add(after);
        self.sub(before);
    }

    /// Counts so many bytes until the value is dropped.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> Fixed {
        self.add(bytes);
        Fixed {
            memory: self.clone(),
            bytes,
        }
    }

    /// Counts what is kept though nothing needs it, nothing yet.
    pub(crate) fn keep(self: &Arc<Self>) -> Kept {
        Kept {
            memory: self.clone(),
            bytes: AtomicUsize::new(0),
        }
    }

    fn add(&self, bytes: usize) {
        self.held.fetch_add(bytes, Ordering::Relaxed);
        self.note_if_scarce();
    }

    fn sub(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Bytes of nobody's account that are held.
#[derive(Debug)]
pub(crate) struct Fixed {
    memory: Arc<Memory>,
    bytes: usize,
}

impl Drop for Fixed {
    fn drop(&mut self) {
        self.memory.sub(self.bytes);
    }
}

/// Bytes that are kept though nothing needs them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Kept {
    memory: Arc<Memory>,
    bytes: AtomicUsize,
}

impl Kept {
    /// At least so many bytes are kept from now on.
    pub(crate) fn grow_to(&self, bytes: usize) {
        if bytes <= self.bytes() {
            return;
        }
        let before = self.bytes.fetch_max(bytes, Ordering::Relaxed);
        let more = bytes.saturating_sub(before);
        self.memory.kept.fetch_add(more, Ordering::Relaxed);
        self.memory.note_if_scarce();
    }

    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.memory.kept.fetch_sub(self.bytes(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_gets_smaller_with_what_is_left_and_a_little_is_always_allowed() {
        let memory = Memory::new(8 * 1024 * 1024);
        assert_eq!(memory.share(), 1024 * 1024);
        memory.add(4 * 1024 * 1024);
        assert_eq!(memory.share(), 512 * 1024);
        assert!(!memory.is_scarce());
        memory.add(4 * 1024 * 1024);
        assert_eq!(memory.share(), ALWAYS);
        assert!(memory.is_scarce() && memory.excess() > 0 && memory.is_full());
        memory.sub(8 * 1024 * 1024);
        drop(memory.hold(10));
        assert_eq!((memory.held(), memory.excess()), (0, 0));
    }

    #[test]
    fn who_waits_for_pressure_learns_of_all_that_came_before() {
        use futures_util::FutureExt as _;
        let memory = Memory::new(64 * ALWAYS);
        let account = Account::new(&memory);
        let is_pressed = || memory.pressure().now_or_never().is_some();
        assert!(!is_pressed());
        account.add(8 * ALWAYS);
        assert!(account.is_over_share());
        assert!(is_pressed() && memory.take_exceeded() && !is_pressed());
        account.add(44 * ALWAYS);
        assert!(is_pressed() && is_pressed(), "as long as it is scarce");
        account.sub(52 * ALWAYS);
        let kept = memory.keep();
        // What it had become meanwhile is looked at once.
        assert!(is_pressed() && !is_pressed());
        kept.grow_to(64 * ALWAYS);
        assert!(is_pressed());
    }

    #[test]
    fn what_is_kept_makes_memory_scarce_and_no_share_smaller() {
        let memory = Memory::new(8 * 1024 * 1024);
        let kept = memory.keep();
        kept.grow_to(8 * 1024 * 1024);
        kept.grow_to(1024);
        assert_eq!(kept.bytes(), 8 * 1024 * 1024);
        assert_eq!((memory.held(), memory.share()), (0, 1024 * 1024));
        assert!(memory.is_scarce() && memory.excess() > 0 && !memory.is_full());
        drop(kept);
        assert!(!memory.is_scarce());
    }
}
