//! Receipts: which message was delivered to whom, and who has read it.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::changes::has_hidden;
use super::columns::number;
use super::deliveries;
use super::history::change_number;
use super::marks;
use super::message_rows::{Known, pass, visible};
use super::participant_rows::{Member, member};
use super::receipt_log;
use super::receipt_rows::{reached_at, reached_together};
use super::store::SqliteConversations;
use super::writer::Writing;
use crate::model::UserId;
use crate::model::conversation::{
    ConversationId, Delivered, MessageId, PageLimit, Read, Receipt, ReceiptCursor, ReceiptPage,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::receipts::ReceiptStore;

#[async_trait]
impl ReceiptStore for SqliteConversations {
    async fn mark_read(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        messages: &[MessageId],
    ) -> Result<Read, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        let mut messages = messages.to_owned();
        messages.sort_unstable();
        self.writer
            .write_rows(Some(user.clone()), messages.len(), move |writing| {
                mark_read(writing, &conversation, &user, &messages)
            })
            .await
    }

    async fn unread(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        limit: usize,
    ) -> Result<Vec<MessageId>, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        self.readers
            .read(move |db| unread(db, &conversation, &user, limit))
            .await
    }

    async fn mark_delivered(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        limit: PageLimit,
    ) -> Result<Delivered, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        self.writer
            .write(Some(user.clone()), move |writing| {
                mark_delivered(writing, &conversation, &user, limit)
            })
            .await
    }

    async fn mark_delivered_to(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        sender: &UserId,
        users: &[UserId],
    ) -> Result<Vec<UserId>, StoreError> {
        let (conversation, users) = (conversation.clone(), users.to_owned());
        self.writer
            .write_rows(Some(sender.clone()), users.len(), move |writing| {
                deliveries::mark(writing, &conversation, message, &users)
            })
            .await
    }

    async fn of_messages(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        messages: &[MessageId],
    ) -> Result<Vec<Receipt>, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        let messages = messages.to_owned();
        self.readers
            .read(move |db| marks::receipts(db, &conversation, &user, messages))
            .await
    }

    async fn noted_since(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        after: Option<ReceiptCursor>,
        limit: usize,
    ) -> Result<ReceiptPage, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        self.readers
            .read(move |db| receipt_log::noted_since(db, &conversation, &user, after, limit))
            .await
    }
}

fn mark_read(
    writing: &Writing<'_>,
    conversation: &ConversationId,
    user: &UserId,
    messages: &[MessageId],
) -> Result<Read, StoreError> {
    let db = writing.db;
    let member = member(db, conversation, user)?;
    let (mut passed, mut noted) = (0, Vec::new());
    let mut read: Vec<(UserId, Vec<MessageId>)> = Vec::new();
    let (mut delivered, mut newest) = (Vec::new(), 0);
    for &id in messages {
        let Some(message) = visible(db, &member, id)? else {
            continue;
        };
        if message.sender == *user {
            continue;
        }
        match set_read(writing, &message, user)? {
            First::Neither => continue,
            First::Read => {}
            First::Delivered => delivered.push((id, message.sender.clone())),
        }
        noted.push(message.no);
        newest = newest.max(message.number);
        if was_unread(db, &member, &message, user)? {
            passed += 1;
        }
        match read
            .iter_mut()
            .find(|(sender, _)| *sender == message.sender)
        {
            Some((_, ids)) => ids.push(id),
            None => read.push((message.sender, vec![id])),
        }
    }
    if passed > 0 {
        pass(db, member.conversation, user, passed)?;
    }
    receipt_log::note(writing, member.conversation, &noted)?;
    Ok(Read {
        at: writing.now,
        messages: read,
        delivered,
        newest: change_number(newest),
    })
}

fn unread(
    db: &Connection,
    conversation: &ConversationId,
    user: &UserId,
    limit: usize,
) -> Result<Vec<MessageId>, StoreError> {
    const SELECT: &str = "
        SELECT m.id FROM messages m
        WHERE m.conversation = ?1 AND m.number > ?2 AND m.sender <> ?3 AND m.deletedAt IS NULL
          AND NOT EXISTS (SELECT 1 FROM receipts r
                          WHERE r.message = m.no AND r.user = ?3 AND r.readAt IS NOT NULL)
          AND NOT EXISTS (SELECT 1 FROM hidden h
                          WHERE h.conversation = ?1 AND h.user = ?3 AND h.message = m.no)
        ORDER BY m.number DESC LIMIT max(0, min(?4, (
            SELECT c.messages - p.passed FROM conversations c, participants p
            WHERE c.no = ?1 AND p.conversation = ?1 AND p.user = ?3)))";
    let member = member(db, conversation, user)?;
    // No more are looked for than are counted: behind these all may have been read.
    let values = params![
        member.conversation,
        member.added,
        user,
        number(limit as u64)
    ];
    let mut select = db.prepare_cached(SELECT)?;
    let rows = select.query_map(values, |row| row.get(0))?;
    let mut unread: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
    unread.reverse();
    Ok(unread)
}

