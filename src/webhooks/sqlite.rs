//! The progress of endpoints in an SQLite file of the data folder, `webhooks.db`. It is there only where endpoints are.

use std::path::Path;

use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::fact::FactId;
use super::progress::{Progress, ProgressError, Step, recent_from};
use crate::stores::drivers::sqlite::{self, LazyDatabase, OpenError};

mod dead;
mod online;

const FILE_NAME: &str = "webhooks.db";

/// As for the audit: a commit survives a kill of the server.
const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA journal_size_limit = 8388608;
";

/// Schema versions, oldest first. Never edit one that was released: append.
///
/// `record` is the 16 bytes of the id of the record that a fact follows from. In `facts`, `told` is 0 for those that
/// wait and 1 for those that were told lately.
///
/// `replayed` is when a fact that was dead was made to be told again, in milliseconds since 1970.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE endpoints (
        name TEXT PRIMARY KEY,
        began BLOB NOT NULL,
        position BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE facts (
        endpoint TEXT NOT NULL,
        record BLOB NOT NULL,
        part INTEGER NOT NULL,
        told INTEGER NOT NULL,
        PRIMARY KEY (endpoint, record, part)
    ) WITHOUT ROWID;
    CREATE TABLE dead (
        endpoint TEXT NOT NULL,
        record BLOB NOT NULL,
        part INTEGER NOT NULL,
        type TEXT NOT NULL,
        subject TEXT NOT NULL,
        outcome TEXT,
        PRIMARY KEY (endpoint, record, part)
    ) WITHOUT ROWID;
",
    "
    ALTER TABLE facts ADD COLUMN replayed INTEGER;
    CREATE TABLE online (
        user TEXT PRIMARY KEY,
        record BLOB NOT NULL
    ) WITHOUT ROWID;
",
];

type Open = Box<dyn Fn() -> Result<Connection, OpenError> + Send>;

/// The progress of all endpoints. Its methods block.
pub(super) struct ProgressFile(Mutex<LazyDatabase<Open>>);

impl ProgressFile {
    /// Opens `webhooks.db` in `data_dir`; when its disk is full, later.
    ///
    /// # Errors
    /// Those of [`sqlite::open`] but for a full disk.
    pub(super) fn open(data_dir: &Path) -> Result<Self, OpenError> {
        let folder = data_dir.to_owned();
        let open: Open = Box::new(move || sqlite::open(&folder, FILE_NAME, SETTINGS, MIGRATIONS));
        let database = LazyDatabase::start(data_dir.join(FILE_NAME), open)?;
        Ok(Self(Mutex::new(database)))
    }

    /// How far an endpoint was told; of one that was never known, nothing up to `now`.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn load(&self, endpoint: &str, now: Uuid) -> Result<Progress, ProgressError> {
        const BEGIN: &str = "INSERT INTO endpoints (name, began, position) VALUES (?1, ?2, ?2) ON CONFLICT DO NOTHING";
        const POSITION: &str = "SELECT began, position FROM endpoints WHERE name = ?1";
        const FACTS: &str = "SELECT record, part, told, replayed FROM facts WHERE endpoint = ?1";
        let mut database = self.0.lock();
        let transaction = begin(database.connection()?)?;
        transaction.execute(BEGIN, params![endpoint, now.as_bytes()])?;
        let found = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let (began, position) = transaction.query_row(POSITION, [endpoint], found)?;
        let mut progress = Progress {
            began: Uuid::from_bytes(began),
            position: Uuid::from_bytes(position),
            ..Progress::default()
        };
        let mut select = transaction.prepare(FACTS)?;
        let mut rows = select.query([endpoint])?;
        while let Some(row) = rows.next()? {
            let id = FactId {
                record: Uuid::from_bytes(row.get(0)?),
                part: row.get(1)?,
            };
            if row.get(2)? {
                progress.recent.insert(id);
                continue;
            }
            progress.waiting.insert(id);
            if let Some(at) = row.get::<_, Option<i64>>(3)? {
                progress.replayed.insert(id, at as u64);
            }
        }
        drop(rows);
        drop(select);
        progress.dead = dead::count(&transaction, endpoint)?;
        transaction.commit()?;
        Ok(progress)
    }

    /// Takes a step, all or nothing. Returns how many facts are dead, if that has changed.
    ///
    /// # Errors
    /// It was not taken.
    pub(super) fn take(&self, endpoint: &str, step: &Step) -> Result<Option<u64>, ProgressError> {
        const POSITION: &str = "UPDATE endpoints SET position = max(position, ?2) WHERE name = ?1";
        const FACT: &str = "
            INSERT INTO facts (endpoint, record, part, told) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (endpoint, record, part) DO UPDATE SET told = excluded.told";
        const FORGET: &str = "DELETE FROM facts WHERE endpoint = ?1 AND record < ?2 AND told";
        let mut database = self.0.lock();
        let transaction = begin(database.connection()?)?;
        transaction.execute(POSITION, params![endpoint, step.position.as_bytes()])?;
        {
            let mut fact = transaction.prepare_cached(FACT)?;
            let waiting = step.waiting.iter().map(|id| (id, false));
            for (id, told) in waiting.chain(step.done.iter().map(|id| (id, true))) {
                fact.execute(params![endpoint, id.record.as_bytes(), id.part, told])?;
            }
        }
        let recent = recent_from(step.position);
        transaction.execute(FORGET, params![endpoint, recent.as_bytes()])?;
        let dead = match step.dead.is_empty() {
            true => None,
            false => Some(dead::add(&transaction, endpoint, &step.dead)?),
        };
        transaction.commit()?;
        Ok(dead)
    }
}

fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

#[cfg(test)]
mod tests {
    use super::super::progress::{Dead, id_at};
    use super::*;
    use crate::model::FactType;

    fn fact(ms: u64, part: u16) -> FactId {
        FactId {
            record: id_at(ms),
            part,
        }
    }

    #[test]
    fn an_endpoint_begins_when_it_is_first_known_and_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let now = id_at(100_000);
        {
            let file = ProgressFile::open(folder.path()).unwrap();
            let progress = file.load("a", now).unwrap();
            assert_eq!((progress.began, progress.position), (now, now));
            let step = Step {
                position: id_at(101_000),
                waiting: vec![fact(100_500, 0), fact(100_600, 1), fact(100_600, 2)],
                ..Step::default()
            };
            file.take("a", &step).unwrap();
            let step = Step {
                position: id_at(102_000),
                done: vec![fact(100_600, 1), fact(101_500, 0)],
                ..Step::default()
            };
            file.take("a", &step).unwrap();
        }
        let file = ProgressFile::open(folder.path()).unwrap();
        let progress = file.load("a", id_at(900_000)).unwrap();
        assert_eq!((progress.began, progress.position), (now, id_at(102_000)));
        assert_eq!(
            progress.waiting,
            [fact(100_500, 0), fact(100_600, 2)].into()
        );
        assert_eq!(progress.recent, [fact(100_600, 1), fact(101_500, 0)].into());
        let other = file.load("b", id_at(900_000)).unwrap();
        assert_eq!(other.position, id_at(900_000));
        assert!(other.waiting.is_empty() && other.recent.is_empty());
    }

    #[test]
    fn what_was_told_is_forgotten_after_a_while_and_what_waits_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = ProgressFile::open(folder.path()).unwrap();
        file.load("a", id_at(0)).unwrap();
        let dead = Dead {
            id: fact(1_000, 0),
            kind: FactType::UserOnline,
            subject: "user:bob".into(),
            outcome: Some("status"),
        };
        let step = Step {
            position: id_at(50_000),
            waiting: vec![fact(2_000, 0)],
            done: vec![fact(1_000, 0), fact(3_000, 0), fact(45_000, 0)],
            dead: vec![dead],
        };
        file.take("a", &step).unwrap();
        let progress = file.load("a", id_at(0)).unwrap();
        assert_eq!(progress.waiting, [fact(2_000, 0)].into());
        assert_eq!(progress.recent, [fact(45_000, 0)].into());
        let database = Connection::open(folder.path().join(FILE_NAME)).unwrap();
        let dead = database.query_row("SELECT type, subject, outcome FROM dead", [], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
            ))
        });
        let expected = ["user.online", "user:bob", "status"].map(str::to_owned);
        assert_eq!(<[String; 3]>::from(dead.unwrap()), expected);
    }
}
