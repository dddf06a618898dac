//! Removing what is old. What is due is found by the readers, and removed by the writer, a part at a time.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::changes::pass_for_all;
use super::columns::{number, read_optional_number};
use super::conversations;
use super::message_rows::Known;
use super::store::SqliteConversations;
use super::writer::Writing;
use crate::model::conversation::{Conversation, ConversationId};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::retention::{RetentionStore, time_before};

/// How many conversations are looked at at once.
const CONVERSATIONS: u64 = 1_000;
/// How many rows are changed at once, unless those of one message are more.
const ROWS: usize = 2_000;

#[async_trait]
impl RetentionStore for SqliteConversations {
    async fn set_message_retention(
        &self,
        conversation: &ConversationId,
        retention: Option<Duration>,
    ) -> Result<Option<Conversation>, StoreError> {
        let conversation = conversation.clone();
        self.writer
            .write(None, move |writing| {
                set(writing.db, &conversation, retention)
            })
            .await
    }

    async fn remove_old_messages(&self, kept: Duration) -> Result<u64, StoreError> {
        let (mut last, mut removed) = (Some(0), 0);
        while let Some(after) = last {
            let now = self.clock.now_ms();
            let found = self.readers.read(move |db| due(db, after, kept, now));
            let due: Due;
            (due, last) = found.await?;
            for (conversation, before) in due {
                removed += self.remove_messages_of(conversation, before).await?;
            }
        }
        Ok(removed)
    }

    async fn remove_old_changes(&self, kept: Duration) -> Result<(), StoreError> {
        let before = time_before(self.clock.now_ms(), kept);
        let remove = move |writing: &mut Writing<'_>| remove_records(writing.db, before);
        while self.writer.write_rows(None, ROWS, remove).await? {}
        let mut last = Some(0);
        while let Some(after) = last {
            let found = self
                .readers
                .read(move |db| with_old_receipts(db, after, before));
            let old: Vec<i64>;
            (old, last) = found.await?;
            for conversation in old {
                let remove = move |writing: &mut Writing<'_>| {
                    remove_receipts(writing.db, conversation, before)
                };
                while self.writer.write_rows(None, ROWS, remove).await? {}
            }
        }
        Ok(())
    }
}

impl SqliteConversations {
    /// Removes the messages of a conversation from before a time; how many.
    async fn remove_messages_of(&self, conversation: i64, before: u64) -> Result<u64, StoreError> {
        let mut all = 0;
        loop {
            let remove = move |writing: &mut Writing<'_>| remove(writing.db, conversation, before);
            match self.writer.write_rows(None, ROWS, remove).await? {
                0 => return Ok(all),
                removed => all += removed,
            }
        }
    }
}

fn set(
    db: &Connection,
    conversation: &ConversationId,
    retention: Option<Duration>,
) -> Result<Option<Conversation>, StoreError> {
    const UPDATE: &str = "UPDATE conversations SET messageRetention = ?2 WHERE id = ?1";
    let seconds = retention.map(|retention| number(retention.as_secs()));
    db.prepare_cached(UPDATE)?
        .execute(params![conversation, seconds])?;
    conversations::find(db, conversation)
}

/// Conversations with old messages, and the time before which these are old.
type Due = Vec<(i64, u64)>;

/// Those of the next conversations, and the last one that was looked at, if there may be more.
fn due(
    db: &Connection,
    after: i64,
    kept: Duration,
    now: u64,
) -> Result<(Due, Option<i64>), StoreError> {
    const ALL: &str = "
        SELECT no, messageRetention FROM conversations WHERE no > ?1 ORDER BY no LIMIT ?2";
    const OWN: &str = "
        SELECT no, messageRetention FROM conversations
        WHERE no > ?1 AND messageRetention > 0 ORDER BY no LIMIT ?2";
    const OLD: &str = "SELECT 1 FROM messages WHERE conversation = ?1 AND createdAt < ?2";
    let mut select = db.prepare_cached(if kept.is_zero() { OWN } else { ALL })?;
    let values = params![after, number(CONVERSATIONS)];
    let rows = select.query_map(values, |row| {
        Ok((row.get(0)?, read_optional_number(row, 1)?))
    })?;
    let (mut due, mut count, mut last) = (Vec::new(), 0, None);
    for row in rows {
        let (conversation, own): (i64, _) = row?;
        let kept = own.map_or(kept, Duration::from_secs);
        let before = time_before(now, kept);
        let values = params![conversation, number(before)];
        if !kept.is_zero() && db.prepare_cached(OLD)?.exists(values)? {
            due.push((conversation, before));
        }
        count += 1;
        last = Some(conversation);
    }
    Ok((due, last.filter(|_| count == CONVERSATIONS)))
}

/// Removes some of the messages of a conversation from before a time; how many.
fn remove(db: &Connection, conversation: i64, before: u64) -> Result<u64, StoreError> {
    let (mut removed, mut rows) = (0, 0);
    let (mut last_no, mut last_id) = (0, Vec::new());
    for (message, id) in old_messages(db, conversation, before)? {
        if rows >= ROWS {
            break;
        }
        rows += remove_one(db, conversation, &message)?;
        removed += 1;
        last_no = last_no.max(message.no);
        last_id = last_id.max(id);
    }
    if removed > 0 {
        const COUNT: &str = "UPDATE conversations SET gone = gone + ?2 WHERE no = ?1";
        const HIGHEST: &str = "
            INSERT INTO highestGone (one, no, id) VALUES (1, ?1, ?2)
            ON CONFLICT (one) DO UPDATE SET no = max(no, ?1), id = max(id, ?2)";
        db.prepare_cached(COUNT)?
            .execute(params![conversation, number(removed)])?;
        db.prepare_cached(HIGHEST)?
            .execute(params![last_no, last_id])?;
    }
    Ok(removed)
}

