//! One client connection: who it speaks for, which dialect it declared, the events it sent that
//! wait to be handled, and the way to send it some. It must not know what any event means.

mod inbox;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use smallvec::smallvec;
use socketioxide::SendError;
use socketioxide::SocketError;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::socket::Sid;
use uuid::Uuid;

pub use inbox::{Drain, Inbox};

use crate::audit::{AuditText, Source};
use crate::auth::{AuthError, Authenticated};
use crate::dialect::Dialect;
use crate::error::DisconnectReason;
use crate::identity::Identity;
use crate::limits::Limit;
use crate::places::Place;
use crate::transport::{Flow, FrameSizes, Link, TransportCloser};
use crate::users::User;

/// Room in the size of a small event of the relay's own, in bytes.
const SMALL_EVENT: usize = 256;
/// How long a client that was told to go may take to close its connection.
const FAREWELL: Duration = Duration::from_secs(5);

/// What is known of a client before it is let in.
#[derive(Debug, Clone)]
pub struct Client {
    /// The client's own address, as far as the trusted proxies tell.
    pub address: IpAddr,
    /// Its `User-Agent`.
    pub user_agent: Option<AuditText<256>>,
    /// The dialect it declared, or the only one there is.
    pub declared: Option<Dialect>,
    /// The name of this server.
    pub node: Arc<str>,
}

impl Client {
    /// How records name this client, on the connection `session` and for the user it speaks for.
    pub fn source(&self, session: Option<Uuid>, identity: Option<&Identity>) -> Arc<Source> {
        Arc::new(Source {
            user: identity.map(|identity| identity.user.shared().clone()),
            username: identity.map(|identity| identity.name.clone()),
            session_id: session,
            ip: Some(self.address),
            user_agent: self.user_agent.clone(),
            node: self.node.clone(),
        })
    }
}

/// One client connection, from its admission to the end of what it had sent.
#[derive(Debug)]
pub struct Connection {
    /// Names this connection in the audit. It is not the library's id, which is a secret.
    pub session: Uuid,
    /// Where it comes from.
    pub client: Client,
    /// Typing, presence and receipts of this connection.
    pub signals: Limit,
    socket: SocketRef,
    flow: Arc<Flow>,
    inbox: Inbox,
    member: OnceLock<Member>,
    expires_at: AtomicU64,
    expiry_announced: AtomicU64,
    admitted: Instant,
    last_complaint: Mutex<Option<Instant>>,
    over_limit: AtomicU64,
    refused_bytes: AtomicU64,
    closing: OnceLock<DisconnectReason>,
    phase: Mutex<Phase>,
    guest: Arc<Source>,
    transport: TransportCloser,
    _place: Place,
}

/// How far a connection is. It is held while a connection is entered into or taken off what it
/// belongs to, so that the end cannot overtake the beginning.
#[derive(Debug)]
pub enum Phase {
    /// It is let in; the library has yet to say that it is connected.
    Admitted(Admission),
    /// It is connected.
    Open,
    /// It is over.
    Over,
}

/// The user that a connection belongs to, once it is authenticated.
#[derive(Debug, Clone)]
pub struct Member {
    /// The user, shared by all their connections.
    pub user: Arc<User>,
    /// The user as this connection's token describes them.
    pub identity: Identity,
    source: Arc<Source>,
}

/// As what a connection is let in.
#[derive(Debug)]
pub enum Admission {
    /// For the user of a token.
    User(Authenticated),
    /// Without a token, for a while.
    Guest,
    /// To be told by an event that it is not, and sent away.
    Refused(AuthError),
}

impl Connection {
    /// A connection that is being admitted. Its events wait until its inbox is opened.
    pub fn new(
        socket: SocketRef,
        client: Client,
        admission: Admission,
        flow: Arc<Flow>,
        signals: Limit,
        transport: TransportCloser,
        place: Place,
    ) -> Arc<Self> {
        let session = Uuid::new_v4();
        Arc::new(Self {
            session,
            guest: client.source(Some(session), None),
            client,
            signals,
            socket,
            inbox: Inbox::new(flow.clone()),
            flow,
            member: OnceLock::new(),
            expires_at: AtomicU64::new(u64::MAX),
            expiry_announced: AtomicU64::new(0),
            admitted: Instant::now(),
            last_complaint: Mutex::new(None),
            over_limit: AtomicU64::new(0),
            refused_bytes: AtomicU64::new(0),
            closing: OnceLock::new(),
            phase: Mutex::new(Phase::Admitted(admission)),
            transport,
            _place: place,
        })
    }

