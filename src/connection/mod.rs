//! One client connection: who it speaks for, which dialect it declared, the events it sent that
//! wait to be handled, and the way to send it some. It must not know what any event means.

pub mod admission;
mod close;
pub mod deadlines;
mod drain;
pub mod edge;
mod id;
mod inbox;
mod life;
mod node_sid;
mod open;
pub mod rooms;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;
use smallvec::smallvec;
use socketioxide::SocketError;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::socket::Sid;
use socketioxide::{BroadcastError, SendError};

pub use close::Close;
pub use drain::Drain;
pub use edge::{Fallback, Handshake, SocketIoEdge};
pub use id::ConnectionId;
pub use inbox::{Inbox, Next, Work};
pub use open::OpenConnections;

use crate::audit::{AuditText, Source};
use crate::auth::{AuthError, Authenticated};
use crate::cluster::Subscription;
use crate::config::Config;
use crate::limits::{Action, AddressSlot, Limit};
use crate::model::{Dialect, DisconnectReason, Identity};
use crate::payload::{EncodedEvent, FrameSizes, Opaque};
use crate::transport::{Carrier as _, Flow, Link, TransportCloser};
use crate::users::{Arriving, PresenceSync, User};

/// Room in the size of a small event of the relay's own, in bytes.
pub const SMALL_EVENT: usize = 256;
/// How long a client that was told to go may take to close its connection.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

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
    /// How records name this client, on this connection and for the user it speaks for.
    pub fn source(
        &self,
        connection: Option<ConnectionId>,
        identity: Option<&Identity>,
    ) -> Arc<Source> {
        Arc::new(Source {
            user: identity.map(|identity| identity.user.shared().clone()),
            username: identity.map(|identity| identity.name.clone()),
            session_id: connection.map(ConnectionId::uuid),
            ip: Some(self.address),
            user_agent: self.user_agent.clone(),
            node: self.node.clone(),
        })
    }
}

/// One client connection, from its admission to the end of what it had sent.
#[derive(Debug)]
pub struct Connection {
    /// Names this connection in records.
    pub id: ConnectionId,
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
    last_error_at: Mutex<Option<Instant>>,
    over_limit: AtomicU64,
    guest_bytes: AtomicU64,
    closing: OnceLock<DisconnectReason>,
    phase: Mutex<Phase>,
    presence_sync: Mutex<PresenceSync>,
    guest: Arc<Source>,
    transport: TransportCloser,
    /// It is authenticated, or was in a session: the bounds of strangers are off.
    admitted_for_good: AtomicBool,
    /// The first dialect but `direct` of which it used an event that no other has.
    imply_dialect: OnceLock<Dialect>,
    /// Messages of a guest. Those of a user are counted together.
    guest_messages: OnceLock<Box<Limit>>,
    /// What other nodes send its user is heard.
    heard: Mutex<Option<Subscription>>,
    /// It is not yet added to its user.
    arriving: Mutex<Option<Arriving>>,
    /// It is about to be closed, and gets nothing more from other users.
    leaving: AtomicBool,
    _slot: AddressSlot,
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

impl Member {
    /// How records name the user on this connection.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }
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
        slot: AddressSlot,
    ) -> Arc<Self> {
        let id = ConnectionId::random();
        Arc::new(Self {
            id,
            guest: client.source(Some(id), None),
            client,
            signals,
            socket,
            inbox: Inbox::new(flow.clone()),
            flow,
            member: OnceLock::new(),
            expires_at: AtomicU64::new(u64::MAX),
            expiry_announced: AtomicU64::new(0),
            admitted: Instant::now(),
            last_error_at: Mutex::new(None),
            over_limit: AtomicU64::new(0),
            guest_bytes: AtomicU64::new(0),
            closing: OnceLock::new(),
            phase: Mutex::new(Phase::Admitted(admission)),
            presence_sync: Mutex::default(),
            transport,
            admitted_for_good: AtomicBool::new(false),
            imply_dialect: OnceLock::new(),
            guest_messages: OnceLock::new(),
            heard: Mutex::new(None),
            arriving: Mutex::new(None),
            leaving: AtomicBool::new(false),
            _slot: slot,
        })
    }

