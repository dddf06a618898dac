//! The state of one TCP connection, shared by its stream, the requests on it and the deadlines.
//!
//! It counts bytes and decides when to close; the I/O itself is in `stream`.

mod carrying;
mod checks;
mod upgrading;
mod writing;

use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

use super::carrier::Carrier;
use super::clock::now_ms;
use super::controls::Controls;
use super::flow::Flow;
use super::output::Output;
use super::receive::Receiver;
use super::watch::Watch;
use crate::config::Live;
use crate::metrics::connections::Tally;
use crate::metrics::traffic::{self, By};
use crate::model::DisconnectReason;
use upgrading::Next;

/// Deadlines and bounds of a TCP connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkLimits {
    /// Time for a request to arrive on a new connection, and for a WebSocket to enter the
    /// namespace.
    pub(crate) handshake_timeout: Duration,
    /// Time for the head of a request to arrive once it has begun.
    pub(crate) head_timeout: Duration,
    /// How long a connection may stay open between two requests.
    pub(crate) keep_alive: Duration,
    /// Bytes a WebSocket client may send before it is admitted.
    pub(crate) handshake_max_bytes: u64,
    /// Time within which a peer with unsent data must take some of it.
    pub(crate) write_deadline: Duration,
    /// Bytes per second that it must take over that time; 0: a single byte is enough.
    pub(crate) min_drain_rate: u64,
    /// Bytes of the largest frame that is read.
    pub(crate) max_frame: u64,
    /// Time between two pongs that are injected for a busy client; see `inject_pong_if_busy`.
    pub(crate) heartbeat: Duration,
}

/// No deadline, or not blocked.
const NONE: u64 = 0;
const UNBOUNDED: u64 = u64::MAX;

/// How often a client is asked for a sign of life at most. Each answer is a frame that counts.
const ASK_INTERVAL_MS: u64 = 1_000;

/// Frames injected into what the library reads, as if the client had sent them.
pub(super) const INJECT_PONG: u8 = 1;
pub(super) const INJECT_CLOSE: u8 = 2;

/// One TCP connection.
#[derive(Debug)]
pub(crate) struct Link {
    peer: SocketAddr,
    /// From whom a load balancer passes it on.
    client: OnceLock<SocketAddr>,
    /// Those of its listener.
    limits: Live<LinkLimits>,
    reader: AtomicWaker,
    writer: AtomicWaker,
    output: Mutex<Output>,
    upgraded: AtomicBool,
    /// What follows the answer that upgrades it.
    next: Mutex<Option<Box<Next>>>,
    /// It carries an administrator.
    has_admin: AtomicBool,
    /// Requests being answered: none or one.
    requests: AtomicU8,
    /// A request was answered, and nothing has arrived since.
    is_idle: AtomicBool,
    flow: OnceLock<Arc<Flow>>,
    pub(super) receiver: Receiver,
    close_reason: OnceLock<DisconnectReason>,
    /// What lives as long as the connection.
    kept: Mutex<Option<Arc<dyn Any + Send + Sync>>>,
    inject: AtomicU8,
    /// Bytes that may still be read before the client is admitted, or authenticated if it is a
    /// guest.
    allowance: AtomicU64,
    /// When a request must have arrived, or the namespace been entered, in `now_ms` time.
    deadline: AtomicU64,
    /// Since when the peer does not take the data waiting for it, and the bytes it took since.
    blocked_since: AtomicU64,
    taken_since: AtomicU64,
    /// Bytes read and written since deadlines were last checked.
    moved: AtomicU64,
    watch: Watch<Self>,
    controls: Controls,
    pong_injected_at: AtomicU64,
    /// The client is to be asked for a sign of life, and when it was last.
    asks: AtomicBool,
    asked_at: AtomicU64,
}

impl Link {
    pub(super) fn new(peer: SocketAddr, limits: impl Into<Live<LinkLimits>>) -> Self {
        let now = now_ms();
        let limits = limits.into();
        let first = {
            let limits = limits.now();
            limits.handshake_timeout.min(limits.head_timeout)
        };
        Self {
            peer,
            client: OnceLock::new(),
            limits,
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
            output: Mutex::new(Output::new()),
            upgraded: AtomicBool::new(false),
            next: Mutex::default(),
            has_admin: AtomicBool::new(false),
            requests: AtomicU8::new(0),
            is_idle: AtomicBool::new(false),
            flow: OnceLock::new(),
            receiver: Receiver::default(),
            close_reason: OnceLock::new(),
            kept: Mutex::default(),
            inject: AtomicU8::new(0),
            allowance: AtomicU64::new(UNBOUNDED),
            deadline: AtomicU64::new(now + first.as_millis() as u64),
            blocked_since: AtomicU64::new(NONE),
            taken_since: AtomicU64::new(0),
            moved: AtomicU64::new(0),
            watch: Watch::default(),
            controls: Controls::default(),
            pong_injected_at: AtomicU64::new(now),
            asks: AtomicBool::new(false),
            asked_at: AtomicU64::new(NONE),
        }
    }

