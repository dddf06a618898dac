//! How records become batches, and what is read of them.

use super::*;
use crate::audit::contract::T;
use crate::audit::read::{Order, Query, ReadLimit};
use crate::audit::sqlite::stack::FULL_COUNT;
use crate::audit::{AdminAction, EventType};

fn record(ms: u64) -> Record {
    Record::at(T + ms, &source(), Event::SocketConnect)
}

fn store() -> (SqliteStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (SqliteStore::open(folder.path()).unwrap(), folder)
}

fn number(folder: &Path, sql: &str) -> i64 {
    reader(folder).query_row(sql, [], |row| row.get(0)).unwrap()
}

fn batches(folder: &Path) -> i64 {
    number(folder, "SELECT count(*) FROM batches")
}

/// All ids, oldest first, by pages.
fn all(store: &SqliteStore) -> Vec<Uuid> {
    let reader = store.reader();
    let mut query = Query {
        order: Order::OldestFirst,
        limit: ReadLimit::LARGEST,
        ..Query::default()
    };
    let mut all = Vec::new();
    loop {
        let page = reader.read(&query).unwrap();
        all.extend(page.records.iter().map(|record| record.id));
        query.after = all.last().copied();
        if !page.more {
            return all;
        }
    }
}

#[test]
fn small_batches_become_few_and_nothing_is_lost_or_twice() {
    let (mut store, folder) = store();
    let records: Vec<_> = (0..10_000).map(record).collect();
    for some in records.chunks(7) {
        write(&mut store, some).unwrap();
    }
    let full = format!(
        "SELECT count(*) FROM batches WHERE count >= {FULL_COUNT} AND number IN (SELECT number FROM filters)"
    );
    assert_eq!(number(folder.path(), &full), 9);
    assert!(batches(folder.path()) <= 9 + 62);
    let ids: Vec<_> = records.iter().map(Record::id).collect();
    assert_eq!(all(&store), ids);
    assert_eq!(
        number(folder.path(), "SELECT count(DISTINCT _id) FROM logs"),
        10_000
    );
}

#[test]
fn a_store_that_is_opened_again_goes_on_merging() {
    let folder = tempfile::tempdir().unwrap();
    let records: Vec<_> = (0..100).map(record).collect();
    for one in records.chunks(1) {
        let mut store = SqliteStore::open(folder.path()).unwrap();
        write(&mut store, one).unwrap();
    }
    // Three of 32, and four of one.
    assert_eq!(batches(folder.path()), 3 + 4);
    assert_eq!(count(&reader(folder.path())), 100);
}

#[test]
fn what_is_written_again_is_stored_once_however_late_and_in_whatever_order() {
    let (mut store, folder) = store();
    let records: Vec<_> = (0..20_000).map(record).collect();
    let stored = || count(&reader(folder.path()));
    for some in records.chunks(1_000) {
        write(&mut store, some).unwrap();
    }
    assert_eq!(stored(), 20_000);
    let mut some: Vec<_> = records.iter().step_by(999).cloned().collect();
    some.reverse();
    some.extend_from_slice(&records[19_500..]);
    some.push(record(5));
    some.push(records[3].clone());
    some.push(record(30_000));
    some.push(some[some.len() - 1].clone());
    write(&mut store, &some).unwrap();
    assert_eq!(stored(), 20_002);
    drop(store);
    // A crash left these in the spool.
    let mut store = SqliteStore::open(folder.path()).unwrap();
    write(&mut store, &some).unwrap();
    write(&mut store, &records[15_000..]).unwrap();
    assert_eq!(stored(), 20_002);
    let ids = all(&store);
    assert_eq!(ids.len(), 20_002);
    assert!(ids.is_sorted_by(|a, b| a < b));
}

