//! Changes of a message: editing, deleting, hiding.

use mongodb::bson::{Bson, doc};

use super::collections::execute;
use super::db::{Db, gone};
use super::deletions::pass_for_all;
use super::documents::{ChangeDocument, Kind, KnownMessage, TailDocument, bson_of, date, ms};
use super::known_messages::{visible_message, whole};
use super::log::Log;
use super::members::member;
use super::{counts, receipts};
use crate::model::UserId;
use crate::model::conversation::{
    ChangedBy, ConversationId, Edit, Logged, Message, MessageId, Role,
};
use crate::stores::conversations::error::StoreError;

/// A time, but never before a message was sent.
fn later(now: u64, message: &KnownMessage) -> mongodb::bson::DateTime {
    date(now.max(ms(message.created_at)))
}

/// What is logged and returned of a change once it is committed.
async fn logged(
    db: &Db,
    id: MessageId,
    change: &ChangeDocument,
) -> Result<Logged<Message>, StoreError> {
    let message = whole(db, id).await?.ok_or_else(|| gone("messages"))?;
    let change = change.change(Some(message.clone()))?;
    Ok(Logged::new(message, change))
}

pub(super) async fn edit(
    db: &Db,
    conversation: &ConversationId,
    id: MessageId,
    author: &UserId,
    edit: &Edit,
) -> Result<Logged<Message>, StoreError> {
    let mut log = Log::open(db, conversation).await;
    loop {
        let head = log.head().await?;
        let member = member(db, conversation, author).await?;
        let known = visible_message(db, &member, id).await?;
        if known.sender_id != author.as_str() || known.deleted_at.is_some() {
            return Err(StoreError::NotFoundOrForbidden);
        }
        let before = whole(db, id).await?.ok_or_else(|| gone("messages"))?;
        let extra = edit.extra_after(&before).ok_or(StoreError::TooLarge)?;
        if edit.leaves_nothing(&before, &extra) {
            return Err(StoreError::NothingSaid);
        }
        if edit.is_done(&before, &extra) {
            return Ok(Logged::unchanged(before));
        }
        let now = db.now();
        let mut set = doc! { "content": bson_of(&edit.content), "editedAt": later(now, &known) };
        let others = [
            ("keyNumber", edit.key_number.map(Bson::from)),
            ("extra", extra.to_value().as_ref().map(bson_of)),
        ];
        for (field, value) in others {
            set.extend(value.map(|value| (field.to_owned(), value)));
        }
        let by = ChangedBy::User(author.clone());
        let edited = ChangeDocument {
            message_id: Some(known.id),
            ..ChangeDocument::new(conversation, head.next(), Kind::Edited, &by, now)
        };
        let tail = TailDocument::setting(edited, set);
        if log.commit(&head, &tail).await? {
            return logged(db, id, &tail.change).await;
        }
    }
}

pub(super) async fn delete(
    db: &Db,
    conversation: &ConversationId,
    id: MessageId,
    user: &UserId,
) -> Result<Logged<Message>, StoreError> {
    let mut log = Log::open(db, conversation).await;
    loop {
        let head = log.head().await?;
        let member = member(db, conversation, user).await?;
        let known = visible_message(db, &member, id).await?;
        if known.sender_id != user.as_str() && member.role != Role::Admin {
            return Err(StoreError::NotFoundOrForbidden);
        }
        if known.deleted_at.is_some() {
            // An earlier deletion may have ended half-way.
            if known.uncounted {
                pass_for_all(db, conversation.as_str(), &known).await?;
            }
            let left = whole(db, id).await?.ok_or_else(|| gone("messages"))?;
            return Ok(Logged::unchanged(left));
        }
        let now = db.now();
        let set = doc! { "deletedAt": later(now, &known) };
        let by = ChangedBy::User(user.clone());
        let deleted = ChangeDocument {
            message_id: Some(known.id),
            ..ChangeDocument::new(conversation, head.next(), Kind::Deleted, &by, now)
        };
        let tail = TailDocument::setting(deleted, set);
        if log.commit(&head, &tail).await? {
            return logged(db, id, &tail.change).await;
        }
    }
}

pub(super) async fn hide(
    db: &Db,
    conversation: &ConversationId,
    message: MessageId,
    user: &UserId,
) -> Result<bool, StoreError> {
    let mut member = member(db, conversation, user).await?;
    let known = visible_message(db, &member, message).await?;
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
