//! Flow control of one Socket.IO connection: the bytes handed to it and not yet written, the bytes of an
//! event of it that is arriving, and the bytes it sent that are not yet handled. All of them count as held for
//! its user, whose share of the server's memory narrows what the connection may have. Of those who send to it,
//! and of what is deferred until there is room, the next is whose sender was given the least.
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
use super::turns::{Origin, Place, Turn, Turns};
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
    /// Bytes of the backlog that wait for their turn to be handed over.
    deferred: AtomicUsize,
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
    /// Somebody waits until all that has arrived is read, and is told by this.
    is_awaited: AtomicBool,
    all_read: Notify,
    /// When the client was found to be gone, perhaps before all that it sent is read, in `now_ms` time; 0: it is there.
    gone_at: AtomicU64,
    closed: AtomicBool,
}

impl Flow {
    /// Flow control for a new connection of whoever has this account.
    pub(crate) fn new(limits: FlowLimits, account: Arc<Account>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            queued: Mutex::default(),
            backlog: AtomicUsize::new(0),
            deferred: AtomicUsize::new(0),
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
            is_awaited: AtomicBool::new(false),
            all_read: Notify::new(),
            gone_at: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        })
    }

    /// The connection is carried by `carrier` from now on.
    pub(crate) fn attach(&self, carrier: Weak<dyn Carrier>) {
        *self.carrier.lock() = Some(carrier);
    }

    /// What carries it, while that is there.
    pub(crate) fn carrier(&self) -> Option<Arc<dyn Carrier>> {
        self.carrier.lock().as_ref()?.upgrade()
    }

    /// Something came from the client, whatever it is.
    pub(crate) fn heard(&self) {
        self.heard_at.store(now_ms(), Ordering::Relaxed);
    }

    /// How long nothing has come from the client. One that is not read now is not silent.
    pub(crate) fn silence(&self) -> Duration {
        match self.is_read() {
            true => self.since_heard(),
            false => Duration::ZERO,
        }
    }

    /// How long nothing that came from the client was read.
    fn since_heard(&self) -> Duration {
        let since = now_ms().saturating_sub(self.heard_at.load(Ordering::Relaxed));
        Duration::from_millis(since)
    }

    /// Counts frames of these sizes as handed to the client. `false`: its backlog is too large
    /// already, nothing was counted, and it should be disconnected.
    #[must_use]
    pub(crate) fn hand_over(&self, frames: &FrameSizes) -> bool {
        let bytes = charged(frames);
        if !self.fits(bytes) {
            return false;
        }
        self.enqueue(frames, || self.add_to_backlog(bytes));
        self.count_held();
        true
    }

    /// The same for frames that wait until it is the turn of what they are of. `woken` is notified when that may be.
    pub(crate) fn defer(
        &self,
        frames: &FrameSizes,
        of: Origin,
        woken: &Arc<Notify>,
    ) -> Option<Place> {
        let bytes = charged(frames);
        if !self.fits(bytes) {
            return None;
        }
        self.deferred.fetch_add(bytes, Ordering::AcqRel);
        self.add_to_backlog(bytes);
        self.count_held();
        Some(self.turns.enqueue(of, bytes, woken.clone()))
    }

    /// Whether it is the turn of deferred frames, and there is room for them.
    pub(crate) fn is_turn(&self, place: Place) -> bool {
        self.turns
            .is_turn(place, |more| self.is_within_window(more))
    }

    /// Deferred frames are handed to the client now.
    pub(crate) fn hand_over_deferred(&self, frames: &FrameSizes, place: Place) {
        self.enqueue(frames, || {
            self.deferred.fetch_sub(charged(frames), Ordering::AcqRel);
        });
        self.turns.remove(place);
    }

    /// Deferred frames will not be handed over: the connection has ended.
    pub(crate) fn give_up(&self, place: Place) {
        self.turns.remove(place);
    }

    fn fits(&self, bytes: usize) -> bool {
        self.backlog.load(Ordering::Relaxed) + bytes <= self.limits.hard_limit()
    }

    /// The sizes of frames are known before they count, so what is [taken](Self::taken) is never more.
    fn enqueue(&self, frames: &FrameSizes, count: impl FnOnce()) {
        let mut queued = self.queued.lock();
        let charged = frames.iter().map(|&size| size + FRAME_OVERHEAD);
        queued.extend(charged.map(|size| u32::try_from(size).unwrap_or(u32::MAX)));
        count();
    }

    fn add_to_backlog(&self, bytes: usize) {
        if self.backlog.fetch_add(bytes, Ordering::Relaxed) == 0 {
            self.moved_at.store(now_ms(), Ordering::Relaxed);
        }
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
        if before >= self.limits.receiver_budget {
            self.room.notify_waiters();
        }
        if bytes > 0 {
            self.turns.look_again();
        }
        self.count_held();
    }

    /// Bytes handed over, or deferred, and not yet written to the client's transport.
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
        self.is_room_behind(self.backlog())
    }

    /// Waits until [`Self::has_room`].
    pub(crate) async fn wait_for_room(&self) {
        self.wait_until(|| self.has_room()).await;
    }

    /// Waits until there is room for what passes all that is deferred, as an answer to the client does.
    pub(crate) async fn wait_for_room_to_answer(&self) {
        self.wait_until(|| self.is_room_behind(self.handed_over()))
            .await;
    }

    fn is_room_behind(&self, waiting: usize) -> bool {
        let has_room = waiting < self.limits.receiver_budget && !self.is_over_share(waiting);
        has_room || self.closed.load(Ordering::Acquire)
    }

    async fn wait_until(&self, has_room: impl Fn() -> bool) {
        while !has_room() {
            let notified = self.room.notified();
            let mut notified = std::pin::pin!(notified);
            notified.as_mut().enable();
            if has_room() {
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
        self.handed_over() + more < window || self.closed.load(Ordering::Acquire)
    }

    /// Bytes of the backlog that are not deferred.
    fn handed_over(&self) -> usize {
        let deferred = self.deferred.load(Ordering::Acquire);
        self.backlog().saturating_sub(deferred)
    }

    /// Bytes of a sender that wait for their turn.
    pub(crate) fn waiting_of(&self, sender: &UserId) -> usize {
        self.turns.waiting_of(sender)
    }

    /// Whether something waits for its turn that such an event has to come behind.
    pub(crate) fn has_waiting(&self, of: &Origin) -> bool {
        self.turns.has_waiting(of)
    }

    /// The connection has ended: no task waits for it any longer.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.client_is_gone();
        self.room.notify_waiters();
        self.all_read.notify_waiters();
        self.turns.look_again();
        self.resume_reading();
    }

    /// Whether the connection has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// A connection begins. If it is not the first on what carries it, what is not written or not handled yet of those
    /// before counts on.
    pub(crate) fn open(&self) {
        self.gone_at.store(0, Ordering::Relaxed);
        self.closed.store(false, Ordering::Release);
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
        if let Some(carrier) = self.carrier() {
            carrier.wake_reader();
        }
    }
}

fn charged(frames: &FrameSizes) -> usize {
    frames.iter().map(|size| size + FRAME_OVERHEAD).sum()
}

mod reading;
#[cfg(test)]
mod tests;
