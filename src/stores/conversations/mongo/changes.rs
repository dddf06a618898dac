//! Changes of a message: editing, deleting, hiding.

use mongodb::bson::{Document, doc};
use mongodb::options::ReturnDocument;

use super::collections::{execute, one};
use super::db::{Db, gone};
use super::documents::{MessageDocument, bson_of, date, text_of};
use super::known_messages::known_message;
use super::members::member;
use super::{counts, receipts};
use crate::model::UserId;
use crate::model::conversation::{ConversationId, Deleted, Edit, Message, MessageId, Role};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::order::time_of;

/// Now, but never before a message was stored.
fn later(db: &Db, message: MessageId) -> mongodb::bson::DateTime {
    date(db.now().max(time_of(message.uuid())))
}

/// A message of a conversation that was not deleted.
fn whole(conversation: &ConversationId, message: MessageId) -> Document {
    doc! {
        "_id": text_of(message.uuid()),
        "conversationId": conversation.as_str(),
        "deletedAt": null,
    }
}

pub(super) async fn edit(
    db: &Db,
    conversation: &ConversationId,
    message: MessageId,
    author: &UserId,
    edit: &Edit,
) -> Result<Message, StoreError> {
    member(db, conversation, author).await?;
    let mut filter = whole(conversation, message);
    filter.insert("senderId", author.as_str());
    let mut set = doc! { "content": bson_of(&edit.content), "editedAt": later(db, message) };
    if let Some(number) = edit.key_number {
        set.insert("keyNumber", number);
    }
    let write = db
        .messages
        .find_one_and_update(filter, doc! { "$set": set })
        .return_document(ReturnDocument::After);
    let edited = execute(write)
        .await?
        .ok_or(StoreError::NotFoundOrForbidden)?;
    edited.message()
}

pub(super) async fn delete(
    db: &Db,
    conversation: &ConversationId,
    message: MessageId,
    user: &UserId,
) -> Result<Deleted, StoreError> {
    let member = member(db, conversation, user).await?;
    let known = known_message(db, conversation, message).await?;
    if known.sender_id != user.as_str() && member.role != Role::Admin {
        return Err(StoreError::NotFoundOrForbidden);
    }
    let update = doc! {
        "$set": { "deletedAt": later(db, message), "uncounted": true },
        "$unset": { "content": "", "media": "" },
    };
    let write = db.messages.update_one(whole(conversation, message), update);
    let repeated = execute(write).await?.matched_count == 0;
    // An earlier deletion may have ended half-way.
    let known = known_message(db, conversation, message).await?;
    if known.uncounted {
        counts::pass_for_all(db, conversation, &known).await?;
    }
    let left = one(db.messages.find_one(doc! { "_id": &known.id })).await?;
    let left = left.map(MessageDocument::message).transpose()?;
    Ok(Deleted {
        message: left.ok_or_else(|| gone("messages"))?,
        repeated,
    })
}

pub(super) async fn hide(
    db: &Db,
    conversation: &ConversationId,
    message: MessageId,
    user: &UserId,
) -> Result<bool, StoreError> {
    let mut member = member(db, conversation, user).await?;
    let known = known_message(db, conversation, message).await?;
    if known.is_hidden_for(user) {
        return Ok(false);
    }
    if !receipts::has_read(db, &known.id, user).await? {
        counts::pass(db, &mut member, std::slice::from_ref(&known)).await?;
    }
    let filter = doc! { "_id": &known.id, "deletedFor": { "$ne": user.as_str() } };
    let update = doc! { "$addToSet": { "deletedFor": user.as_str() } };
    let hidden = execute(db.messages.update_one(filter, update)).await?;
    Ok(hidden.matched_count == 1)
}
