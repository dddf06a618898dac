//! Messages: keeping and finding them.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{columns, number, read_kept, read_number, read_optional_number};
use super::participants::member;
use super::writer::Writing;
use crate::model::UserId;
use crate::model::conversation::{
    Appended, Body, ConversationId, Message, MessageId, NewMessage, TempId,
};
use crate::stores::conversations::StoreError;
use crate::stores::conversations::order::time_of;

/// The columns of a message `m` that [`read`] reads.
macro_rules! message_columns {
    () => {
        "m.id, m.sender, m.tempId, m.keyNumber, m.createdAt, m.editedAt, m.deletedAt,
         m.content, m.contentAttachments, m.media, m.mediaAttachments"
    };
}
pub(super) use message_columns;

/// How many they are.
const COLUMNS: usize = 11;

pub(super) fn read(row: &Row<'_>, conversation: ConversationId) -> rusqlite::Result<Message> {
    let body = match read_optional_number(row, 6)? {
        Some(at) => Body::Deleted { at },
        None => Body::Whole {
            content: read_kept(row, 7)?,
            media: read_kept(row, 9)?,
        },
    };
    Ok(Message {
        id: row.get(0)?,
        conversation,
        sender: row.get(1)?,
        temp_id: row.get(2)?,
        key_number: row.get(3)?,
        created_at: read_number(row, 4)?,
        edited_at: read_optional_number(row, 5)?,
        body,
    })
}

pub(super) fn append(writing: &mut Writing<'_>, new: &NewMessage) -> Result<Appended, StoreError> {
    let conversation = member(writing.db, &new.conversation, &new.sender)?.conversation;
    if let Some(temp_id) = &new.temp_id
        && let Some(message) = sent_as(writing.db, conversation, new, temp_id)?
    {
        return Ok(Appended {
            message,
            repeated: true,
            before: Vec::new(),
        });
    }
    let id = MessageId::made(writing.ids.next(writing.now));
    insert(writing.db, conversation, id, new)?;
    count(writing.db, conversation, id, &new.sender)?;
    Ok(Appended {
        message: Message {
            id,
            conversation: new.conversation.clone(),
            sender: new.sender.clone(),
            temp_id: new.temp_id.clone(),
            key_number: new.key_number,
            created_at: time_of(id.uuid()),
            edited_at: None,
            body: Body::Whole {
                content: new.content.clone(),
                media: new.media.clone(),
            },
        },
        repeated: false,
        before: Vec::new(),
    })
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
    db: &Connection,
    conversation: i64,
    id: MessageId,
    new: &NewMessage,
) -> rusqlite::Result<()> {
    const INSERT: &str = "
        INSERT INTO messages (id, conversation, sender, tempId, keyNumber, createdAt,
                              content, contentAttachments, media, mediaAttachments)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let content = new.content.as_ref().map(columns);
    let media = new.media.as_ref().map(columns);
    db.prepare_cached(INSERT)?.execute(params![
        id,
        conversation,
        new.sender,
        new.temp_id,
        new.key_number,
        number(time_of(id.uuid())),
        content.as_ref().map(|columns| &columns.text),
        content
            .as_ref()
            .and_then(|columns| columns.attachments.as_ref()),
        media.as_ref().map(|columns| &columns.text),
        media
            .as_ref()
            .and_then(|columns| columns.attachments.as_ref()),
    ])?;
    Ok(())
}

/// Counts a message for its conversation, and as not unread for its sender.
fn count(
    db: &Connection,
    conversation: i64,
    id: MessageId,
    sender: &UserId,
) -> rusqlite::Result<()> {
    const COUNT: &str = "
        UPDATE conversations
        SET messages = messages + 1, lastMessageAt = max(lastMessageAt, ?2) WHERE no = ?1";
    let at = number(time_of(id.uuid()));
    db.prepare_cached(COUNT)?
        .execute(params![conversation, at])?;
    pass(db, conversation, sender, 1)
}

/// Counts so many messages as not unread any more for a participant.
pub(super) fn pass(
    db: &Connection,
    conversation: i64,
    user: &UserId,
    messages: usize,
) -> rusqlite::Result<()> {
    const PASS: &str = "
        UPDATE participants SET passed = passed + ?3 WHERE conversation = ?1 AND user = ?2";
    let values = params![conversation, user, number(messages as u64)];
    db.prepare_cached(PASS)?.execute(values)?;
    Ok(())
}

pub(super) fn find(db: &Connection, id: MessageId) -> Result<Option<Message>, StoreError> {
    const SELECT: &str = concat!(
        "SELECT ",
        message_columns!(),
        ", c.id FROM messages m JOIN conversations c ON c.no = m.conversation WHERE m.id = ?1"
    );
    let mut select = db.prepare_cached(SELECT)?;
    let found = select.query_row([id], |row| read(row, row.get(COLUMNS)?));
    Ok(found.optional()?)
}

/// What operations on a message need to know of it.
pub(super) struct Known {
    pub(super) id: MessageId,
    /// Its number.
    pub(super) no: i64,
    pub(super) sender: UserId,
    pub(super) is_deleted: bool,
}

/// A message of this conversation.
pub(super) fn known(
    db: &Connection,
    conversation: i64,
    id: MessageId,
) -> rusqlite::Result<Option<Known>> {
    const SELECT: &str = "
        SELECT no, sender, deletedAt IS NOT NULL FROM messages
        WHERE id = ?1 AND conversation = ?2";
    db.prepare_cached(SELECT)?
        .query_row(params![id, conversation], |row| {
            Ok(Known {
                id,
                no: row.get(0)?,
                sender: row.get(1)?,
                is_deleted: row.get(2)?,
            })
        })
        .optional()
}
