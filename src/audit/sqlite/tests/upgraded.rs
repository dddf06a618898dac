//! A file of the first version, after an upgrade: its records stay, and the contract holds for both.

use tempfile::TempDir;

use super::*;
use crate::audit::contract::{T, contract_suite};
use crate::audit::line::{Fields, Line, Texts};
use crate::audit::read::Query;
use crate::audit::sqlite::batches::numbers;
use crate::audit::store::{Rejected, Trimmed};

const INSERT: &str = "
    INSERT INTO logs (_id, eventType, level, dialect, user, username, sessionId, ipAddress,
                      userAgent, node, details, success, message, createdAt, rowid)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

/// A file of the first version with these records.
fn write_old(folder: &Path, lines: &[Line<'_>]) {
    let db = sqlite::open(folder, FILE_NAME, SETTINGS, &MIGRATIONS[..1]).unwrap();
    db.execute_batch("BEGIN").unwrap();
    let mut numbers = crate::audit::event_type::Removal::ORDER.map(|when| numbers(when).0);
    for line in lines {
        let fields = Fields::read(line.bytes()).unwrap();
        let texts = Texts::of(&fields.event_type);
        let number = &mut numbers[line.removal() as usize];
        let mut insert = db.prepare_cached(INSERT).unwrap();
        let values = rusqlite::params![
            &fields.id.as_bytes()[..],
            fields.event_type,
            texts.level,
            fields.dialect,
            fields.user,
            fields.username,
            fields.session_id.map(|id| id.as_bytes().to_vec()),
            fields.ip_address,
            fields.user_agent,
            fields.node,
            fields.details,
            texts.success,
            texts.message,
            crate::audit::record::time_of(fields.id),
            *number,
        ];
        insert.execute(values).unwrap();
        *number += 1;
    }
    db.execute_batch("COMMIT").unwrap();
}

/// A store in which the older half of what is written first is of the first version.
struct Upgraded {
    folder: PathBuf,
    store: Option<SqliteStore>,
}

impl Upgraded {
    fn store(&mut self) -> &mut SqliteStore {
        let folder = &self.folder;
        self.store
            .get_or_insert_with(|| SqliteStore::open(folder).unwrap())
    }
}

impl Store for Upgraded {
    type Error = AuditStoreError;

    const FAILING: &'static str = "it does not take records";

    fn write(&mut self, lines: &[Line<'_>]) -> Result<Rejected, AuditStoreError> {
        let old = match &self.store {
            None => lines.len().div_ceil(2),
            Some(_) => 0,
        };
        if old > 0 {
            write_old(&self.folder, &lines[..old]);
        }
        self.store().write(&lines[old..])
    }

    fn expire(&mut self, before_ms: i64, limit: u32) -> Result<usize, AuditStoreError> {
        self.store().expire(before_ms, limit)
    }

    fn trim(&mut self, max_bytes: u64) -> Result<Option<Trimmed>, AuditStoreError> {
        match &mut self.store {
            Some(store) => store.trim(max_bytes),
            None => Ok(None),
        }
    }

    fn reader(&self) -> Arc<dyn Reader> {
        SqliteStore::reader_of(&self.folder)
    }
}

fn open() -> Option<(Upgraded, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let upgraded = Upgraded {
        folder: folder.path().to_owned(),
        store: None,
    };
    Some((upgraded, folder))
}

contract_suite!(open);

#[test]
fn other_programs_find_old_and_new_records_in_logs() {
    let (mut store, folder) = open().unwrap();
    let records: Vec<_> = (0..10)
        .map(|ms| Record::at(T + ms, &source(), Event::SocketConnect))
        .collect();
    write(&mut store, &records).unwrap();
    let db = reader(folder.path());
    let count = |table: &str| {
        let count = format!("SELECT count(*) FROM {table}");
        db.query_row(&count, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!([count("rows"), count("batches"), count("logs")], [5, 1, 10]);
    let mut select = db.prepare("SELECT * FROM logs ORDER BY createdAt").unwrap();
    let rows = select.query_map([], |row| {
        let types: Vec<_> = (0..14)
            .map(|column| row.get_ref(column).map(|value| value.data_type()))
            .collect::<Result<_, _>>()?;
        Ok((row.get::<_, [u8; 16]>(0)?, types))
    });
    let rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
    let ids: Vec<_> = rows.iter().map(|(id, _)| *id).collect();
    let expected: Vec<_> = records
        .iter()
        .map(|record| *record.id().as_bytes())
        .collect();
    assert_eq!(ids, expected);
    let types = &rows[0].1;
    assert!(rows.iter().all(|(_, others)| others == types), "{rows:?}");
}

#[test]
fn a_file_of_the_first_version_is_read_before_its_upgrade() {
    let folder = tempfile::tempdir().unwrap();
    let record = Record::at(T, &source(), Event::SocketConnect);
    let mut line = Vec::new();
    crate::audit::line::push(&mut line, &record);
    write_old(folder.path(), &[Line::new(&line).unwrap()]);
    let reader = SqliteStore::reader_of(folder.path());
    let found = reader.read(&Query::default()).unwrap();
    assert_eq!(found.records[0].id, record.id());
}
