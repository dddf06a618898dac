//! One session of a client that polls, or has begun by it. It is the `Carrier` of its Socket.IO connection until a
//! WebSocket is. It must not know what is said on it.

mod carrying;

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use dashmap::DashMap;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use socketioxide::socket::Sid;
use tokio::sync::Notify;

use super::pipe::{Pipe, Stage, Upgraded};
use super::polls::Polls;
use super::revision::Revision;
use super::settings::Settings;
use crate::metrics::traffic::{self, By};
use crate::model::DisconnectReason;
use crate::transport::{Attach as _, Carrier as _, Entry, Flow, Link, Receiver};

/// What the client may post at once is not bounded by what it is.
const UNBOUNDED: u64 = u64::MAX;

/// The sessions whose clients poll, or have begun by it.
pub(super) type Polling = DashMap<Sid, Arc<Session>>;

/// A session.
pub(crate) struct Session {
    pub(super) id: Sid,
    pub(super) revision: Revision,
    /// The client takes no bytes.
    pub(super) as_text: bool,
    pub(super) settings: Settings,
    pub(super) pipe: Mutex<Pipe>,
    /// The library's tasks.
    pub(super) reader: AtomicWaker,
    pub(super) writer: AtomicWaker,
    /// Something was written for the client, or taken, or read, or it is carried otherwise.
    pub(super) changed: Notify,
    pub(super) polls: Polls,
    /// What is posted is taken in one body after the other.
    pub(super) posting: tokio::sync::Mutex<()>,
    flow: OnceLock<Arc<Flow>>,
    pub(super) receiver: Receiver,
    /// How many connections it has carried, one after the other.
    connections: AtomicU64,
    pub(super) entry: Mutex<Entry>,
    link: OnceLock<Arc<Link>>,
    close_reason: OnceLock<DisconnectReason>,
    allowance: AtomicU64,
    kept: Mutex<Option<Arc<dyn Any + Send + Sync>>>,
    is_polled: AtomicBool,
    /// It carries an administrator.
    has_admin: AtomicBool,
    /// Where requests find it.
    polling: Arc<Polling>,
}

impl Session {
    pub(super) fn new(
        revision: Revision,
        as_text: bool,
        settings: Settings,
        polling: Arc<Polling>,
    ) -> Arc<Self> {
        Arc::new(Self {
            id: Sid::new(),
            revision,
            as_text,
            allowance: AtomicU64::new(settings.handshake_max_bytes),
            settings,
            pipe: Mutex::new(Pipe::new(revision)),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
            changed: Notify::new(),
            polls: Polls::default(),
            posting: tokio::sync::Mutex::default(),
            flow: OnceLock::new(),
            receiver: Receiver::default(),
            connections: AtomicU64::new(0),
            entry: Mutex::default(),
            link: OnceLock::new(),
            close_reason: OnceLock::new(),
            kept: Mutex::default(),
            is_polled: AtomicBool::new(true),
            has_admin: AtomicBool::new(false),
            polling,
        })
    }

    /// Flow control of its connection, once that is admitted.
    pub(super) fn flow(&self) -> Option<&Arc<Flow>> {
        self.flow.get()
    }

    /// Whether its client has entered a namespace.
    pub(crate) fn is_admitted(&self) -> bool {
        self.flow.get().is_some() || self.has_admin()
    }

    fn has_admin(&self) -> bool {
        self.has_admin.load(Ordering::Acquire)
    }

    /// Whether a connection of a client goes on on it, or an administrator is on it.
    fn is_used(&self) -> bool {
        self.has_admin() || self.flow().is_some_and(|flow| !flow.is_closed())
    }

    /// Keeps this until the library has left the session.
    pub(crate) fn keep(&self, what: Arc<dyn Any + Send + Sync>) {
        *self.kept.lock() = Some(what);
    }

    /// So many bytes came from the client.
    pub(super) fn was_posted(&self, bytes: usize) {
        traffic::received(By::Polling, bytes);
        if let Some(tally) = self.flow().and_then(|flow| flow.counted().tally()) {
            tally.bytes_in.add(bytes as u64);
        }
    }

    /// A poll is answered with so many bytes.
    pub(super) fn was_answered(&self, bytes: usize) {
        self.polls.answered(bytes);
        traffic::sent(By::Polling, bytes);
        if let Some(tally) = self.flow().and_then(|flow| flow.counted().tally()) {
            tally.bytes_out.add(bytes as u64);
        }
    }

    /// Something came from the client.
    pub(super) fn heard(&self) {
        if let Some(flow) = self.flow() {
            flow.heard();
        }
    }

    /// How much one body may have.
    pub(super) fn max_body(&self) -> usize {
        let allowed = self.allowance.load(Ordering::Relaxed);
        let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
        allowed.min(self.settings.max_body)
    }

    /// Whether the library may begin to read another frame now.
    pub(super) fn may_read(&self) -> bool {
        self.flow().is_none_or(|flow| !flow.reading_paused())
    }

    /// The client is gone, or is to go.
    pub(super) fn end(&self) {
        {
            let mut pipe = self.pipe.lock();
            if matches!(pipe.stage, Stage::Upgraded(_)) {
                return;
            }
            pipe.end();
        }
        self.is_over();
    }

    /// The library has left it, whatever it is carried by.
    pub(super) fn left(&self) {
        self.pipe.lock().end();
        drop(self.kept.lock().take());
        self.is_over();
    }

    fn is_over(&self) {
        self.polling.remove(&self.id);
        self.wake();
    }

    /// Whoever waits for a change looks again.
    pub(super) fn wake(&self) {
        self.reader.wake();
        self.writer.wake();
        self.changed.notify_waiters();
    }

    /// A WebSocket is to carry it, as soon as that has what waits for the client.
    pub(super) fn choose(&self, link: &Arc<Link>) {
        // One at most is chosen.
        let _ = self.link.set(link.clone());
        if self.has_admin() {
            link.carry_admin();
        }
        if let Some(flow) = self.flow() {
            self.carry_by(link, flow);
        }
    }

    /// The WebSocket carries it from now on.
    pub(super) fn hand_over(&self, pipe: &mut Pipe, upgraded: Upgraded) {
        pipe.stage = Stage::Upgraded(Some(Box::new(upgraded)));
        self.is_polled_no_more();
    }

    /// A WebSocket carries it to its end, and its client polls no more.
    pub(super) fn is_polled_no_more(&self) {
        self.is_polled.store(false, Ordering::Release);
    }

    /// Whether its client polls.
    pub(crate) fn is_polled(&self) -> bool {
        self.is_polled.load(Ordering::Acquire)
    }

    fn carry_by(&self, link: &Arc<Link>, flow: &Arc<Flow>) {
        link.clone().carry(flow);
        let allowed = self.allowance.load(Ordering::Relaxed);
        link.allow((allowed != UNBOUNDED).then_some(allowed));
        if let Some(receiver) = self.receiver.get() {
            link.deliver_to(receiver);
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Its id is a secret of its client.
        f.debug_struct("Session").finish_non_exhaustive()
    }
}
