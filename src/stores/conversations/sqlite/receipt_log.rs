//! The order in which receipts were noted. The receipts themselves are in `receipts`.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::{number, read_number};
use super::participant_rows::{Member, member};
use super::receipt_rows::receipts_of;
use super::writer::Writing;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, Receipt, ReceiptCursor, ReceiptPage};
use crate::stores::conversations::error::StoreError;

/// Maximum number of receipts that are read at once, unless those of one message are more.
const MAX_READ: usize = 10_000;

/// Receipts of these messages were noted.
pub(super) fn note(
    writing: &Writing<'_>,
    conversation: i64,
    messages: &[i64],
) -> rusqlite::Result<()> {
    // It inserts one row, so there is nothing before it to be undone, and no copy is made for that. As a SELECT from the
    // table that it changes, it would have a table of its own made for what is read.
    const INSERT: &str = "
        INSERT OR FAIL INTO receiptLog (conversation, place, message, at)
        VALUES (?1, 1 + coalesce(
            (SELECT max(place) FROM receiptLog WHERE conversation = ?1),
            (SELECT forgottenReceipts FROM conversations WHERE no = ?1)), ?2, ?3)";
    let mut insert = writing.db.prepare_cached(INSERT)?;
    for message in messages {
        insert.execute(params![conversation, message, number(writing.now)])?;
    }
    Ok(())
}

pub(super) fn noted_since(
    db: &Connection,
    conversation: &ConversationId,
    user: &UserId,
    after: Option<ReceiptCursor>,
    limit: usize,
) -> Result<ReceiptPage, StoreError> {
    let member = member(db, conversation, user)?;
    let conversation = member.conversation;
    let (forgotten, last) = bounds(db, conversation)?;
    let Some(after) = after else {
        return Ok(ReceiptPage {
            end: ReceiptCursor::at(last),
            ..ReceiptPage::default()
        });
    };
    let after = after.settled;
    if !(forgotten..=last).contains(&after) {
        return Err(StoreError::CursorExpired);
    }
    let until = after.saturating_add(limit as u64).min(last);
    let (mut end, mut receipts) = (after, Vec::new());
    while end < until && receipts.len() < MAX_READ {
        end += 1;
        read(db, &member, user, end, &mut receipts)?;
    }
    Ok(ReceiptPage {
        receipts,
        end: ReceiptCursor::at(end),
        more: end < last,
    })
}

/// The place up to which some are gone, and the last one.
fn bounds(db: &Connection, conversation: i64) -> rusqlite::Result<(u64, u64)> {
    const SELECT: &str = "
        SELECT forgottenReceipts,
               coalesce((SELECT max(place) FROM receiptLog WHERE conversation = ?1), forgottenReceipts)
        FROM conversations WHERE no = ?1";
    db.prepare_cached(SELECT)?.query_row([conversation], |row| {
        Ok((read_number(row, 0)?, read_number(row, 1)?))
    })
}

/// The receipts that were noted at one place, as they are now.
fn read(
    db: &Connection,
    member: &Member,
    user: &UserId,
    place: u64,
    receipts: &mut Vec<Receipt>,
) -> rusqlite::Result<()> {
    const SELECT: &str = "
        SELECT m.no, m.id, m.sender FROM receiptLog l JOIN messages m ON m.no = l.message
        WHERE l.conversation = ?1 AND l.place = ?2 AND m.number > ?3";
    let mut select = db.prepare_cached(SELECT)?;
    let values = params![member.conversation, number(place), member.since];
    let found = select.query_row(values, |row| {
        Ok(((row.get(0)?, row.get(1)?), row.get::<_, UserId>(2)?))
    });
    if let Some((message, sender)) = found.optional()? {
        let only = Some(user).filter(|user| **user != sender);
        receipts.extend(receipts_of(db, message, only, usize::MAX)?);
    }
    Ok(())
}
