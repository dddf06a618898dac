mod batches;
mod upgraded;

use std::{
    num::{NonZeroU32, NonZeroU64},
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use uuid::Uuid;

use super::*;
use crate::audit::contract::of_all_kinds;
use crate::audit::details::tests::samples;
use crate::audit::line::write;
use crate::audit::{Audit, AuditOptions, AuditText, Encoded, Event, Record, Source};
use crate::model::Dialect;
use crate::stores::drivers::sqlite::OpenError;

fn source() -> Arc<Source> {
    Arc::new(Source {
        user: Some("alice".into()),
        username: Some("Alice".into()),
        session_id: Some(Uuid::from_u128(7)),
        ip: Some("::ffff:192.0.2.1".parse().unwrap()),
        user_agent: Some(AuditText::new("agent")),
        node: "node-1".into(),
        encoded: Encoded::default(),
    })
}

fn reader(folder: &Path) -> Connection {
    Connection::open(folder.join(FILE_NAME)).unwrap()
}

fn count(connection: &Connection) -> i64 {
    connection
        .query_row("SELECT count(*) FROM logs", [], |row| row.get(0))
        .unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn keep_all() -> AuditOptions {
    AuditOptions {
        retention_days: None,
        ..AuditOptions::default()
    }
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64
}

const DAY_MS: u64 = 86_400_000;

#[test]
fn a_row_has_the_fields_of_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    let batch: Vec<Record> = samples()
        .into_iter()
        .map(|(event, _)| Record::new(&source(), Some(Dialect::Direct), event))
        .collect();
    write(&mut store, &batch).unwrap();

    let reader = reader(folder.path());
    let mut select = reader
        .prepare("SELECT * FROM logs ORDER BY createdAt, _id")
        .unwrap();
    let columns = "_id eventType level dialect user username sessionId ipAddress userAgent node \
        details success message createdAt";
    assert_eq!(
        select.column_names().collect::<Vec<_>>(),
        columns.split_whitespace().collect::<Vec<_>>()
    );
    let mut rows = select.query([]).unwrap();
    for (record, (event, details)) in batch.iter().zip(samples()) {
        let row = rows.next().unwrap().unwrap();
        let text = |column: &str| row.get::<_, String>(column).unwrap();
        assert_eq!(
            row.get::<_, [u8; 16]>("_id").unwrap(),
            *record.id().as_bytes()
        );
        assert_eq!(text("eventType"), event.event_type().as_str());
        assert_eq!(text("level"), event.event_type().level().as_str());
        assert_eq!(text("dialect"), "direct");
        assert_eq!(text("user"), "alice");
        assert_eq!(text("username"), "Alice");
        assert_eq!(
            row.get::<_, [u8; 16]>("sessionId").unwrap(),
            Uuid::from_u128(7).into_bytes()
        );
        assert_eq!(text("ipAddress"), "192.0.2.1");
        assert_eq!(text("userAgent"), "agent");
        assert_eq!(text("node"), "node-1");
        assert_eq!(
            serde_json::from_str::<Value>(&text("details")).unwrap(),
            details
        );
        assert_eq!(
            row.get::<_, bool>("success").unwrap(),
            event.event_type().success()
        );
        assert_eq!(text("message"), event.event_type().message());
        assert_eq!(
            row.get::<_, i64>("createdAt").unwrap(),
            record.created_at_ms()
        );
    }
    assert!(rows.next().unwrap().is_none());
}

#[test]
fn absent_fields_are_null() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    let source = Arc::new(Source {
        node: "n".into(),
        ..Source::nobody()
    });
    let record = Record::new(&source, None, Event::SocketConnect);
    write(&mut store, &[record]).unwrap();
    let nulls = "SELECT count(*) FROM logs WHERE coalesce(dialect, user, username, sessionId, \
        ipAddress, userAgent) IS NULL";
    let found: i64 = reader(folder.path())
        .query_row(nulls, [], |row| row.get(0))
        .unwrap();
    assert_eq!(found, 1);
}

