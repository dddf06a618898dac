//! Lets Socket.IO connections in: authentication in the namespace's middleware, before the
//! connection exists; then its beginning and its end.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};

use futures_util::FutureExt;
use serde::Deserialize;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::socket::DisconnectReason as LibraryReason;

use crate::audit::{Event as Audited, Record};
use crate::auth::AuthError;
use crate::config::AuthErrorStyle;
use crate::connection::{Admission, Client, Connection, Drain, Phase};
use crate::dialect::Dialect;
use crate::dialects::{self, direct, everyone};
use crate::error::{DisconnectReason, ErrorCode};
use crate::http::Handshake;
use crate::limits;
use crate::payload::RawEvent;
use crate::presence;
use crate::relay::Relay;
use crate::transport::{Flow, FlowLimits};

/// Why a client is not let in: what its `connect_error` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error("Unknown dialect")]
    UnknownDialect,
    #[error("Too many connections")]
    TooManyConnections,
    #[error("Server error")]
    NoHandshake,
}

impl Refusal {
    fn code(self) -> ErrorCode {
        match self {
            Self::Auth(error) => error.code(),
            Self::UnknownDialect => ErrorCode::UnknownDialect,
            Self::TooManyConnections => ErrorCode::TooManyConnections,
            Self::NoHandshake => ErrorCode::OperationFailed,
        }
    }
}

/// The client's `auth` object. What is not of the right type is treated as not there, except a
/// token, which is then a bad one.
#[derive(Debug, Default, Deserialize)]
struct Hello {
    #[serde(default)]
    token: Option<serde_json::Value>,
    #[serde(default)]
    dialect: Option<serde_json::Value>,
}

/// Serves the namespace that all clients use.
pub fn mount(io: &SocketIo, relay: &Arc<Relay>) {
    let admitting = relay.clone();
    let middleware = async move |socket: SocketRef, TryData(hello): TryData<Hello>| {
        admit(&admitting, &socket, hello.unwrap_or_default()).await
    };
    let relay = relay.clone();
    let begin = move |socket: SocketRef| {
        let connection = relay.sessions.get(socket.id);
        async move {
            if let Some(connection) = connection {
                begin(&relay, &connection).await;
            }
        }
    };
    io.ns("/", begin.with(middleware));
}

async fn admit(relay: &Arc<Relay>, socket: &SocketRef, hello: Hello) -> Result<(), Refusal> {
    let handshake = socket
        .req_parts()
        .extensions
        .get::<Handshake>()
        .cloned()
        .ok_or(Refusal::NoHandshake)?;
    let mut client = Client {
        address: handshake.address,
        user_agent: handshake.user_agent.clone(),
        declared: None,
        node: relay.node.clone(),
    };
    let result = decide(relay, &handshake, &hello, &mut client).await;
    let (admitted, place) = result.inspect_err(|refusal| {
        let event = Audited::AuthFailed {
            code: refusal.code(),
        };
        relay.audit.record(Record::new(
            &client.source(None, None),
            client.declared,
            event,
        ));
    })?;
    let flow = Flow::new(flow_limits(relay));
    if handshake.link.is_upgraded() {
        flow.attach(&handshake.link);
        let bound = matches!(admitted, Admission::Guest).then_some(relay.config.guest_max_bytes);
        handshake.link.allow(bound);
    }
    let signals = limits::signals(&relay.config);
    let connection = Connection::new(
        socket.clone(),
        client,
        admitted,
        flow,
        signals,
        relay.closer.clone(),
        place,
    );
    relay.sessions.add(&connection);
    listen(relay, socket, &connection);
    Ok(())
}

async fn decide(
    relay: &Relay,
    handshake: &Handshake,
    hello: &Hello,
    client: &mut Client,
) -> Result<(Admission, crate::places::Place), Refusal> {
    client.declared = declared(relay, handshake, hello)?;
    let admitted = match authenticate(relay, handshake, hello, client.declared).await {
        Ok(admitted) => admitted,
        Err(error) if relay.config.auth_error_style == AuthErrorStyle::Event => {
            Admission::Refused(error)
        }
        Err(error) => return Err(error.into()),
    };
    if let Admission::User(authenticated) = &admitted
        && relay
            .users
            .connection_count(authenticated.identity.user.as_str())
            >= relay.config.max_connections_per_user as usize
    {
        return Err(Refusal::TooManyConnections);
    }
    let place = relay
        .places
        .take(handshake.address)
        .ok_or(Refusal::TooManyConnections)?;
    Ok((admitted, place))
}

