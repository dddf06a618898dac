//! Who is online as of the record that was read last.

use rusqlite::params;
use uuid::Uuid;

use super::{ProgressFile, begin};
use crate::webhooks::progress::{OnlineChange, Progress, ProgressError};

/// What stands for this reader where endpoints have their names; no endpoint is called so.
const NAME: &str = "@online";

impl ProgressFile {
    /// How far it was read.
    ///
    /// # Errors
    /// It cannot be read.
    pub(in crate::webhooks) fn load_online(&self, now: Uuid) -> Result<Progress, ProgressError> {
        self.load(NAME, now)
    }

    /// Notes changes, and that it was read up to there.
    ///
    /// # Errors
    /// Nothing of it was noted.
    pub(in crate::webhooks) fn take_online(
        &self,
        position: Uuid,
        changes: &[OnlineChange],
    ) -> Result<(), ProgressError> {
        const POSITION: &str = "UPDATE endpoints SET position = max(position, ?2) WHERE name = ?1";
        const ONLINE: &str = "
            INSERT INTO online (user, record) VALUES (?1, ?2)
            ON CONFLICT (user) DO UPDATE SET record = max(record, excluded.record)";
        const OFFLINE: &str = "DELETE FROM online WHERE user = ?1 AND record < ?2";
        let mut database = self.0.lock();
        let transaction = begin(database.connection()?)?;
        transaction.execute(POSITION, params![NAME, position.as_bytes()])?;
        {
            let mut online = transaction.prepare_cached(ONLINE)?;
            let mut offline = transaction.prepare_cached(OFFLINE)?;
            for change in changes {
                let values = params![change.user, change.record.as_bytes()];
                match change.is_online {
                    true => online.execute(values)?,
                    false => offline.execute(values)?,
                };
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Who has been online since before this record.
    ///
    /// # Errors
    /// It cannot be read.
    pub(in crate::webhooks) fn online_before(
        &self,
        record: Uuid,
    ) -> Result<Vec<String>, ProgressError> {
        const SELECT: &str = "SELECT user FROM online WHERE record < ?1 ORDER BY user";
        let mut database = self.0.lock();
        let connection = database.connection()?;
        let mut select = connection.prepare(SELECT)?;
        let users = select.query_map([record.as_bytes()], |row| row.get(0))?;
        Ok(users.collect::<Result<_, _>>()?)
    }
}
