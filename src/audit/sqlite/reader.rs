//! Reading the embedded audit store.
//!
//! Owns the statements that read. It must not write, and must not hold the file open: SQLite removes
//! its side files when the writer thread is the last to close it.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, Row, ToSql, types::Type};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::FILE_NAME;
use crate::audit::error::{AuditStoreError, ReadError};
use crate::audit::event_type::EventType;
use crate::audit::read::{Order, Query, Reader, RecordPage, StoredRecord};
use crate::audit::record::time_of;
use crate::model::clock;

/// `createdAt` is the time in `_id`, so this is the order of `_id`; as a pair it is that of an index.
macro_rules! select {
    ($beyond:literal, $direction:literal, $filter:literal) => {
        concat!(
            "SELECT _id, eventType, level, dialect, user, username, sessionId, ipAddress, userAgent,
                    node, details, success, message, createdAt
             FROM logs
             WHERE createdAt BETWEEN ?1 AND ?2 AND _id ",
            $beyond,
            " ?3",
            $filter,
            " ORDER BY createdAt ",
            $direction,
            ", _id ",
            $direction,
            " LIMIT ?4"
        )
    };
}

macro_rules! select_by {
    ($beyond:literal, $direction:literal, $by_user:expr, $by_event:expr) => {
        match ($by_user, $by_event) {
            (false, false) => select!($beyond, $direction, ""),
            (true, false) => select!($beyond, $direction, " AND user = ?5"),
            (false, true) => select!($beyond, $direction, " AND eventType = ?5"),
            // The plus makes SQLite use the index on users: one user has fewer records than a type.
            (true, true) => select!($beyond, $direction, " AND user = ?5 AND +eventType = ?6"),
        }
    };
}

/// The statement for a query with these filters.
pub(super) fn statement(order: Order, by_user: bool, by_event: bool) -> &'static str {
    match order {
        Order::NewestFirst => select_by!("<", "DESC", by_user, by_event),
        Order::OldestFirst => select_by!(">", "ASC", by_user, by_event),
    }
}

pub(super) struct SqliteReader {
    path: PathBuf,
}

impl SqliteReader {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self {
            path: data_dir.join(FILE_NAME),
        }
    }
}

impl Reader for SqliteReader {
    fn read(&self, query: &Query) -> Result<RecordPage, ReadError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&self.path, flags).map_err(AuditStoreError::from)?;
        let mut records = select(&connection, query)?;
        let more = records.len() > query.limit.get();
        records.truncate(query.limit.get());
        Ok(RecordPage { records, more })
    }
}

/// The records of a page, and one more if more follow.
fn select(connection: &Connection, query: &Query) -> Result<Vec<StoredRecord>, AuditStoreError> {
    let mut from = query.from.unwrap_or(i64::MIN);
    let mut to = query.to.unwrap_or(i64::MAX);
    // The time in its id: the index on times finds it.
    let behind = query.after.map(|id| (time_of(id), id));
    let behind = match (query.order, behind) {
        (Order::NewestFirst, Some((at, id))) => {
            to = to.min(at);
            id
        }
        (Order::OldestFirst, Some((at, id))) => {
            from = from.max(at);
            id
        }
        (Order::NewestFirst, None) => Uuid::max(),
        (Order::OldestFirst, None) => Uuid::nil(),
    };
    let behind = behind.as_bytes().as_slice();
    let one_more = query.limit.get() as i64 + 1;
    let event = query.event.map(EventType::as_str);
    let mut values: Vec<&dyn ToSql> = vec![&from, &to, &behind, &one_more];
    values.extend(query.user.as_ref().map(|user| user as &dyn ToSql));
    values.extend(event.as_ref().map(|event| event as &dyn ToSql));

    let mut select = connection.prepare(statement(
        query.order,
        query.user.is_some(),
        event.is_some(),
    ))?;
    let rows = select.query_map(values.as_slice(), record)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn record(row: &Row<'_>) -> rusqlite::Result<StoredRecord> {
    Ok(StoredRecord {
        id: Uuid::from_bytes(row.get(0)?),
        event_type: row.get(1)?,
        level: row.get(2)?,
        dialect: row.get(3)?,
        user: row.get(4)?,
        username: row.get(5)?,
        session_id: row.get::<_, Option<_>>(6)?.map(text_of),
        ip_address: row.get(7)?,
        user_agent: row.get(8)?,
        node: row.get(9)?,
        details: details(row, 10)?,
        success: row.get(11)?,
        message: row.get(12)?,
        created_at: time(row, 13)?,
    })
}

fn text_of(id: [u8; 16]) -> String {
    Uuid::from_bytes(id).to_string()
}

fn details(row: &Row<'_>, column: usize) -> rusqlite::Result<Box<RawValue>> {
    RawValue::from_string(row.get(column)?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
    })
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    let ms: i64 = row.get(column)?;
    jiff::Timestamp::from_millisecond(ms)
        .map(clock::iso)
        .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, ms))
}

#[cfg(test)]
mod tests;