    /// How far it is, locked.
    pub fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock()
    }

    /// How far it is told who is online, locked.
    pub fn presence_sync(&self) -> MutexGuard<'_, PresenceSync> {
        self.presence_sync.lock()
    }

    // Identity.

    /// Whom it speaks for; `None` for a guest.
    pub fn member(&self) -> Option<&Member> {
        self.member.get()
    }

    /// The connection speaks for this user from now on. The first user stays.
    pub fn authenticate(&self, user: Arc<User>, identity: Identity) {
        let source = self.client.source(Some(self.id), Some(&identity));
        // Only one caller gets here for one connection, and only once.
        let _ = self.member.set(Member {
            user,
            identity,
            source,
        });
        self.lift_guest_bounds();
    }

    /// It is no stranger from now on, and may send as much as it wants.
    pub fn lift_guest_bounds(&self) {
        self.admitted_for_good.store(true, Ordering::Release);
        if let Some(link) = self.flow.link() {
            link.allow(None);
        }
    }

    /// Whether it neither authenticated nor was in a session so far.
    pub fn is_guest(&self) -> bool {
        !self.admitted_for_good.load(Ordering::Acquire)
    }

    /// It lives on this link from now on.
    pub fn attach(&self, link: &Arc<Link>) {
        link.carry(&self.flow);
        if !self.is_guest() {
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

    /// It is kept until the connection is over that this is heard.
    pub fn hear(&self, heard: Option<(Subscription, Arriving)>) {
        let (heard, arriving) = heard.unzip();
        *self.heard.lock() = heard;
        *self.arriving.lock() = arriving;
    }

    /// It is added to its user, or never will be.
    pub fn arrived(&self) {
        *self.arriving.lock() = None;
    }

    // Dialect.

    /// The dialect it counts as: the declared one, else the first other one that it spoke, else
    /// `direct`.
    pub fn dialect(&self) -> Dialect {
        let declared = self.client.declared.or(self.imply_dialect.get().copied());
        declared.unwrap_or(Dialect::Direct)
    }

    /// It sent an event that only this dialect has. `true`: it counts as this dialect only now.
    pub fn imply_dialect(&self, dialect: Dialect) -> bool {
        // The first one stays.
        self.client.declared.is_none() && self.imply_dialect.set(dialect).is_ok()
    }

    /// Whether events of this dialect are accepted on it.
    pub fn accepts_dialect(&self, dialect: Dialect) -> bool {
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
    pub fn may_send_error(&self) -> bool {
        let mut last = self.last_error_at.lock();
        let may = last.is_none_or(|at| at.elapsed() >= Duration::from_secs(1));
        if may {
            *last = Some(Instant::now());
        }
        may
    }

    /// Counts the bytes of an event that came from a guest; how many there were so far.
    pub fn count_guest(&self, bytes: usize) -> u64 {
        let before = self.guest_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        before + bytes as u64
    }

    /// Counts a message: of the user, or of this connection for a guest; whether it is allowed.
    pub fn allows_message(&self, config: &Config) -> bool {
        match self.member() {
            Some(member) => member.user.limits.messages.allows(),
            None => {
                let new = || Box::new(Limit::new(config, Action::Messages));
                self.guest_messages.get_or_init(new).allows()
            }
        }
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
    pub fn send_sized<T: Serialize>(&self, event: &str, payload: &T, frames: &FrameSizes) {
        if self.hand_over(frames) {
            self.sent(self.socket.emit(event, payload));
        }
    }

    /// Sends an event that was written on another server.
    pub fn send_encoded(&self, event: &EncodedEvent) {
        let emit = |payload: &Opaque<'_>, frames: &FrameSizes| {
            self.send_sized(event.event(), payload, frames);
        };
        if event.with_payload(emit).is_err() {
            tracing::error!("an event of another server could not be read");
        }
    }

    /// Notes that frames of these sizes are sent. `false`: it has too much waiting already, and is
    /// cut off.
    pub fn hand_over(&self, frames: &FrameSizes) -> bool {
        let taken = self.flow.hand_over(frames);
        if !taken {
            self.close_slow();
        }
        taken
    }

    /// Enters a room of the library. One that is over does not: nobody would take it out again.
    pub fn enter_room(&self, name: &str) {
        let phase = self.phase();
        if matches!(*phase, Phase::Open) {
            self.socket.join(name.to_owned());
        }
    }

    /// Leaves a room of the library.
    pub fn leave_room(&self, name: &str) {
        self.socket.leave(name.to_owned());
    }

    /// Sends an event to all in a room of the library, or to all but one. They have noted its
    /// frames.
    pub async fn broadcast<T: Serialize + Sync>(
        &self,
        room: &str,
        but: Option<&Self>,
        event: &'static str,
        payload: &T,
    ) {
        let room = room.to_owned();
        let receivers = match but {
            None => self.socket.within(room),
            Some(but) => but.socket.to(room),
        };
        match receivers.emit(event, payload).await {
            // A closed connection gets nothing more: its client knows by that.
            Ok(()) | Err(BroadcastError::Socket(_)) => {}
            Err(error) => tracing::error!(%error, "an event could not be sent to a room"),
        }
    }

    /// Sends a small event of the relay's own.
    pub fn send<T: Serialize>(&self, event: &'static str, payload: &T) {
        self.send_sized(event, payload, &smallvec![SMALL_EVENT]);
    }

    /// Answers an event's callback, with a small object.
    pub fn acknowledge<T: Serialize>(&self, ack: AckSender, payload: &T) {
        self.acknowledge_with(ack, payload, &smallvec![SMALL_EVENT]);
    }

    /// The same, with an object that becomes frames of these sizes.
    pub fn acknowledge_with<T: Serialize>(&self, ack: AckSender, payload: &T, frames: &FrameSizes) {
        if self.hand_over(frames) {
            self.sent(ack.send(payload));
        }
    }

    fn sent(&self, result: Result<(), SendError>) {
        match result {
            // A closed connection gets nothing more: its client knows by that.
            Ok(()) | Err(SendError::Socket(SocketError::Closed)) => {}
            Err(SendError::Socket(_)) => self.close_slow(),
            Err(SendError::Serialize(_)) => {
                tracing::error!(connection = %self.id, "an event could not be written");
                self.close(Close::Now, DisconnectReason::ServerClosed);
            }
        }
    }

    fn close_slow(&self) {
        self.close(Close::Now, DisconnectReason::SlowConsumer);
    }

    // Ending.

    /// It is about to be closed.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    /// Whether it is about to be closed.
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// It is over: sees that its transport goes, too.
    pub fn over(&self) {
        self.hear(None);
        self.flow.close();
        self.close_transport_within(CLOSE_GRACE);
    }

    fn close_transport_within(&self, grace: Duration) {
        match self.flow.link() {
            Some(link) => link.close_within(grace),
            None => self.transport.close_after(self.socket.id, grace),
        }
    }

    /// Asks for the end of the connection. The first reason stays.
    pub fn close(&self, how: Close, why: DisconnectReason) {
        let _ = self.closing.set(why);
        match how {
            Close::Now => match self.flow.link() {
                Some(link) => link.close(why),
                None => self.transport.close_after(self.socket.id, Duration::ZERO),
            },
            Close::AfterFlush => match self.socket.clone().disconnect() {
                Ok(()) => self.close_transport_within(CLOSE_GRACE),
                Err(_) => self.close(Close::Now, why),
            },
            Close::Reconnect => match self.flow.link() {
                Some(link) => link.close_gracefully(CLOSE_GRACE),
                None => self.transport.close_after(self.socket.id, Duration::ZERO),
            },
        }
    }

    /// Why the relay ended it, if it was the relay.
    pub fn closing(&self) -> Option<DisconnectReason> {
        let by_link = || self.flow.link()?.close_reason();
        self.closing.get().copied().or_else(by_link)
    }
}
