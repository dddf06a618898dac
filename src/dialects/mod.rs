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

pub use request::Request;

use crate::app::App;
use crate::connection::{Connection, Member};
use crate::conversations;
use crate::model::Dialect;
use crate::payload::RawEvent;
use crate::users::Renderer;

/// How each dialect's clients are sent who is online, where it has events for that.
pub fn presence_renderers() -> Vec<Renderer> {
    vec![direct::presence::RENDERER, chat::presence::RENDERER]
}

/// Those who tell what happened in conversations.
pub fn conversation_tellers() -> Vec<conversations::Teller> {
    vec![conversation::TELLER, feed::TELLER, chat::TELLER]
}

/// Handles one event of a connection, the one before it being done.
pub async fn handle(app: &Arc<App>, connection: &Arc<Connection>, event: RawEvent, ack: AckSender) {
    let request = Request::new(app, connection, &event, ack);
    if auth_events::sends_too_much(&request) {
        return;
    }
    if app.audit.refuses() {
        return auth_events::refuse_unrecorded(request);
    }
    let name = event.name().unwrap_or_default();
    if name == auth_events::AUTHENTICATE {
        return auth_events::authenticate(request).await;
    }
    if let Some(event) = session::Event::named(name).filter(|_| request.accepts(Dialect::Session)) {
        connection.imply_dialect(Dialect::Session);
        return session::handle(request, event).await;
    }
    let Some(member) = connection.member() else {
        return auth_events::refuse_guest(request);
    };
    let direct = direct::Event::named(name).filter(|_| request.accepts(Dialect::Direct));
    let other = conversation::Event::named(name).filter(|_| request.accepts(Dialect::Conversation));
    match (direct, other) {
        (Some(_), Some(event)) if conversation::is_meant(&request) => {
            conversation::handle(request, member, event).await
        }
        (Some(event), _) => direct::handle(request, member, event).await,
        (None, Some(event)) => {
            connection.imply_dialect(Dialect::Conversation);
            conversation::handle(request, member, event).await;
        }
        (None, None) => handle_listener(request, member, name).await,
    }
}

/// Handles an event of those dialects in which clients mostly listen.
async fn handle_listener(mut request: Request<'_>, member: &Member, name: &str) {
    let connection = request.connection;
    if let Some(event) = feed::Event::named(name).filter(|_| request.accepts(Dialect::Feed)) {
        connection.imply_dialect(Dialect::Feed);
        return feed::handle(request, member, event).await;
    }
    if let Some(event) = chat::Event::named(name).filter(|_| request.accepts(Dialect::Chat)) {
        if connection.imply_dialect(Dialect::Chat) {
            chat::enter(request.app, connection).await;
        }
        return chat::handle(request, member, event).await;
    }
    auth_events::unknown(&mut request, name);
}

/// A connection is over, and all that it had sent is handled.
pub async fn ended(app: &Arc<App>, connection: &Arc<Connection>) {
    session::disconnected(app, connection).await;
    app.conversations.disconnected(connection).await;
}
