//! Connects the library to the lives of connections. The namespace's middleware admits a client,
//! before the library sends CONNECT. What it sends of events then passes the library by; the end of the connection, the
//! library's callback hands to its life.

use std::fmt::Display;
use std::sync::{Arc, Weak};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use socketioxide::SocketIo;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::{
    ConnectHandler, DisconnectHandler, FromConnectParts as _, MessageHandler, Value,
};
use socketioxide::socket::{DisconnectReason as LibraryReason, Socket};

use super::Life;
use super::context::{Context, Services};
use super::handler::{Handler, Opening};
use crate::connection::Handshake;
use crate::model::DisconnectReason;
use crate::transport::written_together;

/// The text of a client's `connect_error` when its request did not come through the edge.
const NO_HANDSHAKE: &str = "Server error";
/// The text when it came to the address of operators, in the library's words for a namespace that there is not.
const NOT_HERE: &str = "Invalid namespace";
/// The text when it has left, and enters again too often.
const TOO_OFTEN: &str = "Rate limit exceeded";
/// The text when its session ended while it was admitted.
const SESSION_OVER: &str = "Session is over";

/// Serves the namespace that all clients use.
pub(crate) fn mount<H: Handler>(io: &SocketIo, handler: H, services: Services) {
    io.ns("/", Namespace(Arc::new(Context { handler, services })));
}

/// Admits clients, and begins the lives of their connections.
struct Namespace<H: Handler>(Arc<Context<H>>);

/// What [`Namespace`] is called with.
struct Connecting;

impl<H: Handler> Clone for Namespace<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H: Handler> ConnectHandler<LocalAdapter, Connecting> for Namespace<H> {
    fn call(&self, socket: Arc<Socket>, _: Option<Value>) {
        if let Some(life) = self.0.services.open.life(socket.id) {
            begun_at_once(life.begin());
        }
    }

    fn call_middleware<'a>(
        &'a self,
        socket: Arc<Socket>,
        auth: &'a Option<Value>,
    ) -> BoxFuture<'a, Result<(), Box<dyn Display + Send>>> {
        Box::pin(async move {
            let Ok(auth) = TryData::<H::Auth>::from_connect_parts(&socket, auth);
            let Ok(socket) = SocketRef::from_connect_parts(&socket, &None);
            let admitted = admit(&self.0, &socket, auth.0.unwrap_or_default()).await;
            admitted.map_err(|why| Box::new(why) as _)
        })
    }
}

/// Does as much of this as does not have to be waited for, and the rest in a task. What that writes is written together.
fn begun_at_once(work: BoxFuture<'static, ()>) {
    let mut work = Box::pin(written_together(work));
    if work.as_mut().now_or_never().is_none() {
        tokio::spawn(work);
    }
}

async fn admit<H: Handler>(
    context: &Arc<Context<H>>,
    socket: &SocketRef,
    auth: H::Auth,
) -> Result<(), &'static str> {
    let Services {
        open,
        config,
        flow_limits,
        node,
        ..
    } = &context.services;
    let handshake = socket
        .req_parts()
        .extensions
        .get::<Handshake>()
        .ok_or(NO_HANDSHAKE)?;
    if handshake.is_internal {
        return Err(NOT_HERE);
    }
    if enters_too_often(handshake) {
        return Err(TOO_OFTEN);
    }
    let opening = Opening {
        socket,
        handshake,
        node,
        config,
        flow_limits,
    };
    let admitted = context.handler.admit(opening, auth).await?;
    let connection = &admitted.connection;
    if let Some(carrier) = &handshake.carrier {
        connection.attach(carrier.clone(), config.now().guest_max_bytes);
    }
    let is_closing = connection.is_closing();
    let life = Life::new(admitted, context);
    if is_closing {
        life.end(DisconnectReason::TransportClosed);
        return Err(SESSION_OVER);
    }
    open.add(life.clone());
    listen(socket, &life);
    life.end_if_revoked();
    if let Some(carrier) = &handshake.carrier {
        let receiver: Weak<Life<H>> = Arc::downgrade(&life);
        carrier.deliver_to(receiver);
    }
    Ok(())
}

/// Whether its client had entered before, and its address makes too many connections.
fn enters_too_often(handshake: &Handshake) -> bool {
    let carrier = handshake.carrier.as_ref();
    let has_entered = carrier.is_some_and(|carrier| carrier.carried().is_some());
    let place = handshake.place.upgrade();
    has_entered && place.is_some_and(|place| !place.may_enter_again())
}

/// Registers for the connection's events and its end. Before the library sends CONNECT, so that
/// none is missed.
fn listen<H: Handler>(socket: &SocketRef, life: &Arc<Life<H>>) {
    // The socket owns these callbacks, and the connection owns the socket: a strong reference would
    // never be freed.
    socket.on_fallback(Early(Arc::downgrade(life)));
    socket.on_disconnect(End(Arc::downgrade(life)));
}

/// Closes the connection of a client that sends an event before it is told that it has entered.
struct Early<H: Handler>(Weak<Life<H>>);

/// What [`Early`] is called with.
struct Event;

impl<H: Handler> MessageHandler<LocalAdapter, Event> for Early<H> {
    fn call(&self, _: Arc<Socket>, _: Value, _: Option<i64>) {
        if let Some(life) = self.0.upgrade() {
            life.close_as_faulty();
        }
    }
}

/// Takes the end of one connection. The library would do the rest in a task, so that a client which enters again at once
/// would still be in.
struct End<H: Handler>(Weak<Life<H>>);

/// What [`End`] is called with.
struct Ended;

impl<H: Handler> DisconnectHandler<LocalAdapter, Ended> for End<H> {
    fn call_with_defer(&self, socket: Arc<Socket>, reason: LibraryReason, remove: fn(Arc<Socket>)) {
        remove(socket);
        if let Some(life) = self.0.upgrade() {
            life.end(reason_of(reason));
        }
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
