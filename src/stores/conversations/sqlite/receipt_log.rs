//! The order in which receipts were noted. The receipts themselves are in `receipts`.

use rusqlite::{Connection, params};

use super::columns::{number, read_number, read_optional_number};
use super::participant_rows::{Member, member};
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
        SELECT m.id, r.user, r.deliveredAt, r.readAt
        FROM receiptLog l JOIN messages m ON m.no = l.message JOIN receipts r ON r.message = m.no
        WHERE l.conversation = ?1 AND l.place = ?2 AND (m.sender = ?3 OR r.user = ?3) AND m.number > ?4";
    let mut select = db.prepare_cached(SELECT)?;
    let values = params![member.conversation, number(place), user, member.since];
    let rows = select.query_map(values, |row| {
        Ok(Receipt {
            message: row.get(0)?,
            user: row.get(1)?,
            delivered_at: read_number(row, 2)?,
            read_at: read_optional_number(row, 3)?,
        })
    })?;
    for receipt in rows {
        receipts.push(receipt?);
    }
    Ok(())
}
