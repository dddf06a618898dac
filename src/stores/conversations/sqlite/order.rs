//! The ids that the writer makes: each greater than all before, those of other processes included.

use rusqlite::Connection;
use uuid::Uuid;

use crate::stores::conversations::order::id_after;

/// Makes UUIDv7s, each greater than all before. Belongs to the writer.
#[derive(Debug, Default)]
pub(super) struct Ids {
    last: Uuid,
    /// The number of the last row of a message, removed ones included.
    last_no: i64,
    /// `PRAGMA data_version` when it was read last: it changes when another process commits.
    data_version: Option<i64>,
}

impl Ids {
    /// To be called in each transaction before ids are made: ids have to follow those that another
    /// process has written to the file meanwhile.
    pub(super) fn follow(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let version = db
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        if self.data_version != Some(version) {
            // Two queries, each of which looks into an index; as one they would read all of it.
            const NEWEST: &str = "
                SELECT (SELECT max(no) FROM messages), (SELECT max(id) FROM messages)
                UNION ALL SELECT no, id FROM highestGone";
            let mut newest = db.prepare_cached(NEWEST)?;
            let mut rows = newest.query([])?;
            while let Some(row) = rows.next()? {
                let (no, id): (Option<i64>, Option<Vec<u8>>) = (row.get(0)?, row.get(1)?);
                let id = id.and_then(|id| Uuid::from_slice(&id).ok());
                self.last = self.last.max(id.unwrap_or_default());
                self.last_no = self.last_no.max(no.unwrap_or(0));
            }
            self.data_version = Some(version);
        }
        Ok(())
    }

    /// The number of the next row of a message.
    pub(super) fn next_no(&mut self) -> i64 {
        self.last_no += 1;
        self.last_no
    }

    /// The next id.
    pub(super) fn next(&mut self, now_ms: u64) -> Uuid {
        self.last = id_after(&self.last, now_ms);
        self.last
    }
}
