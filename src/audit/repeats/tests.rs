use std::net::IpAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::budget::ALL;
use super::summaries::{MAX_OF_SITE, MAX_SUMMARIES};
use super::*;
use crate::audit::event::{AdminAction, Event, FileChunk, MessageSent, Target};
use crate::audit::record::{Encoded, Source};
use crate::audit::text::AuditText;
use crate::limits::WIDE;
use crate::model::{Dialect, DisconnectReason, ErrorCode};

const LIMITS: RepeatLimits = RepeatLimits {
    refusals_per_ip: 3,
    events_per_ip: 5,
    refusals_per_user: 4,
    events_per_user: 6,
    file_parts_per_user: 8,
};

fn from(user: Option<&str>, ip: &str) -> Source {
    Source {
        user: user.map(Into::into),
        username: user.map(Into::into),
        session_id: None,
        ip: Some(ip.parse::<IpAddr>().expect("an address")),
        user_agent: Some(AuditText::new("agent")),
        node: "n1".into(),
        encoded: Encoded::default(),
    }
}

fn refused(code: ErrorCode) -> Event {
    Event::Refused {
        code,
        recipient: Some(AuditText::new("bob")),
        message_id: None,
        conversation_id: None,
    }
}

fn failed() -> Event {
    Event::AuthFailed {
        code: ErrorCode::InvalidToken,
        reason: None,
    }
}

fn sent() -> Event {
    Event::MessageSent(MessageSent {
        target: Target::Session(AuditText::new("s1")),
        message_id: None,
        message_type: None,
        seq: None,
        bytes: 1,
    })
}

fn admin() -> Event {
    Event::Admin {
        action: AdminAction::AuditRead,
        recipient: None,
        conversation_id: None,
        count: None,
    }
}

fn record(source: Source, event: Event) -> Record {
    Record::new(&Arc::new(source), Some(Dialect::Direct), event)
}

fn admitted(repeats: &Repeats, times: usize, record: impl Fn(usize) -> Record) -> usize {
    (0..times).filter(|&n| repeats.admits(&record(n))).count()
}

/// The type, who, where, and the details but the times, which are as they must be.
fn in_short(records: &[Record]) -> Vec<Value> {
    let in_short = |record: &Record| {
        let source = record.source();
        let mut details = serde_json::to_value(record.event().details()).expect("JSON");
        let fields = details.as_object_mut().expect("an object");
        let [first, last] = ["firstAt", "lastAt"].map(|name| fields.remove(name).expect("a time"));
        assert!(first.as_str() <= last.as_str(), "{first} {last}");
        json!([
            record.event().event_type().as_str(),
            source.user.as_deref(),
            source.ip.map(|ip| ip.to_string()),
            details
        ])
    };
    let mut all: Vec<_> = records.iter().map(in_short).collect();
    all.sort_by_key(Value::to_string);
    all
}

#[test]
fn refusals_of_an_address_are_stored_up_to_its_bound_and_then_counted_by_kind() {
    let repeats = Repeats::new(LIMITS);
    let events = |n: usize| match n % 3 {
        0 => failed(),
        1 => refused(ErrorCode::InvalidRequest),
        // Such a record is itself a count.
        _ => Event::RateLimited { count: 2 },
    };
    let stored = admitted(&repeats, 33, |n| record(from(None, "192.0.2.1"), events(n)));
    assert_eq!(stored, 3, "of all kinds together");
    let other = admitted(&repeats, 2, |_| record(from(None, "192.0.2.2"), failed()));
    assert_eq!(other, 2, "another address has its own bound");
    let counted = repeats.end_minute();
    assert_eq!(
        in_short(&counted),
        [
            json!(["AUTH_FAILED", null, "192.0.2.1", {"code": "INVALID_TOKEN", "count": 10}]),
            json!(["RATE_LIMITED", null, "192.0.2.1", {"code": "RATE_LIMIT", "count": 20}]),
            json!(["REFUSED", null, "192.0.2.1", {"code": "INVALID_REQUEST", "count": 10}]),
        ]
    );
    assert!(repeats.end_minute().is_empty(), "counted once");
    let again = admitted(&repeats, 9, |_| record(from(None, "192.0.2.1"), failed()));
    assert_eq!(again, 3, "in the next minute as many again");
}

