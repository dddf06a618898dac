//! What is shown beside a part of a history: the reactions to its messages, and their receipts.

use rusqlite::{Connection, params};

use super::columns::{number, read_number, read_optional_number};
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
    const SELECT: &str = "
        SELECT r.user, r.deliveredAt, r.readAt
        FROM messages m JOIN conversations c ON c.no = m.conversation
        JOIN receipts r ON r.message = m.no
        WHERE m.id = ?1 AND c.id = ?2 AND (m.sender = ?3 OR r.user = ?3)
        ORDER BY r.user LIMIT ?4";
    messages.sort_unstable();
    let mut select = db.prepare_cached(SELECT)?;
    let mut found = Vec::new();
    for message in messages {
        let left = number((MAX_MARKS - found.len()) as u64);
        let rows = select.query_map(params![message, conversation, user, left], |row| {
            Ok(Receipt {
                message,
                user: row.get(0)?,
                delivered_at: read_number(row, 1)?,
                read_at: read_optional_number(row, 2)?,
            })
        })?;
        for receipt in rows {
            found.push(receipt?);
        }
    }
    Ok(found)
}