/// The dialect that a client declares, or the only one there is (protocol, "Which dialect a
/// connection speaks").
fn declared(
    relay: &Relay,
    handshake: &Handshake,
    hello: &Hello,
) -> Result<Option<Dialect>, Refusal> {
    let enabled = &relay.config.dialects;
    if let [only] = enabled[..] {
        return Ok(Some(only));
    }
    let hint = match &hello.dialect {
        Some(serde_json::Value::Null) | None => handshake.dialect.as_deref(),
        Some(serde_json::Value::String(name)) => Some(name.as_str()),
        Some(_) => return Err(Refusal::UnknownDialect),
    };
    match hint {
        Some(name) => {
            let dialect = name.parse().map_err(|_| Refusal::UnknownDialect)?;
            enabled
                .contains(&dialect)
                .then_some(Some(dialect))
                .ok_or(Refusal::UnknownDialect)
        }
        None if handshake.token.is_some() && enabled.contains(&Dialect::Chat) => {
            Ok(Some(Dialect::Chat))
        }
        None => Ok(None),
    }
}

async fn authenticate(
    relay: &Relay,
    handshake: &Handshake,
    hello: &Hello,
    declared: Option<Dialect>,
) -> Result<Admission, AuthError> {
    let Some(token) = token(handshake, hello, declared)? else {
        let may_be =
            |dialect| declared.map_or(relay.config.dialects.contains(&dialect), |is| is == dialect);
        let guest = may_be(Dialect::Session) || may_be(Dialect::Feed);
        return if guest {
            Ok(Admission::Guest)
        } else {
            Err(AuthError::Missing)
        };
    };
    if !relay.limits.allows_authentication(handshake.address) {
        return Err(AuthError::TooManyAttempts);
    }
    let verified = relay.verifier.verify(&token).await;
    verified
        .map(Admission::User)
        .inspect_err(|_| relay.limits.authentication_failed(handshake.address))
}

/// The token, from the places where this client may put it.
fn token(
    handshake: &Handshake,
    hello: &Hello,
    declared: Option<Dialect>,
) -> Result<Option<Arc<str>>, AuthError> {
    let in_query = handshake
        .token
        .clone()
        .filter(|_| declared == Some(Dialect::Chat));
    let in_auth = match &hello.token {
        Some(serde_json::Value::Null) | None => None,
        Some(serde_json::Value::String(token)) => Some(token.as_str().into()),
        Some(_) => return Err(AuthError::Invalid),
    };
    let token = in_query
        .or(in_auth)
        .or_else(|| handshake.authorization.clone());
    Ok(token.filter(|token| !token.is_empty()))
}

fn flow_limits(relay: &Relay) -> FlowLimits {
    FlowLimits::from(&*relay.config)
}

/// Takes the connection's events and its end from the library. Before the client is told that it
/// is connected, so that none is missed.
fn listen(relay: &Arc<Relay>, socket: &SocketRef, connection: &Arc<Connection>) {
    // The library keeps these as long as the socket, which the connection keeps.
    let weak: Weak<Connection> = Arc::downgrade(connection);
    let on_event = {
        let (relay, weak) = (relay.clone(), weak.clone());
        move |ack: AckSender, event: RawEvent| {
            let connection = weak.upgrade();
            // Inline, in the order in which events come; what follows runs in a task of its own.
            if let Some(connection) = &connection {
                connection.inbox().push(event, ack);
            }
            async move {
                if let Some(connection) = &connection
                    && let Some(drain) = connection.inbox().take()
                {
                    work(&relay, connection, drain).await;
                }
            }
        }
    };
    socket.on_fallback(on_event);
    let relay = relay.clone();
    socket.on_disconnect(move |reason: LibraryReason| {
        if let Some(connection) = weak.upgrade() {
            end(&relay, &connection, reason);
        }
        async {}
    });
}

