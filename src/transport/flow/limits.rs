//! The bounds of a connection, which may change while it lasts. It must not know what they are made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::FRAME_OVERHEAD;

/// The bounds of one connection, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlowLimits {
    /// Handed to the client and not yet written: above this its senders wait.
    pub(crate) receiver_budget: usize,
    /// Read from the client and not yet handled: above this nothing more is read from it.
    pub(crate) sender_budget: usize,
    /// The largest event.
    pub(crate) max_event: usize,
}

impl FlowLimits {
    /// The most that can be queued for a client: the budget, as much again for events that do not
    /// wait for room, and one more event. A client with a larger backlog is disconnected.
    pub(crate) fn hard_limit(&self) -> usize {
        2 * self.receiver_budget + self.max_event
    }

    /// The number of empty events that fit under [`Self::hard_limit`].
    pub(crate) fn max_frames(&self) -> usize {
        self.hard_limit() / FRAME_OVERHEAD + 1
    }
}

/// The bounds that are in effect, of all connections. Clones share them. They are looked at several times for each event,
/// so each is read by itself.
#[derive(Debug, Clone)]
pub(crate) struct LiveFlowLimits(Arc<Bounds>);

#[derive(Debug)]
struct Bounds {
    receiver_budget: AtomicUsize,
    sender_budget: AtomicUsize,
    max_event: AtomicUsize,
}

impl LiveFlowLimits {
    /// Those in effect now.
    pub(crate) fn now(&self) -> FlowLimits {
        FlowLimits {
            receiver_budget: self.0.receiver_budget.load(Ordering::Relaxed),
            sender_budget: self.0.sender_budget.load(Ordering::Relaxed),
            max_event: self.0.max_event.load(Ordering::Relaxed),
        }
    }

    /// Others are in effect from now on.
    pub(crate) fn replace(&self, limits: FlowLimits) {
        let FlowLimits {
            receiver_budget,
            sender_budget,
            max_event,
        } = limits;
        let bounds = &self.0;
        bounds
            .receiver_budget
            .store(receiver_budget, Ordering::Relaxed);
        bounds.sender_budget.store(sender_budget, Ordering::Relaxed);
        bounds.max_event.store(max_event, Ordering::Relaxed);
    }
}

impl From<FlowLimits> for LiveFlowLimits {
    fn from(limits: FlowLimits) -> Self {
        Self(Arc::new(Bounds {
            receiver_budget: limits.receiver_budget.into(),
            sender_budget: limits.sender_budget.into(),
            max_event: limits.max_event.into(),
        }))
    }
}