/// Removes a message with everything that belongs to it; how many rows that were.
fn remove_one(db: &Connection, conversation: i64, message: &Known) -> rusqlite::Result<usize> {
    let mut rows = match message.is_deleted {
        true => 0,
        false => pass_for_all(db, conversation, message)?,
    };
    for sql in [
        "DELETE FROM deliveries WHERE message = ?1",
        "DELETE FROM receipts WHERE message = ?1",
        "DELETE FROM reactions WHERE message = ?1",
        "DELETE FROM hidden WHERE message = ?1",
        "DELETE FROM changes WHERE message = ?1",
        "DELETE FROM messages WHERE no = ?1",
    ] {
        rows += db.prepare_cached(sql)?.execute([message.no])?;
    }
    Ok(rows)
}

/// The oldest messages of a conversation from before a time, and their ids.
fn old_messages(
    db: &Connection,
    conversation: i64,
    before: u64,
) -> rusqlite::Result<Vec<(Known, Vec<u8>)>> {
    const SELECT: &str = "
        SELECT id, no, number, sender, deletedAt IS NOT NULL FROM messages
        WHERE conversation = ?1 AND createdAt < ?2 ORDER BY createdAt LIMIT ?3";
    let mut select = db.prepare_cached(SELECT)?;
    let values = params![conversation, number(before), number(ROWS as u64)];
    let rows = select.query_map(values, |row| {
        let message = Known {
            id: row.get(0)?,
            no: row.get(1)?,
            number: row.get(2)?,
            sender: row.get(3)?,
            is_deleted: row.get(4)?,
        };
        Ok((message, row.get(0)?))
    })?;
    rows.collect()
}

/// Removes some of the records of logs from before a time. `true`: there may be more.
fn remove_records(db: &Connection, before: u64) -> Result<bool, StoreError> {
    const OLD: &str = "
        SELECT conversation, number FROM changes WHERE at < ?1 ORDER BY at LIMIT ?2";
    const FORGET: &str = "UPDATE conversations SET forgotten = max(forgotten, ?2) WHERE no = ?1";
    const DELETE: &str = "DELETE FROM changes WHERE conversation = ?1 AND number = ?2";
    let mut old = db.prepare_cached(OLD)?;
    let old = old.query_map(params![number(before), number(ROWS as u64)], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let old: Vec<(i64, i64)> = old.collect::<Result<_, _>>()?;
    for (conversation, record) in &old {
        for sql in [FORGET, DELETE] {
            let values = params![conversation, record];
            db.prepare_cached(sql)?.execute(values)?;
        }
    }
    Ok(old.len() == ROWS)
}

/// Those of the next conversations where a receipt from before a time is the first one in the order, and the
/// last conversation that was looked at, if there may be more.
fn with_old_receipts(
    db: &Connection,
    after: i64,
    before: u64,
) -> Result<(Vec<i64>, Option<i64>), StoreError> {
    const SELECT: &str = "
        SELECT no, (SELECT at FROM receiptLog WHERE conversation = no ORDER BY place LIMIT 1) < ?2
        FROM conversations WHERE no > ?1 ORDER BY no LIMIT ?3";
    let mut select = db.prepare_cached(SELECT)?;
    let values = params![after, number(before), number(CONVERSATIONS)];
    let rows = select.query_map(values, |row| {
        Ok((row.get(0)?, row.get::<_, Option<bool>>(1)?))
    })?;
    let rows: Vec<(i64, _)> = rows.collect::<Result<_, _>>()?;
    let last = rows.last().map(|(conversation, _)| *conversation);
    let is_full = rows.len() as u64 == CONVERSATIONS;
    let old = rows.into_iter().filter(|(_, is_old)| *is_old == Some(true));
    let old = old.map(|(conversation, _)| conversation).collect();
    Ok((old, last.filter(|_| is_full)))
}

/// Removes some of the first entries in the order of receipts, up to one from before a time. `true`: there
/// may be more.
fn remove_receipts(db: &Connection, conversation: i64, before: u64) -> Result<bool, StoreError> {
    const LAST: &str = "
        SELECT max(place) FROM (
            SELECT place, at FROM receiptLog WHERE conversation = ?1 ORDER BY place LIMIT ?3
        ) WHERE at < ?2";
    const FORGET: &str = "UPDATE conversations SET forgottenReceipts = ?2 WHERE no = ?1";
    const DELETE: &str = "DELETE FROM receiptLog WHERE conversation = ?1 AND place <= ?2";
    let values = params![conversation, number(before), number(ROWS as u64)];
    let mut last = db.prepare_cached(LAST)?;
    let last: Option<i64> = last.query_row(values, |row| row.get(0))?;
    let Some(last) = last else {
        return Ok(false);
    };
    db.prepare_cached(FORGET)?
        .execute(params![conversation, last])?;
    let removed = db
        .prepare_cached(DELETE)?
        .execute(params![conversation, last])?;
    Ok(removed == ROWS)
}
