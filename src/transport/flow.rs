//! Flow control of one Socket.IO connection: the bytes handed to it and not yet written, the bytes of an
//! event of it that is arriving, and the bytes it sent that are not yet handled. All of them count as held for
//! its user, whose share of the server's memory narrows what the connection may have. Of those who send to it,
//! the next is who was given the least.
//!
//! It outlives a change of transport, so it must not know what carries the connection beyond
//! [`Carrier`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::carrier::Carrier;
use super::clock::now_ms;
use super::controls::Controls;
use super::turns::{Turn, Turns};
use super::window::Window;
use crate::limits::{ALWAYS, Account, Held, Kept};
use crate::model::UserId;
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

/// Flow control state of one connection, shared with what presently carries it.
#[derive(Debug)]
pub(crate) struct Flow {
    limits: FlowLimits,
    /// Charged sizes of the frames handed over and not yet written, oldest first.
    queued: Mutex<VecDeque<u32>>,
    backlog: AtomicUsize,
    /// When a frame was last written, or the backlog began, in `now_ms` time.
    moved_at: AtomicU64,
    /// When something came from the client last, in `now_ms` time.
    heard_at: AtomicU64,
    room: Notify,
    window: Window,
    turns: Arc<Turns>,
    unhandled: AtomicUsize,
    handled: Notify,
    /// Bytes that arrived of an event that is not complete.
    arriving: AtomicUsize,
    /// Bytes of a frame that have not arrived, for which there is room already.
    expected: AtomicUsize,
    /// What is of no event in what it posts. A link counts its own.
    posted_controls: Controls,
    held: Held,
    /// What the buffers of its transport keep for good. It is not its user's: they cannot free it.
    read_buffer: Kept,
    write_buffer: Kept,
    /// Somebody waits because its user holds too much.
    is_narrowed: AtomicBool,
    carrier: Mutex<Option<Weak<dyn Carrier>>>,
    closed: AtomicBool,
}

impl Flow {
    /// Flow control for a new connection of whoever has this account.
    pub(crate) fn new(limits: FlowLimits, account: Arc<Account>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            queued: Mutex::default(),
            backlog: AtomicUsize::new(0),
            moved_at: AtomicU64::new(0),
            heard_at: AtomicU64::new(now_ms()),
            room: Notify::new(),
            window: Window::default(),
            turns: Arc::default(),
            unhandled: AtomicUsize::new(0),
            handled: Notify::new(),
            arriving: AtomicUsize::new(0),
            expected: AtomicUsize::new(0),
            posted_controls: Controls::default(),
            read_buffer: account.memory().keep(),
            write_buffer: account.memory().keep(),
            held: Held::of(account),
            is_narrowed: AtomicBool::new(false),
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

    /// Something came from the client, whatever it is.
    pub(crate) fn heard(&self) {
        self.heard_at.store(now_ms(), Ordering::Relaxed);
    }

    /// How long nothing has come from the client. One that is not read now is not silent.
    pub(crate) fn silence(&self) -> Duration {
        if self.reading_paused() || self.reading_stopped() {
            return Duration::ZERO;
        }
        let since = now_ms().saturating_sub(self.heard_at.load(Ordering::Relaxed));
        Duration::from_millis(since)
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
        self.count_held();
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
        let now = now_ms();
        self.moved_at.store(now, Ordering::Relaxed);
        self.window.taken(bytes, now);
        let before = self.backlog.fetch_sub(bytes, Ordering::AcqRel);
        let budget = self.limits.receiver_budget;
        if before >= budget && before - bytes < budget {
            self.room.notify_waiters();
        }
        if bytes > 0 {
            self.turns.look_again();
        }
        self.count_held();
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
        let backlog = self.backlog();
        let has_room = backlog < self.limits.receiver_budget && !self.is_over_share(backlog);
        has_room || self.closed.load(Ordering::Acquire)
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

    /// Waits until it is the turn of a sender, of all who send to the client, to hand over so many bytes.
    pub(crate) async fn wait_for_turn(&self, sender: &UserId, bytes: usize) -> Turn {
        let has_room = |granted| self.is_within_window(granted);
        self.turns.wait(sender, bytes, has_room).await
    }

    /// Whether less waits for the client than makes its senders take turns, when so much more is about to.
    pub(crate) fn is_within_window(&self, more: usize) -> bool {
        let window = self.window.bytes().min(self.limits.receiver_budget);
        self.backlog() + more < window || self.closed.load(Ordering::Acquire)
    }

    /// Bytes of a sender that wait for their turn.
    pub(crate) fn waiting_of(&self, sender: &UserId) -> usize {
        self.turns.waiting_of(sender)
    }

    /// Counts bytes of an event that is not complete as read.
    pub(crate) fn arrived(&self, bytes: usize) {
        self.arriving.fetch_add(bytes, Ordering::Relaxed);
        self.count_held();
    }

    /// Of what [arrived](Self::arrived) only so many bytes are of an event that is not complete.
    pub(super) fn arriving(&self, bytes: usize) {
        self.arriving.store(bytes, Ordering::Relaxed);
        self.count_held();
    }

    /// Of the frame that is arriving, so many bytes are left.
    pub(super) fn expect(&self, bytes: u64) {
        let bytes = self.of_event(bytes);
        if self.expected.load(Ordering::Relaxed) != bytes {
            self.expected.store(bytes, Ordering::Relaxed);
            self.count_held();
        }
    }

    /// So many bytes of what [arrived](Self::arrived) are an event that is complete, or nothing.
    pub(crate) fn assembled(&self, bytes: usize) {
        let rest = |arriving: usize| Some(arriving.saturating_sub(bytes));
        // The closure never refuses.
        let _ = self
            .arriving
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest);
        self.count_held();
    }

    /// Counts packets of no event that were posted; whether there may be that many.
    pub(crate) fn allows_controls(&self, count: u32) -> bool {
        self.posted_controls.allow(count)
    }

    /// Counts an event of `bytes` as read and not yet handled.
    pub(crate) fn received(&self, bytes: usize) {
        self.unhandled
            .fetch_add(bytes + FRAME_OVERHEAD, Ordering::AcqRel);
        self.count_held();
    }

    /// Counts an event of [`Self::received`] as handled; reading may resume.
    pub(crate) fn done(&self, bytes: usize) {
        let bytes = bytes + FRAME_OVERHEAD;
        let before = self.unhandled.fetch_sub(bytes, Ordering::AcqRel);
        let budget = self.limits.sender_budget;
        if before >= budget && before - bytes < budget {
            self.resume_reading();
        }
        self.count_held();
    }

    /// Whether reading from the client is paused, after what it is in the middle of.
    pub(crate) fn reading_paused(&self) -> bool {
        self.unhandled.load(Ordering::Acquire) >= self.limits.sender_budget
            && !self.closed.load(Ordering::Acquire)
    }

    /// Whether more waits to be handled than what the client may send before it is not read any more.
    pub(crate) fn is_flooded(&self) -> bool {
        let most = self.limits.sender_budget + self.limits.max_event;
        self.unhandled.load(Ordering::Acquire) > most
    }

    /// Whether nothing is read from the client at all, since its user holds too much.
    pub(crate) fn reading_stopped(&self) -> bool {
        let arriving = self.arriving.load(Ordering::Relaxed);
        let read = self.unhandled.load(Ordering::Acquire) + arriving;
        self.is_over_share(read) && !self.closed.load(Ordering::Acquire)
    }

    /// Waits until something may be read; for polling, which has no link of its own.
    pub(crate) async fn readable(&self) {
        let waits = || self.reading_paused() || self.reading_stopped();
        while waits() {
            let notified = self.handled.notified();
            let mut notified = std::pin::pin!(notified);
            notified.as_mut().enable();
            if !waits() {
                return;
            }
            notified.await;
        }
    }

    /// The connection has ended: no task waits for it any longer.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.room.notify_waiters();
        self.turns.look_again();
        self.resume_reading();
    }

