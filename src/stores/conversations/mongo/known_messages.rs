//! Finding messages: whole ones, and what operations need to know of one, without its content.

use mongodb::bson::doc;

use super::collections::{all, one};
use super::db::Db;
use super::documents::{KnownMessage, MessageDocument, text_of};
use super::members::Member;
use crate::model::conversation::{ConversationId, Message, MessageId};
use crate::stores::conversations::error::StoreError;

/// What is known of these messages, which are those of a conversation, in the order of the history.
pub(super) async fn known_messages(
    db: &Db,
    conversation: &ConversationId,
    ids: &[MessageId],
) -> Result<Vec<KnownMessage>, StoreError> {
    let ids: Vec<_> = ids.iter().map(|id| text_of(id.uuid())).collect();
    let filter = doc! { "_id": { "$in": ids }, "conversationId": conversation.as_str() };
    let messages = db.messages.clone_with_type::<KnownMessage>();
    let find = messages
        .find(filter)
        .projection(KnownMessage::fields())
        .sort(doc! { "_id": 1 });
    all(find).await
}

/// A message of this conversation.
///
/// # Errors
/// [`StoreError::NotFoundOrForbidden`]: there is none.
pub(super) async fn known_message(
    db: &Db,
    conversation: &ConversationId,
    id: MessageId,
) -> Result<KnownMessage, StoreError> {
    let found = known_messages(db, conversation, &[id]).await?;
    found
        .into_iter()
        .next()
        .ok_or(StoreError::NotFoundOrForbidden)
}

/// The same for a participant who sees it.
///
/// # Errors
/// [`StoreError::NotFoundOrForbidden`]: there is none.
pub(super) async fn visible_message(
    db: &Db,
    member: &Member,
    id: MessageId,
) -> Result<KnownMessage, StoreError> {
    let found = known_message(db, &member.conversation, id).await?;
    match member.sees(&found) {
        true => Ok(found),
        false => Err(StoreError::NotFoundOrForbidden),
    }
}

/// A message with its content, whichever conversation it is of.
pub(super) async fn whole(db: &Db, id: MessageId) -> Result<Option<Message>, StoreError> {
    let found = one(db.messages.find_one(doc! { "_id": text_of(id.uuid()) })).await?;
    found.map(MessageDocument::message).transpose()
}
