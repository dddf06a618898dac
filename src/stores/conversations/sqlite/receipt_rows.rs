//! Rows of receipts: one for all whom a message reached together, which stands for what has no row of its own, and one each
//! for those who have read it, or whom it reached later. What is noted is decided in `deliveries` and `receipts`.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::{number, read_number, read_optional_number};
use super::writer::Writing;
use crate::model::UserId;
use crate::model::conversation::{MessageId, Receipt};

/// Between the users of a row, before the first and behind the last: no id has a control character.
const SEPARATOR: char = '\n';

/// Whether a message reached a user together with others.
macro_rules! reached_together {
    ($message:literal, $user:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM deliveries d WHERE d.message = ",
            $message,
            " AND instr(d.users, char(10) || ",
            $user,
            " || char(10)))"
        )
    };
}
pub(super) use reached_together;

/// Inserts one row for users who have no receipts of a message.
pub(super) fn insert_together(
    writing: &Writing<'_>,
    message: i64,
    users: &[UserId],
) -> rusqlite::Result<()> {
    const INSERT: &str = "
        INSERT OR FAIL INTO deliveries (message, deliveredAt, users) VALUES (?1, ?2, ?3)";
    let size: usize = users.iter().map(|user| user.as_str().len() + 1).sum();
    let mut names = String::with_capacity(size + 1);
    for user in users {
        names.push(SEPARATOR);
        names.push_str(user.as_str());
    }
    names.push(SEPARATOR);
    let values = params![message, number(writing.now), names];
    writing.db.prepare_cached(INSERT)?.execute(values)?;
    Ok(())
}

/// When a message reached a user together with others.
pub(super) fn reached_at(
    db: &Connection,
    message: i64,
    user: &UserId,
) -> rusqlite::Result<Option<u64>> {
    const SELECT: &str = "
        SELECT deliveredAt FROM deliveries
        WHERE message = ?1 AND instr(users, char(10) || ?2 || char(10))";
    let mut select = db.prepare_cached(SELECT)?;
    let found = select.query_row(params![message, user], |row| read_number(row, 0));
    found.optional()
}

/// The receipts of a message, or those of one user only, by user; the first `most`.
pub(super) fn receipts_of(
    db: &Connection,
    (no, message): (i64, MessageId),
    only: Option<&UserId>,
    most: usize,
) -> rusqlite::Result<Vec<Receipt>> {
    let mut receipts = own(db, (no, message), only, most)?;
    let (own, mut others) = (receipts.len(), together(db, no)?);
    // Where some are left out, those behind them are, too.
    others.retain(|(user, _)| {
        let found = receipts.binary_search_by(|one| one.user.cmp(user));
        found.is_err() && only.is_none_or(|only| only == user)
    });
    let others = others.into_iter().map(|(user, delivered_at)| Receipt {
        message,
        user,
        delivered_at,
        read_at: None,
    });
    receipts.extend(others);
    if receipts.len() > own {
        receipts.sort_unstable_by(|one, other| one.user.cmp(&other.user));
        receipts.truncate(most);
    }
    Ok(receipts)
}

/// The receipts that have a row of their own.
fn own(
    db: &Connection,
    (no, message): (i64, MessageId),
    only: Option<&UserId>,
    most: usize,
) -> rusqlite::Result<Vec<Receipt>> {
    const ALL: &str = "
        SELECT user, deliveredAt, readAt FROM receipts
        WHERE message = ?1 AND ?2 IS NULL ORDER BY user LIMIT ?3";
    const ONE: &str = "
        SELECT user, deliveredAt, readAt FROM receipts
        WHERE message = ?1 AND user = ?2 LIMIT ?3";
    let mut select = db.prepare_cached(if only.is_some() { ONE } else { ALL })?;
    let rows = select.query_map(params![no, only, number(most as u64)], |row| {
        Ok(Receipt {
            message,
            user: row.get(0)?,
            delivered_at: read_number(row, 1)?,
            read_at: read_optional_number(row, 2)?,
        })
    })?;
    rows.collect()
}

/// Whom a message reached together, and when.
fn together(db: &Connection, message: i64) -> rusqlite::Result<Vec<(UserId, u64)>> {
    const SELECT: &str = "SELECT deliveredAt, users FROM deliveries WHERE message = ?1";
    let mut select = db.prepare_cached(SELECT)?;
    let mut rows = select.query([message])?;
    let Some(row) = rows.next()? else {
        return Ok(Vec::new());
    };
    let at = read_number(row, 0)?;
    let users = row.get_ref(1)?.as_str()?.split(SEPARATOR);
    Ok(users
        .filter_map(UserId::parse)
        .map(|user| (user, at))
        .collect())
}
