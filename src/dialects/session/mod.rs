//! `session`: encrypted rooms that are opened by a link, without accounts. A guest
//! becomes a member with the session's id and key; the history is ciphertext, and what the author
//! sent in the clear goes back to the author alone. The contract is `docs/protocol/session.md`.

pub(super) mod described;
mod join;
mod keys;
mod leave;
mod messages;
mod moves;
mod signals;
mod words;

pub(super) use join::connections_of_joiner;
pub(crate) use leave::{disconnected, end_expired, lost};
pub(crate) use moves::end_displaced;

use super::Request;
use super::events::events;
use super::fields::Fields;
use super::row::Refused;
use crate::limits::Action;
use crate::model::session::SessionId;
use crate::model::{Refusal, UserId, Why};
use crate::payload::Payload;
use crate::sessions::Session;
use words::SessionWords;

const SESSION_ERROR: &str = "session-error";
const PUBLIC_KEYS_UPDATED: &str = "public-keys-updated";

/// Clients leave their session on this error.
const ERROR: Refused = Refused::by(SESSION_ERROR);
/// Clients leave on any error, perhaps also on the refusal to leave: that must not loop.
const LEAVE_ERROR: Refused = ERROR.limited(Action::Signals);
/// Clients ask before they join: an empty list of keys instead of an error.
const NO_KEYS: Refused = Refused::by(PUBLIC_KEYS_UPDATED).quiet();
/// Typing that is refused is dropped.
const DROPPED: Refused = Refused::BY_CALLBACK;

events! {
    Session(payload), words: SessionWords;
    "join-session" => join::join_session, limit: Subscriptions, refused: ERROR, audit: SessionJoined;
    "leave-session" => leave::leave_session, limit: Subscriptions, refused: LEAVE_ERROR, audit: SessionLeft;
    "save-public-key" => keys::save_public_key, limit: Messages, refused: ERROR, audit: Nothing;
    "get-public-keys" => keys::get_public_keys, limit: Receipts, refused: NO_KEYS, audit: Nothing;
    "set-session-key" => keys::set_session_key, limit: Messages, refused: ERROR, audit: Nothing;
    "send-message" => messages::send_message, limit: Messages, refused: ERROR, audit: MessageSent;
    "file-downloaded" => signals::file_downloaded, limit: Messages, refused: ERROR, audit: Nothing;
    "typing" => signals::start_typing, limit: Signals, refused: DROPPED, audit: Nothing;
    "stopped-typing" => signals::stop_typing, limit: Signals, refused: DROPPED, audit: Nothing;
}

/// The field that names a session: `id`, or `id:rest`.
const SESSION_ID: &str = "sessionId";
/// The field that names the member who sends an event.
const USER_ID: &str = "userId";

/// Whether an event is refused only because its client, which was a member moments ago, has not joined again yet:
/// a client sends what was written while it was away before its application can join.
pub(super) async fn is_early(
    event: Event,
    request: &Request<'_>,
    payload: Option<&Payload<'_>>,
    refusal: &Refusal,
) -> bool {
    let needs_member = match event {
        Event::save_public_key
        | Event::set_session_key
        | Event::send_message
        | Event::file_downloaded => refusal.why() == Why::NotMember,
        // Clients ask for keys before they join, and leave on an error.
        Event::join_session
        | Event::leave_session
        | Event::get_public_keys
        | Event::start_typing
        | Event::stop_typing => false,
    };
    if !needs_member || !request.may_be_early() {
        return false;
    }
    let named = payload.and_then(|payload| payload.id(SESSION_ID));
    let Some((id, _)) = named.as_deref().and_then(SessionId::parse) else {
        return false;
    };
    let (sessions, connection) = (&request.app.sessions, request.connection);
    !sessions.is_member(&id, connection.id.uuid())
        && sessions
            .left_lately(&id, leave::returning(connection, request.member))
            .await
}

/// The session that a payload names, if the sender is a member of it, under the id that the payload
/// gives in `user`, if it has to. To others it does not matter whether the session exists.
async fn member_of<'t>(
    request: &Request<'t>,
    fields: &Fields<'_, '_>,
    user: Option<&'static str>,
) -> Result<Session<'t>, Refusal> {
    let text = fields.id_up_to(SESSION_ID, request.config.max_key_bytes)?;
    let parsed = SessionId::parse(&text);
    let (id, _) = parsed.ok_or_else(|| fields.refuse(SESSION_ID))?;
    let user = user.map(|name| fields.user(name)).transpose()?;
    let session = request
        .app
        .sessions
        .lock_joined(&id, request.connection)
        .await;
    let session = session.ok_or_else(Refusal::not_member)?;
    let is_it = |claimed: UserId| {
        let member = session.member_on(request.connection);
        member.is_some_and(|member| member.user == claimed)
    };
    match user.is_none_or(is_it) {
        true => Ok(session),
        false => Err(Refusal::not_member()),
    }
}
