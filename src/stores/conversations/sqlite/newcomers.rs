//! Those who do not see the whole history of a conversation: they joined it later.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::read_number;
use super::history::change_number;
use crate::model::UserId;
use crate::model::conversation::{ChangeNumber, ConversationId, MessageId};
use crate::stores::conversations::error::StoreError;

/// The change behind which a present or former participant sees messages.
pub(super) fn since(db: &Connection, conversation: i64, user: &UserId) -> rusqlite::Result<i64> {
    const SELECT: &str = "SELECT since FROM participants WHERE conversation = ?1 AND user = ?2";
    let mut select = db.prepare_cached(SELECT)?;
    let since = select.query_row(params![conversation, user], |row| row.get(0));
    Ok(since.optional()?.unwrap_or(0))
}

pub(super) fn newcomers(
    db: &Connection,
    id: &ConversationId,
) -> Result<Vec<(UserId, ChangeNumber)>, StoreError> {
    const SELECT: &str = "
        SELECT user, since FROM participants
        WHERE conversation = (SELECT no FROM conversations WHERE id = ?1)
          AND since > 0 AND status = 'active'";
    let mut select = db.prepare_cached(SELECT)?;
    let rows = select.query_map([id], |row| {
        Ok((row.get(0)?, ChangeNumber::new(read_number(row, 1)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn sent_by(
    db: &Connection,
    id: &ConversationId,
    message: MessageId,
) -> Result<Option<ChangeNumber>, StoreError> {
    const SELECT: &str = "
        SELECT m.number FROM messages m JOIN conversations c ON c.no = m.conversation
        WHERE m.id = ?1 AND c.id = ?2";
    let mut select = db.prepare_cached(SELECT)?;
    let sent = select.query_row(params![message, id], |row| row.get(0));
    Ok(sent.optional()?.map(change_number))
}
