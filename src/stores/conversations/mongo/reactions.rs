//! Reactions to messages.

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use uuid::Uuid;

use super::collections::{execute, one, unless_there};
use super::db::Db;
use super::documents::{ReactionDocument, date, text_of};
use super::known_messages::known_message;
use super::members::member;
use super::store::MongoConversations;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, Emoji, MessageId, Reacted, Reaction, ReactionId};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::order::id_after;
use crate::stores::conversations::reactions::ReactionStore;

#[async_trait]
impl ReactionStore for MongoConversations {
    async fn add(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
        emoji: &Emoji,
    ) -> Result<Reacted, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        let emoji = emoji.clone();
        self.write(|db| async move { add(&db, &conversation, message, &user, &emoji).await })
            .await
    }

    async fn remove(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        reaction: ReactionId,
        user: &UserId,
    ) -> Result<Reaction, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        let write = self
            .write(|db| async move { remove(&db, &conversation, message, reaction, &user).await });
        write.await
    }
}

async fn add(
    db: &Db,
    conversation: &ConversationId,
    message: MessageId,
    user: &UserId,
    emoji: &Emoji,
) -> Result<Reacted, StoreError> {
    member(db, conversation, user).await?;
    let known = known_message(db, conversation, message).await?;
    if known.deleted_at.is_some() {
        return Err(StoreError::NotFoundOrForbidden);
    }
    let now = db.now();
    let reaction = Reaction {
        id: ReactionId::from_new(id_after(&Uuid::nil(), now)),
        message,
        conversation: conversation.clone(),
        user: user.clone(),
        emoji: emoji.clone(),
        created_at: now,
    };
    loop {
        let reactions = db.reactions.clone_with_type::<Document>();
        let inserted = unless_there(reactions.insert_one(document(&reaction))).await?;
        if inserted.is_some() {
            let repeated = false;
            return Ok(Reacted { reaction, repeated });
        }
        let same = doc! {
            "messageId": &known.id, "userId": user.as_str(), "emoji": emoji.as_str(),
        };
        // It may have been removed meanwhile.
        if let Some(found) = one(db.reactions.find_one(same)).await? {
            let (reaction, repeated) = (found.reaction()?, true);
            return Ok(Reacted { reaction, repeated });
        }
    }
}

fn document(reaction: &Reaction) -> Document {
    let id = text_of(reaction.id.uuid());
    doc! {
        "_id": &id,
        "id": id,
        "messageId": text_of(reaction.message.uuid()),
        "conversationId": reaction.conversation.as_str(),
        "userId": reaction.user.as_str(),
        "emoji": reaction.emoji.as_str(),
        "createdAt": date(reaction.created_at),
    }
}

async fn remove(
    db: &Db,
    conversation: &ConversationId,
    message: MessageId,
    reaction: ReactionId,
    user: &UserId,
) -> Result<Reaction, StoreError> {
    member(db, conversation, user).await?;
    let filter = doc! {
        "_id": text_of(reaction.uuid()),
        "messageId": text_of(message.uuid()),
        "conversationId": conversation.as_str(),
        "userId": user.as_str(),
    };
    let removed = execute(db.reactions.find_one_and_delete(filter)).await?;
    removed
        .map(ReactionDocument::reaction)
        .ok_or(StoreError::NotFoundOrForbidden)?
}
