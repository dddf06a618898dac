//! Reading the history of a conversation, page by page.

use rusqlite::{Connection, Params, params};

use super::columns::{number, read_number};
use super::message_rows::{message_columns, read};
use super::participants::member;
use crate::model::UserId;
use crate::model::conversation::{
    ConversationId, Message, MessageId, Page, PageLimit, Slice, Window,
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
            " AND m.id > ?3 AND m.id < ?4 ORDER BY m.id ",
            $order,
            " LIMIT ?5"
        )
    };
}

pub(super) const OLDEST: &str = page!("ASC");
pub(super) const NEWEST: &str = page!("DESC");

/// Skips the first ones in the index, without reading their content.
pub(super) const SLICE: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages m WHERE m.id IN (SELECT m.id FROM ",
    visible!(),
    " ORDER BY m.id LIMIT ?3 OFFSET ?4) ORDER BY m.id"
);

pub(super) fn page(
    db: &Connection,
    conversation: &ConversationId,
    user: &UserId,
    window: Window,
    limit: PageLimit,
) -> Result<Page, StoreError> {
    let conversation_no = member(db, conversation, user)?.conversation;
    let bound = |id: &MessageId| *id.uuid().as_bytes();
    let after = window.after.as_ref().map_or([0; 16], bound);
    let before = window.before.as_ref().map_or([0xff; 16], bound);
    let one_more = number(limit.get() as u64 + 1);
    let values = params![conversation_no, user, after, before, one_more];
    let oldest_first = window.after.is_some();
    let sql = if oldest_first { OLDEST } else { NEWEST };
    let mut page = select(db, sql, values, conversation, limit)?;
    if !oldest_first {
        page.messages.reverse();
    }
    Ok(page)
}

pub(super) fn slice(
    db: &Connection,
    conversation: &ConversationId,
    user: &UserId,
    offset: u64,
    limit: PageLimit,
) -> Result<Slice, StoreError> {
    let conversation_no = member(db, conversation, user)?.conversation;
    let max = number(limit.get() as u64);
    let values = params![conversation_no, user, max, number(offset)];
    Ok(Slice {
        messages: select(db, SLICE, values, conversation, limit)?.messages,
        total: total(db, conversation_no, user)?,
    })
}

fn total(db: &Connection, conversation: i64, user: &UserId) -> rusqlite::Result<u64> {
    const SELECT: &str = "
        SELECT messages - (SELECT count(*) FROM hidden WHERE conversation = ?1 AND user = ?2)
        FROM conversations WHERE no = ?1";
    db.prepare_cached(SELECT)?
        .query_row(params![conversation, user], |row| read_number(row, 0))
}

/// Reads row by row, until the page is full.
fn select(
    db: &Connection,
    sql: &str,
    values: impl Params,
    conversation: &ConversationId,
    limit: PageLimit,
) -> rusqlite::Result<Page> {
    let mut select = db.prepare_cached(sql)?;
    let rows = select.query_map(values, |row| read(row, conversation.clone()))?;
    let mut messages: Vec<Message> = Vec::new();
    let mut bytes = 0;
    for message in rows {
        let message = message?;
        bytes += message.size();
        let is_full = messages.len() == limit.get() || bytes > PageLimit::MAX_BYTES;
        if is_full && !messages.is_empty() {
            let more = true;
            return Ok(Page { messages, more });
        }
        messages.push(message);
    }
    let more = false;
    Ok(Page { messages, more })
}
