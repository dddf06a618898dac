//! Flow control of one Socket.IO connection: the bytes handed to it and not yet written, and the
//! bytes it sent that are not yet handled.
//!
//! It outlives a change of transport, so it must not know what carries the connection beyond
//! [`Carrier`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::clock::now_ms;
use crate::model::DisconnectReason;
use crate::payload::FrameSizes;

/// Bytes that a queued frame is charged beside its payload.
const FRAME_OVERHEAD: usize = 128;

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

/// The TCP connection that carries a Socket.IO connection.
pub(crate) trait Carrier: Send + Sync {
    /// Resumes reading from the client.
    fn wake_reader(&self);

    /// Bounds what the client may still send, in bytes. `None` removes the bound.
    fn allow(&self, bytes: Option<u64>);

    /// Closes it at once: all reads and writes fail from now on. The first reason stays.
    fn close(&self, reason: DisconnectReason);

    /// Closes the WebSocket as if the client had closed it: what is queued is still
    /// written. It is closed at once when that takes longer than `grace`.
    fn close_gracefully(&self, grace: Duration);

    /// Gives the client `grace` to close the connection itself.
    fn close_within(&self, grace: Duration);

    /// Why the server closed it, if it did.
    fn close_reason(&self) -> Option<DisconnectReason>;
}

/// Flow control state of one connection, shared with what presently carries it.
#[derive(Debug)]
pub(crate) struct Flow {
    limits: FlowLimits,
    /// Charged sizes of the frames handed over and not yet written, oldest first.
    queued: Mutex<VecDeque<u32>>,
    backlog: AtomicUsize,
    /// When a frame was last written, or the backlog began, in `now_ms` time.
    moved_at: AtomicU64,
    room: Notify,
    unhandled: AtomicUsize,
    handled: Notify,
    carrier: Mutex<Option<Weak<dyn Carrier>>>,
    closed: AtomicBool,
}

