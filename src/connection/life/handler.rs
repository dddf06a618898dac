//! What a connection needs from those who know what its events mean. The dialects implement it; a
//! connection knows neither users nor dialects.

use std::fmt::Display;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use socketioxide::extract::{AckSender, SocketRef};

use super::Life;
use crate::config::Config;
use crate::connection::{Client, Connection, Handshake};
use crate::limits::AddressSlot;
use crate::payload::RawEvent;
use crate::transport::{Flow, FlowLimits, TransportCloser};

/// Admits clients, handles their events, and says what is due.
pub trait Handler: Send + Sync + Sized + 'static {
    /// The client's `auth` object. One that cannot be read counts as none.
    type Auth: DeserializeOwned + Default + Send + Sync + 'static;
    /// Whom a connection speaks for. Whoever handles its events has it.
    type Member: Send + Sync + 'static;
    /// What a member's connection has elsewhere.
    type Registration: Registration;
    /// Why a client is disconnected as soon as it is connected, which an event says.
    type Rejection: Send + 'static;
    /// Why a client is not let in: what its `connect_error` says.
    type Refusal: Display + Send + 'static;

    /// Decides whether, and as what, a client is let in. A member is registered before the client
    /// is told that it is connected: what is sent to it until then waits in its connection.
    ///
    /// # Errors
    /// It is not let in.
    fn admit(
        &self,
        opening: Opening<'_>,
        auth: Self::Auth,
    ) -> impl Future<Output = Result<Admitted<Self>, Self::Refusal>> + Send;

    /// The client knows that it is connected. What is sent to it waits until this is done, or until
    /// this [opens](Connection::open_with) it.
    fn opened(
        &self,
        connection: &Arc<Connection>,
        member: Option<&Self::Member>,
    ) -> impl Future<Output = ()> + Send;

    /// Handles an event, the one before it being done.
    fn event(&self, received: Received<'_, Self>) -> impl Future<Output = ()> + Send;

    /// Says to the client what is due. The connection is closed by its life.
    fn due(&self, connection: &Connection, due: Due<Self::Rejection>);

    /// The connection has ended, and all that it had sent is handled.
    fn closed(
        &self,
        connection: &Arc<Connection>,
        member: Option<Self::Member>,
    ) -> impl Future<Output = ()> + Send;
}

/// What a member's connection has elsewhere. Dropping it undoes it, whatever ends the connection.
pub trait Registration: Send + 'static {
    /// Other nodes send nothing more; done when what they had sent is handed over.
    fn stop(&mut self) -> BoxFuture<'static, ()>;
}

/// A connection that is let in.
pub struct Admitted<H: Handler> {
    /// What others hold of it.
    pub connection: Arc<Connection>,
    /// As what it is let in.
    pub admission: Admission<H>,
}

/// As what a connection is let in.
pub enum Admission<H: Handler> {
    /// For the user of a token.
    Member(Membership<H>),
    /// Without a token, for a while.
    Guest,
    /// To receive the reason as an event, and to be disconnected.
    Rejected(H::Rejection),
}

/// A connection's user, until the token expires.
pub struct Membership<H: Handler> {
    /// The user.
    pub member: H::Member,
    /// What the connection has elsewhere.
    pub registration: H::Registration,
    /// When the token expires, in seconds since the epoch.
    pub expires_at: u64,
}

/// An event that was received.
pub struct Received<'a, H: Handler> {
    /// The life of the connection that sent it.
    pub life: &'a Life<H>,
    /// Whom the connection speaks for; `None` for a guest.
    pub member: Option<&'a H::Member>,
    /// What was sent.
    pub event: &'a RawEvent,
    /// Its callback, if the client gave one.
    pub ack: AckSender,
}

/// What a client is told of its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due<R> {
    /// The token expires soon, at this time in seconds since the epoch.
    Expiring(u64),
    /// The token has expired.
    Expired,
    /// A guest neither authenticated nor joined a session in time, or sent too much before.
    GuestTimeout,
    /// It was not let in for this reason.
    Rejected(R),
}

/// A client that asks to be let in.
#[derive(Debug)]
pub struct Opening<'a> {
    pub(super) socket: &'a SocketRef,
    pub(super) handshake: &'a Handshake,
    pub(super) node: &'a Arc<str>,
    pub(super) config: &'a Config,
    pub(super) closer: &'a TransportCloser,
}

impl Opening<'_> {
    /// What the client's first request says.
    pub fn handshake(&self) -> &Handshake {
        self.handshake
    }

    /// The client, which has declared no dialect so far.
    pub fn client(&self) -> Client {
        Client {
            address: self.handshake.address,
            user_agent: self.handshake.user_agent.clone(),
            declared: None,
            node: self.node.clone(),
        }
    }

    /// Its connection. What is sent to it waits.
    pub fn connection(&self, client: Client, slot: AddressSlot, is_guest: bool) -> Arc<Connection> {
        Arc::new(Connection::new(
            self.socket.clone(),
            client,
            is_guest,
            Flow::new(FlowLimits::from(self.config)),
            self.config,
            self.closer.clone(),
            slot,
        ))
    }
}
