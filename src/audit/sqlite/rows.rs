//! Table `rows`: the records of the first version, one by one, which are read and removed until none are
//! left.
//!
//! Owns its statements. Nothing is written to it.

use rusqlite::{Connection, Row, ToSql, types::Type};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::batches::numbers;
use crate::audit::error::AuditStoreError;
use crate::audit::event_type::{EventType, Removal};
use crate::audit::read::{Order, Query, StoredRecord};
use crate::audit::record::time_of;
use crate::audit::store::Trimmed;
use crate::model::clock;

const EXPIRE: &str = "
    DELETE FROM rows WHERE rowid IN
        (SELECT rowid FROM rows WHERE createdAt < ?1 ORDER BY createdAt LIMIT ?2)";

/// `createdAt` is the time in `_id`, so this is the order of `_id`; as a pair it is that of an index.
macro_rules! select {
    ($beyond:literal, $direction:literal, $filter:literal) => {
        concat!(
            "SELECT _id, eventType, level, dialect, user, username, sessionId, ipAddress, userAgent,
                    node, details, success, message, createdAt
             FROM rows
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

/// Deletes at most `limit` that are older than `before_ms`, the oldest first; how many.
pub(super) fn expire(
    connection: &Connection,
    before_ms: i64,
    limit: u32,
) -> Result<usize, AuditStoreError> {
    let mut expire = connection.prepare_cached(EXPIRE)?;
    Ok(expire.execute((before_ms, limit))?)
}

/// Deletes at most `limit` of those that are removed at this time, the oldest first.
pub(super) fn trim(
    connection: &Connection,
    when: Removal,
    limit: usize,
    trimmed: &mut Trimmed,
) -> Result<(), AuditStoreError> {
    let mut any = connection.prepare_cached("SELECT 1 FROM rows LIMIT 1")?;
    if !any.exists([])? {
        return Ok(());
    }
    let mut delete = connection.prepare_cached(&removal(when))?;
    for created_at in delete.query_map([limit as i64], |row| row.get(0))? {
        trimmed.records += 1;
        trimmed.up_to_ms = trimmed.up_to_ms.max(created_at?);
    }
    Ok(())
}

/// Deletes the oldest of the records that are removed at this time. The index has each type in the order of time.
fn removal(when: Removal) -> String {
    let oldest = |event_type: &EventType| {
        let (name, these) = (event_type.as_str(), condition(*event_type, when)?);
        Some(format!(
            "SELECT * FROM (SELECT rowid AS row, createdAt AS at FROM rows
                            WHERE eventType = '{name}' {these} ORDER BY createdAt LIMIT ?1)"
        ))
    };
    let oldest: Vec<_> = EventType::ALL.iter().filter_map(oldest).collect();
    let oldest = oldest.join(" UNION ALL ");
    format!(
        "DELETE FROM rows WHERE rowid IN (SELECT row FROM ({oldest}) ORDER BY at LIMIT ?1)
         RETURNING createdAt"
    )
}

/// Which records of a type are removed at this time; `None`: none are. Where some are apart from the others, the
/// number of the row tells, which the index has, too; `+` keeps the rows from being searched by it. What was written
/// before there were these numbers is not apart.
fn condition(event_type: EventType, when: Removal) -> Option<String> {
    let rows = |of: Removal| {
        let (first, last) = numbers(of);
        format!("BETWEEN {first} AND {last}")
    };
    let is_usual = event_type.removal() == when;
    match event_type.apart() {
        None => is_usual.then(String::new),
        Some((_, apart)) if apart == when => Some(format!("AND +rowid {}", rows(apart))),
        Some((_, apart)) => is_usual.then(|| format!("AND +rowid NOT {}", rows(apart))),
    }
}

/// The first records that a query finds in a table like this one, one more than it asks for if there are more.
pub(super) fn select(
    connection: &Connection,
    table: &str,
    query: &Query,
) -> Result<Vec<StoredRecord>, AuditStoreError> {
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

    let statement = statement(query.order, query.user.is_some(), event.is_some());
    let mut select =
        connection.prepare(&statement.replace("FROM rows", &format!("FROM {table}")))?;
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
