//! `conversation` (seed 004): a whole messenger over the socket. Conversations are joined, and
//! everything is acknowledged. The contract is `docs/protocol/conversation.md`.

mod changes;
mod membership;
mod messages;
mod presence;
mod reactions;
mod render;
mod signals;

use std::borrow::Cow;

use serde::Serialize;

pub(crate) use messages::temp_id;
pub use messages::{Person, Shown};
pub use render::TELLER;
pub(crate) use signals::message_ids;

use super::Request;
use super::fields::{self, BadField};
use crate::audit::{AuditText, Event as Audited};
use crate::connection::Member;
use crate::model::conversation::ConversationId;
use crate::model::{Dialect, ErrorCode};
use crate::payload::{Opaque, Payload};
use crate::stores::conversations::StoreError;

/// What a client of this dialect may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// `conversation:join`
    Join,
    /// `conversation:leave`
    Leave,
    /// `message:send`
    Send,
    /// `message:update`
    Update,
    /// `message:delete`
    Delete,
    /// `message:read`
    Read,
    /// `typing:start`
    StartTyping,
    /// `typing:stop`
    StopTyping,
    /// `reaction:add`
    AddReaction,
    /// `reaction:remove`
    RemoveReaction,
    /// `presence:request`
    RequestPresence,
}

/// How a refused event is answered, beside its callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// By `conversation:join:error`.
    Join,
    /// By `error`.
    Said,
    /// Not at all when it is a signal that is over its rate, or where nobody could see it.
    Signal,
}

const JOIN_ERROR: &str = "conversation:join:error";
const ERROR: &str = "error";
/// The field that names a conversation.
const CONVERSATION_ID: &str = "conversationId";
const MESSAGE_ID: &str = "messageId";

#[rustfmt::skip]
const EVENTS: [(&str, Event, Refused, ErrorCode); 11] = [
    ("conversation:join",  Event::Join,            Refused::Join,   ErrorCode::JoinFailed),
    ("conversation:leave", Event::Leave,           Refused::Said,   ErrorCode::OperationFailed),
    ("message:send",       Event::Send,            Refused::Said,   ErrorCode::MessageSendFailed),
    ("message:update",     Event::Update,          Refused::Said,   ErrorCode::OperationFailed),
    ("message:delete",     Event::Delete,          Refused::Said,   ErrorCode::OperationFailed),
    ("message:read",       Event::Read,            Refused::Signal, ErrorCode::OperationFailed),
    ("typing:start",       Event::StartTyping,     Refused::Signal, ErrorCode::OperationFailed),
    ("typing:stop",        Event::StopTyping,      Refused::Signal, ErrorCode::OperationFailed),
    ("reaction:add",       Event::AddReaction,     Refused::Said,   ErrorCode::OperationFailed),
    ("reaction:remove",    Event::RemoveReaction,  Refused::Said,   ErrorCode::OperationFailed),
    ("presence:request",   Event::RequestPresence, Refused::Signal, ErrorCode::OperationFailed),
];

impl Event {
    /// The event with this name.
    pub fn named(name: &str) -> Option<Self> {
        let mut events = EVENTS.iter();
        events
            .find(|(known, ..)| *known == name)
            .map(|(_, event, ..)| *event)
    }

    /// Its name, how it is refused, and the code for a failure of the store.
    fn row(self) -> (&'static str, Refused, ErrorCode) {
        let mut events = EVENTS.iter();
        let row = events.find(|(_, event, ..)| *event == self);
        row.map_or(
            ("", Refused::Signal, ErrorCode::OperationFailed),
            |(name, _, refused, failed)| (name, *refused, *failed),
        )
    }
}

/// Whether an event whose name another dialect has, too, is meant in this one.
pub fn is_meant(request: &Request<'_>) -> bool {
    let payload = request.event.payload();
    payload.is_ok_and(|payload| payload.get(CONVERSATION_ID).is_some())
}

/// Handles an event of this dialect.
pub async fn handle(mut request: Request<'_>, member: &Member, event: Event) {
    let payload = request.event.payload();
    let done = match &payload {
        Ok(payload) => run(&mut request, member, event, payload).await,
        Err(_) => Err(BadField(None).into()),
    };
    match done {
        Ok(()) => request.succeed(),
        Err(refusal) => refuse(&mut request, event, payload.as_ref().ok(), &refusal),
    }
}

async fn run(
    request: &mut Request<'_>,
    member: &Member,
    event: Event,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    match event {
        Event::Join => membership::join(request, member, payload).await,
        Event::Leave => membership::leave(request, member, payload).await,
        Event::Send => messages::send(request, member, payload).await,
        Event::Update => changes::update(request, member, payload).await,
        Event::Delete => changes::delete(request, member, payload).await,
        Event::Read => signals::read(request, member, payload).await,
        Event::StartTyping => signals::typing(request, member, payload, true).await,
        Event::StopTyping => signals::typing(request, member, payload, false).await,
        Event::AddReaction => reactions::add(request, member, payload).await,
        Event::RemoveReaction => reactions::remove(request, member, payload).await,
        Event::RequestPresence => presence::request(request, member, payload).await,
    }
}

