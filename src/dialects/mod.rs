//! The client families. Every dialect has the same shape: its events by name, its payloads, its
//! handlers, its errors. A dialect decodes, asks the core, and answers; it touches neither a store
//! nor a room of the library.

pub mod auth_events;
pub mod chat;
pub mod content;
pub mod conversation;
pub mod direct;
pub mod feed;
pub(crate) mod fields;
mod request;
pub mod session;

use std::sync::Arc;

use socketioxide::extract::AckSender;

pub use request::Turn;

use crate::app::Relay;
use crate::connection::{Connection, Member};
use crate::conversations;
use crate::model::Dialect;
use crate::payload::RawEvent;
use crate::users::presence::Teller;

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
    if auth_events::sends_too_much(&turn) {
        return;
    }
    if relay.audit.refuses() {
        return auth_events::refuse_unrecorded(turn);
    }
    let name = event.name().unwrap_or_default();
    if name == auth_events::AUTHENTICATE {
        return auth_events::authenticate(turn).await;
    }
    if let Some(event) = session::Event::named(name).filter(|_| turn.speaks(Dialect::Session)) {
        connection.spoke(Dialect::Session);
        return session::handle(turn, event).await;
    }
    let Some(member) = connection.member() else {
        return auth_events::refuse_guest(turn);
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
    auth_events::unknown(&mut turn, name);
}

/// A connection is over, and all that it had sent is handled.
pub async fn ended(relay: &Arc<Relay>, connection: &Arc<Connection>) {
    session::disconnected(relay, connection).await;
    conversations::disconnected(relay, connection).await;
}