#[test]
fn the_batch_on_the_line_is_cut_and_the_rest_of_it_stays_as_it_was() {
    let (mut store, folder) = store();
    let records: Vec<_> = (0..9_000).map(record).collect();
    for some in records.chunks(3_000) {
        write(&mut store, some).unwrap();
    }
    assert_eq!(store.expire(T as i64 + 4_000, 100_000).unwrap(), 4_000);
    let left: Vec<_> = records[4_000..].iter().map(Record::id).collect();
    assert_eq!(all(&store), left);
    assert_eq!(batches(folder.path()), 6);
    assert_eq!(
        number(folder.path(), "SELECT sum(count) FROM batches"),
        5_000
    );
    let first = number(folder.path(), "SELECT min(first) FROM batches");
    assert_eq!(first, T as i64 + 4_000);
    // More comes behind it.
    write(&mut store, &[record(10_000)]).unwrap();
    assert_eq!(all(&store).len(), 5_001);
}

#[test]
fn a_batch_is_not_read_for_users_and_types_that_it_has_not() {
    let (mut store, folder) = store();
    let records: Vec<_> = (0..3_000).map(record).collect();
    write(&mut store, &records).unwrap();
    // Reading them would find these.
    let db = reader(folder.path());
    for (from, to) in [("\"alice\"", "\"eve\""), ("SOCKET_CONNECT", "ERROR")] {
        let change = "UPDATE batches SET body = replace(body, ?1, ?2)";
        db.execute(change, [from, to]).unwrap();
    }
    let admin = Event::Admin {
        action: AdminAction::AuditRead,
        recipient: None,
        conversation_id: None,
        count: None,
    };
    let other = Arc::new(Source {
        user: Some("eve".into()),
        ..(*source()).clone()
    });
    write(&mut store, &[Record::at(T, &other, admin)]).unwrap();
    let reader = store.reader();
    let by_user = |user: &str| Query {
        user: Some(user.to_owned()),
        ..Query::default()
    };
    let by_type = |event| Query {
        event: Some(event),
        ..Query::default()
    };
    assert_eq!(reader.read(&by_user("eve")).unwrap().records.len(), 1);
    assert_eq!(
        reader
            .read(&by_type(EventType::Admin))
            .unwrap()
            .records
            .len(),
        1
    );
    assert_eq!(
        reader
            .read(&by_type(EventType::Error))
            .unwrap()
            .records
            .len(),
        0
    );
}

#[test]
fn old_records_keep_the_texts_that_they_were_written_with() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    write(&mut store, &[record(0)]).unwrap();
    drop(store);
    // As if a version before this one had written it, which called it something else.
    let db = reader(folder.path());
    db.execute(
        "UPDATE event_types SET message = 'Came' WHERE eventType = 'SOCKET_CONNECT'",
        [],
    )
    .unwrap();
    for _ in 0..2 {
        let mut store = SqliteStore::open(folder.path()).unwrap();
        write(&mut store, &[record(1)]).unwrap();
    }
    let found = SqliteStore::reader_of(folder.path())
        .read(&Query::default())
        .unwrap();
    let messages: Vec<_> = found
        .records
        .iter()
        .map(|record| &*record.message)
        .collect();
    assert_eq!(messages, ["Connected", "Connected", "Came"]);
    let mut select = db
        .prepare("SELECT message FROM logs ORDER BY _id DESC")
        .unwrap();
    let rows = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(rows.map(Result::unwrap).collect::<Vec<_>>(), messages);
    assert_eq!(
        number(folder.path(), "SELECT max(texts) FROM event_types"),
        2
    );
}

#[test]
fn a_type_of_which_nothing_is_known_is_found_all_the_same() {
    let (mut store, folder) = store();
    write(&mut store, &[record(0)]).unwrap();
    let db = reader(folder.path());
    db.execute(
        "UPDATE batches SET body = replace(body, 'SOCKET_CONNECT', 'LATER')",
        [],
    )
    .unwrap();
    let found = store.reader().read(&Query::default()).unwrap();
    assert_eq!(
        (&*found.records[0].event_type, &*found.records[0].level),
        ("LATER", "info")
    );
    let row: (String, String, bool) = db
        .query_row("SELECT eventType, level, success FROM logs", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(row, ("LATER".to_owned(), "info".to_owned(), true));
}
