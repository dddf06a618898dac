//! The tests that every store of the audit must pass; they know none of them.
//!
//! `contract_suite!` takes a function that opens an empty store, with a value that must live as long,
//! or `None` where the store is not available.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use serde_json::json;
use uuid::Uuid;

use super::details::tests::samples;
use super::event::Repeated;
use super::line::write;
use super::read::RecordPage;
use super::{
    AdminAction, AuditText, Encoded, Event, EventType, Order, Query, ReadLimit, Record, Source,
    Store,
};
use crate::model::{Dialect, DisconnectReason, ErrorCode, clock};

/// One `#[test]` for each test of the contract.
macro_rules! contract_suite {
    ($open:path) => {
        $crate::audit::contract::contract_suite! { $open;
            a_record_is_returned_with_the_fields_of_the_contract,
            what_a_record_has_not_is_left_out,
            writing_a_record_twice_is_harmless,
            every_filter_pages_through_exactly_its_records,
            the_record_of_a_cursor_may_have_been_deleted,
            expiring_deletes_the_oldest_in_bounded_slices,
            what_is_too_much_goes_oldest_first_and_no_more_of_it,
            what_floods_make_goes_first_and_what_is_done_about_them_last,
        }
    };
    ($open:path; $($test:ident),+ $(,)?) => { $(
        #[test]
        fn $test() {
            let Some((store, _keep)) = $open() else {
                return;
            };
            $crate::audit::contract::$test(store);
        }
    )+ };
}
pub(super) use contract_suite;

pub(super) const T: u64 = 1_700_000_000_000;

pub(super) fn source(user: Option<&str>) -> Arc<Source> {
    Arc::new(Source {
        user: user.map(Into::into),
        username: None,
        session_id: None,
        ip: None,
        user_agent: None,
        node: "node-1".into(),
        encoded: Encoded::default(),
    })
}

fn read(store: &impl Store, query: &Query) -> RecordPage {
    store.reader().read(query).unwrap()
}

fn write_all<S: Store>(store: &mut S, records: &[Record])
where
    S::Error: std::fmt::Debug,
{
    write(store, records).unwrap();
}

fn ids(found: &RecordPage) -> Vec<Uuid> {
    found.records.iter().map(|record| record.id).collect()
}

