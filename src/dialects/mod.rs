//! The client families. Every dialect has the same shape: its events by name, its payloads, its
//! handlers, its errors. A dialect decodes, asks the core, and answers; it touches neither a store
//! nor a room of the library.

pub mod chat;
pub mod content;
pub mod conversation;
pub mod direct;
pub mod everyone;
pub mod feed;
pub(crate) mod fields;
pub mod session;
mod turn;

use std::sync::Arc;

use socketioxide::extract::AckSender;

pub use turn::Turn;

use crate::connection::{Connection, Member};
use crate::conversations;
use crate::dialect::Dialect;
use crate::operations;
use crate::payload::RawEvent;
use crate::presence::Teller;
use crate::relay::Relay;

/// Those who tell the people of each dialect that users come and go.
pub fn presence_tellers() -> Vec<Teller> {
    vec![direct::presence::tell, chat::presence::tell]
}

/// Those who tell what happened in conversations.
pub fn conversation_tellers() -> Vec<conversations::Teller> {
    vec![conversation::TELLER, feed::TELLER, chat::TELLER]
}

/// Handles one event of a connection, the one before it being done.
pub async fn handle(
    relay: &Arc<Relay>,
    connection: &Arc<Connection>,
    event: RawEvent,
    ack: AckSender,
) {
    let turn = Turn::new(relay, connection, &event, ack);
    if everyone::sends_too_much(&turn) {
        return;
    }
    if relay.audit.refuses() {
        return everyone::refuse_unrecorded(turn);
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
    let direct = direct::Event::named(name).filter(|_| turn.speaks(Dialect::Direct));
    let other = conversation::Event::named(name).filter(|_| turn.speaks(Dialect::Conversation));
    match (direct, other) {
        (Some(_), Some(event)) if conversation::is_meant(&turn) => {
            conversation::handle(turn, member, event).await
        }
        (Some(event), _) => direct::handle(turn, member, event).await,
        (None, Some(event)) => {
            connection.spoke(Dialect::Conversation);
            conversation::handle(turn, member, event).await;
        }
        (None, None) => handle_listener(turn, member, name).await,
    }
}

/// Handles an event of those dialects in which clients mostly listen.
async fn handle_listener(mut turn: Turn<'_>, member: &Member, name: &str) {
    let connection = turn.connection;
    if let Some(event) = feed::Event::named(name).filter(|_| turn.speaks(Dialect::Feed)) {
        connection.spoke(Dialect::Feed);
        return feed::handle(turn, member, event).await;
    }
    if let Some(event) = chat::Event::named(name).filter(|_| turn.speaks(Dialect::Chat)) {
        if connection.spoke(Dialect::Chat) {
            chat::enter(turn.relay, connection).await;
        }
        return chat::handle(turn, member, event).await;
    }
    everyone::unknown(&mut turn, name);
}

/// A connection is over, and all that it had sent is handled.
pub async fn ended(relay: &Arc<Relay>, connection: &Arc<Connection>) {
    session::disconnected(relay, connection).await;
    operations::disconnected(relay, connection).await;
}
