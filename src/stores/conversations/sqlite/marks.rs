//! What is shown beside a part of a history: the reactions to its messages, and their receipts.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::{number, read_number};
use super::receipt_rows::receipts_of;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, MessageId, Reaction, Receipt};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::reactions::MAX_MARKS;

pub(super) fn reactions(
    db: &Connection,
    conversation: &ConversationId,
    mut messages: Vec<MessageId>,
) -> Result<Vec<Reaction>, StoreError> {
    const SELECT: &str = "
        SELECT r.id, r.user, r.emoji, r.createdAt
        FROM messages m JOIN conversations c ON c.no = m.conversation
        JOIN reactions r ON r.message = m.no
        WHERE m.id = ?1 AND c.id = ?2 ORDER BY r.createdAt, r.id LIMIT ?3";
    messages.sort_unstable();
    let mut select = db.prepare_cached(SELECT)?;
    let mut found = Vec::new();
    for message in messages {
        let left = number((MAX_MARKS - found.len()) as u64);
        let rows = select.query_map(params![message, conversation, left], |row| {
            Ok(Reaction {
                id: row.get(0)?,
                message,
                conversation: conversation.clone(),
                user: row.get(1)?,
                emoji: row.get(2)?,
                created_at: read_number(row, 3)?,
            })
        })?;
        for reaction in rows {
            found.push(reaction?);
        }
    }
    Ok(found)
}

pub(super) fn receipts(
    db: &Connection,
    conversation: &ConversationId,
    user: &UserId,
    mut messages: Vec<MessageId>,
) -> Result<Vec<Receipt>, StoreError> {
    messages.sort_unstable();
    let mut found = Vec::new();
    for id in messages {
        let Some((no, sender)) = sent_by(db, conversation, id)? else {
            continue;
        };
        let only = Some(user).filter(|user| **user != sender);
        let left = MAX_MARKS - found.len();
        found.extend(receipts_of(db, (no, id), only, left)?);
    }
    Ok(found)
}

/// The row and the sender of a message.
fn sent_by(
    db: &Connection,
    conversation: &ConversationId,
    id: MessageId,
) -> rusqlite::Result<Option<(i64, UserId)>> {
    const SELECT: &str = "
        SELECT m.no, m.sender FROM messages m JOIN conversations c ON c.no = m.conversation
        WHERE m.id = ?1 AND c.id = ?2";
    let mut select = db.prepare_cached(SELECT)?;
    let found = select.query_row(params![id, conversation], |row| {
        Ok((row.get(0)?, row.get(1)?))
    });
    found.optional()
}