impl Flow {
    /// Flow control for a new connection.
    pub(crate) fn new(limits: FlowLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            queued: Mutex::default(),
            backlog: AtomicUsize::new(0),
            moved_at: AtomicU64::new(0),
            room: Notify::new(),
            unhandled: AtomicUsize::new(0),
            handled: Notify::new(),
            carrier: Mutex::new(None),
            closed: AtomicBool::new(false),
        })
    }

    /// The connection is carried by `carrier` from now on.
    pub(super) fn attach(&self, carrier: Weak<dyn Carrier>) {
        *self.carrier.lock() = Some(carrier);
    }

    /// The TCP connection that carries this one, while it is open. `None` while it polls.
    pub(crate) fn link(&self) -> Option<Arc<dyn Carrier>> {
        self.carrier.lock().as_ref()?.upgrade()
    }

    /// Counts frames of these sizes as handed to the client. `false`: its backlog is too large
    /// already, nothing was counted, and it should be disconnected.
    #[must_use]
    pub(crate) fn hand_over(&self, frames: &FrameSizes) -> bool {
        let bytes: usize = frames.iter().map(|size| size + FRAME_OVERHEAD).sum();
        if self.backlog.load(Ordering::Relaxed) + bytes > self.limits.hard_limit() {
            return false;
        }
        let mut queued = self.queued.lock();
        queued.extend(
            frames
                .iter()
                .map(|&size| u32::try_from(size + FRAME_OVERHEAD).unwrap_or(u32::MAX)),
        );
        if self.backlog.fetch_add(bytes, Ordering::Relaxed) == 0 {
            self.moved_at.store(now_ms(), Ordering::Relaxed);
        }
        true
    }

    /// Counts the oldest `count` frames of [`Self::hand_over`] as written to the client's transport.
    pub(crate) fn taken(&self, count: usize) {
        let bytes;
        {
            let mut queued = self.queued.lock();
            let taken = count.min(queued.len());
            bytes = queued.drain(..taken).map(|size| size as usize).sum();
            if queued.is_empty() && queued.capacity() > 64 {
                queued.shrink_to_fit();
            }
        }
        self.moved_at.store(now_ms(), Ordering::Relaxed);
        let before = self.backlog.fetch_sub(bytes, Ordering::AcqRel);
        let budget = self.limits.receiver_budget;
        if before >= budget && before - bytes < budget {
            self.room.notify_waiters();
        }
    }

    /// Bytes handed over and not yet written to the client's transport.
    pub(crate) fn backlog(&self) -> usize {
        self.backlog.load(Ordering::Acquire)
    }

    /// How long the client has taken nothing of its backlog; zero without a backlog.
    pub(crate) fn stalled_for(&self) -> Duration {
        match self.backlog() {
            0 => Duration::ZERO,
            _ => Duration::from_millis(
                now_ms().saturating_sub(self.moved_at.load(Ordering::Relaxed)),
            ),
        }
    }

    /// Whether a sender may hand over another event now. A closed connection accepts everything.
    pub(crate) fn has_room(&self) -> bool {
        self.backlog() < self.limits.receiver_budget || self.closed.load(Ordering::Acquire)
    }

    /// Waits until [`Self::has_room`].
    pub(crate) async fn wait_for_room(&self) {
        while !self.has_room() {
            let notified = self.room.notified();
            let mut notified = std::pin::pin!(notified);
            notified.as_mut().enable();
            if self.has_room() {
                return;
            }
            notified.await;
        }
    }

    /// Counts an event of `bytes` as read and not yet handled.
    pub(crate) fn received(&self, bytes: usize) {
        self.unhandled
            .fetch_add(bytes + FRAME_OVERHEAD, Ordering::AcqRel);
    }

    /// Counts an event of [`Self::received`] as handled; reading may resume.
    pub(crate) fn done(&self, bytes: usize) {
        let bytes = bytes + FRAME_OVERHEAD;
        let before = self.unhandled.fetch_sub(bytes, Ordering::AcqRel);
        let budget = self.limits.sender_budget;
        if before >= budget && before - bytes < budget {
            self.resume_reading();
        }
    }

    /// Whether reading from the client is paused.
    pub(crate) fn reading_paused(&self) -> bool {
        self.unhandled.load(Ordering::Acquire) >= self.limits.sender_budget
            && !self.closed.load(Ordering::Acquire)
    }

    /// Waits until reading is not paused; for polling, which has no link of its own.
    pub(crate) async fn readable(&self) {
        while self.reading_paused() {
            let notified = self.handled.notified();
            let mut notified = std::pin::pin!(notified);
            notified.as_mut().enable();
            if !self.reading_paused() {
                return;
            }
            notified.await;
        }
    }

    /// The connection has ended: no task waits for it any longer.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.room.notify_waiters();
        self.resume_reading();
    }

    fn resume_reading(&self) {
        self.handled.notify_waiters();
        if let Some(link) = self.link() {
            link.wake_reader();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smallvec::smallvec;

    const LIMITS: FlowLimits = FlowLimits {
        receiver_budget: 1000,
        sender_budget: 1000,
        max_event: 500,
    };

    #[test]
    fn a_receiver_over_its_hard_limit_is_refused_and_nothing_is_counted() {
        let flow = Flow::new(LIMITS);
        assert!(flow.hand_over(&smallvec![1000]));
        assert!(!flow.has_room());
        assert!(flow.hand_over(&smallvec![1000]));
        assert!(!flow.hand_over(&smallvec![1000]));
        assert_eq!(flow.backlog(), 2 * (1000 + FRAME_OVERHEAD));
        flow.taken(2);
        assert_eq!(flow.backlog(), 0);
    }

    #[test]
    fn attachments_are_frames_of_their_own() {
        let flow = Flow::new(LIMITS);
        assert!(flow.hand_over(&smallvec![10, 400, 400]));
        flow.taken(2);
        assert_eq!(flow.backlog(), 400 + FRAME_OVERHEAD);
    }

    #[tokio::test]
    async fn a_waiting_sender_goes_on_when_the_receiver_took_enough() {
        let flow = Flow::new(LIMITS);
        assert!(flow.hand_over(&smallvec![1000]));
        let waiting = tokio::spawn({
            let flow = flow.clone();
            async move { flow.wait_for_room().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        flow.taken(1);
        assert!(waiting.await.is_ok());
    }

    #[tokio::test]
    async fn nobody_waits_for_a_closed_connection() {
        let flow = Flow::new(LIMITS);
        assert!(flow.hand_over(&smallvec![1000]));
        flow.received(2000);
        assert!(flow.reading_paused());
        flow.close();
        flow.wait_for_room().await;
        flow.readable().await;
    }

    #[test]
    fn reading_pauses_at_the_budget_and_goes_on_below_it() {
        let flow = Flow::new(LIMITS);
        flow.received(700);
        assert!(!flow.reading_paused());
        flow.received(700);
        assert!(flow.reading_paused());
        flow.done(700);
        assert!(!flow.reading_paused());
    }
}
