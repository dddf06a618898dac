//! Messages: appending them. Changing and reading them is in `changes` and `history`.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::{number, optional_columns, read_number};
use super::message_rows::{find, message_columns, pass, read};
use super::participant_rows::member;
use super::store::SqliteConversations;
use super::writer::Writing;
use super::{changes, history};
use crate::model::UserId;
use crate::model::conversation::{
    Change, ChangeNumber, Changed, ChangedBy, ConversationId, Edit, Logged, Message, MessageId,
    NewMessage, Page, PageLimit, Slice, TempId, Window,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::messages::MessageStore;

#[async_trait]
impl MessageStore for SqliteConversations {
    async fn append(&self, new: &NewMessage) -> Result<Logged<Message>, StoreError> {
        let new = new.clone();
        self.writer
            .write(Some(new.sender.clone()), move |writing| {
                append(writing, &new)
            })
            .await
    }

    async fn find(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.readers.read(move |db| find(db, id)).await
    }

    async fn edit(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        author: &UserId,
        edit: &Edit,
    ) -> Result<Logged<Message>, StoreError> {
        let (conversation, author) = (conversation.clone(), author.clone());
        let edit = edit.clone();
        let write = self.writer.write(Some(author.clone()), move |writing| {
            changes::edit(writing, &conversation, message, &author, &edit)
        });
        write.await
    }

    async fn delete(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
    ) -> Result<Logged<Message>, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        let write = self.writer.write(Some(user.clone()), move |writing| {
            changes::delete(writing, &conversation, message, &user)
        });
        write.await
    }

    async fn hide(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
    ) -> Result<bool, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        let write = self.writer.write(Some(user.clone()), move |writing| {
            changes::hide(writing.db, &conversation, message, &user)
        });
        write.await
    }

    async fn page(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        window: Window,
        limit: PageLimit,
    ) -> Result<Page, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        let read = self
            .readers
            .read(move |db| history::page(db, &conversation, &user, window, limit));
        read.await
    }

    async fn slice(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        offset: u64,
        limit: PageLimit,
    ) -> Result<Slice, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        let read = self
            .readers
            .read(move |db| history::slice(db, &conversation, &user, offset, limit));
        read.await
    }
}

fn append(writing: &mut Writing<'_>, new: &NewMessage) -> Result<Logged<Message>, StoreError> {
    let conversation = member(writing.db, &new.conversation, &new.sender)?.conversation;
    if let Some(temp_id) = &new.temp_id
        && let Some(message) = sent_as(writing.db, conversation, new, temp_id)?
    {
        return Ok(Logged::unchanged(message));
    }
    let id = MessageId::from_new(writing.ids.next(writing.now));
    let number = count(writing, conversation, &new.sender)?;
    insert(writing, conversation, id, number, new)?;
    let message = new.stored(id, writing.now);
    let change = Change {
        number,
        at: writing.now,
        by: ChangedBy::User(new.sender.clone()),
        what: Changed::Sent(message.clone()),
    };
    Ok(Logged::new(message, change))
}

/// The message that its sender sent under this name before.
fn sent_as(
    db: &Connection,
    conversation: i64,
    new: &NewMessage,
    temp_id: &TempId,
) -> rusqlite::Result<Option<Message>> {
    const SELECT: &str = concat!(
        "SELECT ",
        message_columns!(),
        " FROM messages m WHERE m.conversation = ?1 AND m.sender = ?2 AND m.tempId = ?3"
    );
    let values = params![conversation, new.sender, temp_id];
    db.prepare_cached(SELECT)?
        .query_row(values, |row| read(row, new.conversation.clone()))
        .optional()
}

fn insert(
    writing: &mut Writing<'_>,
    conversation: i64,
    id: MessageId,
    sent: ChangeNumber,
    new: &NewMessage,
) -> rusqlite::Result<()> {
    const INSERT: &str = "
        INSERT INTO messages (id, conversation, sender, tempId, keyNumber, createdAt,
                              content, contentAttachments, media, mediaAttachments, number, no,
                              extra, extraAttachments)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
    // The database would give that of a removed row again.
    let no = writing.ids.next_no();
    let (content, content_attachments) = optional_columns(new.content.as_ref());
    let (media, media_attachments) = optional_columns(new.media.as_ref());
    let extra = new.extra.to_value();
    let (extra, extra_attachments) = optional_columns(extra.as_ref());
    writing.db.prepare_cached(INSERT)?.execute(params![
        id,
        conversation,
        new.sender,
        new.temp_id,
        new.key_number,
        number(writing.now),
        content,
        content_attachments,
        media,
        media_attachments,
        number(sent.get()),
        no,
        extra,
        extra_attachments,
    ])?;
    Ok(())
}

/// Counts a message for its conversation, and as not unread for its sender; the number of the change.
fn count(
    writing: &Writing<'_>,
    conversation: i64,
    sender: &UserId,
) -> rusqlite::Result<ChangeNumber> {
    const COUNT: &str = "
        UPDATE conversations
        SET changes = changes + 1, messages = messages + 1, lastMessageAt = ?2
        WHERE no = ?1 RETURNING changes";
    let mut count = writing.db.prepare_cached(COUNT)?;
    let values = params![conversation, number(writing.now)];
    let next = count.query_row(values, |row| read_number(row, 0))?;
    pass(writing.db, conversation, sender, 1)?;
    Ok(ChangeNumber::new(next))
}