pub(super) fn a_record_is_returned_with_the_fields_of_the_contract<S: Store>(mut store: S)
where
    S::Error: std::fmt::Debug,
{
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
    write_all(&mut store, &records);
    let found = read(&store, &Query::default());
    assert_eq!(found.records.len(), records.len());
    let returned = found.records.iter().rev();
    for ((returned, record), (event, details)) in returned.zip(&records).zip(samples()) {
        let event_type = event.event_type();
        let time = jiff::Timestamp::from_millisecond(record.created_at_ms()).unwrap();
        assert_eq!(
            serde_json::to_value(returned).unwrap(),
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

pub(super) fn what_a_record_has_not_is_left_out<S: Store>(mut store: S)
where
    S::Error: std::fmt::Debug,
{
    write_all(
        &mut store,
        &[Record::at(T, &source(None), Event::SocketConnect)],
    );
    let found = read(&store, &Query::default());
    let returned = serde_json::to_value(&found.records[0]).unwrap();
    let mut names: Vec<_> = returned.as_object().unwrap().keys().collect();
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
    assert_eq!(returned["details"], json!({}));
    assert_eq!(returned["createdAt"], "2023-11-14T22:13:20.000Z");
}

pub(super) fn writing_a_record_twice_is_harmless<S: Store>(mut store: S)
where
    S::Error: std::fmt::Debug,
{
    let [one, two] = [0, 1].map(|ms| Record::at(T + ms, &source(None), Event::SocketConnect));
    write_all(&mut store, std::slice::from_ref(&one));
    write_all(&mut store, &[one.clone(), two.clone()]);
    assert_eq!(ids(&read(&store, &Query::default())), [two.id(), one.id()]);
}

/// Records of alice, bob and no user in turn, of two types in turn, four in each millisecond, not
/// written in order.
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
    ids.sort_unstable();
    if query.order == Order::NewestFirst {
        ids.reverse();
    }
    ids
}

pub(super) fn every_filter_pages_through_exactly_its_records<S: Store>(mut store: S)
where
    S::Error: std::fmt::Debug,
{
    let records = mixed();
    write_all(&mut store, &records);
    let reader = store.reader();
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
            for (limit, order) in [
                (1, Order::OldestFirst),
                (7, Order::NewestFirst),
                (7, Order::OldestFirst),
                (1_000, Order::NewestFirst),
            ] {
                let mut query = Query {
                    user: user.map(Into::into),
                    event,
                    from,
                    to,
                    order,
                    after: None,
                    limit: ReadLimit::new(limit).unwrap(),
                    ..Query::default()
                };
                let mut all = Vec::new();
                loop {
                    let found = reader.read(&query).unwrap();
                    assert!(found.records.len() <= limit as usize);
                    assert!(!found.more || found.records.len() == limit as usize);
                    all.extend(ids(&found));
                    query.after = all.last().copied();
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

pub(super) fn the_record_of_a_cursor_may_have_been_deleted<S: Store>(mut store: S)
where
    S::Error: std::fmt::Debug,
{
    let records = mixed();
    write_all(&mut store, &records);
    let reader = store.reader();
    let all = expected(&records, &Query::default());
    store.expire(T as i64 + 10, 1_000).unwrap();
    let query = |after| Query {
        after: Some(after),
        ..Query::default()
    };
    let gone = reader.read(&query(all[100])).unwrap();
    assert_eq!((gone.records.len(), gone.more), (0, false));
    for after in [Uuid::nil(), all[119]] {
        assert!(reader.read(&query(after)).unwrap().records.is_empty());
    }
    let newest = reader.read(&query(Uuid::max())).unwrap();
    assert_eq!(ids(&newest), all[..80]);
}

pub(super) fn expiring_deletes_the_oldest_in_bounded_slices<S: Store>(mut store: S)
where
    S::Error: std::fmt::Debug,
{
    let records: Vec<Record> = (1..=10)
        .map(|ms| Record::at(T + ms, &source(None), Event::SocketConnect))
        .collect();
    write_all(&mut store, &records);
    let before = T as i64 + 8;
    let left = |store: &S| -> BTreeSet<Uuid> {
        ids(&read(store, &Query::default())).into_iter().collect()
    };
    let of = |records: &[Record]| -> BTreeSet<Uuid> { records.iter().map(Record::id).collect() };
    assert_eq!(store.expire(before, 5).unwrap(), 5);
    assert_eq!(left(&store), of(&records[5..]));
    assert_eq!(store.expire(before, 5).unwrap(), 2);
    assert_eq!(store.expire(before, 5).unwrap(), 0);
    assert_eq!(left(&store), of(&records[7..]));
}

/// Records that take more than [`ENOUGH`] in any store.
pub(super) fn many() -> Vec<Record> {
    let sent = |ms| Record::at(T + ms, &source(Some("alice")), Event::SocketConnect);
    (1..=6_000).map(sent).collect()
}

pub(super) const ENOUGH: u64 = 512 * 1024;

/// All that are left, the oldest first.
pub(super) fn all_left(store: &impl Store) -> Vec<Uuid> {
    let mut query = Query {
        order: Order::OldestFirst,
        limit: ReadLimit::LARGEST,
        ..Query::default()
    };
    let mut all = Vec::new();
    loop {
        let page = read(store, &query);
        all.extend(ids(&page));
        if !page.more {
            return all;
        }
        query.after = all.last().copied();
    }
}

pub(super) fn what_is_too_much_goes_oldest_first_and_no_more_of_it<S: Store>(mut store: S)
where
    S::Error: std::fmt::Debug,
{
    assert!(store.trim(ENOUGH).unwrap().is_none(), "there are none");
    let records = many();
    write_all(&mut store, &records);
    assert!(store.trim(1 << 40).unwrap().is_none());
    let mut gone = 0;
    while let Some(trimmed) = store.trim(ENOUGH).unwrap() {
        assert!(trimmed.records > 0, "it comes to an end");
        gone += trimmed.records;
        let last = &records[gone - 1];
        assert_eq!(trimmed.up_to_ms, last.created_at_ms());
    }
    let left: Vec<_> = records[gone..].iter().map(Record::id).collect();
    assert_eq!(all_left(&store), left);
    assert!(gone > 0 && left.len() > 500, "{gone} are gone");
}

/// In which group [`of_all_kinds`] has each of its kinds removed.
const GROUPS: [u8; 9] = [0, 0, 2, 3, 1, 3, 2, 3, 3];

/// As many of each of these kinds in turn as take more than [`ENOUGH`].
pub(super) fn of_all_kinds() -> Vec<Record> {
    let code = ErrorCode::InvalidToken;
    let admin = || Event::Admin {
        action: AdminAction::RoleChanged,
        recipient: None,
        conversation_id: None,
        count: None,
    };
    let kind = |n: u64| match n % GROUPS.len() as u64 {
        0 => Event::SocketDisconnect {
            reason: DisconnectReason::ClientLeft,
        },
        1 => Event::Refused {
            code: ErrorCode::NotFound,
            recipient: None,
            message_id: None,
            conversation_id: None,
        },
        2 => Event::KeyExchangeRelay {
            recipient: AuditText::new("bob"),
        },
        3 => Event::SlowConsumer { bytes: n },
        4 => Event::AuthFailed { code, reason: None },
        5 => Event::Repeated(Repeated {
            event_type: EventType::AuthFailed,
            code: Some(code),
            count: n,
            first_ms: T as i64,
            last_ms: T as i64,
        }),
        6 | 7 => admin(),
        _ => Event::SocketDisconnect {
            reason: DisconnectReason::OutOfMemory,
        },
    };
    let user = |n| (n % GROUPS.len() as u64 != 7).then_some("alice");
    let record = |n| Record::at(T + n, &source(user(n)), kind(n));
    (0..6_300).map(record).collect()
}

pub(super) fn what_floods_make_goes_first_and_what_is_done_about_them_last<S: Store>(mut store: S)
where
    S::Error: std::fmt::Debug,
{
    let records = of_all_kinds();
    for some in records.chunks(1_000) {
        write_all(&mut store, some);
    }
    let mut in_order: Vec<_> = records.iter().zip(GROUPS.into_iter().cycle()).collect();
    in_order.sort_by_key(|(_, group)| *group);
    let (mut gone, mut rounds) = (0, 0);
    // So little that only some of what goes last can be left.
    while let Some(trimmed) = store.trim(ENOUGH / 4).unwrap() {
        assert!(trimmed.records > 0, "it comes to an end");
        gone += trimmed.records;
        rounds += 1;
        let left = in_order[gone..].iter();
        let mut left: Vec<_> = left.map(|(record, _)| record.id()).collect();
        left.sort_unstable();
        assert_eq!(all_left(&store), left, "after {gone}");
    }
    assert!(
        rounds > 1 && (3_500..6_300).contains(&gone),
        "{gone} are gone"
    );
}