#[test]
fn what_is_asked_of_old_rows_uses_an_index() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    let reader = reader(folder.path());
    for filter in [
        "createdAt < 5",
        "user = 'a' AND createdAt < 5",
        "eventType = 'E' AND createdAt < 5",
    ] {
        let explain =
            format!("EXPLAIN QUERY PLAN SELECT * FROM rows WHERE {filter} ORDER BY createdAt DESC");
        let mut statement = reader.prepare(&explain).unwrap();
        let plan: Vec<String> = statement
            .query_map([], |row| row.get("detail"))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(plan.len(), 1, "no separate sort: {plan:?}");
        assert!(plan[0].starts_with("SEARCH rows USING INDEX"), "{plan:?}");
    }
}

#[test]
fn a_new_folder_and_file_are_private_and_reopening_keeps_the_rows() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("a/data");
    for round in 1..=2 {
        let audit = Audit::start(SqliteStore::open(&folder).unwrap(), &folder, keep_all()).unwrap();
        audit.record(Record::new(&source(), None, Event::SocketConnect));
        assert!(audit.close(soon()));
        assert_eq!(count(&reader(&folder)), round);
    }
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join(FILE_NAME)), 0o600);
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    reader(folder.path())
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let error = SqliteStore::open(folder.path()).err();
    assert!(
        matches!(
            error,
            Some(AuditStoreError::Open(OpenError::Newer { found: 99, .. }))
        ),
        "{error:?}"
    );
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join(FILE_NAME),
        "no database, but longer than its header".repeat(9),
    )
    .unwrap();
    assert!(matches!(
        SqliteStore::open(folder.path()),
        Err(AuditStoreError::Open(OpenError::Damaged { .. }))
    ));
}

#[test]
fn a_locked_database_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::start(
        SqliteStore::open(folder.path()).unwrap(),
        folder.path(),
        keep_all(),
    )
    .unwrap();
    let other = reader(folder.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..5_000 {
        audit.record(Record::new(&source(), None, Event::SocketConnect));
    }
    let deadline = soon();
    while audit.health() != Err(SqliteStore::FAILING) {
        assert!(Instant::now() < deadline, "the failure shows");
        std::thread::yield_now();
    }
    assert!(!audit.flush(Instant::now() + Duration::from_millis(10)));
    other.execute_batch("COMMIT").unwrap();
    assert!(audit.flush(soon()));
    assert_eq!(audit.health(), Ok(()));
    assert_eq!(audit.lost(), 0);
    assert_eq!(count(&other), 5_000);
}

#[test]
fn records_past_their_retention_are_deleted_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    // More than one slice of old ones, and two on either side of the line.
    let ages = (0..5_000)
        .map(|_| 40 * DAY_MS)
        .chain([31 * DAY_MS, 29 * DAY_MS, 0]);
    let batch: Vec<Record> = ages
        .map(|age| Record::at(now_ms() - age, &source(), Event::SocketConnect))
        .collect();
    write(&mut store, &batch).unwrap();
    let options = AuditOptions {
        retention_days: NonZeroU32::new(30),
        ..AuditOptions::default()
    };
    let audit = Audit::start(store, folder.path(), options).unwrap();
    let reader = reader(folder.path());
    let deadline = soon();
    while count(&reader) != 2 {
        assert!(Instant::now() < deadline, "{} rows left", count(&reader));
        std::thread::yield_now();
    }
    assert!(audit.close(soon()));
    assert_eq!(count(&reader), 2);
}

