//! Rows of messages: how they are read, and what other operations need to know of them.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{number, read_extra, read_number, read_optional_number, read_value};
use super::participant_rows::Member;
use crate::model::UserId;
use crate::model::conversation::{Body, ConversationId, Message, MessageId};
use crate::stores::conversations::error::StoreError;

/// The columns of a message `m` that [`read`] reads.
macro_rules! message_columns {
    () => {
        "m.id, m.sender, m.tempId, m.keyNumber, m.createdAt, m.editedAt, m.deletedAt,
         m.content, m.contentAttachments, m.media, m.mediaAttachments,
         m.extra, m.extraAttachments"
    };
}
pub(super) use message_columns;

/// The number of these columns.
pub(super) const COLUMNS: usize = 13;

pub(super) fn read(row: &Row<'_>, conversation: ConversationId) -> rusqlite::Result<Message> {
    read_from(row, 0, conversation)
}

/// The same where they begin with this column.
pub(super) fn read_from(
    row: &Row<'_>,
    first: usize,
    conversation: ConversationId,
) -> rusqlite::Result<Message> {
    let body = match read_optional_number(row, first + 6)? {
        Some(at) => Body::Deleted { at },
        None => Body::Whole {
            content: read_value(row, first + 7)?,
            media: read_value(row, first + 9)?,
            extra: read_extra(row, first + 11)?,
        },
    };
    Ok(Message {
        id: row.get(first)?,
        conversation,
        sender: row.get(first + 1)?,
        temp_id: row.get(first + 2)?,
        key_number: row.get(first + 3)?,
        created_at: read_number(row, first + 4)?,
        edited_at: read_optional_number(row, first + 5)?,
        body,
    })
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
    /// Its row.
    pub(super) no: i64,
    /// The change by which it was sent.
    pub(super) number: i64,
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
        SELECT no, number, sender, deletedAt IS NOT NULL FROM messages
        WHERE id = ?1 AND conversation = ?2";
    db.prepare_cached(SELECT)?
        .query_row(params![id, conversation], |row| {
            Ok(Known {
                id,
                no: row.get(0)?,
                number: row.get(1)?,
                sender: row.get(2)?,
                is_deleted: row.get(3)?,
            })
        })
        .optional()
}

/// The same for a participant who sees it.
pub(super) fn visible(
    db: &Connection,
    member: &Member,
    id: MessageId,
) -> rusqlite::Result<Option<Known>> {
    let known = known(db, member.conversation, id)?;
    Ok(known.filter(|known| known.number > member.since))
}

/// Counts this many messages as not unread any more for a participant.
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
