//! Tokens that are taken back.

use std::path::Path;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::columns::{number, read_number, read_optional_number};
use super::store::{SqliteConversations, read_only};
use crate::metrics::stores::Work;
use crate::model::clock::{Clock as _, SystemClock};
use crate::model::{Revocation, RevocationKind, TokenFacts};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::revocations::{RevocationChange, RevocationStore};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, kind, subject, before, createdAt, expiresAt FROM revocations ",
            $rest
        )
    };
}

impl SqliteConversations {
    /// Whether such a token of a user was taken back, for a look from outside: nothing is made or changed. `None`: it
    /// cannot be read.
    pub(crate) fn is_revoked(data_dir: &Path, user: &str, token: &TokenFacts) -> Option<bool> {
        let connection = read_only(data_dir)?;
        let now = SystemClock.now_ms();
        let find = select!("WHERE kind = ?1 AND subject = ?2 AND expiresAt > ?3");
        let subjects = [
            (RevocationKind::Token, token.id()),
            (RevocationKind::User, Some(user)),
            (RevocationKind::Session, token.session()),
        ];
        for (kind, subject) in subjects {
            let Some(subject) = subject else { continue };
            let values = params![kind.as_str(), subject, number(now)];
            let found = connection.query_row(find, values, read).optional();
            if found.ok()?.is_some_and(|found| found.covers(user, token)) {
                return Some(true);
            }
        }
        Some(false)
    }
}

#[async_trait]
impl RevocationStore for SqliteConversations {
    async fn revoke(&self, new: &Revocation) -> Result<Revocation, StoreError> {
        let new = new.clone();
        self.writer
            .write_of(Work::WriteRevocations, move |writing| {
                revoke(writing.db, &new, writing.now)
            })
            .await
    }

    async fn take_back(&self, id: Uuid) -> Result<Option<Revocation>, StoreError> {
        self.writer
            .write_of(Work::WriteRevocations, move |writing| {
                take_back(writing.db, id, writing.now)
            })
            .await
    }

    async fn list(
        &self,
        kind: Option<RevocationKind>,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Revocation>, StoreError> {
        let now = self.clock.now_ms();
        self.readers
            .read_of(Work::ReadRevocations, move |db| {
                list(db, kind, after, (now, limit))
            })
            .await
    }

    async fn remove_expired(&self) -> Result<(), StoreError> {
        self.writer
            .write_of(Work::WriteRevocations, move |writing| {
                remove_expired(writing.db, writing.now)
            })
            .await
    }

    async fn last_change(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    async fn changes(&self, _: u64, _: usize) -> Result<Vec<RevocationChange>, StoreError> {
        Ok(Vec::new())
    }
}

fn revoke(db: &Connection, new: &Revocation, now: u64) -> Result<Revocation, StoreError> {
    const REMOVE: &str =
        "DELETE FROM revocations WHERE kind = ?1 AND subject = ?2 AND expiresAt <= ?3";
    // Only one of a user has a time, and that always.
    const UPSERT: &str = "
        INSERT INTO revocations (id, kind, subject, before, createdAt, expiresAt)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (kind, subject) DO UPDATE
        SET before = max(before, ?4), expiresAt = max(expiresAt, ?6)
        RETURNING id, kind, subject, before, createdAt, expiresAt";
    let (kind, subject) = (new.kind.as_str(), &new.subject);
    db.prepare_cached(REMOVE)?
        .execute(params![kind, subject, number(now)])?;
    let values = params![
        new.id.as_bytes().as_slice(),
        kind,
        subject,
        new.before.map(number),
        number(new.created_at),
        number(new.expires_at),
    ];
    Ok(db.prepare_cached(UPSERT)?.query_row(values, read)?)
}

fn take_back(db: &Connection, id: Uuid, now: u64) -> Result<Option<Revocation>, StoreError> {
    const DELETE: &str = "
        DELETE FROM revocations WHERE id = ?1 AND expiresAt > ?2
        RETURNING id, kind, subject, before, createdAt, expiresAt";
    let mut delete = db.prepare_cached(DELETE)?;
    let values = params![id.as_bytes().as_slice(), number(now)];
    Ok(delete.query_row(values, read).optional()?)
}

pub(super) const LIST: &str =
    select!("WHERE id > ?1 AND expiresAt > ?2 AND (?3 IS NULL OR kind = ?3) ORDER BY id LIMIT ?4");

fn list(
    db: &Connection,
    kind: Option<RevocationKind>,
    after: Option<Uuid>,
    (now, limit): (u64, usize),
) -> Result<Vec<Revocation>, StoreError> {
    let after = after.unwrap_or_default();
    let values = params![
        after.as_bytes().as_slice(),
        number(now),
        kind.map(RevocationKind::as_str),
        number(limit as u64),
    ];
    let mut list = db.prepare_cached(LIST)?;
    let rows = list.query_map(values, read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Others wait for a write meanwhile, so it takes no more than so many.
fn remove_expired(db: &Connection, now: u64) -> Result<(), StoreError> {
    const DELETE: &str = "
        DELETE FROM revocations WHERE id IN
        (SELECT id FROM revocations WHERE expiresAt <= ?1 LIMIT 1000)";
    db.prepare_cached(DELETE)?.execute([number(now)])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Revocation> {
    let invalid = |column| {
        rusqlite::Error::InvalidColumnType(column, String::new(), rusqlite::types::Type::Blob)
    };
    let id = Uuid::from_slice(row.get_ref(0)?.as_blob()?);
    let kind = RevocationKind::parse(row.get_ref(1)?.as_str()?);
    Ok(Revocation {
        id: id.map_err(|_| invalid(0))?,
        kind: kind.ok_or_else(|| invalid(1))?,
        subject: row.get(2)?,
        before: read_optional_number(row, 3)?,
        created_at: read_number(row, 4)?,
        expires_at: read_number(row, 5)?,
    })
}
