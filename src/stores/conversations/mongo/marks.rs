//! What is shown beside a part of a history: the reactions to its messages, and their receipts.

use mongodb::bson::doc;

use super::collections::all;
use super::db::Db;
use super::documents::{KnownMessage, ReactionDocument, ReceiptDocument, text_of};
use super::known_messages::known_messages;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, MessageId, Reaction, Receipt};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::reactions::MAX_MARKS;

pub(super) async fn reactions(
    db: &Db,
    conversation: &ConversationId,
    messages: &[MessageId],
) -> Result<Vec<Reaction>, StoreError> {
    let ids: Vec<_> = messages.iter().map(|id| text_of(id.uuid())).collect();
    let filter = doc! {
        "messageId": { "$in": ids }, "conversationId": conversation.as_str(), "removedAt": null,
    };
    let find = db.reactions.find(filter);
    let by_message = doc! { "messageId": 1, "createdAt": 1, "id": 1 };
    let found = all(find.sort(by_message).limit(MAX_MARKS as i64)).await?;
    found.into_iter().map(ReactionDocument::reaction).collect()
}

pub(super) async fn receipts(
    db: &Db,
    conversation: &ConversationId,
    user: &UserId,
    messages: &[MessageId],
) -> Result<Vec<Receipt>, StoreError> {
    let known = known_messages(db, conversation, messages).await?;
    let (own, others): (Vec<_>, Vec<_>) = known
        .into_iter()
        .partition(|message| message.sender_id == user.as_str());
    let ids = |known: Vec<KnownMessage>| -> Vec<String> {
        known.into_iter().map(|message| message.id).collect()
    };
    let of_own = doc! { "messageId": { "$in": ids(own) } };
    let of_others = doc! { "messageId": { "$in": ids(others) }, "userId": user.as_str() };
    let find = db.receipts.find(doc! { "$or": [of_own, of_others] });
    let by_message = doc! { "messageId": 1, "userId": 1 };
    let found = all(find.sort(by_message).limit(MAX_MARKS as i64)).await?;
    Ok(found.iter().filter_map(ReceiptDocument::receipt).collect())
}
