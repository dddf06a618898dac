//! `conversation`: a whole messenger over the socket. Conversations are joined, and
//! everything is acknowledged. The contract is `docs/protocol/conversation.md`.

mod changes;
pub(super) mod described;
mod membership;
mod messages;
mod presence;
mod reactions;
mod render;
mod signals;
mod words;

pub(crate) use changes::edit_of;
pub(crate) use messages::{KEY_NUMBER, MessageJson, UserJson, temp_id};
pub(crate) use render::RENDERER;
pub(crate) use signals::messages_read;

use super::Request;
use super::events::events;
use super::row::Refused;
use crate::model::conversation::ConversationId;
use crate::model::{ErrorCode, Refusal};
use crate::users::Member;
use words::ConversationWords;

const JOIN_ERROR: Refused = Refused::by(words::JOIN_ERROR).failed(ErrorCode::JoinFailed);
const ERROR: Refused = Refused::by(words::ERROR);
const SEND_ERROR: Refused = ERROR.failed(ErrorCode::MessageSendFailed);
/// Signals over their rate, or without a receiver, are dropped.
const SIGNAL_ERROR: Refused = ERROR.quiet();

events! {
    Conversation(member, payload), words: ConversationWords;
    "conversation:join" => membership::join, limit: Subscriptions, refused: JOIN_ERROR, audit: RoomJoin, bare: CONVERSATION_ID;
    "conversation:leave" => membership::leave, limit: Subscriptions, refused: ERROR, audit: RoomLeave, bare: CONVERSATION_ID;
    "message:send" => messages::send, limit: Messages | StoredBytes, refused: SEND_ERROR, audit: MessageSent;
    "message:update" => changes::update, limit: Messages | StoredBytes, refused: ERROR, audit: MessageUpdated;
    "message:delete" => changes::delete, limit: Messages, refused: ERROR, audit: MessageDeleted;
    "message:read" => signals::read, limit: Receipts, refused: SIGNAL_ERROR, audit: MessageRead, bare: CONVERSATION_ID;
    "typing:start" => signals::start_typing, limit: Signals, refused: SIGNAL_ERROR, audit: Nothing, bare: CONVERSATION_ID;
    "typing:stop" => signals::stop_typing, limit: Signals, refused: SIGNAL_ERROR, audit: Nothing, bare: CONVERSATION_ID;
    "reaction:add" => reactions::add, limit: Messages, refused: ERROR, audit: Reaction;
    "reaction:remove" => reactions::remove, limit: Messages, refused: ERROR, audit: Reaction;
    "presence:request" => presence::request, limit: Signals, refused: SIGNAL_ERROR, audit: Nothing, bare: CONVERSATION_ID;
}

/// The field that names a conversation. An event whose name another dialect has, too, is one of this
/// dialect when it has this field.
pub(super) const CONVERSATION_ID: &str = "conversationId";
const MESSAGE_ID: &str = "messageId";

/// The refusal of an id that no store ever made: the same as for a message that does not exist, to a
/// participant and to others.
async fn unknown_id(
    request: &Request<'_>,
    member: &Member,
    conversation: &ConversationId,
) -> Refusal {
    let user = &member.user.id;
    let conversations = &request.app.conversations;
    match conversations.require_participant(user, conversation).await {
        Ok(()) => Refusal::message_not_found(),
        Err(error) => error.into(),
    }
}
