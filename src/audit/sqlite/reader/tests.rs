use std::{net::IpAddr, sync::Arc};

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::{
    audit::{
        Audit, AuditOptions, AuditText, Event, ReadLimit, Record, Source, SqliteStore, Store as _,
        details::tests::samples,
    },
    dialect::Dialect,
    error::ErrorCode,
};

const T: u64 = 1_700_000_000_000;

fn source(user: Option<&str>) -> Arc<Source> {
    Arc::new(Source {
        user: user.map(Into::into),
        username: None,
        session_id: None,
        ip: None,
        user_agent: None,
        node: "node-1".into(),
    })
}

/// A store that keeps these.
fn kept(records: &[Record]) -> (TempDir, SqliteStore, SqliteReader) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(folder.path()).unwrap();
    store.write(records).unwrap();
    let reader = SqliteReader::new(folder.path());
    (folder, store, reader)
}

fn ids(found: &Found) -> Vec<Uuid> {
    found.records.iter().map(|record| record.id).collect()
}

#[test]
fn a_record_is_told_with_the_fields_of_the_contract() {
    let source = Arc::new(Source {
        username: Some("Alice".into()),
        session_id: Some(Uuid::from_u128(7)),
        ip: Some(IpAddr::from([192, 0, 2, 1])),
        user_agent: Some(AuditText::new("agent")),
        ..(*source(Some("alice"))).clone()
    });
    let records: Vec<Record> = samples()
        .into_iter()
        .map(|(event, _)| Record::new(&source, Some(Dialect::Direct), event))
        .collect();
    let (_folder, _store, reader) = kept(&records);
    let found = reader.read(&Query::default()).unwrap();
    assert_eq!(found.records.len(), records.len());
    let told = found.records.iter().rev();
    for ((told, record), (event, details)) in told.zip(&records).zip(samples()) {
        let event_type = event.event_type();
        let time = jiff::Timestamp::from_millisecond(record.created_at_ms()).unwrap();
        assert_eq!(
            serde_json::to_value(told).unwrap(),
            json!({
                "_id": record.id().hyphenated().to_string(),
                "eventType": event_type.as_str(),
                "level": event_type.level().as_str(),
                "dialect": "direct",
                "user": "alice",
                "username": "Alice",
                "sessionId": "00000000-0000-0000-0000-000000000007",
                "ipAddress": "192.0.2.1",
                "userAgent": "agent",
                "node": "node-1",
                "details": details,
                "success": event_type.success(),
                "message": event_type.message(),
                "createdAt": clock::iso(time),
            })
        );
    }
}

#[test]
fn what_a_record_has_not_is_left_out() {
    let (_folder, _store, reader) = kept(&[Record::at(T, &source(None), Event::SocketConnect)]);
    let found = reader.read(&Query::default()).unwrap();
    let told = serde_json::to_value(&found.records[0]).unwrap();
    let mut names: Vec<_> = told.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(
        names,
        [
            "_id",
            "createdAt",
            "details",
            "eventType",
            "level",
            "message",
            "node",
            "success"
        ]
    );
    assert_eq!(told["details"], json!({}));
    assert_eq!(told["createdAt"], "2023-11-14T22:13:20.000Z");
}

#[test]
fn details_are_told_verbatim() {
    let (folder, _store, reader) = kept(&[Record::at(T, &source(None), Event::SocketConnect)]);
    let stored = r#"{"seq":  1.50e3, "later" : [1]}"#;
    let other = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    let set = |details| other.execute("UPDATE logs SET details = ?1", [details]);
    set(stored).unwrap();
    let found = reader.read(&Query::default()).unwrap();
    assert_eq!(found.records[0].details.get(), stored);
    set("{no JSON").unwrap();
    let broken = reader.read(&Query::default());
    assert!(matches!(broken, Err(StoreError::Database(_))), "{broken:?}");
}

/// Of alice and bob and nobody in turn, connecting, failing and connecting again, four in each
/// millisecond, in no order of writing.
fn mixed() -> Vec<Record> {
    let users = [Some("alice"), Some("bob"), None].map(source);
    let mut records: Vec<Record> = (0..120)
        .map(|number: usize| {
            let event = match number % 2 {
                0 => Event::SocketConnect,
                _ => Event::Error {
                    code: ErrorCode::OperationFailed,
                },
            };
            Record::at(T + number as u64 / 4, &users[number % 3], event)
        })
        .collect();
    records.swap(3, 97);
    records.swap(40, 41);
    records
}