    // What its user holds.

    /// Another account holds what the connection holds, from now on.
    pub(crate) fn charge_to(&self, account: Arc<Account>) {
        self.held.move_to(account);
    }

    /// What it holds, and for whom.
    pub(crate) fn held(&self) -> &Held {
        &self.held
    }

    /// The library keeps a buffer as large as the largest frame that was read.
    pub(super) fn keep_read_buffer(&self, bytes: u64) {
        self.read_buffer.grow_to(self.of_event(bytes));
    }

    /// And one as large as the most that was to be written at once.
    pub(super) fn keep_write_buffer(&self, bytes: usize) {
        self.write_buffer.grow_to(bytes);
    }

    /// Bytes that are free only when the connection has ended.
    pub(crate) fn buffers(&self) -> usize {
        self.read_buffer.bytes() + self.write_buffer.bytes()
    }

    /// So many bytes of a frame, of which the library refuses what is larger than an event may be.
    fn of_event(&self, bytes: u64) -> usize {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        bytes.min(self.limits.max_event)
    }

    /// Whoever waited because its user held too much looks again.
    pub(crate) fn look_again(&self) {
        if self.is_narrowed.swap(false, Ordering::AcqRel) {
            self.room.notify_waiters();
            self.resume_reading();
        }
    }

    fn count_held(&self) {
        let counted = [
            &self.backlog,
            &self.unhandled,
            &self.arriving,
            &self.expected,
        ];
        let bytes = counted.map(|bytes| bytes.load(Ordering::Relaxed));
        self.held.set(bytes.iter().sum());
    }

    /// Whether so many bytes are more than its user may hold now.
    fn is_over_share(&self, bytes: usize) -> bool {
        let is_over = bytes > ALWAYS && self.held.is_over_share();
        if is_over {
            self.is_narrowed.store(true, Ordering::Release);
        }
        is_over
    }

    fn resume_reading(&self) {
        self.handled.notify_waiters();
        if let Some(link) = self.link() {
            link.wake_reader();
        }
    }
}

#[cfg(test)]
mod tests;
