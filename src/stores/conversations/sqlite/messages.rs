//! Messages: appending them. Changing and reading them is in `changes` and `history`.

use async_trait::async_trait;
use rusqlite::params;

use super::columns::{number, optional_columns};
use super::history::change_number;
use super::message_rows::{COLUMNS, find, message_columns, pass, read};
use super::participant_rows::{Member, member};
use super::store::SqliteConversations;
use super::writer::Writing;
use super::{changes, history};
use crate::model::UserId;
use crate::model::conversation::{
    Change, ChangeNumber, Changed, ChangedBy, ConversationId, Edit, Fingerprint, Logged, Message,
    MessageId, NewMessage, Page, PageLimit, Slice, Window,
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
    let Member {
        conversation, last, ..
    } = member(writing.db, &new.conversation, &new.sender)?;
    let fingerprint = new.fingerprint();
    if let Some(fingerprint) = fingerprint
        && let Some(message) = sent_before(writing, conversation, new, fingerprint)?
    {
        return Ok(Logged::unchanged(message));
    }
    let id = MessageId::from_new(writing.ids.next(writing.now));
    let number = change_number(last + 1);
    count(writing, (conversation, number), &new.sender)?;
    insert(writing, (conversation, number), id, new, fingerprint)?;
    let message = new.stored(id, writing.now);
    let change = Change {
        number,
        at: writing.now,
        by: ChangedBy::User(new.sender.clone()),
        what: Changed::Sent(message.clone()),
    };
    Ok(Logged::new(message, change))
}

/// The message that is sent again.
fn sent_before(
    writing: &Writing<'_>,
    conversation: i64,
    new: &NewMessage,
    sent: Fingerprint,
) -> rusqlite::Result<Option<Message>> {
    // Hardly any is, and this looks at one place of the index.
    const HAS_NAME: &str = "
        SELECT 1 FROM messages WHERE conversation = ?1 AND sender = ?2 AND tempId = ?3";
    const SELECT: &str = concat!(
        "SELECT ",
        message_columns!(),
        ", m.fingerprint FROM messages m
         WHERE m.conversation = ?1 AND m.sender = ?2 AND m.tempId = ?3 AND m.fingerprint IN (0, ?4)
         ORDER BY m.no DESC LIMIT 2"
    );
    let has_name = params![conversation, new.sender, new.temp_id];
    if !writing.db.prepare_cached(HAS_NAME)?.exists(has_name)? {
        return Ok(None);
    }
    let values = params![conversation, new.sender, new.temp_id, sent.get()];
    let mut select = writing.db.prepare_cached(SELECT)?;
    let mut rows = select.query(values)?;
    while let Some(row) = rows.next()? {
        let message = read(row, new.conversation.clone())?;
        let stored = Fingerprint::new(row.get(COLUMNS)?);
        if message.is_repeated_by(stored, sent, writing.now) {
            return Ok(Some(message));
        }
    }
    Ok(None)
}

fn insert(
    writing: &mut Writing<'_>,
    (conversation, sent): (i64, ChangeNumber),
    id: MessageId,
    new: &NewMessage,
    fingerprint: Option<Fingerprint>,
) -> rusqlite::Result<()> {
    const INSERT: &str = "
        INSERT INTO messages (id, conversation, sender, tempId, keyNumber, createdAt,
                              content, contentAttachments, media, mediaAttachments, number, no,
                              extra, extraAttachments, fingerprint)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
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
        fingerprint.map_or(0, Fingerprint::get),
    ])?;
    Ok(())
}

/// Counts a message, which is this change, for its conversation, and as not unread for its sender.
fn count(
    writing: &Writing<'_>,
    (conversation, sent): (i64, ChangeNumber),
    sender: &UserId,
) -> rusqlite::Result<()> {
    const COUNT: &str = "
        UPDATE conversations SET changes = ?3, messages = messages + 1, lastMessageAt = ?2
        WHERE no = ?1";
    let values = params![conversation, number(writing.now), number(sent.get())];
    writing.db.prepare_cached(COUNT)?.execute(values)?;
    pass(writing.db, conversation, sender, 1)
}
