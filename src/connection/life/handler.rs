//! The interface to what knows the meaning of events. The dialects implement it, so that a
//! connection calls neither users nor dialects.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use socketioxide::extract::SocketRef;

use super::Life;
use super::pipeline::Place;
use crate::config::LiveConfig;
use crate::connection::{Client, Connection, Handshake, Subject};
use crate::model::{Refusal, TokenFacts};
use crate::payload::RawEvent;
use crate::transport::{Flow, LiveFlowLimits};

/// Admits clients, handles their events, and words what is due.
pub(crate) trait Handler: Send + Sync + Sized + 'static {
    /// The client's `auth` object. One that cannot be read counts as none.
    type Auth: DeserializeOwned + Default + Send + Sync + 'static;
    /// The user of a connection, as the handlers of its events need them.
    type Member: Send + Sync + 'static;
    /// What is registered for a member's connection outside of it.
    type Registration: Registration;
    /// Tells other nodes, until it is dropped, that something is not handled yet.
    type Mark: Send + 'static;

    /// Decides whether, and as what, a client is admitted. A member is registered before the library
    /// sends CONNECT: what is sent to it until then waits in its connection.
    ///
    /// # Errors
    /// It is not admitted: the text of its `connect_error`.
    fn admit(
        &self,
        opening: Opening<'_>,
        auth: Self::Auth,
    ) -> impl Future<Output = Result<Admitted<Self>, &'static str>> + Send;

    /// The client received CONNECT. What is sent to it waits until this returns, or
    /// [opens](Connection::open_with) the connection.
    fn opened(
        &self,
        connection: &Arc<Connection>,
        member: Option<&Self::Member>,
    ) -> impl Future<Output = ()> + Send;

    /// Handles an event, the one before it being done.
    fn event(&self, received: Received<'_, Self>) -> impl Future<Output = Outcome> + Send;

    /// Whether an event that is [handed over](Place::handed_over) may be begun before those before it are done.
    fn goes_ahead(&self, _connection: &Connection, _event: &RawEvent) -> bool {
        false
    }

    /// What an event is about: those of one user about the same keep their order over connections.
    fn subject(&self, _connection: &Connection, _event: &RawEvent) -> Option<Subject> {
        None
    }

    /// The connections of the same user.
    fn connections_of(&self, _member: &Self::Member) -> Vec<Arc<Connection>> {
        Vec::new()
    }

    /// What ended connections of the user handed over to other nodes that is not handled yet.
    fn unfinished_elsewhere(
        &self,
        _member: &Self::Member,
    ) -> impl Future<Output = Vec<Subject>> + Send {
        async { Vec::new() }
    }

    /// Done when other nodes have handled it.
    fn finished_elsewhere(
        &self,
        _connection: &Connection,
        _subject: Subject,
    ) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// The connection has ended, and events about this are not handled yet.
    fn left_unfinished(
        &self,
        _connection: &Connection,
        _subjects: &[Subject],
    ) -> Option<Self::Mark> {
        None
    }

    /// Whether such a token of this user was taken back.
    fn is_revoked(&self, _user: &str, _token: &TokenFacts) -> bool {
        false
    }

    /// Sends the client what is due. The connection is closed by its life.
    fn due(&self, connection: &Connection, due: Due);

    /// The connection has ended, and all that it had sent is handled.
    fn closed(
        &self,
        connection: &Arc<Connection>,
        member: Option<Self::Member>,
    ) -> impl Future<Output = ()> + Send;
}

/// What is registered for a member's connection outside of it. It is undone when this is dropped.
pub(crate) trait Registration: Send + 'static {
    /// Other nodes stop sending to it; done when what they had sent is delivered.
    fn stop(&mut self) -> BoxFuture<'static, ()>;
}

/// An admitted connection.
pub(crate) struct Admitted<H: Handler> {
    /// Its outbound side.
    pub(crate) connection: Arc<Connection>,
    /// As what it is admitted.
    pub(crate) admission: Admission<H>,
}

/// As what a connection is admitted.
pub(crate) enum Admission<H: Handler> {
    /// For the user of a token.
    Member(Membership<H>),
    /// Without a token, for a while.
    Guest,
    /// To receive the reason as an event, and to be disconnected.
    Rejected(Refusal),
}

/// A connection's user, until the token expires.
pub(crate) struct Membership<H: Handler> {
    /// The user.
    pub(crate) member: H::Member,
    /// What is registered for the connection.
    pub(crate) registration: H::Registration,
    /// What is kept of the token.
    pub(crate) token: TokenFacts,
}

/// An event that was received.
pub(crate) struct Received<'a, H: Handler> {
    /// The life of the connection that sent it.
    pub(crate) life: &'a Life<H>,
    /// The user of the connection; `None` for a guest.
    pub(crate) member: Option<&'a H::Member>,
    /// What was sent.
    pub(crate) event: &'a RawEvent,
    /// It was too early before.
    pub(crate) is_again: bool,
    /// It may be too early: none of its connection has waited for long.
    pub(crate) may_be_early: bool,
    /// Its place among those that are under way.
    pub(crate) place: Place<'a>,
}

/// What became of an event.
pub(crate) enum Outcome {
    /// It is done, or refused.
    Done,
    /// It is done, and events that were too early may not be any more: they are handled next.
    Joined,
    /// It is too early, not answered, and is handled again later: after one that has joined, or in the end.
    TooEarly,
}

/// What is sent to a client about its connection.
#[derive(Debug, Clone)]
pub(crate) enum Due {
    /// The token expires soon, at this time in seconds since the epoch.
    Expiring(u64),
    /// The token has expired.
    Expired,
    /// The token was taken back.
    Revoked,
    /// A guest neither authenticated nor joined a session in time, or sent too much before.
    GuestTimeout,
    /// It was not admitted for this reason.
    Rejected(Refusal),
}

/// A client that is being admitted.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    pub(super) socket: &'a SocketRef,
    pub(super) handshake: &'a Handshake,
    pub(super) node: &'a Arc<str>,
    pub(super) config: &'a LiveConfig,
    pub(super) flow_limits: &'a LiveFlowLimits,
}

impl Opening<'_> {
    /// What is known from the client's first request.
    pub(crate) fn handshake(&self) -> &Handshake {
        self.handshake
    }

    /// The client, which has declared no dialect so far.
    pub(crate) fn client(&self) -> Client {
        self.handshake.client(self.node)
    }

    /// Its connection. What is sent to it waits.
    pub(crate) fn connection(&self, client: Client, is_guest: bool) -> Arc<Connection> {
        let place = self.handshake.place.upgrade();
        if let Some(place) = &place {
            place.admitted();
        }
        Arc::new(Connection::new(
            self.socket.clone(),
            client,
            is_guest,
            self.flow(),
            place,
            self.config,
        ))
    }

    /// That of the connection before it on the same transport, if there was one.
    fn flow(&self) -> Arc<Flow> {
        let account = self.handshake.account.clone();
        let carrier = self.handshake.carrier.as_ref();
        match carrier.and_then(|carrier| carrier.carried()) {
            None => Flow::new(self.flow_limits.clone(), account),
            Some(flow) => {
                flow.charge_to(account);
                flow
            }
        }
    }
}
