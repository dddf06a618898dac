use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

const FILE: &str = "some.db";
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;";
const SCHEMA: &[&str] = &["CREATE TABLE t (text TEXT NOT NULL); CREATE INDEX t_text ON t (text)"];

/// A data folder with a database in it that was used.
fn used(rows: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let db = open_in(&folder).unwrap();
    let rows = format!(
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
    );
    let insert = format!("{rows} INSERT INTO t SELECT hex(randomblob(500)) FROM n");
    db.execute_batch(&insert).unwrap();
    drop(db);
    folder
}

fn open_in(folder: &TempDir) -> Result<Connection, OpenError> {
    open(folder.path(), FILE, SETTINGS, SCHEMA)
}

fn path(folder: &TempDir) -> PathBuf {
    folder.path().join(FILE)
}

fn lazy(folder: &TempDir) -> LazyDatabase<impl Fn() -> Result<Connection, OpenError> + use<>> {
    let data = folder.path().to_owned();
    LazyDatabase::start(path(folder), move || open(&data, FILE, SETTINGS, SCHEMA)).unwrap()
}

#[test]
fn a_first_start_that_was_cut_short_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(path(&folder), "").unwrap();
    drop(open_in(&folder).unwrap());
    drop(open_in(&folder).unwrap());
    let names = fs::read_to_string(folder.path().join("databases")).unwrap();
    assert_eq!(names.lines().skip(1).collect::<Vec<_>>(), [FILE]);
}

#[test]
fn a_database_that_was_used_and_is_missing_or_empty_is_not_begun_anew() {
    for empty in [false, true] {
        let folder = used(1);
        fs::remove_file(path(&folder)).unwrap();
        if empty {
            fs::write(path(&folder), "").unwrap();
        }
        let error = open_in(&folder).unwrap_err();
        assert!(matches!(error, OpenError::Lost { .. }), "{error}");
        assert!(error.to_string().contains(FILE), "{error}");
        // The message says how.
        fs::remove_file(folder.path().join("databases")).unwrap();
        let count = open_in(&folder)
            .unwrap()
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0));
        assert_eq!(count, Ok(0));
    }
}

#[test]
fn a_database_that_was_used_is_not_replaced_by_one_without_tables() {
    let folder = used(1);
    fs::remove_file(path(&folder)).unwrap();
    let other = Connection::open(path(&folder)).unwrap();
    other.execute_batch("PRAGMA application_id = 1").unwrap();
    drop(other);
    assert!(matches!(open_in(&folder), Err(OpenError::Lost { .. })));
}

#[test]
fn an_empty_file_beside_a_used_database_or_its_own_log_is_lost() {
    let folder = used(1);
    // As version 0.1.0 left it.
    fs::remove_file(folder.path().join("databases")).unwrap();
    fs::write(folder.path().join("other.db"), "").unwrap();
    let other = open(folder.path(), "other.db", SETTINGS, SCHEMA);
    assert!(matches!(other, Err(OpenError::Lost { .. })));

    let folder = tempfile::tempdir().unwrap();
    fs::write(path(&folder), "").unwrap();
    fs::write(folder.path().join("some.db-wal"), "log").unwrap();
    assert!(matches!(open_in(&folder), Err(OpenError::Lost { .. })));
}

#[test]
fn a_damaged_database_is_not_opened() {
    let folder = used(2_000);
    let whole = fs::read(path(&folder)).unwrap();
    let middle = whole.len() / 2 / 4096 * 4096;
    let mut garbled = whole.clone();
    garbled[middle..middle + 8192].fill(0xa5);
    let mut headless = whole.clone();
    headless[..100].fill(0xa5);
    let cut_off = whole[..middle].to_vec();
    for damaged in [garbled, headless, cut_off, b"no database at all".to_vec()] {
        fs::write(path(&folder), damaged).unwrap();
        let error = open_in(&folder).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains(FILE), "{error}");
    }
    fs::write(path(&folder), whole).unwrap();
    drop(open_in(&folder).unwrap());
}

#[test]
fn what_becomes_of_the_files_of_an_open_database_is_noticed() {
    let folder = used(100);
    let mut database = lazy(&folder);
    let aside = folder.path().join("aside");
    for file in [FILE, "some.db-wal"] {
        let file = folder.path().join(file);
        database.connection().unwrap();
        // Moved away, and back again.
        fs::rename(&file, &aside).unwrap();
        let gone = database.connection().unwrap_err();
        assert!(
            matches!(gone, UnusableError::File(FileError::Gone { .. })),
            "{gone}"
        );
        // Another one in its place.
        fs::copy(&aside, &file).unwrap();
        let replaced = database.connection().unwrap_err();
        assert!(
            matches!(replaced, UnusableError::File(FileError::Replaced { .. })),
            "{replaced}"
        );
        fs::rename(&aside, &file).unwrap();
        // Cut off.
        let whole = fs::read(&file).unwrap();
        fs::write(&file, "").unwrap();
        let cut_off = database.connection().unwrap_err();
        assert!(
            matches!(cut_off, UnusableError::File(FileError::CutOff { .. })),
            "{cut_off}"
        );
        fs::write(&file, whole).unwrap();
    }
    database.connection().unwrap();
    // The index of the log is made anew by a restart.
    fs::remove_file(folder.path().join("some.db-shm")).unwrap();
    database
        .connection()
        .unwrap()
        .execute("INSERT INTO t VALUES ('x')", [])
        .unwrap();
    database.check().unwrap();
    drop(database);
    let count = open_in(&folder)
        .unwrap()
        .query_row("SELECT count(*) FROM t", [], |row| row.get(0));
    assert_eq!(count, Ok(101));
}

#[test]
fn a_look_at_the_files_costs_little() {
    let folder = used(1);
    let database = lazy(&folder);
    let start = std::time::Instant::now();
    (0..10_000).for_each(|_| database.check().unwrap());
    // 2 us each where nothing else runs.
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}