#[test]
fn what_an_address_does_without_a_user_is_bounded_apart_from_what_is_refused() {
    let repeats = Repeats::new(LIMITS);
    let ended = || Event::SocketDisconnect {
        reason: DisconnectReason::ClientLeft,
    };
    let room_name = AuditText::new("s1");
    let session = |n: usize| match n % 3 {
        0 => Event::SessionReserved {
            room_name: room_name.clone(),
        },
        1 => Event::SessionJoined {
            room_name: room_name.clone(),
        },
        _ => Event::SessionLeft {
            room_name: room_name.clone(),
        },
    };
    let events = |n: usize| match n % 4 {
        0 => Event::SocketConnect,
        1 => ended(),
        2 => sent(),
        _ => session(n),
    };
    let source = || from(None, "192.0.2.1");
    assert_eq!(admitted(&repeats, 48, |n| record(source(), events(n))), 5);
    assert_eq!(admitted(&repeats, 9, |_| record(source(), failed())), 3);
    let total = |records: &[Record]| -> u64 {
        let counts = records.iter().map(|record| match record.event() {
            Event::Repeated(repeated) => repeated.count,
            other => panic!("{other:?}"),
        });
        counts.sum()
    };
    assert_eq!(total(&repeats.end_minute()), 48 - 5 + 9 - 3);
}

#[test]
fn a_user_has_bounds_at_any_address_and_none_for_what_is_relayed() {
    let repeats = Repeats::new(LIMITS);
    let at = |n: usize, event| record(from(Some("alice"), &format!("192.0.2.{n}")), event);
    let refused = || refused(ErrorCode::InvalidInput);
    assert_eq!(admitted(&repeats, 20, |n| at(n, refused())), 4);
    assert_eq!(
        admitted(&repeats, 20, |n| at(n, Event::SocketConnect)),
        6,
        "of connects"
    );
    for (event, times) in [(sent(), 200), (admin(), 200)] {
        let stored = admitted(&repeats, times, |n| at(n, event.clone()));
        assert_eq!(stored, times, "{event:?}");
    }
    let administrator = || from(None, "192.0.2.1");
    let reads = admitted(&repeats, 200, |_| record(administrator(), admin()));
    assert_eq!(reads, 200, "who has the administrator's token");
    let bob = admitted(&repeats, 4, |_| record(from(Some("bob"), "::1"), refused()));
    assert_eq!(bob, 4, "another user has a bound of their own");
    assert_eq!(
        in_short(&repeats.end_minute()),
        [
            json!(["REFUSED", "alice", null, {"code": "INVALID_INPUT", "count": 16}]),
            json!(["SOCKET_CONNECT", "alice", null, {"count": 14}]),
        ]
    );
}

#[test]
fn who_is_expelled_is_not_hidden_among_connects() {
    let repeats = Repeats::new(LIMITS);
    let of_mallory = |event| record(from(Some("mallory"), "192.0.2.1"), event);
    assert_eq!(
        admitted(&repeats, 100, |_| of_mallory(Event::SocketConnect)),
        6
    );
    let ended = |reason| Event::SocketDisconnect { reason };
    let left = |_| of_mallory(ended(DisconnectReason::ClientLeft));
    assert_eq!(admitted(&repeats, 100, left), 0);
    let expelled = |n: usize| of_mallory(ended(DisconnectReason::EXPULSIONS[n % 4]));
    assert_eq!(admitted(&repeats, 100, expelled), 4);
}

#[test]
fn parts_of_files_have_a_bound_apart_from_all_else() {
    let repeats = Repeats::new(LIMITS);
    let part = |chunk_number| {
        Event::FileUpload(FileChunk {
            recipient: AuditText::new("bob"),
            message_id: Some(AuditText::new("m1")),
            chunk_number: Some(chunk_number),
            total_chunks: Some(200),
            file_size: Some(200),
            mime_type: None,
            bytes: 1,
        })
    };
    let of_alice = |event| record(from(Some("alice"), "192.0.2.1"), event);
    assert_eq!(admitted(&repeats, 200, |n| of_alice(part(n as u64))), 8);
    let connects = admitted(&repeats, 200, |_| of_alice(Event::SocketConnect));
    assert_eq!(connects, 6);
    assert_eq!(admitted(&repeats, 200, |_| of_alice(sent())), 200);
    assert_eq!(
        in_short(&repeats.end_minute()),
        [
            json!(["FILE_UPLOAD", "alice", "192.0.2.1", {"count": 192}]),
            json!(["SOCKET_CONNECT", "alice", "192.0.2.1", {"count": 194}]),
        ]
    );
    assert_eq!(admitted(&repeats, 200, |n| of_alice(part(n as u64))), 8);
}

