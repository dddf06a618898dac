//! Flow control of one Socket.IO connection: the bytes handed to it and not yet written, the bytes of an
//! event of it that is arriving, and the bytes it sent that are not yet handled. All of them count as held for
//! its user, whose share of the server's memory narrows what the connection may have. Of those who send to it,
//! and of what is deferred until there is room, the next is whose sender was given the least.
//!
//! It outlives a change of transport, so it must not know what carries the connection beyond
//! [`Carrier`].

mod limits;
mod reading;
mod sending;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::carrier::Carrier;
use super::clock::{Moment, now_ms};
use super::controls::Controls;
use super::turns::Turns;
use super::window::Window;
use crate::limits::{ALWAYS, Account, Held, Kept};
use crate::metrics::connections::Counted;

pub(crate) use limits::{FlowLimits, LiveFlowLimits};

/// Bytes that a queued frame is charged beside its payload.
const FRAME_OVERHEAD: usize = 128;

/// Flow control state of one connection, shared with what presently carries it.
#[derive(Debug)]
pub(crate) struct Flow {
    limits: LiveFlowLimits,
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
    counted: Counted,
}

impl Flow {
    /// Flow control for a new connection of whoever has this account.
    pub(crate) fn new(limits: impl Into<LiveFlowLimits>, account: Arc<Account>) -> Arc<Self> {
        Arc::new(Self {
            limits: limits.into(),
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
            counted: Counted::default(),
        })
    }

    /// The connection is carried by `carrier` from now on.
    pub(crate) fn attach(&self, carrier: Weak<dyn Carrier>) {
        let polls = carrier.upgrade().is_some_and(|it| it.is_polling());
        self.counted.carried_by_polls(polls);
        *self.carrier.lock() = Some(carrier);
    }

    /// As what its connection is counted.
    pub(crate) fn counted(&self) -> &Counted {
        &self.counted
    }

    /// What carries it, while that is there.
    pub(crate) fn carrier(&self) -> Option<Arc<dyn Carrier>> {
        self.carrier.lock().as_ref()?.upgrade()
    }

    /// Something came from the client, whatever it is.
    pub(crate) fn heard(&self) {
        self.heard_at.store(now_ms(), Ordering::Relaxed);
    }

    /// How long nothing has come from the client, rounded up. One that is not read now is not silent.
    pub(crate) fn silence(&self) -> Duration {
        match self.is_read() {
            true => self.since_heard() + Duration::from_millis(1),
            false => Duration::ZERO,
        }
    }

    /// Whether nothing that has come from the client was certainly after this. One that is not read now is not silent.
    pub(crate) fn is_silent_since(&self, moment: Moment) -> bool {
        self.is_read() && !moment.is_before(self.heard_at.load(Ordering::Relaxed))
    }

    /// How long nothing that came from the client was read.
    fn since_heard(&self) -> Duration {
        let since = now_ms().saturating_sub(self.heard_at.load(Ordering::Relaxed));
        Duration::from_millis(since)
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
        bytes.min(self.limits.now().max_event)
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

#[cfg(test)]
mod tests;
