//! Reactions to messages.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::{number, read_number};
use super::log::{Entry, Kind, log};
use super::marks;
use super::message_rows::visible;
use super::participant_rows::member;
use super::store::SqliteConversations;
use super::writer::Writing;
use crate::model::UserId;
use crate::model::conversation::{
    Change, ChangeNumber, Changed, ChangedBy, ConversationId, Emoji, Logged, MessageId, Reaction,
    ReactionId,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::reactions::ReactionStore;

#[async_trait]
impl ReactionStore for SqliteConversations {
    async fn add(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
        emoji: &Emoji,
    ) -> Result<Logged<Reaction>, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        let emoji = emoji.clone();
        self.writer
            .write(Some(user.clone()), move |writing| {
                add(writing, &conversation, message, &user, &emoji)
            })
            .await
    }

    async fn of_messages(
        &self,
        conversation: &ConversationId,
        messages: &[MessageId],
    ) -> Result<Vec<Reaction>, StoreError> {
        let (conversation, messages) = (conversation.clone(), messages.to_owned());
        self.readers
            .read(move |db| marks::reactions(db, &conversation, messages))
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
        self.writer
            .write(Some(user.clone()), move |writing| {
                remove(writing, &conversation, message, reaction, &user)
            })
            .await
    }
}

fn add(
    writing: &mut Writing<'_>,
    conversation: &ConversationId,
    message: MessageId,
    user: &UserId,
    emoji: &Emoji,
) -> Result<Logged<Reaction>, StoreError> {
    const INSERT: &str = "
        INSERT INTO reactions (message, user, emoji, id, createdAt) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (message, user, emoji) DO NOTHING";
    const SELECT: &str = "
        SELECT id, createdAt FROM reactions WHERE message = ?1 AND user = ?2 AND emoji = ?3";
    let db = writing.db;
    let member = member(db, conversation, user)?;
    let conversation_no = member.conversation;
    let known = visible(db, &member, message)?
        .filter(|known| !known.is_deleted)
        .ok_or(StoreError::NotFoundOrForbidden)?;
    let id = ReactionId::from_new(writing.ids.next(writing.now));
    let values = params![known.no, user, emoji, id, number(writing.now)];
    let repeated = db.prepare_cached(INSERT)?.execute(values)? == 0;
    let reaction = db
        .prepare_cached(SELECT)?
        .query_row(params![known.no, user, emoji], |row| {
            Ok(Reaction {
                id: row.get(0)?,
                message,
                conversation: conversation.clone(),
                user: user.clone(),
                emoji: emoji.clone(),
                created_at: read_number(row, 1)?,
            })
        })?;
    if repeated {
        return Ok(Logged::unchanged(reaction));
    }
    let number = log_reaction(writing, Kind::Reacted, conversation_no, known.no, &reaction)?;
    let change = Change {
        number,
        at: writing.now,
        by: ChangedBy::User(user.clone()),
        what: Changed::Reacted(reaction.clone()),
    };
    Ok(Logged::new(reaction, change))
}

fn log_reaction(
    writing: &Writing<'_>,
    kind: Kind,
    conversation: i64,
    message: i64,
    reaction: &Reaction,
) -> rusqlite::Result<ChangeNumber> {
    let by = ChangedBy::User(reaction.user.clone());
    let entry = Entry {
        message: Some(message),
        subject: Some(reaction.emoji.as_str()),
        reaction: Some(reaction.id),
        ..Entry::new(kind, &by)
    };
    log(writing, conversation, &entry)
}

fn remove(
    writing: &Writing<'_>,
    conversation: &ConversationId,
    message: MessageId,
    reaction: ReactionId,
    user: &UserId,
) -> Result<Logged<()>, StoreError> {
    const DELETE: &str = "
        DELETE FROM reactions WHERE message = ?1 AND user = ?2 AND id = ?3
        RETURNING emoji, createdAt";
    let db = writing.db;
    let member = member(db, conversation, user)?;
    let conversation_no = member.conversation;
    let known = visible(db, &member, message)?.ok_or(StoreError::NotFoundOrForbidden)?;
    let mut delete = db.prepare_cached(DELETE)?;
    let deleted = delete.query_row(params![known.no, user, reaction], |row| {
        Ok(Reaction {
            id: reaction,
            message,
            conversation: conversation.clone(),
            user: user.clone(),
            emoji: row.get(0)?,
            created_at: read_number(row, 1)?,
        })
    });
    let Some(reaction) = deleted.optional()? else {
        return match was_removed(db, known.no, reaction, user)? {
            true => Ok(Logged::unchanged(())),
            false => Err(StoreError::NotFoundOrForbidden),
        };
    };
    let number = log_reaction(
        writing,
        Kind::Unreacted,
        conversation_no,
        known.no,
        &reaction,
    )?;
    let change = Change {
        number,
        at: writing.now,
        by: ChangedBy::User(user.clone()),
        what: Changed::Unreacted(reaction),
    };
    Ok(Logged::new((), change))
}

/// Whether a user had this reaction and removed it, as far as that is kept.
fn was_removed(
    db: &Connection,
    message: i64,
    reaction: ReactionId,
    user: &UserId,
) -> rusqlite::Result<bool> {
    const SELECT: &str =
        "SELECT 1 FROM changes WHERE message = ?1 AND kind = ?2 AND reaction = ?3 AND author = ?4";
    let values = params![message, Kind::Unreacted, reaction, user];
    db.prepare_cached(SELECT)?.exists(values)
}
