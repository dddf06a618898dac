//! Users.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{number, read_optional_number};
use crate::model::conversation::{UserChange, UserRecord};
use crate::model::{TokenUser, UserId};
use crate::stores::conversations::StoreError;

pub(super) const NAMED: &str = "
    SELECT id, name, avatarUrl, status, lastSeenAt FROM users WHERE name = ?1";

pub(super) fn upsert(db: &Connection, token: &TokenUser) -> Result<UserRecord, StoreError> {
    const UPSERT: &str = "
        INSERT INTO users (id, name, avatarUrl, status)
        VALUES (?1, coalesce(?2, ?1), ?3, 'active')
        ON CONFLICT (id) DO UPDATE
        SET name = coalesce(?2, name), avatarUrl = coalesce(?3, avatarUrl)
        RETURNING id, name, avatarUrl, status, lastSeenAt";
    let values = params![token.id, token.name, token.avatar_url];
    Ok(db.prepare_cached(UPSERT)?.query_row(values, read)?)
}

pub(super) fn change(
    db: &Connection,
    user: &UserId,
    change: &UserChange,
) -> Result<UserRecord, StoreError> {
    const CHANGE: &str = "
        INSERT INTO users (id, name, avatarUrl, status)
        VALUES (?1, coalesce(?2, ?1), ?4, coalesce(?5, 'active'))
        ON CONFLICT (id) DO UPDATE
        SET name = coalesce(?2, name), avatarUrl = iif(?3, ?4, avatarUrl),
            status = coalesce(?5, status)
        RETURNING id, name, avatarUrl, status, lastSeenAt";
    let values = params![
        user,
        change.name,
        change.avatar_url.is_some(),
        change.avatar_url.as_ref().and_then(Option::as_ref),
        change.status,
    ];
    Ok(db.prepare_cached(CHANGE)?.query_row(values, read)?)
}

pub(super) fn saw(db: &Connection, user: &UserId, at: u64) -> Result<(), StoreError> {
    const SAW: &str = "
        INSERT INTO users (id, name, status, lastSeenAt) VALUES (?1, ?1, 'active', ?2)
        ON CONFLICT (id) DO UPDATE SET lastSeenAt = max(coalesce(lastSeenAt, 0), ?2)";
    db.prepare_cached(SAW)?.execute(params![user, number(at)])?;
    Ok(())
}

pub(super) fn find(db: &Connection, user: &UserId) -> Result<Option<UserRecord>, StoreError> {
    const SELECT: &str = "
        SELECT id, name, avatarUrl, status, lastSeenAt FROM users WHERE id = ?1";
    let found = db.prepare_cached(SELECT)?.query_row([user], read);
    Ok(found.optional()?)
}

pub(super) fn named(
    db: &Connection,
    mut names: Vec<Arc<str>>,
) -> Result<Vec<UserRecord>, StoreError> {
    names.sort_unstable();
    names.dedup();
    let mut select = db.prepare_cached(NAMED)?;
    let mut found = Vec::new();
    for name in names {
        for user in select.query_map([name], read)? {
            found.push(user?);
        }
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> rusqlite::Result<UserRecord> {
    Ok(UserRecord {
        id: row.get(0)?,
        name: row.get(1)?,
        avatar_url: row.get(2)?,
        status: row.get(3)?,
        last_seen_at: read_optional_number(row, 4)?,
    })
}
