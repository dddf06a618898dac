//! Whom users have blocked.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{number, read_number};
use super::store::SqliteConversations;
use super::writer::Writing;
use crate::model::{Block, UserId};
use crate::stores::conversations::blocks::BlockStore;
use crate::stores::conversations::error::StoreError;

#[async_trait]
impl BlockStore for SqliteConversations {
    async fn block(
        &self,
        user: &UserId,
        other: &UserId,
        max: usize,
    ) -> Result<(Block, bool), StoreError> {
        let (user, other) = (user.clone(), other.clone());
        self.writer
            .write(Some(user.clone()), move |writing| {
                block(writing, &user, &other, max)
            })
            .await
    }

    async fn unblock(&self, user: &UserId, other: &UserId) -> Result<Option<Block>, StoreError> {
        let (user, other) = (user.clone(), other.clone());
        self.writer
            .write(Some(user.clone()), move |writing| {
                unblock(writing.db, &user, &other)
            })
            .await
    }

    async fn find(&self, user: &UserId, other: &UserId) -> Result<Option<Block>, StoreError> {
        let (user, other) = (user.clone(), other.clone());
        self.readers.read(move |db| find(db, &user, &other)).await
    }

    async fn list(
        &self,
        user: &UserId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Block>, StoreError> {
        let (user, after) = (user.clone(), after.cloned());
        self.readers
            .read(move |db| list(db, &user, after.as_ref(), limit))
            .await
    }

    async fn blockers_of(&self, user: &UserId, limit: usize) -> Result<Vec<UserId>, StoreError> {
        let user = user.clone();
        self.readers
            .read(move |db| blockers_of(db, &user, limit))
            .await
    }
}

fn block(
    writing: &Writing<'_>,
    user: &UserId,
    other: &UserId,
    max: usize,
) -> Result<(Block, bool), StoreError> {
    const COUNT: &str = "SELECT count(*) FROM blocks WHERE user = ?1";
    const INSERT: &str = "INSERT INTO blocks (user, blocked, since) VALUES (?1, ?2, ?3)";
    let db = writing.db;
    if let Some(known) = find(db, user, other)? {
        return Ok((known, false));
    }
    let mut count = db.prepare_cached(COUNT)?;
    let count: i64 = count.query_row([user], |row| row.get(0))?;
    if usize::try_from(count).is_ok_and(|count| count >= max) {
        return Err(StoreError::BlockListFull);
    }
    let block = Block {
        blocked: other.clone(),
        since: writing.now,
    };
    db.prepare_cached(INSERT)?
        .execute(params![user, other, number(block.since)])?;
    Ok((block, true))
}

fn unblock(db: &Connection, user: &UserId, other: &UserId) -> Result<Option<Block>, StoreError> {
    const DELETE: &str = "
        DELETE FROM blocks WHERE user = ?1 AND blocked = ?2 RETURNING blocked, since";
    let mut delete = db.prepare_cached(DELETE)?;
    Ok(delete.query_row([user, other], read).optional()?)
}

pub(super) fn find(
    db: &Connection,
    user: &UserId,
    other: &UserId,
) -> Result<Option<Block>, StoreError> {
    const SELECT: &str = "SELECT blocked, since FROM blocks WHERE user = ?1 AND blocked = ?2";
    let mut select = db.prepare_cached(SELECT)?;
    Ok(select.query_row([user, other], read).optional()?)
}

fn list(
    db: &Connection,
    user: &UserId,
    after: Option<&UserId>,
    limit: usize,
) -> Result<Vec<Block>, StoreError> {
    const SELECT: &str = "
        SELECT blocked, since FROM blocks WHERE user = ?1 AND blocked > ?2
        ORDER BY blocked LIMIT ?3";
    let after = after.map_or("", UserId::as_str);
    let mut select = db.prepare_cached(SELECT)?;
    let rows = select.query_map(params![user, after, number(limit as u64)], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn blockers_of(db: &Connection, user: &UserId, limit: usize) -> Result<Vec<UserId>, StoreError> {
    const SELECT: &str = "SELECT user FROM blocks WHERE blocked = ?1 LIMIT ?2";
    let mut select = db.prepare_cached(SELECT)?;
    let rows = select.query_map(params![user, number(limit as u64)], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Block> {
    Ok(Block {
        blocked: row.get(0)?,
        since: read_number(row, 1)?,
    })
}
