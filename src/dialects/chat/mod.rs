//! `chat`: a chat app with contacts. A socket is subscribed to all chats of its user when
//! it connects; messages come over REST. The contract is `docs/protocol/chat.md`.

pub(super) mod described;
mod envelope;
mod messages;
pub(crate) mod presence;
mod render;
mod typing;
mod words;

pub(crate) use messages::{EditedJson, LastMessageJson, MessageJson, PersonJson};
pub(crate) use render::RENDERER;

use super::events::events;
use super::row::Refused;
use crate::app::App;
use crate::audit::Event as Audited;
use crate::model::{Dialect, ErrorCode};
use crate::users::Member;
use words::ChatWords;

/// The refusal is the answer to the callback, and nothing else.
const IGNORED: Refused = Refused::BY_CALLBACK;

events! {
    Chat(member, optional_payload), words: ChatWords;
    "user:typing" => typing::start, limit: Signals, refused: IGNORED, audit: Nothing, bare: typing::CHAT_ID;
    "user:stop-typing" => typing::stop, limit: Signals, refused: IGNORED, audit: Nothing, bare: typing::CHAT_ID;
}

const USER_TYPING: &str = "user:typing";
const USER_STOP_TYPING: &str = "user:stop-typing";

/// Puts a connection of this dialect into all chats of its user.
pub(crate) async fn enter(app: &App, member: &Member) {
    if let Err(error) = app.conversations.join_all(member).await {
        tracing::warn!(%error, "a connection could not join the chats of its user");
        let code = ErrorCode::JoinFailed;
        let failed = Audited::Error { code };
        member
            .connection
            .record(&app.audit, Some(Dialect::Chat), failed);
    }
}