#[test]
fn a_site_is_counted_as_one_when_many_of_its_subnets_repeat_something() {
    let repeats = Repeats::new(RepeatLimits {
        refusals_per_ip: 0,
        ..LIMITS
    });
    let subnet = |n: usize| record(from(None, &format!("2001:db8:0:{n:x}::1")), failed());
    admitted(&repeats, 1000, subnet);
    admitted(&repeats, 1, |_| {
        record(from(None, "2001:db8:1::1"), failed())
    });
    let counted = repeats.end_minute();
    let kept_apart = MAX_OF_SITE as usize;
    assert_eq!(counted.len(), kept_apart + 2, "and the other site");
    let whole = json!(["AUTH_FAILED", null, "2001:db8::", {
        "code": "INVALID_TOKEN", "count": 1000 - kept_apart
    }]);
    assert!(in_short(&counted).contains(&whole));
}

#[test]
fn the_addresses_of_a_subnet_are_one_and_those_of_a_site_a_few() {
    let repeats = Repeats::new(LIMITS);
    let subnet = |n: usize| {
        record(
            from(None, &format!("2001:db8:0:1::{}", n % 1000 + 1)),
            failed(),
        )
    };
    assert_eq!(admitted(&repeats, 50, subnet), 3);
    let counted = in_short(&repeats.end_minute());
    let expected =
        json!(["AUTH_FAILED", null, "2001:db8:0:1::", {"code": "INVALID_TOKEN", "count": 47}]);
    assert_eq!(counted, [expected]);
    let site = |n: usize| record(from(None, &format!("2001:db8:0:{n:x}::1")), failed());
    assert_eq!(admitted(&repeats, 1000, site), (3 * WIDE) as usize);
}

#[test]
fn all_addresses_together_have_a_bound_and_so_has_the_memory_for_them() {
    let repeats = Repeats::new(LIMITS);
    let address = |n: usize| format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255);
    let many = MAX_SUMMARIES * 3;
    let anywhere = |n: usize| record(from(None, &address(n)), failed());
    let stored = admitted(&repeats, many, anywhere);
    assert!(stored <= (3 * ALL) as usize && stored > 0, "{stored}");
    // A user is counted in memory of its own.
    let refused = || {
        record(
            from(Some("alice"), "192.0.2.1"),
            refused(ErrorCode::NotFound),
        )
    };
    admitted(&repeats, 5, |_| refused());
    let counted = repeats.end_minute();
    assert_eq!(counted.len(), MAX_SUMMARIES + 2);
    let counted = in_short(&counted);
    let count = |value: &Value| value[3]["count"].as_u64().expect("a count");
    let of_addresses = counted.iter().filter(|value| value[0] == "AUTH_FAILED");
    let total: u64 = of_addresses.map(count).sum();
    assert_eq!(total, (many - stored) as u64, "none is forgotten");
    let others = counted.iter().find(|value| count(value) > 100);
    let others = others.expect("those that share one record");
    assert_eq!((&others[1], &others[2]), (&Value::Null, &Value::Null));
    assert!(
        counted
            .contains(&json!(["REFUSED", "alice", "192.0.2.1", {"code": "NOT_FOUND", "count": 1}]))
    );
}

#[test]
fn fields_in_which_all_agree_stay() {
    let repeats = Repeats::new(LIMITS);
    admitted(&repeats, 10, |_| record(from(None, "192.0.2.1"), failed()));
    let counted = repeats.end_minute();
    let source = counted[0].source();
    assert_eq!(source.user_agent, Some(AuditText::new("agent")));
    assert_eq!(counted[0].dialect(), Some(Dialect::Direct));
    admitted(&repeats, 10, |n| {
        let user_agent = Some(AuditText::new(&n.to_string()));
        let source = Source {
            user_agent,
            ..from(None, "192.0.2.1")
        };
        Record::new(
            &Arc::new(source),
            (n > 5).then_some(Dialect::Chat),
            failed(),
        )
    });
    let counted = repeats.end_minute();
    assert_eq!(counted.len(), 1);
    assert_eq!(
        (counted[0].dialect(), &counted[0].source().user_agent),
        (None, &None)
    );
}

#[test]
fn nothing_is_counted_after_the_end() {
    let repeats = Repeats::new(LIMITS);
    let refused = |_| record(from(None, "192.0.2.1"), failed());
    assert_eq!(admitted(&repeats, 10, refused), 3);
    assert_eq!(repeats.close().len(), 1);
    assert_eq!(admitted(&repeats, 10, refused), 10);
    assert!(repeats.close().is_empty());
}
