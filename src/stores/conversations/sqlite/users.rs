//! Users.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{number, read_optional_number};
use super::store::{SqliteConversations, read_only};
use crate::model::conversation::{UserChange, UserRecord};
use crate::model::{TokenUser, UserId, name};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::users::UserStore;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, givenName, username, avatarUrl, status, lastSeenAt, numericId FROM users ",
            $rest
        )
    };
}

impl SqliteConversations {
    /// Whether a user is suspended, for a look from outside: nothing is made or changed. `None`: it cannot be read.
    pub(crate) fn is_suspended(data_dir: &Path, user: &UserId) -> Option<bool> {
        let connection = read_only(data_dir)?;
        let find = "SELECT status = 'suspended' FROM users WHERE id = ?";
        let found = connection.query_row(find, [user.as_str()], |row| row.get(0));
        found.optional().ok().map(Option::unwrap_or_default)
    }
}

#[async_trait]
impl UserStore for SqliteConversations {
    async fn upsert(&self, user: &TokenUser) -> Result<UserRecord, StoreError> {
        let user = user.clone();
        self.writer
            .write_unflushed(Some(user.id.clone()), move |writing| {
                upsert(writing.db, &user)
            })
            .await
    }

    async fn find(&self, user: &UserId) -> Result<Option<UserRecord>, StoreError> {
        let user = user.clone();
        self.readers.read(move |db| find(db, &user)).await
    }

    async fn find_all(&self, users: &[UserId]) -> Result<Vec<UserRecord>, StoreError> {
        let users = users.to_owned();
        let read = self.readers.read(move |db| {
            let found = users.iter().map(|user| find(db, user));
            found.filter_map(Result::transpose).collect()
        });
        read.await
    }

    async fn addressed(&self, names: &[Arc<str>]) -> Result<Vec<UserRecord>, StoreError> {
        let names = names.to_owned();
        self.readers.read(move |db| addressed(db, &names)).await
    }

    async fn change(&self, user: &UserId, change: &UserChange) -> Result<UserRecord, StoreError> {
        let (user, changed) = (user.clone(), change.clone());
        self.writer
            .write(None, move |writing| {
                self::change(writing.db, &user, &changed)
            })
            .await
    }

    async fn read_id_types(&self) -> Result<(), StoreError> {
        let read = self.readers.read(|db| {
            let mut select = db.prepare(select!("WHERE numericId IS NOT NULL"))?;
            for user in select.query_map([], read)? {
                user?;
            }
            Ok(())
        });
        read.await
    }

    async fn record_last_seen(&self, user: &UserId, at: u64) -> Result<(), StoreError> {
        let user = user.clone();
        self.writer
            .write_unflushed(Some(user.clone()), move |writing| {
                record_last_seen(writing.db, &user, at)
            })
            .await
    }
}

pub(super) const ADDRESSED: &str = select!("WHERE id = ?1 OR givenName = ?1 OR username = ?1");

fn upsert(db: &Connection, token: &TokenUser) -> Result<UserRecord, StoreError> {
    const UPSERT: &str = "
        INSERT INTO users (id, name, avatarUrl, username, status, numericId)
        VALUES (?1, coalesce(?2, ?1), ?3, ?4, 'active', ?5)
        ON CONFLICT (id) DO UPDATE
        SET name = coalesce(?2, name), avatarUrl = coalesce(?3, avatarUrl),
            username = coalesce(?4, username), numericId = ?5
        RETURNING id, name, givenName, username, avatarUrl, status, lastSeenAt, numericId";
    let values = params![
        token.id,
        token.name,
        token.avatar_url,
        token.username,
        token.stored_id_type(),
    ];
    Ok(db.prepare_cached(UPSERT)?.query_row(values, read)?)
}

pub(super) fn change(
    db: &Connection,
    user: &UserId,
    change: &UserChange,
) -> Result<UserRecord, StoreError> {
    const CHANGE: &str = "
        INSERT INTO users (id, name, givenName, avatarUrl, status)
        VALUES (?1, coalesce(?2, ?1), ?2, ?4, coalesce(?5, 'active'))
        ON CONFLICT (id) DO UPDATE
        SET name = coalesce(?2, name), givenName = coalesce(?2, givenName), avatarUrl = iif(?3, ?4, avatarUrl),
            status = coalesce(?5, status)
        RETURNING id, name, givenName, username, avatarUrl, status, lastSeenAt, numericId";
    let values = params![
        user,
        change.name,
        change.avatar_url.is_some(),
        change.avatar_url.as_ref().and_then(Option::as_ref),
        change.status,
    ];
    Ok(db.prepare_cached(CHANGE)?.query_row(values, read)?)
}

fn record_last_seen(db: &Connection, user: &UserId, at: u64) -> Result<(), StoreError> {
    const UPSERT: &str = "
        INSERT INTO users (id, name, status, lastSeenAt) VALUES (?1, ?1, 'active', ?2)
        ON CONFLICT (id) DO UPDATE SET lastSeenAt = max(coalesce(lastSeenAt, 0), ?2)";
    db.prepare_cached(UPSERT)?
        .execute(params![user, number(at)])?;
    Ok(())
}

fn find(db: &Connection, user: &UserId) -> Result<Option<UserRecord>, StoreError> {
    let found = db
        .prepare_cached(select!("WHERE id = ?1"))?
        .query_row([user], read);
    Ok(found.optional()?)
}

fn addressed(db: &Connection, names: &[Arc<str>]) -> Result<Vec<UserRecord>, StoreError> {
    let mut select = db.prepare_cached(ADDRESSED)?;
    let mut found = BTreeMap::new();
    for name in names {
        for user in select.query_map([name], read)? {
            let user = user?;
            found.insert(user.id.clone(), user);
        }
    }
    Ok(found.into_values().collect())
}

fn read(row: &Row<'_>) -> rusqlite::Result<UserRecord> {
    let (id, name): (UserId, String) = (row.get(0)?, row.get(1)?);
    let record = UserRecord {
        name: name::shown(&name).unwrap_or_else(|| id.as_name()),
        id,
        given_name: row.get(2)?,
        username: row.get(3)?,
        avatar_url: row.get(4)?,
        status: row.get(5)?,
        last_seen_at: read_optional_number(row, 6)?,
        id_type: None,
    };
    Ok(record.with_id_type(row.get(7)?))
}
