//! Lets Socket.IO connections in: the decision is made in the namespace's middleware, before the
//! connection exists; then its events and its end are taken from the library. What the events
//! mean is for the dialects.

use std::sync::{Arc, Weak};

use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::socket::DisconnectReason;

use super::life;
use crate::app::App;
use crate::audit::{Event as Audited, Record};
use crate::auth::admission as decision;
use crate::auth::admission::{Hello, Refusal};
use crate::connection::{Admission, Client, Connection, Handshake};
use crate::limits::{Action, Limit};
use crate::payload::RawEvent;
use crate::transport::{Carrier as _, Flow, FlowLimits, TransportCloser};

/// Serves the namespace that all clients use.
pub fn mount(io: &SocketIo, app: &Arc<App>, closer: TransportCloser) {
    let admitting = app.clone();
    let middleware = async move |socket: SocketRef, TryData(hello): TryData<Hello>| {
        admit(&admitting, closer, &socket, hello.unwrap_or_default()).await
    };
    let app = app.clone();
    let begin = move |socket: SocketRef| {
        let connection = app.connections.get(socket.id);
        async move {
            if let Some(connection) = connection {
                life::begin(&app, &connection).await;
            }
        }
    };
    io.ns("/", begin.with(middleware));
}

async fn admit(
    app: &Arc<App>,
    closer: TransportCloser,
    socket: &SocketRef,
    hello: Hello,
) -> Result<(), Refusal> {
    let handshake = socket
        .req_parts()
        .extensions
        .get::<Handshake>()
        .cloned()
        .ok_or(Refusal::NoHandshake)?;
    if app.connections.is_over(socket.id) {
        return Err(Refusal::SessionOver);
    }
    if app.audit.refuses() {
        return Err(Refusal::Busy);
    }
    let mut client = Client {
        address: handshake.address,
        user_agent: handshake.user_agent.clone(),
        declared: None,
        node: app.node.clone(),
    };
    let result = decision::decide(app, &handshake, &hello, &mut client).await;
    let (admitted, slot) = result.inspect_err(|refusal| {
        let event = Audited::AuthFailed {
            code: refusal.code(),
        };
        app.audit.record(Record::new(
            &client.source(None, None),
            client.declared,
            event,
        ));
    })?;
    // Before the client is told that it is connected: from then on it may be sent something.
    let heard = match &admitted {
        Admission::User(user) => app.hear(&user.identity.user).await,
        Admission::Guest | Admission::Refused(_) => None,
    };
    let flow = Flow::new(FlowLimits::from(&*app.config));
    if let Some(link) = handshake.link.as_ref().filter(|link| link.is_upgraded()) {
        link.carry(&flow);
        let bound = matches!(admitted, Admission::Guest).then_some(app.config.guest_max_bytes);
        link.allow(bound);
    }
    let signals = Limit::new(&app.config, Action::Signals);
    let connection = Connection::new(
        socket.clone(),
        client,
        admitted,
        flow,
        signals,
        closer,
        slot,
    );
    connection.hear(heard);
    app.connections.add(&connection);
    listen(app, socket, &connection);
    Ok(())
}

/// Takes the connection's events and its end from the library. Before the client is told that it
/// is connected, so that none is missed.
fn listen(app: &Arc<App>, socket: &SocketRef, connection: &Arc<Connection>) {
    // The library keeps these as long as the socket, which the connection keeps.
    let weak: Weak<Connection> = Arc::downgrade(connection);
    let on_event = {
        let (app, weak) = (app.clone(), weak.clone());
        move |ack: AckSender, event: RawEvent| {
            let connection = weak.upgrade();
            // Inline, in the order in which events come; what follows runs in a task of its own.
            if let Some(connection) = &connection {
                connection.inbox().push(event, ack);
            }
            async move {
                if let Some(connection) = &connection {
                    life::work_if_nobody_does(&app, connection).await;
                }
            }
        }
    };
    socket.on_fallback(on_event);
    let app = app.clone();
    socket.on_disconnect(move |reason: DisconnectReason| {
        if let Some(connection) = weak.upgrade() {
            life::end(&app, &connection, reason);
            // In a task of its own: the library keeps the socket until this handler is done.
            let app = app.clone();
            tokio::spawn(async move { life::work_if_nobody_does(&app, &connection).await });
        }
        async {}
    });
}
