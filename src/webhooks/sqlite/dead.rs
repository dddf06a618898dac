//! Facts that were given up: remembered, listed, and made to be told again.

use rusqlite::{Row, Statement, ToSql, Transaction, params};
use uuid::Uuid;

use super::{ProgressFile, begin};
use crate::webhooks::fact::FactId;
use crate::webhooks::progress::{Dead, DeadFact, MOST_DEAD, ProgressError, Selection, id_at};

/// How many there are.
pub(super) fn count(transaction: &Transaction<'_>, endpoint: &str) -> rusqlite::Result<u64> {
    const COUNT: &str = "SELECT count(*) FROM dead WHERE endpoint = ?1";
    let count: i64 = transaction.query_row(COUNT, [endpoint], |row| row.get(0))?;
    Ok(count as u64)
}

/// Remembers some more, and forgets the earliest if there are too many; how many there are then.
pub(super) fn add(
    transaction: &Transaction<'_>,
    endpoint: &str,
    dead: &[Dead],
) -> rusqlite::Result<u64> {
    const ADD: &str = "
        INSERT OR REPLACE INTO dead (endpoint, record, part, type, subject, outcome)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    const KEEP: &str = "
        DELETE FROM dead WHERE endpoint = ?1 AND record <= (
            SELECT record FROM dead WHERE endpoint = ?1 ORDER BY record DESC LIMIT 1 OFFSET ?2
        )";
    let mut add = transaction.prepare_cached(ADD)?;
    for one in dead {
        let (record, part) = (one.id.record.as_bytes(), one.id.part);
        let kind = one.kind.as_str();
        add.execute(params![
            endpoint,
            record,
            part,
            kind,
            one.subject,
            one.outcome
        ])?;
    }
    transaction.execute(KEEP, params![endpoint, MOST_DEAD as i64])?;
    count(transaction, endpoint)
}

fn id(row: &Row<'_>) -> rusqlite::Result<FactId> {
    Ok(FactId {
        record: Uuid::from_bytes(row.get(0)?),
        part: row.get(1)?,
    })
}

impl ProgressFile {
    /// Up to `limit` dead facts of an endpoint behind one, the earliest first.
    ///
    /// # Errors
    /// They cannot be read.
    pub(in crate::webhooks) fn dead(
        &self,
        endpoint: &str,
        after: Option<FactId>,
        limit: usize,
    ) -> Result<Vec<DeadFact>, ProgressError> {
        const SELECT: &str = "
            SELECT record, part, type, subject, outcome FROM dead
            WHERE endpoint = ?1 AND (record, part) > (?2, ?3) ORDER BY record, part LIMIT ?4";
        let (record, part) = after.map_or((Uuid::nil(), 0), |id| (id.record, id.part));
        let mut database = self.0.lock();
        let connection = database.connection()?;
        let mut select = connection.prepare_cached(SELECT)?;
        let values = params![endpoint, record.as_bytes(), part, limit as i64];
        let found = select.query_map(values, |row| {
            Ok(DeadFact {
                id: id(row)?,
                kind: row.get(2)?,
                subject: row.get(3)?,
                outcome: row.get(4)?,
            })
        })?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Makes dead facts wait again, as of `now` in milliseconds since 1970; which they are, and how many are still dead.
    ///
    /// # Errors
    /// They are as they were.
    pub(in crate::webhooks) fn revive(
        &self,
        endpoint: &str,
        selection: &Selection,
        now: u64,
    ) -> Result<(Vec<FactId>, u64), ProgressError> {
        const ONE: &str = "
            DELETE FROM dead WHERE endpoint = ?1 AND record = ?2 AND part = ?3
            RETURNING record, part";
        const SOME: &str = "
            DELETE FROM dead WHERE endpoint = ?1 AND record >= ?2 AND record < ?3
            RETURNING record, part";
        const WAIT: &str = "
            INSERT INTO facts (endpoint, record, part, told, replayed) VALUES (?1, ?2, ?3, 0, ?4)
            ON CONFLICT (endpoint, record, part)
            DO UPDATE SET told = 0, replayed = excluded.replayed";
        let mut database = self.0.lock();
        let transaction = begin(database.connection()?)?;
        let mut revived = Vec::new();
        match selection {
            Selection::Ids(ids) => {
                let mut remove = transaction.prepare_cached(ONE)?;
                for id in ids {
                    let values = params![endpoint, id.record.as_bytes(), id.part];
                    revived.extend(removed(&mut remove, values)?);
                }
            }
            Selection::Times { from, to } => {
                let from = id_at(from.unwrap_or(0));
                let to = to.map_or(Uuid::max(), id_at);
                let mut remove = transaction.prepare_cached(SOME)?;
                let values = params![endpoint, from.as_bytes(), to.as_bytes()];
                revived = removed(&mut remove, values)?;
            }
        }
        {
            let mut wait = transaction.prepare_cached(WAIT)?;
            for id in &revived {
                let (record, now) = (id.record.as_bytes(), now as i64);
                wait.execute(params![endpoint, record, id.part, now])?;
            }
        }
        let left = count(&transaction, endpoint)?;
        transaction.commit()?;
        Ok((revived, left))
    }
}

fn removed(remove: &mut Statement<'_>, values: &[&dyn ToSql]) -> rusqlite::Result<Vec<FactId>> {
    remove.query_map(values, id)?.collect()
}
