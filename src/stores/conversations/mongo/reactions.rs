//! Reactions to messages.

use async_trait::async_trait;
use mongodb::bson::{Document, doc};
use uuid::Uuid;

use super::collections::one;
use super::db::Db;
use super::documents::{ChangeDocument, Kind, TailDocument, date, text_of};
use super::known_messages::visible_message;
use super::log::Log;
use super::marks;
use super::members::member;
use super::store::MongoConversations;
use crate::model::UserId;
use crate::model::conversation::{
    ChangedBy, ConversationId, Emoji, Logged, MessageId, Reaction, ReactionId,
};
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
    ) -> Result<Logged<Reaction>, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        let emoji = emoji.clone();
        self.write(|db| async move { add(&db, &conversation, message, &user, &emoji).await })
            .await
    }

    async fn of_messages(
        &self,
        conversation: &ConversationId,
        messages: &[MessageId],
    ) -> Result<Vec<Reaction>, StoreError> {
        self.run(marks::reactions(&self.db, conversation, messages))
            .await
    }

    async fn remove(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        reaction: ReactionId,
        user: &UserId,
    ) -> Result<Logged<()>, StoreError> {
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
) -> Result<Logged<Reaction>, StoreError> {
    let mut log = Log::open(db, conversation).await;
    loop {
        let head = log.head().await?;
        let member = member(db, conversation, user).await?;
        let known = visible_message(db, &member, message).await?;
        if known.deleted_at.is_some() {
            return Err(StoreError::NotFoundOrForbidden);
        }
        let mut same = present(conversation, message, user);
        same.insert("emoji", emoji.as_str());
        if let Some(found) = one(db.reactions.find_one(same)).await? {
            return Ok(Logged::unchanged(found.reaction()?));
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
        let tail = TailDocument::setting(
            change(&reaction, head.next(), Kind::Reacted, now),
            doc! {
                "id": text_of(reaction.id.uuid()),
                "conversationId": conversation.as_str(),
                "createdAt": date(now),
            },
        );
        if log.commit(&head, &tail).await? {
            let change = tail.change.change(None)?;
            return Ok(Logged::new(reaction, change));
        }
    }
}

/// A user's reactions to a message that were not removed.
fn present(conversation: &ConversationId, message: MessageId, user: &UserId) -> Document {
    doc! {
        "messageId": text_of(message.uuid()),
        "userId": user.as_str(),
        "conversationId": conversation.as_str(),
        "removedAt": null,
    }
}

fn change(reaction: &Reaction, number: i64, kind: Kind, now: u64) -> ChangeDocument {
    let by = ChangedBy::User(reaction.user.clone());
    ChangeDocument {
        message_id: Some(text_of(reaction.message.uuid())),
        emoji: Some(reaction.emoji.as_str().to_owned()),
        reaction_id: Some(text_of(reaction.id.uuid())),
        reacted_at: (kind == Kind::Unreacted).then(|| date(reaction.created_at)),
        ..ChangeDocument::new(&reaction.conversation, number, kind, &by, now)
    }
}

async fn remove(
    db: &Db,
    conversation: &ConversationId,
    message: MessageId,
    reaction: ReactionId,
    user: &UserId,
) -> Result<Logged<()>, StoreError> {
    let mut log = Log::open(db, conversation).await;
    loop {
        let head = log.head().await?;
        let member = member(db, conversation, user).await?;
        visible_message(db, &member, message).await?;
        let mut this = present(conversation, message, user);
        this.insert("id", text_of(reaction.uuid()));
        let Some(found) = one(db.reactions.find_one(this)).await? else {
            return match was_removed(db, message, reaction, user).await? {
                true => Ok(Logged::unchanged(())),
                false => Err(StoreError::NotFoundOrForbidden),
            };
        };
        let reaction = found.reaction()?;
        let now = db.now();
        let tail = TailDocument::setting(
            change(&reaction, head.next(), Kind::Unreacted, now),
            doc! { "removedAt": date(now) },
        );
        if log.commit(&head, &tail).await? {
            return Ok(Logged::new((), tail.change.change(None)?));
        }
    }
}

/// Whether a user had this reaction and removed it, as far as that is kept.
async fn was_removed(
    db: &Db,
    message: MessageId,
    reaction: ReactionId,
    user: &UserId,
) -> Result<bool, StoreError> {
    let removed = db.changes.find_one(doc! {
        "messageId": text_of(message.uuid()), "reactionId": text_of(reaction.uuid()),
        "kind": "unreacted", "by.userId": user.as_str(),
    });
    Ok(one(removed).await?.is_some())
}