/// What happened to a message for the first time when it was marked as read.
enum First {
    /// It was delivered, and read.
    Delivered,
    /// It was read.
    Read,
    Neither,
}

/// Marks a message as read.
fn set_read(writing: &Writing<'_>, message: &Known, user: &UserId) -> rusqlite::Result<First> {
    const DELIVERED: &str = "
        INSERT INTO receipts (message, user, deliveredAt, readAt) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (message, user) DO NOTHING";
    const READ: &str = "
        UPDATE receipts SET readAt = ?3 WHERE message = ?1 AND user = ?2 AND readAt IS NULL";
    let (db, now) = (writing.db, number(writing.now));
    let together = reached_at(db, message.no, user)?.map(number);
    let values = params![message.no, user, together.unwrap_or(now), now];
    if db.prepare_cached(DELIVERED)?.execute(values)? == 1 {
        return Ok(match together {
            Some(_) => First::Read,
            None => First::Delivered,
        });
    }
    let values = params![message.no, user, now];
    let is_first = db.prepare_cached(READ)?.execute(values)? == 1;
    Ok(if is_first {
        First::Read
    } else {
        First::Neither
    })
}

/// Whether an unread message was counted as such.
fn was_unread(
    db: &Connection,
    member: &Member,
    message: &Known,
    user: &UserId,
) -> rusqlite::Result<bool> {
    let counts = !message.is_deleted && message.number > member.added;
    Ok(counts && !has_hidden(db, member.conversation, message, user)?)
}

fn mark_delivered(
    writing: &Writing<'_>,
    conversation: &ConversationId,
    user: &UserId,
    limit: PageLimit,
) -> Result<Delivered, StoreError> {
    let db = writing.db;
    let conversation_no = member(db, conversation, user)?.conversation;
    let mut waiting = undelivered(db, conversation_no, user, limit.get() + 1)?;
    let more = waiting.len() > limit.get();
    waiting.truncate(limit.get());
    for message in &waiting {
        set_delivered(writing, message, user)?;
    }
    let noted: Vec<_> = waiting.iter().map(|message| message.no).collect();
    receipt_log::note(writing, conversation_no, &noted)?;
    let last = waiting.last().filter(|_| more);
    let last = last.map(|message| message.number);
    record_progress(db, conversation_no, user, last)?;
    let messages = waiting.into_iter();
    Ok(Delivered {
        at: writing.now,
        messages: messages
            .map(|message| (message.id, message.sender))
            .collect(),
        more,
    })
}

/// Marks a message as delivered to a user to whom it was not.
fn set_delivered(writing: &Writing<'_>, message: &Known, user: &UserId) -> rusqlite::Result<()> {
    const DELIVERED: &str = "INSERT INTO receipts (message, user, deliveredAt) VALUES (?1, ?2, ?3)";
    let values = params![message.no, user, number(writing.now)];
    writing.db.prepare_cached(DELIVERED)?.execute(values)?;
    Ok(())
}

/// The oldest messages that were not delivered to a user.
fn undelivered(
    db: &Connection,
    conversation: i64,
    user: &UserId,
    max: usize,
) -> rusqlite::Result<Vec<Known>> {
    const SELECT: &str = concat!(
        "SELECT m.id, m.no, m.number, m.sender
        FROM participants p JOIN messages m
            ON m.conversation = p.conversation AND m.number > p.delivered
        WHERE p.conversation = ?1 AND p.user = ?2 AND m.sender <> ?2 AND m.deletedAt IS NULL
          AND NOT ",
        reached_together!("m.no", "?2"),
        " AND NOT EXISTS (SELECT 1 FROM receipts r WHERE r.message = m.no AND r.user = ?2)
          AND NOT EXISTS (SELECT 1 FROM hidden h
                          WHERE h.conversation = ?1 AND h.user = ?2 AND h.message = m.no)
        ORDER BY m.number LIMIT ?3"
    );
    let mut select = db.prepare_cached(SELECT)?;
    let rows = select.query_map(params![conversation, user, number(max as u64)], |row| {
        Ok(Known {
            id: row.get(0)?,
            no: row.get(1)?,
            number: row.get(2)?,
            sender: row.get(3)?,
            is_deleted: false,
        })
    })?;
    rows.collect()
}

/// Records the last message that was examined for deliveries to a user; `None` is the end of the
/// history.
fn record_progress(
    db: &Connection,
    conversation: i64,
    user: &UserId,
    last: Option<i64>,
) -> rusqlite::Result<()> {
    const UPDATE: &str = "
        UPDATE participants
        SET delivered = coalesce(
            ?3, (SELECT changes FROM conversations WHERE no = ?1), delivered)
        WHERE conversation = ?1 AND user = ?2";
    let values = params![conversation, user, last];
    db.prepare_cached(UPDATE)?.execute(values)?;
    Ok(())
}
