//! What a client may send before it authenticates or joins a session.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that a guest may still send.
#[derive(Debug)]
pub(super) struct GuestBudget(AtomicU64);

const UNBOUNDED: u64 = u64::MAX;

impl GuestBudget {
    /// For a guest, in bytes; without bytes for one who is none.
    pub(super) fn new(bytes: Option<u64>) -> Self {
        Self(AtomicU64::new(bytes.unwrap_or(UNBOUNDED)))
    }

    /// Whether there is a bound.
    pub(super) fn is_bounded(&self) -> bool {
        self.0.load(Ordering::Acquire) != UNBOUNDED
    }

    /// There is no bound any more.
    pub(super) fn lift(&self) {
        self.0.store(UNBOUNDED, Ordering::Release);
    }

    /// Takes the bytes of an event. `false`: they are more than may be sent, and so is everything
    /// that follows.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let left = self.0.load(Ordering::Acquire);
        if left == UNBOUNDED {
            return true;
        }
        let rest = left.checked_sub(bytes as u64);
        // Whoever lifts the bound meanwhile is right.
        let _ =
            self.0
                .compare_exchange(left, rest.unwrap_or(0), Ordering::AcqRel, Ordering::Acquire);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_may_send_so_much_and_then_nothing() {
        let budget = GuestBudget::new(Some(100));
        assert!(budget.is_bounded());
        assert!(budget.take(60) && budget.take(40));
        assert!(!budget.take(1));
        budget.lift();
        assert!(budget.take(1000) && !budget.is_bounded());
    }

    #[test]
    fn what_is_too_much_leaves_no_room_for_less() {
        let budget = GuestBudget::new(Some(100));
        assert!(!budget.take(101));
        assert!(!budget.take(1));
    }
}
