//! Reading the history of a conversation, page by page.

use rusqlite::{Connection, OptionalExtension as _, Params, params};

use super::columns::{number, read_number};
use super::message_rows::{message_columns, read};
use super::participant_rows::member;
use crate::model::UserId;
use crate::model::conversation::{
    After, ChangeNumber, ConversationId, Message, MessageId, Page, PageLimit, Slice, Window,
};
use crate::stores::conversations::error::StoreError;

/// Messages `m` of a conversation ?1 that a user ?2 has not hidden.
macro_rules! visible {
    () => {
        "messages m WHERE m.conversation = ?1 AND NOT EXISTS (
             SELECT 1 FROM hidden h
             WHERE h.conversation = ?1 AND h.user = ?2 AND h.message = m.no)"
    };
}

macro_rules! page {
    ($order:literal) => {
        concat!(
            "SELECT ",
            message_columns!(),
            " FROM ",
            visible!(),
            " AND m.number > ?3 AND m.number < ?4 ORDER BY m.number ",
            $order,
            " LIMIT ?5"
        )
    };
}

pub(super) const OLDEST: &str = page!("ASC");
pub(super) const NEWEST: &str = page!("DESC");

/// Those behind a change ?5. Skips the first ones in the index, without reading their content.
pub(super) const SLICE: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages m WHERE m.conversation = ?1 AND m.number IN (SELECT m.number FROM ",
    visible!(),
    " AND m.number > ?5 ORDER BY m.number LIMIT ?3 OFFSET ?4) ORDER BY m.number"
);

pub(super) fn page(
    db: &Connection,
    conversation: &ConversationId,
    user: &UserId,
    window: Window,
    limit: PageLimit,
) -> Result<Page, StoreError> {
    let member = member(db, conversation, user)?;
    let conversation_no = member.conversation;
    let (last, forgotten) = bounds(db, conversation_no)?;
    let after = match window.after {
        Some(After::Message(id)) => last_up_to(db, conversation_no, id)?,
        Some(After::Change(after)) => number(after.get()),
        None => 0,
    };
    let is_cursor = matches!(window.after, Some(After::Change(_)));
    if after > last || is_cursor && after < forgotten {
        return Err(StoreError::CursorExpired);
    }
    let after = after.max(member.since);
    let before = match window.before {
        Some(id) => first_from(db, conversation_no, id)?,
        None => i64::MAX,
    };
    let one_more = number(limit.get() as u64 + 1);
    let values = params![conversation_no, user, after, before, one_more];
    let oldest_first = window.after.is_some();
    let sql = if oldest_first { OLDEST } else { NEWEST };
    let (mut messages, more) = select(db, sql, values, conversation, limit)?;
    let end = match messages.last().filter(|_| more && oldest_first) {
        Some(last) => sent_at(db, conversation_no, last.id)?.unwrap_or(after),
        None => last,
    };
    if !oldest_first {
        messages.reverse();
    }
    Ok(Page {
        messages,
        more,
        after: change_number(after),
        end: change_number(end),
        forgotten: change_number(forgotten),
    })
}

/// The number of the last message whose id is not greater than this one; 0 if there is none.
fn last_up_to(db: &Connection, conversation: i64, id: MessageId) -> rusqlite::Result<i64> {
    match sent_at(db, conversation, id)? {
        Some(number) => Ok(number),
        None => Ok(first_greater(db, conversation, id)? - 1),
    }
}

/// The number of the first message whose id is not smaller than this one; beyond all if there is none.
fn first_from(db: &Connection, conversation: i64, id: MessageId) -> rusqlite::Result<i64> {
    match sent_at(db, conversation, id)? {
        Some(number) => Ok(number),
        None => first_greater(db, conversation, id),
    }
}

fn sent_at(db: &Connection, conversation: i64, id: MessageId) -> rusqlite::Result<Option<i64>> {
    const SELECT: &str = "SELECT number FROM messages WHERE id = ?1 AND conversation = ?2";
    let mut select = db.prepare_cached(SELECT)?;
    select
        .query_row(params![id, conversation], |row| row.get(0))
        .optional()
}

/// The number of the first message with a greater id. Ids of one conversation ascend with the numbers,
/// so an id that is not there (any more) is searched for by halving.
fn first_greater(db: &Connection, conversation: i64, id: MessageId) -> rusqlite::Result<i64> {
    const NEXT: &str = "
        SELECT number, id FROM messages WHERE conversation = ?1 AND number >= ?2
        ORDER BY number LIMIT 1";
    let mut next = db.prepare_cached(NEXT)?;
    // All messages below `low` have smaller ids, those from `high` on greater ones.
    let (mut low, mut high) = (1, bounds(db, conversation)?.0 + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let found = next.query_row(params![conversation, middle], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, MessageId>(1)?))
        });
        match found.optional()? {
            Some((number, found)) if found < id => low = number + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// The last change of a conversation, and that up to which something may be gone.
fn bounds(db: &Connection, conversation: i64) -> rusqlite::Result<(i64, i64)> {
    const SELECT: &str = "SELECT changes, forgotten FROM conversations WHERE no = ?1";
    db.prepare_cached(SELECT)?
        .query_row([conversation], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub(super) fn change_number(number: i64) -> ChangeNumber {
    ChangeNumber::new(u64::try_from(number).unwrap_or(0))
}

pub(super) fn slice(
    db: &Connection,
    conversation: &ConversationId,
    user: &UserId,
    offset: u64,
    limit: PageLimit,
) -> Result<Slice, StoreError> {
    let member = member(db, conversation, user)?;
    let max = number(limit.get() as u64);
    let values = params![member.conversation, user, max, number(offset), member.since];
    Ok(Slice {
        messages: select(db, SLICE, values, conversation, limit)?.0,
        total: match member.since {
            0 => total(db, member.conversation, user)?,
            since => total_since(db, member.conversation, user, since)?,
        },
    })
}

fn total(db: &Connection, conversation: i64, user: &UserId) -> rusqlite::Result<u64> {
    const SELECT: &str = "
        SELECT messages - gone - (SELECT count(*) FROM hidden WHERE conversation = ?1 AND user = ?2)
        FROM conversations WHERE no = ?1";
    db.prepare_cached(SELECT)?
        .query_row(params![conversation, user], |row| read_number(row, 0))
}

/// The same of messages behind a change, which have to be counted.
fn total_since(
    db: &Connection,
    conversation: i64,
    user: &UserId,
    since: i64,
) -> rusqlite::Result<u64> {
    const COUNT: &str = concat!("SELECT count(*) FROM ", visible!(), " AND m.number > ?3");
    db.prepare_cached(COUNT)?
        .query_row(params![conversation, user, since], |row| {
            read_number(row, 0)
        })
}

/// Reads row by row, until the page is full. `true`: there are more.
fn select(
    db: &Connection,
    sql: &str,
    values: impl Params,
    conversation: &ConversationId,
    limit: PageLimit,
) -> rusqlite::Result<(Vec<Message>, bool)> {
    let mut select = db.prepare_cached(sql)?;
    let rows = select.query_map(values, |row| read(row, conversation.clone()))?;
    let mut messages: Vec<Message> = Vec::new();
    let mut bytes = 0;
    for message in rows {
        let message = message?;
        bytes += message.size();
        let is_full = messages.len() == limit.get() || bytes > PageLimit::MAX_BYTES;
        if is_full && !messages.is_empty() {
            return Ok((messages, true));
        }
        messages.push(message);
    }
    Ok((messages, false))
}
