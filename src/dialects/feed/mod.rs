//! `feed`: a web messenger that posts over REST while its sockets listen. A socket
//! authenticates by an event, and listens to the conversations that it joins. The contract is
//! `docs/protocol/feed.md`.

pub(super) mod described;
mod joining;
mod messages;
mod render;
mod words;

pub(crate) use messages::MessageJson;
pub(crate) use render::RENDERER;

use super::events::events;
use super::row::Refused;
use crate::model::ErrorCode;
use words::FeedWords;

/// The refusal is the answer to the callback, and nothing else.
const IGNORED: Refused = Refused::BY_CALLBACK.failed(ErrorCode::JoinFailed);

events! {
    Feed(member, optional_payload), words: FeedWords;
    "join-conversation" => joining::join, limit: Subscriptions, refused: IGNORED, audit: RoomJoin, bare: joining::CONVERSATION_ID;
    "leave-conversation" => joining::leave, limit: Subscriptions, refused: IGNORED, audit: RoomLeave, bare: joining::CONVERSATION_ID;
}
