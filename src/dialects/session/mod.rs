//! `session` (seed 001): encrypted rooms that are opened by a link, without accounts. A guest
//! becomes a member with the session's id and key; the history is ciphertext, and what the author
//! sent in the clear goes back to the author alone. The contract is `docs/protocol/session.md`.

mod join;
mod keys;
mod messages;
mod signals;

use std::borrow::Cow;

use serde::Serialize;

pub use join::{disconnected, end_expired, lost};

use super::Request;
use super::fields::{BadField, Fields};
use crate::audit::{AuditText, Event as Audited};
use crate::model::session::SessionId;
use crate::model::{Dialect, ErrorCode, UserId};
use crate::payload::Payload;
use crate::sessions::Session;

/// What a client of this dialect may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// `join-session`
    Join,
    /// `leave-session`
    Leave,
    /// `save-public-key`
    SavePublicKey,
    /// `get-public-keys`
    GetPublicKeys,
    /// `set-session-key`
    SetSessionKey,
    /// `send-message`
    SendMessage,
    /// `file-downloaded`
    FileDownloaded,
    /// `typing`
    Typing,
    /// `stopped-typing`
    StoppedTyping,
}

/// Whether a refused event is answered by `session-error`: clients leave their session on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Said,
    Ignored,
}

const SESSION_ERROR: &str = "session-error";

#[rustfmt::skip]
const EVENTS: [(&str, Event, Refused); 9] = [
    ("join-session",    Event::Join,           Refused::Said),
    ("leave-session",   Event::Leave,          Refused::Said),
    ("save-public-key", Event::SavePublicKey,  Refused::Said),
    ("get-public-keys", Event::GetPublicKeys,  Refused::Ignored),
    ("set-session-key", Event::SetSessionKey,  Refused::Said),
    ("send-message",    Event::SendMessage,    Refused::Said),
    ("file-downloaded", Event::FileDownloaded, Refused::Said),
    ("typing",          Event::Typing,         Refused::Ignored),
    ("stopped-typing",  Event::StoppedTyping,  Refused::Ignored),
];

impl Event {
    /// The event with this name.
    pub fn named(name: &str) -> Option<Self> {
        let mut events = EVENTS.iter();
        events
            .find(|(known, ..)| *known == name)
            .map(|(_, event, _)| *event)
    }

    fn refused(self) -> Refused {
        let mut events = EVENTS.iter();
        events
            .find(|(_, event, _)| *event == self)
            .map_or(Refused::Ignored, |(.., refused)| *refused)
    }
}

/// Handles an event of this dialect.
pub async fn handle(mut request: Request<'_>, event: Event) {
    let payload = request.event.payload();
    let done = match &payload {
        Ok(payload) => run(&mut request, event, payload).await,
        Err(_) => {
            if event == Event::GetPublicKeys {
                keys::none(&request);
            }
            Err(BadField(None).into())
        }
    };
    match done {
        Ok(()) => request.succeed(),
        Err(refusal) => refuse(&mut request, event, payload.as_ref().ok(), &refusal),
    }
}

async fn run(
    request: &mut Request<'_>,
    event: Event,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    match event {
        Event::Join => join::join_session(request, payload).await,
        Event::Leave => join::leave_session(request, payload).await,
        Event::SavePublicKey => keys::save_public_key(request, payload).await,
        Event::GetPublicKeys => keys::get_public_keys(request, payload).await,
        Event::SetSessionKey => keys::set_session_key(request, payload).await,
        Event::SendMessage => messages::send_message(request, payload).await,
        Event::FileDownloaded => signals::file_downloaded(request, payload).await,
        Event::Typing => signals::typing(request, payload, signals::USER_TYPING).await,
        Event::StoppedTyping => {
            signals::typing(request, payload, signals::USER_STOPPED_TYPING).await
        }
    }
}

/// Why an event is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    code: ErrorCode,
    message: Cow<'static, str>,
    field: Option<&'static str>,
}

impl Refusal {
    const fn new(code: ErrorCode, message: &'static str) -> Self {
        Self {
            code,
            message: Cow::Borrowed(message),
            field: None,
        }
    }

    /// What a rate limit said is taken for an answer.
    fn unless_allowed(allowed: bool) -> Result<(), Self> {
        match allowed {
            true => Ok(()),
            false => Err(Self::new(ErrorCode::RateLimit, "Rate limit exceeded")),
        }
    }

    /// There is no memory for what should be kept.
    const BUSY: Self = Self::new(
        ErrorCode::ServerBusy,
        "Too many active sessions. Please try again later.",
    );

    const NOT_A_MEMBER: Self = Self::new(
        ErrorCode::NotAMember,
        "You are not a member of this session.",
    );
}

impl From<BadField> for Refusal {
    fn from(BadField(field): BadField) -> Self {
        let message = match field {
            Some(field) => format!("Missing or invalid {field}").into(),
            None => "Missing or invalid payload".into(),
        };
        Self {
            code: ErrorCode::InvalidRequest,
            message,
            field,
        }
    }
}

#[derive(Serialize)]
struct SessionError<'a> {
    error: ErrorCode,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
}

fn refuse(
    request: &mut Request<'_>,
    event: Event,
    payload: Option<&Payload<'_>>,
    refusal: &Refusal,
) {
    // Clients leave on any error, perhaps also when they are told that they cannot.
    let loops = event == Event::Leave && !request.connection.signals.allows();
    if event.refused() == Refused::Said && !loops {
        let error = SessionError {
            error: refusal.code,
            message: &refusal.message,
            field: refusal.field,
        };
        request.connection.send(SESSION_ERROR, &error);
    }
    request.fail(&refusal.message, refusal.code);
    let id = |name| Some(AuditText::new(&payload?.id(name)?));
    match refusal.code {
        ErrorCode::RateLimit => request.connection.over_limit(),
        code => request.record(
            Dialect::Session,
            Audited::Refused {
                code,
                recipient: id("to"),
                message_id: id("clientMessageId"),
                conversation_id: None,
            },
        ),
    }
}

/// The field that names a session: `id`, or `id:rest`.
const SESSION_ID: &str = "sessionId";

/// The session that a payload names, if the sender is a member of it, under the id that the payload
/// gives in `user`, if it has to. Whether the session exists is not told to others.
async fn member_of<'t>(
    request: &Request<'t>,
    fields: &Fields<'_, '_>,
    user: Option<&'static str>,
) -> Result<Session<'t>, Refusal> {
    let text = fields.id_up_to(SESSION_ID, request.app.config.max_key_bytes)?;
    let (id, _) = SessionId::parse(&text).ok_or(BadField(Some(SESSION_ID)))?;
    let user = user.map(|name| fields.user(name)).transpose()?;
    let session = request.app.sessions.of(&id, request.connection).await;
    let session = session.ok_or(Refusal::NOT_A_MEMBER)?;
    let is_it = |claimed: UserId| {
        let member = session.member_on(request.connection);
        member.is_some_and(|member| member.user == claimed)
    };
    match user.is_none_or(is_it) {
        true => Ok(session),
        false => Err(Refusal::NOT_A_MEMBER),
    }
}
