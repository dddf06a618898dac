//! Receipts of one message for those whom it has reached together. Other receipts are in `receipts`.

use rusqlite::{OptionalExtension as _, params};

use super::columns::number;
use super::receipt_log;
use super::writer::Writing;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, MessageId};
use crate::stores::conversations::error::StoreError;

/// How many users one statement has places for; those that are not needed are NULL.
const PLACES: usize = 16;

/// Marks a message as delivered to these users but its sender, as far as they are active participants; to whom it was not
/// before.
pub(super) fn mark(
    writing: &Writing<'_>,
    conversation: &ConversationId,
    message: MessageId,
    users: &[UserId],
) -> Result<Vec<UserId>, StoreError> {
    const SELECT: &str = "
        SELECT m.no, m.conversation, m.sender FROM messages m
        JOIN conversations c ON c.no = m.conversation
        WHERE m.id = ?1 AND c.id = ?2";
    let mut select = writing.db.prepare_cached(SELECT)?;
    let found = select.query_row(params![message, conversation], |row| {
        Ok(((row.get(0)?, row.get(1)?), row.get(2)?))
    });
    let found: Option<((i64, i64), UserId)> = found.optional()?;
    let (message, sender) = found.ok_or(StoreError::NotFoundOrForbidden)?;
    let others: Vec<_> = users.iter().filter(|user| **user != sender).collect();
    let mut reached = Vec::new();
    for some in others.chunks(PLACES) {
        insert(writing, message, some, &mut reached)?;
    }
    if !reached.is_empty() {
        let (message, conversation) = message;
        receipt_log::note(writing, conversation, &[message])?;
    }
    Ok(reached)
}

/// Inserts receipts of a message of a conversation for at most [`PLACES`] users, and adds whom it did not have before.
fn insert(
    writing: &Writing<'_>,
    (message, conversation): (i64, i64),
    users: &[&UserId],
    reached: &mut Vec<UserId>,
) -> rusqlite::Result<()> {
    // To ignore what is there also has the database keep no copy of the page that it would need to undo the statement.
    const INSERT: &str = "
        INSERT OR IGNORE INTO receipts (message, user, deliveredAt)
        SELECT ?1, p.user, ?3
        FROM (VALUES (?4), (?5), (?6), (?7), (?8), (?9), (?10), (?11),
                     (?12), (?13), (?14), (?15), (?16), (?17), (?18), (?19)) AS reached
        CROSS JOIN participants p
        WHERE p.conversation = ?2 AND p.user = reached.column1 AND p.status = 'active'
        RETURNING user";
    const FIRST: usize = 4;
    let mut insert = writing.db.prepare_cached(INSERT)?;
    insert.raw_bind_parameter(1, message)?;
    insert.raw_bind_parameter(2, conversation)?;
    insert.raw_bind_parameter(3, number(writing.now))?;
    for place in 0..PLACES {
        insert.raw_bind_parameter(FIRST + place, users.get(place))?;
    }
    let mut rows = insert.raw_query();
    while let Some(row) = rows.next()? {
        let user = row.get_ref(0)?.as_str()?;
        let new = users.iter().find(|one| one.as_str() == user);
        reached.extend(new.map(|one| (*one).clone()));
    }
    Ok(())
}
