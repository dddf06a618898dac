use tempfile::TempDir;

use super::*;
use crate::audit::contract::{T, source};
use crate::audit::line::write;
use crate::audit::{Audit, AuditOptions, Event, ReadLimit, Record, SqliteStore, Store as _};

fn open() -> (SqliteStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (SqliteStore::open(folder.path()).unwrap(), folder)
}

mod contract {
    use crate::audit::contract::contract_suite;
    contract_suite!(open);

    fn open() -> Option<(super::SqliteStore, super::TempDir)> {
        Some(super::open())
    }
}

#[test]
fn details_are_returned_verbatim() {
    let (mut store, folder) = open();
    write(
        &mut store,
        &[Record::at(T, &source(None), Event::SocketConnect)],
    )
    .unwrap();
    let reader = store.reader();
    let stored = r#"{"seq":  1.50e3, "later" : [1]}"#;
    let other = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    let set = |from, to| {
        let set = "UPDATE batches SET body = replace(body, ?1, ?2)";
        assert_eq!(other.execute(set, [from, to]).unwrap(), 1);
    };
    set("{}", stored);
    let found = reader.read(&Query::default()).unwrap();
    assert_eq!(found.records[0].details.get(), stored);
    set(stored, "{no JSON}");
    let broken = reader.read(&Query::default());
    assert!(matches!(broken, Err(ReadError::Damaged)), "{broken:?}");
}

#[test]
fn every_query_reads_old_rows_along_an_index() {
    const BY_TIME: &str = "sqlite_autoindex_rows_1 (createdAt>? AND createdAt<?)";
    const BY_USER: &str = "logs_user (user=? AND createdAt>? AND createdAt<?)";
    const BY_EVENT: &str = "logs_event (eventType=? AND createdAt>? AND createdAt<?)";
    let (_store, folder) = open();
    let connection = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    for (by_user, by_event, index) in [
        (false, false, BY_TIME),
        (true, false, BY_USER),
        (false, true, BY_EVENT),
        (true, true, BY_USER),
    ] {
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let plan = plan(&connection, rows::statement(order, by_user, by_event));
            assert_eq!(plan[0], format!("SEARCH rows USING INDEX {index}"));
            // At most the records of one millisecond are sorted.
            let sorting: &[_] = match index.starts_with("logs") {
                true => &["USE TEMP B-TREE FOR LAST TERM OF ORDER BY"],
                false => &[],
            };
            assert_eq!(plan[1..], *sorting);
        }
    }
}

fn plan(connection: &Connection, statement: &str) -> Vec<String> {
    let explain = format!("EXPLAIN QUERY PLAN {statement}");
    let mut explain = connection.prepare(&explain).unwrap();
    for parameter in 1..=explain.parameter_count() {
        explain.raw_bind_parameter(parameter, 1).unwrap();
    }
    let mut rows = explain.raw_query();
    let mut plan = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        plan.push(row.get::<_, String>("detail").unwrap());
    }
    plan
}

#[tokio::test]
async fn a_query_neither_waits_for_the_writer_nor_holds_it_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let audit = Audit::start(store, folder.path(), AuditOptions::default()).unwrap();
    audit.record(Record::new(
        &source(Some("alice")),
        None,
        Event::SocketConnect,
    ));
    let flushed = audit.clone();
    let soon = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let flush = tokio::task::spawn_blocking(move || flushed.flush(soon));
    assert!(flush.await.unwrap());
    let other = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let found = audit.read(Query::default()).await.unwrap();
    assert_eq!((found.records.len(), found.more), (1, false));
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);

    let reads = (0..20).map(|_| audit.read(Query::default()));
    let reads = futures_util::future::join_all(reads).await;
    assert!(reads.iter().all(Result::is_ok));
    let closing = audit.clone();
    let close = tokio::task::spawn_blocking(move || closing.close(soon));
    assert!(close.await.unwrap());
    let left = std::fs::read_dir(folder.path()).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    // SQLite has removed its side files.
    assert_eq!(left, ["databases", FILE_NAME, "spool"]);
}

#[test]
fn a_limit_is_one_to_a_thousand() {
    for bad in [0, 1_001, u64::MAX] {
        assert_eq!(ReadLimit::new(bad), None);
    }
    for good in [1, 1_000] {
        assert_eq!(ReadLimit::new(good).unwrap().get(), good as usize);
    }
    assert_eq!(ReadLimit::default().get(), 100);
}
