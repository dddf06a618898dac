//! What the database holds, for the contract.

use async_trait::async_trait;
use rusqlite::OptionalExtension as _;

use super::super::columns::read_number;
use super::super::receipt_rows::receipts_of;
use super::*;
use crate::model::conversation::{MessageId, Reaction, Receipt};
use crate::stores::conversations::contract::stored::Stored;

#[async_trait]
impl Stored for SqliteConversations {
    async fn reactions(&self, message: MessageId) -> Vec<Reaction> {
        const SELECT: &str = "
            SELECT r.id, c.id, r.user, r.emoji, r.createdAt
            FROM messages m
            JOIN conversations c ON c.no = m.conversation
            JOIN reactions r ON r.message = m.no
            WHERE m.id = ?1 ORDER BY r.createdAt, r.id";
        let read = self.readers.read(move |db| {
            let mut select = db.prepare(SELECT)?;
            let rows = select.query_map([message], |row| {
                Ok(Reaction {
                    id: row.get(0)?,
                    message,
                    conversation: row.get(1)?,
                    user: row.get(2)?,
                    emoji: row.get(3)?,
                    created_at: read_number(row, 4)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        });
        read.await.unwrap()
    }

    async fn receipts(&self, message: MessageId) -> Vec<Receipt> {
        const SELECT: &str = "SELECT no FROM messages WHERE id = ?1";
        let read = self.readers.read(move |db| {
            let no = db.query_row(SELECT, [message], |row| row.get(0));
            Ok(match no.optional()? {
                Some(no) => receipts_of(db, (no, message), None, usize::MAX)?,
                None => Vec::new(),
            })
        });
        read.await.unwrap()
    }
}