#[test]
fn a_retention_that_changes_holds_soon() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    let ages = [31 * DAY_MS, 29 * DAY_MS, 0];
    let record = |age| Record::at(now_ms() - age, &source(), Event::SocketConnect);
    write(&mut store, &ages.map(record)).unwrap();
    let audit = Audit::start(store, folder.path(), keep_all()).unwrap();
    let reader = reader(folder.path());
    for (days, left) in [(30, 2), (28, 1)] {
        audit.keep_for(NonZeroU32::new(days));
        let deadline = soon();
        while count(&reader) != left {
            assert!(Instant::now() < deadline, "{} rows left", count(&reader));
            std::thread::yield_now();
        }
    }
    assert!(audit.close(soon()));
}

#[test]
fn retention_of_none_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    write(
        &mut store,
        &[Record::at(1, &source(), Event::SocketConnect)],
    )
    .unwrap();
    let audit = Audit::start(store, folder.path(), keep_all()).unwrap();
    audit.record(Record::new(&source(), None, Event::SocketConnect));
    assert!(audit.close(soon()));
    assert_eq!(count(&reader(folder.path())), 2);
}

/// A released schema never changes: other programs read the file, and older files have to open.
#[test]
fn the_schema_is_the_golden_one() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    let db = reader(folder.path());
    assert_eq!(sqlite::schema_of(&db), include_str!("golden/schema.sql"));
    let version: u32 = db
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 2);
}

/// What administrators and backups read it with may be years older than what writes it.
#[test]
fn the_view_needs_nothing_that_older_programs_lack() {
    let golden = include_str!("golden/schema.sql");
    assert!(golden.contains("CREATE VIEW logs"));
    for newer in ["unhex", "->", "STRICT", "jsonb", "0x"] {
        assert!(!golden.contains(newer), "{newer}");
    }
}

#[test]
fn the_file_stays_at_its_limit_however_many_records_come() {
    const MAX: u64 = 4 << 20;
    let folder = tempfile::tempdir().unwrap();
    let options = AuditOptions {
        max_bytes: NonZeroU64::new(MAX),
        ..keep_all()
    };
    let store = SqliteStore::open(folder.path()).unwrap();
    let audit = Audit::start(store, folder.path(), options).unwrap();
    let db = reader(folder.path());
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() as u64;
    assert_eq!(audit.notice(), None);
    let mut recorded = 0;
    let mut largest = 0;
    for _ in 0..6 {
        for _ in 0..16_000 {
            audit.record(Record::new(&source(), None, Event::SocketConnect));
        }
        recorded += 16_000;
        assert!(audit.flush(Instant::now() + Duration::from_secs(60)));
        largest = largest.max(number("PRAGMA page_count") * number("PRAGMA page_size"));
        let deadline = soon();
        while trim::used(&db).unwrap() > MAX {
            assert!(
                Instant::now() < deadline,
                "{} bytes",
                trim::used(&db).unwrap()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let last = Record::new(&source(), None, Event::SocketConnect);
    audit.record(last.clone());
    assert!(audit.flush(soon()));
    // What has come since the size was looked at last is on top.
    assert!(largest < 4 * MAX, "{largest} bytes");
    let left = count(&db) as u64;
    assert!(left > MAX / 2_048 && left < recorded / 2, "{left} left");
    let newest = "SELECT _id FROM logs ORDER BY createdAt DESC, _id DESC LIMIT 1";
    let newest: Vec<u8> = db.query_row(newest, [], |row| row.get(0)).unwrap();
    assert_eq!(newest, last.id().as_bytes());
    assert!(audit.notice().is_some());
    assert_eq!(audit.health(), Ok(()));
    assert!(audit.close(soon()));
}

#[test]
fn what_is_removed_makes_room_although_others_of_its_time_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    let records = of_all_kinds();
    for batch in records.chunks(100) {
        write(&mut store, batch).unwrap();
    }
    let used = trim::used(&reader(folder.path())).unwrap();
    let mut gone = 0;
    while let Some(trimmed) = store.trim(used - used / 8).unwrap() {
        gone += trimmed.records;
    }
    let share = records.len() / 8;
    assert!((share..3 * share).contains(&gone), "{gone} of {share}");
}