/// The connection begins.
async fn begin(relay: &Arc<Relay>, connection: &Arc<Connection>) {
    match enter(relay, connection) {
        Some(Ok(())) => {}
        // Sent away only now: the end of a connection waits for its phase, too.
        Some(Err(Some(error))) => {
            return everyone::expel(connection, error, DisconnectReason::AuthRefused);
        }
        Some(Err(None)) => return connection.disconnect(DisconnectReason::ServerClosed),
        None => return,
    }
    if let Some(member) = connection.member() {
        presence::came(relay, &member.user);
        direct::presence::greet(relay, connection);
    }
    work(relay, connection, connection.inbox().open()).await;
}

/// Enters a connection into what it belongs to. `None`: it is over already. An error: it is to be
/// sent away, and perhaps told why.
fn enter(relay: &Relay, connection: &Arc<Connection>) -> Option<Result<(), Option<AuthError>>> {
    let mut phase = connection.phase();
    if !matches!(*phase, Phase::Admitted(_)) {
        return None;
    }
    let Phase::Admitted(admission) = std::mem::replace(&mut *phase, Phase::Open) else {
        return None;
    };
    match admission {
        Admission::Guest => relay.record(connection, None, Audited::SocketConnect),
        Admission::Refused(error) => {
            relay.record(
                connection,
                connection.client.declared,
                Audited::AuthFailed { code: error.code() },
            );
            return Some(Err(Some(error)));
        }
        Admission::User(authenticated) => {
            if everyone::enter(relay, connection, authenticated).is_err() {
                return Some(Err(None));
            }
            everyone::welcome(connection);
        }
    }
    Some(Ok(()))
}

/// The connection is over. What it had sent before is still handled.
fn end(relay: &Arc<Relay>, connection: &Arc<Connection>, reason: LibraryReason) {
    let mut phase = connection.phase();
    let began = match std::mem::replace(&mut *phase, Phase::Over) {
        Phase::Over => return,
        Phase::Admitted(_) => false,
        Phase::Open => true,
    };
    relay.sessions.remove(connection.socket_id());
    let reason = connection.closing().unwrap_or(reason_of(reason));
    if reason == DisconnectReason::SlowConsumer {
        let bytes = connection.flow().backlog() as u64;
        relay.record(
            connection,
            Some(connection.dialect()),
            Audited::SlowConsumer { bytes },
        );
    }
    connection.flow().close();
    if began {
        relay.record(
            connection,
            Some(connection.dialect()),
            Audited::SocketDisconnect { reason },
        );
    }
    if let Some(member) = connection.member()
        && relay.users.disconnect(&member.user, connection)
    {
        presence::left(relay, &member.user);
    }
}

fn reason_of(reason: LibraryReason) -> DisconnectReason {
    match reason {
        LibraryReason::ClientNSDisconnect => DisconnectReason::ClientLeft,
        LibraryReason::TransportClose | LibraryReason::TransportError => {
            DisconnectReason::TransportClosed
        }
        LibraryReason::HeartbeatTimeout => DisconnectReason::PingTimeout,
        LibraryReason::MultipleHttpPollingError | LibraryReason::PacketParsingError => {
            DisconnectReason::ProtocolError
        }
        LibraryReason::ServerNSDisconnect => DisconnectReason::ServerClosed,
        LibraryReason::ClosingServer => DisconnectReason::ServerShutdown,
    }
}

/// Handles all events that wait. A client that does not read its answers waits for room first.
async fn work(relay: &Arc<Relay>, connection: &Arc<Connection>, mut drain: Drain<'_>) {
    while let Some((event, ack)) = drain.take_next() {
        connection.flow().room().await;
        let handled = AssertUnwindSafe(dialects::handle(relay, connection, event, ack))
            .catch_unwind()
            .await;
        if handled.is_err() {
            tracing::error!(session = %connection.session, "a handler panicked; its connection is closed");
            relay.record(
                connection,
                Some(connection.dialect()),
                Audited::Error {
                    code: ErrorCode::OperationFailed,
                },
            );
            connection.close(DisconnectReason::ServerClosed);
        }
    }
}
