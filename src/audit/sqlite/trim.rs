//! Removing records when there are too many, in the order of [`Removal`].
//!
//! Owns the numbers of rows: those that are removed at the same time stand together, each kind behind its
//! last one. So the oldest of them fill whole pages, and these are free when they are removed.

use rusqlite::Connection;

use crate::audit::error::AuditStoreError;
use crate::audit::event_type::{EventType, Removal};
use crate::audit::size_limit::slice;
use crate::audit::store::Trimmed;

/// The file has nothing but the audit, so its pages in use are what that takes: two numbers of its
/// header. Pages of deleted records are used again; the file does not shrink.
const USED_BYTES: &str = "
    SELECT (page_count - freelist_count) * page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size";

const LAST_ROW: &str = "
    SELECT rowid FROM logs WHERE rowid >= ?1 AND rowid < ?2 ORDER BY rowid DESC LIMIT 1";

/// How many rows there may be of one kind.
const RANGE: i64 = 1 << 60;

/// The numbers of the next rows.
pub(super) struct Rows([i64; Removal::ORDER.len()]);

impl Rows {
    /// Behind all that there are.
    pub(super) fn behind_last(connection: &Connection) -> Result<Self, AuditStoreError> {
        let mut last = connection.prepare_cached(LAST_ROW)?;
        let mut next = [0; Removal::ORDER.len()];
        for (when, next) in Removal::ORDER.into_iter().zip(&mut next) {
            let first = first_row(when);
            let found = last.query_map([first, first + RANGE], |row| row.get::<_, i64>(0))?;
            *next = first;
            for last in found {
                *next = last? + 1;
            }
        }
        Ok(Self(next))
    }

    /// The number of the next row for a record that is removed at this time.
    pub(super) fn next(&mut self, when: Removal) -> i64 {
        let row = &mut self.0[when as usize];
        *row += 1;
        *row - 1
    }
}

fn first_row(when: Removal) -> i64 {
    when as i64 * RANGE
}

/// Deletes some records if they take more than `max_bytes`.
pub(super) fn trim(
    connection: &Connection,
    max_bytes: u64,
) -> Result<Option<Trimmed>, AuditStoreError> {
    let Some(limit) = slice(used(connection)?, max_bytes) else {
        return Ok(None);
    };
    let mut trimmed = Trimmed {
        records: 0,
        up_to_ms: 0,
    };
    for when in Removal::ORDER {
        let left = i64::from(limit) - trimmed.records as i64;
        if left <= 0 {
            break;
        }
        let mut delete = connection.prepare_cached(&statement(when))?;
        for created_at in delete.query_map([left], |row| row.get(0))? {
            trimmed.records += 1;
            trimmed.up_to_ms = trimmed.up_to_ms.max(created_at?);
        }
    }
    Ok(Some(trimmed))
}

/// Bytes that all records take.
pub(super) fn used(connection: &Connection) -> Result<u64, AuditStoreError> {
    let mut used = connection.prepare_cached(USED_BYTES)?;
    let used: i64 = used.query_row([], |row| row.get(0))?;
    Ok(used.max(0) as u64)
}

/// Deletes the oldest of the records that are removed at this time. The index has each type in the order of time.
fn statement(when: Removal) -> String {
    let oldest = |event_type: &EventType| {
        let (name, these) = (event_type.as_str(), condition(*event_type, when)?);
        Some(format!(
            "SELECT * FROM (SELECT rowid AS row, createdAt AS at FROM logs
                            WHERE eventType = '{name}' {these} ORDER BY createdAt LIMIT ?1)"
        ))
    };
    let oldest: Vec<_> = EventType::ALL.iter().filter_map(oldest).collect();
    let oldest = oldest.join(" UNION ALL ");
    format!(
        "DELETE FROM logs WHERE rowid IN (SELECT row FROM ({oldest}) ORDER BY at LIMIT ?1)
         RETURNING createdAt"
    )
}

/// Which records of a type are removed at this time; `None`: none are. Where some are apart from the others, the
/// number of the row tells, which the index has, too; `+` keeps the rows from being searched by it. What was written
/// before there were these numbers is not apart.
fn condition(event_type: EventType, when: Removal) -> Option<String> {
    let rows = |of: Removal| {
        format!(
            "BETWEEN {} AND {}",
            first_row(of),
            first_row(of) + RANGE - 1
        )
    };
    let is_usual = event_type.removal() == when;
    match event_type.apart() {
        None => is_usual.then(String::new),
        Some((_, apart)) if apart == when => Some(format!("AND +rowid {}", rows(apart))),
        Some((_, apart)) => is_usual.then(|| format!("AND +rowid NOT {}", rows(apart))),
    }
}
