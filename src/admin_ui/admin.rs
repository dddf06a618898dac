//! The connection of one administrator: what is sent to them, and how much of it. Who does not read is sent less, and never
//! has more waiting than a client that reads. It must not know what it sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use socketioxide::extract::SocketRef;
use socketioxide::socket::Sid;

use super::NAMESPACE;
use super::ignored::Ignored;
use super::shown::Shown;
use crate::audit::{Audit, Source};
use crate::auth::Administrator;
use crate::payload::SocketPacket;
use crate::transport::Attach;

/// How long a client that has left, or is to, may take to close its connection.
const CLOSE_GRACE: Duration = Duration::from_secs(5);
/// Who is not let in by the library within this time has left before.
const BEGINNING: Duration = Duration::from_secs(2);

/// An administrator who is connected.
pub(super) struct Admin {
    /// Who it is.
    pub(super) who: Administrator,
    /// The session by which they may come back: a secret of theirs.
    session: String,
    /// How records name them.
    pub(super) source: Arc<Source>,
    socket: SocketRef,
    carrier: Arc<dyn Attach>,
    /// They came to the address of operators, which is served until the end.
    is_internal: bool,
    is_welcome: AtomicBool,
    made: Instant,
    /// What they were shown.
    pub(super) shown: Mutex<Shown>,
    /// What they sent that they may not.
    pub(super) ignored: Mutex<Ignored>,
}

impl Admin {
    pub(super) fn new(
        who: Administrator,
        session: String,
        source: Arc<Source>,
        socket: SocketRef,
        (carrier, is_internal): (Arc<dyn Attach>, bool),
    ) -> Self {
        Self {
            who,
            session,
            source,
            socket,
            carrier,
            is_internal,
            is_welcome: AtomicBool::new(false),
            made: Instant::now(),
            shown: Mutex::default(),
            ignored: Mutex::default(),
        }
    }

    /// Whether it is on this socket of the library.
    pub(super) fn is_on(&self, socket: Sid) -> bool {
        self.socket.id == socket
    }

    /// Sends CONNECT, before all else, and the session.
    pub(super) fn welcome(&self) {
        let connect = SocketPacket::connect_to(NAMESPACE, self.socket.id);
        self.carrier.clone().offer(&connect);
        if let Some(session) = SocketPacket::event_of(NAMESPACE, &("session", &self.session)) {
            self.offer(&session);
        }
        self.is_welcome.store(true, Ordering::Release);
    }

    /// Whether they were sent CONNECT.
    pub(super) fn is_welcome(&self) -> bool {
        self.is_welcome.load(Ordering::Acquire)
    }

    /// Whether they have left without a word of the library.
    pub(super) fn is_lost(&self) -> bool {
        match self.is_welcome() {
            true => !self.socket.connected(),
            false => self.made.elapsed() > BEGINNING,
        }
    }

    /// Sends a packet, unless too much waits already. Whether it was taken.
    pub(super) fn offer(&self, packet: &SocketPacket) -> bool {
        self.carrier.clone().offer(packet)
    }

    /// Has them leave.
    pub(super) fn disconnect(&self) {
        // An error: they have left.
        if self.socket.clone().disconnect().is_err() {
            tracing::debug!("an administrator has left");
        }
    }

    /// The server stops: has them go to another one, where they were among clients.
    pub(super) fn drain(&self) {
        if !self.is_internal {
            self.carrier.clone().close_gracefully(CLOSE_GRACE);
        }
    }

    /// What carries them carries them no more.
    pub(super) fn leave(&self) {
        self.carrier.clone().leave_admin(CLOSE_GRACE);
    }

    /// They have left.
    pub(super) fn ended(&self, audit: &Audit) {
        self.leave();
        self.ignored.lock().record(audit, &self.source);
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin")
            .field("who", &self.who)
            .finish_non_exhaustive()
    }
}
