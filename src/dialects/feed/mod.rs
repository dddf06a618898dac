//! `feed` (seed 002): a web messenger that posts over REST while its sockets listen. A socket
//! authenticates by an event, and listens to the conversations that it joins. The contract is
//! `docs/protocol/feed.md`.

mod messages;
mod render;

use crate::audit::{AuditText, Event as Audited};
use crate::connection::Member;
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
    /// `join-conversation`
    Join,
    /// `leave-conversation`
    Leave,
}

const EVENTS: [(&str, Event); 2] = [
    ("join-conversation", Event::Join),
    ("leave-conversation", Event::Leave),
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

/// Handles an event of this dialect.
pub async fn handle(mut request: Request<'_>, member: &Member, event: Event) {
    let done = match event {
        Event::Join => join(&mut request, member).await,
        Event::Leave => leave(&mut request, member).await,
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
                tracing::warn!(%error, "a conversation could not be joined");
                Self::Failed
            }
        }
    }
}

/// `join-conversation`
async fn join(request: &mut Request<'_>, member: &Member) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    if !app.limits.allows_join(connection.client.address) {
        return Err(Refusal::RateLimit);
    }
    let conversation = conversation(request)?;
    let conversations = &app.conversations;
    let joined = conversations.join(connection, member, &conversation, Shape::Feed);
    let joined = joined.await?;
    request.succeed();
    joined.publish().await;
    Ok(())
}

/// `leave-conversation`
async fn leave(request: &mut Request<'_>, member: &Member) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let id = conversation(request)?.id;
    let conversations = &app.conversations;
    let left = conversations
        .leave(connection, member, &id, Shape::Feed)
        .await;
    request.succeed();
    left.publish().await;
    Ok(())
}

/// The conversation that an event names: a bare id, or one in an object.
fn conversation(request: &Request<'_>) -> Result<TypedId, BadField> {
    const NAMES: [&str; 2] = ["conversationId", "conversation_id"];
    if let Ok(payload) = request.event.payload() {
        let fields = Fields::new(&payload, &request.app.config);
        let [name, other] = NAMES;
        return fields
            .conversation(name)
            .or_else(|_| fields.conversation(other));
    }
    let bare = request.event.argument().ok().flatten();
    bare.and_then(|raw| written_id(raw.get()))
        .ok_or(BadField(None))
}

fn refuse(request: &mut Request<'_>, refusal: Refusal) {
    let (message, code) = match refusal {
        Refusal::Bad => (
            "Missing or invalid conversation id",
            ErrorCode::InvalidInput,
        ),
        Refusal::RateLimit => ("Rate limit exceeded", ErrorCode::RateLimit),
        Refusal::NotParticipant => (
            "Access denied to this conversation",
            ErrorCode::NotParticipant,
        ),
        Refusal::Failed => ("Failed to join conversation", ErrorCode::JoinFailed),
    };
    request.fail(message, code);
    let id = conversation(request).ok();
    match refusal {
        Refusal::RateLimit => request.connection.over_limit(),
        Refusal::Failed => request.record(Dialect::Feed, Audited::Error { code }),
        Refusal::Bad | Refusal::NotParticipant => request.record(
            Dialect::Feed,
            Audited::Refused {
                code,
                recipient: None,
                message_id: None,
                conversation_id: id.map(|id| AuditText::new(id.id.as_str())),
            },
        ),
    }
}
