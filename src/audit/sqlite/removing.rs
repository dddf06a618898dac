//! Removing records from batches: whole ones, and the oldest of the one on the line, which is written
//! again without them.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, params};

use super::body::{Body, lines};
use super::{batches, rows};
use crate::audit::error::AuditStoreError;
use crate::audit::event_type::Removal;
use crate::audit::line::{IdText, time_of_text};
use crate::audit::store::Trimmed;

const OLD: &str = "
    SELECT number, last, count FROM batches WHERE first < ?1 ORDER BY first, number LIMIT ?2";
const OLDEST: &str = "
    SELECT number, last, count FROM batches WHERE number >= ?1 AND number <= ?2
    ORDER BY number LIMIT ?3";
const DELETE: &str = "DELETE FROM batches WHERE number = ?1";
const DELETE_FILTER: &str = "DELETE FROM filters WHERE number = ?1";
const BODY: &str = "SELECT body FROM batches WHERE number = ?1";
const REPLACE: &str = "
    UPDATE batches SET first = ?2, last = ?3, count = ?4, body = ?5 WHERE number = ?1";

/// Removes at most `limit` records that are older than `before_ms`; how many.
pub(super) fn expire(
    connection: &Connection,
    before_ms: i64,
    limit: u32,
) -> Result<usize, AuditStoreError> {
    let limit = limit as usize;
    let mut removed = 0;
    for batch in found(connection, OLD, &[before_ms, limit as i64])? {
        let left = limit - removed;
        if left == 0 {
            break;
        }
        removed += match batch.last < before_ms && batch.count <= left {
            true => batch.delete(connection)?,
            false => batch.cut(connection, left, before_ms)?.records,
        };
    }
    Ok(removed)
}

/// Removes records of those that are removed at this time until `limit` of all are. Returns whether none is
/// left.
pub(super) fn trim(
    connection: &Connection,
    when: Removal,
    limit: usize,
    trimmed: &mut Trimmed,
) -> Result<bool, AuditStoreError> {
    rows::trim(
        connection,
        when,
        limit.saturating_sub(trimmed.records),
        trimmed,
    )?;
    let (first, last) = batches::numbers(when);
    let most = limit.saturating_sub(trimmed.records) as i64;
    for batch in found(connection, OLDEST, &[first, last, most])? {
        let left = limit.saturating_sub(trimmed.records);
        let removed = match batch.count <= left {
            true => Trimmed {
                up_to_ms: batch.last,
                records: batch.delete(connection)?,
            },
            // To write it again is worth it only if nothing else has made room.
            false if trimmed.records == 0 => batch.cut(connection, left, i64::MAX)?,
            false => return Ok(false),
        };
        trimmed.records += removed.records;
        trimmed.up_to_ms = trimmed.up_to_ms.max(removed.up_to_ms);
    }
    Ok(trimmed.records < limit)
}

struct Found {
    number: i64,
    last: i64,
    count: usize,
}

fn found(
    connection: &Connection,
    statement: &str,
    values: &[i64],
) -> Result<Vec<Found>, AuditStoreError> {
    let mut select = connection.prepare_cached(statement)?;
    let found = select.query_map(rusqlite::params_from_iter(values), |row| {
        Ok(Found {
            number: row.get(0)?,
            last: row.get(1)?,
            count: row.get::<_, u32>(2)? as usize,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

impl Found {
    fn delete(&self, connection: &Connection) -> Result<usize, AuditStoreError> {
        connection.prepare_cached(DELETE)?.execute([self.number])?;
        connection
            .prepare_cached(DELETE_FILTER)?
            .execute([self.number])?;
        Ok(self.count)
    }

    /// Removes at most `limit` of its records that are older than `before_ms`, the oldest first.
    fn cut(
        &self,
        connection: &Connection,
        limit: usize,
        before_ms: i64,
    ) -> Result<Trimmed, AuditStoreError> {
        let mut select = connection.prepare_cached(BODY)?;
        let body = select.query_row([self.number], |row| {
            Ok(row.get_ref(0)?.as_bytes()?.to_vec())
        })?;
        let mut ids: Vec<IdText> = lines(&body).map(|line| *line.id_text()).collect();
        ids.sort_unstable();
        let old = ids.partition_point(|id| time_of_text(id) < before_ms);
        let (gone, left) = ids.split_at(old.min(limit));
        let (Some(last_gone), Some(first), Some(last)) = (gone.last(), left.first(), left.last())
        else {
            if !gone.is_empty() {
                self.delete(connection)?;
            }
            let up_to_ms = gone.last().map_or(0, time_of_text);
            let records = gone.len();
            return Ok(Trimmed { records, up_to_ms });
        };
        let mut rest = Body::default();
        rest.reserve(body.len());
        let kept = lines(&body).filter(|line| line.id_text() > last_gone);
        kept.for_each(|line| rest.push(line));
        let rest = rest.finish();
        let rest = ToSqlOutput::Borrowed(ValueRef::Text(&rest));
        let (first, last, count) = (time_of_text(first), time_of_text(last), left.len() as u32);
        let mut replace = connection.prepare_cached(REPLACE)?;
        replace.execute(params![self.number, first, last, count, rest])?;
        Ok(Trimmed {
            records: gone.len(),
            up_to_ms: time_of_text(last_gone),
        })
    }
}