/// What a query should find, by looking at each record.
fn expected(records: &[Record], query: &Query) -> Vec<Uuid> {
    let matches = |record: &&Record| {
        let at = record.created_at_ms();
        let user = record.source().user.as_deref();
        query
            .user
            .as_deref()
            .is_none_or(|asked| Some(asked) == user)
            && query
                .event
                .is_none_or(|asked| asked == record.event().event_type())
            && query.from.is_none_or(|from| from <= at)
            && query.to.is_none_or(|to| at <= to)
    };
    let mut ids: Vec<Uuid> = records.iter().filter(matches).map(Record::id).collect();
    ids.sort_unstable_by(|one, two| two.cmp(one));
    ids
}

#[test]
fn every_filter_pages_through_exactly_its_records_newest_first() {
    let records = mixed();
    let (_folder, _store, reader) = kept(&records);
    let (first, last) = (T as i64, T as i64 + 29);
    let times = [
        (None, None),
        (Some(first + 3), None),
        (None, Some(last - 3)),
        (Some(first + 7), Some(first + 8)),
        (Some(first + 8), Some(first + 7)),
        (Some(i64::MIN), Some(i64::MAX)),
    ];
    let users = [None, Some("alice"), Some("bob"), Some("eve"), Some("")];
    let events = [
        None,
        Some(EventType::SocketConnect),
        Some(EventType::Error),
        Some(EventType::Admin),
    ];
    let mut found_any = 0;
    for (from, to) in times {
        for (user, event) in users
            .iter()
            .flat_map(|user| events.map(|event| (user, event)))
        {
            for limit in [1, 7, 1_000] {
                let mut query = Query {
                    user: user.map(Into::into),
                    event,
                    from,
                    to,
                    before: None,
                    limit: ReadLimit::new(limit).unwrap(),
                };
                let mut all = Vec::new();
                loop {
                    let found = reader.read(&query).unwrap();
                    assert!(found.records.len() <= limit as usize);
                    assert!(!found.more || found.records.len() == limit as usize);
                    all.extend(ids(&found));
                    query.before = all.last().copied();
                    if !found.more {
                        break;
                    }
                }
                assert_eq!(all, expected(&records, &query), "{query:?}");
                found_any += usize::from(!all.is_empty());
            }
        }
    }
    assert!(found_any > 100, "{found_any}");
}

#[test]
fn a_cursor_need_not_be_kept_any_more() {
    let records = mixed();
    let (_folder, mut store, reader) = kept(&records);
    let all = expected(&records, &Query::default());
    store.expire(T as i64 + 10, 1_000).unwrap();
    let query = |before| Query {
        before: Some(before),
        ..Query::default()
    };
    let gone = reader.read(&query(all[100])).unwrap();
    assert_eq!((gone.records.len(), gone.more), (0, false));
    for before in [Uuid::nil(), all[119]] {
        assert!(reader.read(&query(before)).unwrap().records.is_empty());
    }
    let newest = reader.read(&query(Uuid::max())).unwrap();
    assert_eq!(ids(&newest), all[..80]);
}

#[test]
fn every_query_reads_along_an_index() {
    let (folder, _store, _reader) = kept(&[]);
    let connection = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    for (by_user, by_event, index) in [
        (
            false,
            false,
            "sqlite_autoindex_logs_1 (createdAt>? AND createdAt<?)",
        ),
        (
            true,
            false,
            "logs_user (user=? AND createdAt>? AND createdAt<?)",
        ),
        (
            false,
            true,
            "logs_event (eventType=? AND createdAt>? AND createdAt<?)",
        ),
        (
            true,
            true,
            "logs_user (user=? AND createdAt>? AND createdAt<?)",
        ),
    ] {
        let explain = format!("EXPLAIN QUERY PLAN {}", statement(by_user, by_event));
        let mut explain = connection.prepare(&explain).unwrap();
        for parameter in 1..=explain.parameter_count() {
            explain.raw_bind_parameter(parameter, 1).unwrap();
        }
        let mut rows = explain.raw_query();
        let mut plan = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            plan.push(row.get::<_, String>("detail").unwrap());
        }
        assert_eq!(plan[0], format!("SEARCH logs USING INDEX {index}"));
        // At most the records of one millisecond are sorted.
        let sorting: &[_] = match index.starts_with("logs") {
            true => &["USE TEMP B-TREE FOR LAST TERM OF ORDER BY"],
            false => &[],
        };
        assert_eq!(plan[1..], *sorting);
    }
}

#[tokio::test]
async fn a_query_neither_waits_for_the_writer_nor_holds_it_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let audit = Audit::start(store, AuditOptions::default()).unwrap();
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
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(
        left.len(),
        1,
        "SQLite has put its side files away: {left:?}"
    );
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
