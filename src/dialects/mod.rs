//! The client families. Every dialect has the same shape: its events by name, its payloads, its
//! handlers, its errors. A dialect decodes, asks the core, and answers; it touches neither a store
//! nor a room of the library.

pub mod direct;
pub mod everyone;
mod fields;
pub mod session;
mod turn;

use std::sync::Arc;

use socketioxide::extract::AckSender;

pub use turn::Turn;

use crate::connection::Connection;
use crate::dialect::Dialect;
use crate::payload::RawEvent;
use crate::presence::Teller;
use crate::relay::Relay;

/// Those who tell the people of each dialect that users come and go.
pub fn presence_tellers() -> Vec<Teller> {
    vec![direct::presence::tell]
}

/// Handles one event of a connection, the one before it being done.
pub async fn handle(
    relay: &Arc<Relay>,
    connection: &Arc<Connection>,
    event: RawEvent,
    ack: AckSender,
) {
    let mut turn = Turn::new(relay, connection, &event, ack);
    if everyone::sends_too_much(&turn) {
        return;
    }
    let name = event.name().unwrap_or_default();
    if name == everyone::AUTHENTICATE {
        return everyone::authenticate(turn).await;
    }
    if let Some(event) = session::Event::named(name).filter(|_| turn.speaks(Dialect::Session)) {
        connection.spoke(Dialect::Session);
        return session::handle(turn, event).await;
    }
    let Some(member) = connection.member() else {
        return everyone::refuse_guest(turn);
    };
    match direct::Event::named(name) {
        Some(event) if turn.speaks(Dialect::Direct) => direct::handle(turn, member, event).await,
        _ => everyone::unknown(&mut turn, name),
    }
}

/// A connection is over, and all that it had sent is handled.
pub async fn ended(relay: &Relay, connection: &Arc<Connection>) {
    session::disconnected(relay, connection).await;
}