/// Why an event is refused.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    Bad(BadField),
    RateLimit,
    NotParticipant,
    /// Typing where nobody sees it.
    NotInRoom,
    Unauthorized,
    Failed,
}

impl Refusal {
    /// What a rate limit said is taken for an answer.
    fn unless_allowed(allowed: bool) -> Result<(), Self> {
        match allowed {
            true => Ok(()),
            false => Err(Self::RateLimit),
        }
    }

    fn message(self, failed: ErrorCode) -> Cow<'static, str> {
        match self {
            Self::Bad(BadField(Some(field))) => format!("Missing or invalid {field}").into(),
            Self::Bad(BadField(None)) => "Missing or invalid payload".into(),
            Self::RateLimit => "Rate limit exceeded".into(),
            Self::NotParticipant | Self::NotInRoom => "Not authorized to join conversation".into(),
            Self::Unauthorized => "Message not found or not authorized".into(),
            Self::Failed => match failed {
                ErrorCode::JoinFailed => "Failed to join conversation".into(),
                ErrorCode::MessageSendFailed => "Failed to send message".into(),
                _ => "Operation failed".into(),
            },
        }
    }

    fn code(self, failed: ErrorCode) -> ErrorCode {
        match self {
            Self::Bad(_) => ErrorCode::InvalidInput,
            Self::RateLimit => ErrorCode::RateLimit,
            Self::NotParticipant | Self::NotInRoom => ErrorCode::NotParticipant,
            Self::Unauthorized => ErrorCode::Unauthorized,
            Self::Failed => failed,
        }
    }

    /// Whether it is said beside the callback.
    fn is_said(self, refused: Refused) -> bool {
        let is_silent = matches!(self, Self::RateLimit | Self::NotInRoom);
        !(is_silent && refused == Refused::Signal)
    }
}

/// What is said of something that nothing here has as its id: the same as of what there is not, to one
/// who takes part, and to one who does not.
async fn nothing(request: &Request<'_>, member: &Member, conversation: &ConversationId) -> Refusal {
    let (user, conversations) = (&member.user.id, &request.app.conversations);
    match conversations.require_participant(user, conversation).await {
        Ok(()) => Refusal::Unauthorized,
        Err(error) => error.into(),
    }
}

impl From<BadField> for Refusal {
    fn from(bad: BadField) -> Self {
        Self::Bad(bad)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotParticipant | StoreError::NoConversation => Self::NotParticipant,
            StoreError::NotFoundOrForbidden => Self::Unauthorized,
            StoreError::ConversationExists | StoreError::Closed | StoreError::Failed(_) => {
                tracing::warn!(%error, "an operation in a conversation failed");
                Self::Failed
            }
        }
    }
}

/// `conversation:join:error`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JoinError<'p, 'a> {
    conversation_id: Option<&'p Opaque<'a>>,
    message: &'p str,
    code: ErrorCode,
}

/// `error`
#[derive(Serialize)]
struct ErrorEvent<'p, 'a> {
    message: &'p str,
    code: ErrorCode,
    context: Context<'p, 'a>,
}

/// What lets the sender match an error with what they sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Context<'p, 'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<&'p Opaque<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'p Opaque<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temp_id: Option<&'p Opaque<'a>>,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
}

fn refuse(
    request: &mut Request<'_>,
    event: Event,
    payload: Option<&Payload<'_>>,
    refusal: &Refusal,
) {
    let (name, refused, failed) = event.row();
    let (message, code) = (refusal.message(failed), refusal.code(failed));
    request.fail(&message, code);
    let short = |name| payload.and_then(|payload| fields::short(payload, name));
    match refused {
        Refused::Join => {
            let error = JoinError {
                conversation_id: short(CONVERSATION_ID),
                message: &message,
                code,
            };
            request.connection.send(JOIN_ERROR, &error);
        }
        Refused::Said | Refused::Signal if refusal.is_said(refused) => {
            let field = match refusal {
                Refusal::Bad(BadField(field)) => *field,
                _ => None,
            };
            let context = Context {
                conversation_id: short(CONVERSATION_ID),
                message_id: short(MESSAGE_ID),
                temp_id: short("tempId"),
                event: name,
                field,
            };
            let error = ErrorEvent {
                message: &message,
                code,
                context,
            };
            request.connection.send(ERROR, &error);
        }
        Refused::Said | Refused::Signal => {}
    }
    let id = |name| Some(AuditText::new(&payload?.id(name)?));
    match refusal {
        Refusal::RateLimit => request.connection.over_limit(),
        Refusal::Failed => request.record(Dialect::Conversation, Audited::Error { code }),
        _ => request.record(
            Dialect::Conversation,
            Audited::Refused {
                code,
                recipient: None,
                message_id: id(MESSAGE_ID),
                conversation_id: id(CONVERSATION_ID),
            },
        ),
    }
}