    /// How far it is, locked.
    pub fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock()
    }

    // Identity.

    /// Whom it speaks for; `None` for a guest.
    pub fn member(&self) -> Option<&Member> {
        self.member.get()
    }

    /// The connection speaks for this user from now on. The first user stays.
    pub fn authenticate(&self, user: Arc<User>, identity: Identity) {
        let source = self.client.source(Some(self.session), Some(&identity));
        // Only one caller gets here for one connection, and only once.
        let _ = self.member.set(Member {
            user,
            identity,
            source,
        });
        if let Some(link) = self.flow.link() {
            link.allow(None);
        }
    }

    /// It lives on this link from now on.
    pub fn attach(&self, link: &Arc<Link>) {
        self.flow.attach(link);
        if self.member().is_some() {
            link.allow(None);
        }
    }

    /// How records name this connection.
    pub fn source(&self) -> &Arc<Source> {
        self.member
            .get()
            .map_or(&self.guest, |member| &member.source)
    }

    /// When its token expires, in seconds since the epoch.
    pub fn expires_at(&self) -> u64 {
        self.expires_at.load(Ordering::Relaxed)
    }

    /// A fresh token moves the end.
    pub fn extend_until(&self, expires_at: u64) {
        self.expires_at.store(expires_at, Ordering::Relaxed);
    }

    /// Whether the coming expiry is to be announced now: once for each token.
    pub fn announces_expiry(&self) -> bool {
        let expires_at = self.expires_at();
        self.expiry_announced.swap(expires_at, Ordering::Relaxed) != expires_at
    }

    /// How long ago it was admitted.
    pub fn age(&self) -> Duration {
        self.admitted.elapsed()
    }

    // Dialect.

    /// The dialect it counts as: the declared one, else `direct`.
    pub fn dialect(&self) -> Dialect {
        self.client.declared.unwrap_or(Dialect::Direct)
    }

    /// Whether events of this dialect are accepted on it.
    pub fn may_speak(&self, dialect: Dialect) -> bool {
        self.client
            .declared
            .is_none_or(|declared| declared == dialect)
    }

    // Receiving.

    /// The events that wait to be handled.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Flow control of this connection.
    pub fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// Whether a complaint that is sent at most once a second may be sent now.
    pub fn may_complain(&self) -> bool {
        let mut last = self.last_complaint.lock();
        let may = last.is_none_or(|at| at.elapsed() >= Duration::from_secs(1));
        if may {
            *last = Some(Instant::now());
        }
        may
    }

    /// Counts the bytes of an event that was refused because it came from a guest; how many there
    /// were so far.
    pub fn count_refused(&self, bytes: usize) -> u64 {
        let before = self
            .refused_bytes
            .fetch_add(bytes as u64, Ordering::Relaxed);
        before + bytes as u64
    }

    /// Counts one event over a limit.
    pub fn over_limit(&self) {
        self.over_limit.fetch_add(1, Ordering::Relaxed);
    }

    /// How many events were over a limit since this was asked last.
    pub fn take_over_limit(&self) -> u64 {
        match self.over_limit.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.over_limit.swap(0, Ordering::Relaxed),
        }
    }

    // Sending.

    /// The library's id of this connection: a secret of its owner.
    pub fn socket_id(&self) -> Sid {
        self.socket.id
    }

    /// Sends an event that becomes frames of these sizes.
    pub fn emit<T: Serialize>(&self, event: &'static str, payload: &T, frames: &FrameSizes) {
        if self.flow.hand_over(frames) {
            self.sent(self.socket.emit(event, payload));
        } else {
            self.cut_off();
        }
    }

    /// Sends a small event of the relay's own.
    pub fn say<T: Serialize>(&self, event: &'static str, payload: &T) {
        self.emit(event, payload, &smallvec![SMALL_EVENT]);
    }

    /// Answers an event's callback, with a small object.
    pub fn acknowledge<T: Serialize>(&self, ack: AckSender, payload: &T) {
        if self.flow.hand_over(&smallvec![SMALL_EVENT]) {
            self.sent(ack.send(payload));
        } else {
            self.cut_off();
        }
    }

    fn sent(&self, result: Result<(), SendError>) {
        match result {
            // A closed connection gets nothing more: its client knows by that.
            Ok(()) | Err(SendError::Socket(SocketError::Closed)) => {}
            Err(SendError::Socket(_)) => self.cut_off(),
            Err(SendError::Serialize(_)) => {
                tracing::error!(session = %self.session, "an event could not be written");
                self.close(DisconnectReason::ServerClosed);
            }
        }
    }

    fn cut_off(&self) {
        self.close(DisconnectReason::SlowConsumer);
    }

    // Ending.

    /// Tells the client to go, behind everything that was sent to it, and sees that it does.
    pub fn disconnect(&self, why: DisconnectReason) {
        let _ = self.closing.set(why);
        if self.socket.clone().disconnect().is_err() {
            return self.close(why);
        }
        self.close_transport_within(FAREWELL);
    }

    /// It is over: sees that its transport goes, too.
    pub fn over(&self) {
        self.flow.close();
        self.close_transport_within(FAREWELL);
    }

    fn close_transport_within(&self, grace: Duration) {
        match self.flow.link() {
            Some(link) => link.close_within(grace),
            None => self.transport.close_after(self.socket.id, grace),
        }
    }

    /// Closes the transport behind everything that was sent, so that the client reconnects.
    pub fn close_gracefully(&self, why: DisconnectReason) {
        let _ = self.closing.set(why);
        match self.flow.link() {
            Some(link) => link.close_gracefully(FAREWELL),
            None => self.transport.close_after(self.socket.id, Duration::ZERO),
        }
    }

    /// Ends the connection at once.
    pub fn close(&self, why: DisconnectReason) {
        let _ = self.closing.set(why);
        match self.flow.link() {
            Some(link) => link.close(why),
            None => self.transport.close_after(self.socket.id, Duration::ZERO),
        }
    }

    /// Why the relay ended it, if it was the relay.
    pub fn closing(&self) -> Option<DisconnectReason> {
        let by_link = || self.flow.link()?.close_reason();
        self.closing.get().copied().or_else(by_link)
    }
}
