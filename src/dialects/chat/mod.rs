//! `chat` (seed 003): a chat app with contacts. A socket is put into all chats of its user when it
//! connects; messages come over REST. The contract is `docs/protocol/chat.md`.

mod envelope;
mod messages;
pub mod presence;
mod render;
mod typing;

use std::sync::Arc;

use crate::app::App;
use crate::audit::{AuditText, Event as Audited};
use crate::connection::{Connection, Member};
use crate::dialects::Request;
use crate::dialects::fields::{BadField, Fields, written_id};
use crate::model::conversation::{Shape, TypedId};
use crate::model::{Dialect, ErrorCode};
use crate::stores::conversations::StoreError;

pub use messages::Shown;
pub use render::TELLER;

/// What a client of this dialect may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// `user:typing`
    Typing,
    /// `user:stop-typing`
    StopTyping,
}

const USER_TYPING: &str = "user:typing";
const USER_STOP_TYPING: &str = "user:stop-typing";

const EVENTS: [(&str, Event); 2] = [
    (USER_TYPING, Event::Typing),
    (USER_STOP_TYPING, Event::StopTyping),
];

impl Event {
    /// The event with this name.
    pub fn named(name: &str) -> Option<Self> {
        let mut events = EVENTS.iter();
        events
            .find(|(known, _)| *known == name)
            .map(|(_, event)| *event)
    }
}

/// Puts a connection of this dialect into all chats of its user.
pub async fn enter(app: &App, connection: &Arc<Connection>) {
    let Some(member) = connection.member() else {
        return;
    };
    if let Err(error) = app.conversations.join_all(connection, member).await {
        tracing::warn!(%error, "a connection could not be put into the chats of its user");
        let code = ErrorCode::JoinFailed;
        app.record(connection, Some(Dialect::Chat), Audited::Error { code });
    }
}

/// Handles an event of this dialect.
pub async fn handle(mut request: Request<'_>, member: &Member, event: Event) {
    let done = match event {
        Event::Typing => typing(&mut request, member, true).await,
        Event::StopTyping => typing(&mut request, member, false).await,
    };
    match done {
        Ok(()) => request.succeed(),
        Err(refusal) => refuse(&mut request, refusal),
    }
}

/// Why an event is ignored. Its sender hears of it only by a callback.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    Bad,
    RateLimit,
    NotParticipant,
    Failed,
}

impl From<BadField> for Refusal {
    fn from(_: BadField) -> Self {
        Self::Bad
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotParticipant | StoreError::NoConversation => Self::NotParticipant,
            _ => {
                tracing::warn!(%error, "typing could not be told");
                Self::Failed
            }
        }
    }
}

/// `user:typing` and `user:stop-typing`
async fn typing(
    request: &mut Request<'_>,
    member: &Member,
    is_typing: bool,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    if !connection.signals.allows() {
        return Err(Refusal::RateLimit);
    }
    let id = chat(request)?.id;
    let lasts = is_typing.then_some(typing::LASTS);
    let conversations = &app.conversations;
    let typing = conversations.set_typing(connection, member, &id, Shape::Chat, lasts);
    Ok(typing.await?)
}

/// The chat that an event names: a bare id, or one in an object.
fn chat(request: &Request<'_>) -> Result<TypedId, BadField> {
    if let Ok(payload) = request.event.payload() {
        return Fields::new(&payload, &request.app.config).conversation("chatId");
    }
    let bare = request.event.argument().ok().flatten();
    bare.and_then(|raw| written_id(raw.get()))
        .ok_or(BadField(None))
}

fn refuse(request: &mut Request<'_>, refusal: Refusal) {
    let (message, code) = match refusal {
        Refusal::Bad => ("chatId is required", ErrorCode::InvalidInput),
        Refusal::RateLimit => ("Rate limit exceeded", ErrorCode::RateLimit),
        Refusal::NotParticipant => (
            "You are not a participant of this chat",
            ErrorCode::NotParticipant,
        ),
        Refusal::Failed => ("Operation failed", ErrorCode::OperationFailed),
    };
    request.fail(message, code);
    let id = chat(request).ok();
    match refusal {
        Refusal::RateLimit => request.connection.over_limit(),
        Refusal::Failed => request.record(Dialect::Chat, Audited::Error { code }),
        Refusal::Bad | Refusal::NotParticipant => request.record(
            Dialect::Chat,
            Audited::Refused {
                code,
                recipient: None,
                message_id: None,
                conversation_id: id.map(|id| AuditText::new(id.id.as_str())),
            },
        ),
    }
}