    /// The address of the peer, which may be a proxy; of one that a load balancer passes on, its client's.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.client.get().copied().unwrap_or(self.peer)
    }

    /// A load balancer passes it on from there.
    pub(super) fn is_from(&self, client: SocketAddr) {
        // It is said once.
        let _ = self.client.set(client);
    }

    /// Waits until it is closed, before anything is read or written on it.
    pub(super) async fn closed(&self) -> io::Error {
        std::future::poll_fn(|cx| {
            self.register_reader(cx);
            self.failure().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    // Reported by the HTTP side.

    /// A request arrived: no deadline applies while it is answered.
    pub(crate) fn request_began(&self) {
        self.deadline.store(NONE, Ordering::Relaxed);
        self.is_idle.store(false, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// The request was answered; the answer may still have to be written, or be made while its body is read: then it
    /// began twice.
    pub(crate) fn request_ended(&self) {
        self.requests.fetch_sub(1, Ordering::Relaxed);
        if self.waits_for_a_request() {
            self.answered();
        }
    }

    /// An answer, or more of it, was made: the next request must arrive within `keep_alive`.
    fn answered(&self) {
        self.set_deadline(self.limits.now().keep_alive);
        self.is_idle.store(true, Ordering::Relaxed);
    }

    /// Whether a request is being answered.
    pub(super) fn is_busy(&self) -> bool {
        !self.is_upgraded() && self.requests.load(Ordering::Relaxed) > 0
    }

    /// Whether it carries nothing now: no WebSocket, and no request.
    pub(super) fn waits_for_a_request(&self) -> bool {
        !self.is_upgraded() && !self.is_busy()
    }

    /// Whether it is a WebSocket that has not entered the namespace.
    pub(super) fn is_unadmitted(&self) -> bool {
        self.is_upgraded() && self.flow().is_none() && !self.has_admin()
    }

    /// The connection becomes a WebSocket: from now on it carries frames, and the client has to
    /// enter the namespace within the handshake timeout. Called before the response is written.
    pub(crate) fn upgrade(&self) {
        self.set_deadline(self.limits.now().handshake_timeout);
        self.allowance
            .store(self.limits.now().handshake_max_bytes, Ordering::Relaxed);
        self.upgraded.store(true, Ordering::Release);
    }

    /// Keeps this until the connection ends, which others may know longer.
    pub(crate) fn keep(&self, what: Arc<dyn Any + Send + Sync>) {
        *self.kept.lock() = Some(what);
    }

    /// The connection has ended.
    pub(super) fn ended(&self) {
        self.end_output();
        drop(self.kept.lock().take());
    }

    // Used by the stream.

    /// Whether it is a WebSocket.
    pub(crate) fn is_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Acquire)
    }

    fn has_admin(&self) -> bool {
        self.has_admin.load(Ordering::Acquire)
    }

    pub(super) fn flow(&self) -> Option<&Arc<Flow>> {
        self.flow.get()
    }

    pub(super) fn register_reader(&self, cx: &std::task::Context<'_>) {
        self.reader.register(cx.waker());
    }

    pub(super) fn register_writer(&self, cx: &std::task::Context<'_>) {
        self.writer.register(cx.waker());
    }

    /// The error of every read and write once the link is closed.
    pub(super) fn failure(&self) -> Option<io::Error> {
        self.close_reason()
            .map(|_| io::ErrorKind::ConnectionAborted.into())
    }

    pub(super) fn injected(&self) -> u8 {
        self.inject.load(Ordering::Acquire)
    }

    pub(super) fn take_injected(&self) -> u8 {
        self.inject.swap(0, Ordering::AcqRel)
    }

    /// Whether the client is to be asked for a sign of life now.
    pub(super) fn takes_ask(&self) -> bool {
        self.asks.load(Ordering::Relaxed) && self.asks.swap(false, Ordering::Relaxed)
    }

    pub(super) fn was_read(&self, bytes: usize) {
        if self.is_upgraded() {
            traffic::received(By::Websocket, bytes);
            if let Some(tally) = self.tally() {
                tally.bytes_in.add(bytes as u64);
            }
        }
        self.was_moved(bytes);
        if self.is_idle.load(Ordering::Relaxed) && bytes > 0 {
            self.is_idle.store(false, Ordering::Relaxed);
            self.set_deadline(self.limits.now().head_timeout);
        }
        let allowed = self.allowance.load(Ordering::Relaxed);
        if allowed != UNBOUNDED {
            match allowed.checked_sub(bytes as u64) {
                Some(left) => self.allowance.store(left, Ordering::Relaxed),
                None => self.close(DisconnectReason::GuestTimeout),
            }
        }
    }

    /// What is counted of the connection that it carries alone.
    fn tally(&self) -> Option<&Tally> {
        self.flow()?.counted().tally()
    }

    /// So many control frames were read.
    pub(super) fn controls_were_read(&self, count: u32) {
        if !self.controls.allow(count) {
            self.close(DisconnectReason::ProtocolError);
        }
    }

    pub(super) fn was_written(&self, bytes: usize) {
        self.was_moved(bytes);
        if self.is_upgraded() {
            traffic::sent(By::Websocket, bytes);
            if let Some(tally) = self.tally() {
                tally.bytes_out.add(bytes as u64);
            }
        }
        if self.waits_for_a_request() {
            self.answered();
        }
        if self.blocked_since.load(Ordering::Relaxed) != NONE {
            self.taken_since.fetch_add(bytes as u64, Ordering::Relaxed);
            if self.flow().is_none_or(|flow| flow.backlog() == 0) {
                self.blocked_since.store(NONE, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn was_blocked(&self) {
        if self.blocked_since.load(Ordering::Relaxed) == NONE {
            self.taken_since.store(0, Ordering::Relaxed);
            self.blocked_since.store(now_ms(), Ordering::Relaxed);
            self.watch.begin();
        }
    }

    /// Bytes of the largest frame that is read.
    pub(super) fn max_frame(&self) -> u64 {
        self.limits.now().max_frame
    }

    fn inject(&self, frame: u8) {
        self.inject.fetch_or(frame, Ordering::AcqRel);
        self.reader.wake();
    }

    fn set_deadline(&self, from_now: Duration) {
        self.deadline
            .store(now_ms() + from_now.as_millis() as u64, Ordering::Relaxed);
        self.watch.begin();
    }
}
