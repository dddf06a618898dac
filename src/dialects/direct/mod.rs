//! `direct` (seed 000): end-to-end-encrypted messages, files and keys between two users. What is
//! relayed is not looked into, and nothing is kept of it but metadata in the audit. The contract
//! is `docs/protocol/direct.md`.

mod files;
mod messages;
pub mod presence;
mod signals;

use serde::Serialize;

use super::Request;
use super::fields::{self, BadField};
use crate::audit::{AuditText, Event as Audited};
use crate::connection::Member;
use crate::model::{Dialect, ErrorCode};
use crate::payload::{Opaque, Payload};

/// What a client of this dialect may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// `join_room`
    JoinRoom,
    /// `leave_room`
    LeaveRoom,
    /// `send_message`
    SendMessage,
    /// `send_file_chunk`
    SendFileChunk,
    /// `request_file`
    RequestFile,
    /// `key-exchange:send`
    SendKey,
    /// `typing:start`
    StartTyping,
    /// `typing:stop`
    StopTyping,
    /// `message:delivered`
    Delivered,
    /// `message:read`
    Read,
}

/// How an event is refused: the error event, and its text when fields are missing or wrong.
/// Typing and receipts have none: they are dropped without a word.
type Refused = Option<(&'static str, &'static str)>;

const ROOM_ERROR: &str = "room:error";
const MESSAGE_ERROR: &str = "message:error";
const FILE_ERROR: &str = "file:error";
const KEY_EXCHANGE_ERROR: &str = "key-exchange:error";

#[rustfmt::skip]
const EVENTS: [(&str, Event, Refused); 10] = [
    ("join_room",         Event::JoinRoom,      Some((ROOM_ERROR, "Recipient ID required"))),
    ("leave_room",        Event::LeaveRoom,     Some((ROOM_ERROR, "Recipient ID required"))),
    ("send_message",      Event::SendMessage,   Some((MESSAGE_ERROR, "Missing required fields"))),
    ("send_file_chunk",   Event::SendFileChunk, Some((FILE_ERROR, "Missing required fields for file chunk"))),
    ("request_file",      Event::RequestFile,   Some((FILE_ERROR, "Missing required fields"))),
    ("key-exchange:send", Event::SendKey,       Some((KEY_EXCHANGE_ERROR, "Missing required fields"))),
    ("typing:start",      Event::StartTyping,   None),
    ("typing:stop",       Event::StopTyping,    None),
    ("message:delivered", Event::Delivered,     None),
    ("message:read",      Event::Read,          None),
];

impl Event {
    /// The event with this name.
    pub fn named(name: &str) -> Option<Self> {
        EVENTS
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|(_, event, _)| *event)
    }

    fn refused(self) -> Refused {
        EVENTS
            .iter()
            .find(|(_, event, _)| *event == self)
            .and_then(|(.., refused)| *refused)
    }
}

/// Why an event is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Refusal {
    code: ErrorCode,
    field: Option<&'static str>,
}

impl Refusal {
    /// What a rate limit said is taken for an answer.
    fn unless_allowed(allowed: bool) -> Result<(), Self> {
        match allowed {
            true => Ok(()),
            false => Err(Self {
                code: ErrorCode::RateLimit,
                field: None,
            }),
        }
    }
}

impl From<BadField> for Refusal {
    fn from(BadField(field): BadField) -> Self {
        Self {
            code: ErrorCode::InvalidInput,
            field,
        }
    }
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
        Err(refusal) => refuse(&mut request, event, payload.as_ref().ok(), refusal),
    }
}

async fn run(
    request: &mut Request<'_>,
    member: &Member,
    event: Event,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    match event {
        Event::JoinRoom => messages::join_room(request, member, payload).await,
        Event::LeaveRoom => messages::leave_room(request, member, payload),
        Event::SendMessage => messages::send_message(request, member, payload).await,
        Event::SendKey => messages::send_key(request, member, payload).await,
        Event::SendFileChunk => files::send_file_chunk(request, member, payload).await,
        Event::RequestFile => files::request_file(request, member, payload).await,
        Event::StartTyping => signals::typing(request, member, payload, true).await,
        Event::StopTyping => signals::typing(request, member, payload, false).await,
        Event::Delivered => {
            signals::receipt(request, member, payload, signals::DELIVERY_CONFIRMED).await
        }
        Event::Read => signals::receipt(request, member, payload, signals::READ_CONFIRMED).await,
    }
}

/// An error event. It repeats what lets the sender match it with what they sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorEvent<'p, 'a> {
    error: &'static str,
    code: ErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_id: Option<&'p Opaque<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<&'p Opaque<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'p Opaque<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk_number: Option<&'p Opaque<'a>>,
}

fn refuse(
    request: &mut Request<'_>,
    event: Event,
    payload: Option<&Payload<'_>>,
    refusal: Refusal,
) {
    let Some((error_event, incomplete)) = event.refused() else {
        return request.fail("Ignored", refusal.code);
    };
    let error = match refusal.code {
        ErrorCode::RateLimit => "Rate limit exceeded",
        _ => incomplete,
    };
    let short = |name| payload.and_then(|payload| fields::short(payload, name));
    let body = ErrorEvent {
        error,
        code: refusal.code,
        field: refusal.field,
        recipient_id: short("recipientId"),
        seq: short("seq"),
        message_id: short("messageId"),
        chunk_number: short("chunkNumber"),
    };
    request.connection.send(error_event, &body);
    request.fail(error, refusal.code);
    let id = |name| Some(AuditText::new(&payload?.id(name)?));
    match refusal.code {
        ErrorCode::RateLimit => request.connection.over_limit(),
        code => request.record(
            Dialect::Direct,
            Audited::Refused {
                code,
                recipient: id("recipientId"),
                message_id: id("messageId"),
                conversation_id: None,
            },
        ),
    }
}
