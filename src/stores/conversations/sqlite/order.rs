//! The ids that the writer makes: each greater than all before, those of other processes included.

use rusqlite::Connection;
use uuid::Uuid;

use crate::stores::conversations::order::id_after;

/// Makes UUIDv7s, each greater than all before. Belongs to the writer.
#[derive(Debug, Default)]
pub(super) struct Ids {
    last: Uuid,
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
            let newest: Option<Vec<u8>> =
                db.query_row("SELECT max(id) FROM messages", [], |row| row.get(0))?;
            let newest = newest.and_then(|id| Uuid::from_slice(&id).ok());
            self.last = self.last.max(newest.unwrap_or_default());
            self.data_version = Some(version);
        }
        Ok(())
    }

    /// The next id.
    pub(super) fn next(&mut self, now_ms: u64) -> Uuid {
        self.last = id_after(&self.last, now_ms);
        self.last
    }
}
