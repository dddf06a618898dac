use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::audit::details::tests::samples;
use crate::audit::{AuditText, Encoded, Record, Source};
use crate::model::Dialect;

fn source(user: Option<&str>) -> Arc<Source> {
    Arc::new(Source {
        user: user.map(Into::into),
        username: Some("A \"b\\c\u{1}".into()),
        session_id: Some(Uuid::from_u128(7)),
        ip: Some("::ffff:192.0.2.1".parse().unwrap()),
        user_agent: Some(AuditText::new("agent, [\"1\"]")),
        node: "node-1".into(),
        encoded: Encoded::default(),
    })
}

fn encoded(record: &Record) -> Vec<u8> {
    let mut line = Vec::new();
    push(&mut line, record);
    line
}

/// Files and spools of this version have it: it must not change.
#[test]
fn a_line_is_an_array_of_values_in_their_order() {
    let id = Uuid::from_u128(0x018b_cfe5_687b_7001_8000_0000_0000_0001);
    let event = |event| Record::with_id(id, &source(Some("alice")), Some(Dialect::Direct), event);
    let line = encoded(&event(samples().swap_remove(7).0));
    let expected = r#"["018bcfe5687b70018000000000000001","MESSAGE_SENT","direct","alice","A \"b\\c\u0001","00000000000000000000000000000007","192.0.2.1","agent, [\"1\"]","node-1",{"recipient":"bob","seq":7,"messageType":"text","messageId":"m1","bytes":256}]"#;
    assert_eq!(str::from_utf8(&line), Ok(expected));
    let absent = Source {
        username: None,
        session_id: None,
        ip: None,
        user_agent: None,
        ..(*source(None)).clone()
    };
    let record = Record::with_id(
        id,
        &Arc::new(absent),
        None,
        crate::audit::Event::SocketConnect,
    );
    let expected = r#"["018bcfe5687b70018000000000000001","SOCKET_CONNECT",null,null,null,null,null,null,"node-1",{}]"#;
    assert_eq!(str::from_utf8(&encoded(&record)), Ok(expected));
}

#[test]
fn what_is_read_of_a_line_is_what_the_record_says() {
    for user in [None, Some("alice"), Some("al\"i\\ce,"), Some("")] {
        for (event, details) in samples() {
            let record = Record::new(&source(user), None, event);
            let bytes = encoded(&record);
            let line = Line::new(&bytes).unwrap();
            let fields = Fields::read(&bytes).unwrap();
            assert_eq!(line.id(), Some(record.id()));
            assert_eq!(time_of_text(line.id_text()), record.created_at_ms());
            let name = record.event().event_type().as_str();
            assert_eq!(line.event_type(), name.as_bytes());
            assert_eq!(line.user(), user.map(quoted).as_deref());
            for other in ["alice", "al\"i\\ce,", "", "al", "alice,"] {
                assert_eq!(line.is_of(&quoted(other)), user == Some(other), "{other}");
            }
            assert_eq!(line.removal(), record.removal());
            assert_eq!(fields.user.as_deref(), user);
            assert_eq!(fields.username.as_deref(), Some("A \"b\\c\u{1}"));
            assert_eq!(fields.session_id, Some(Uuid::from_u128(7)));
            let read: Value = serde_json::from_str(&fields.details).unwrap();
            assert_eq!(read, details);
            let mut again = Vec::new();
            push_fields(&mut again, &fields);
            assert_eq!(again, bytes);
        }
    }
}

#[test]
fn what_is_no_line_is_none() {
    let record = Record::new(&source(None), None, samples().swap_remove(0).0);
    let line = encoded(&record);
    for bad in [&b""[..], b"[]", &line[1..], &line[..line.len() - 1]] {
        assert!(Line::new(bad).is_none());
        assert!(Fields::read(bad).is_none());
    }
    let mut longer: Value = serde_json::from_slice(&line).unwrap();
    longer.as_array_mut().unwrap().push(json!("later"));
    let longer = longer.to_string();
    assert!(Line::new(longer.as_bytes()).is_some());
    let fields = Fields::read(longer.as_bytes()).unwrap();
    assert_eq!(fields.id, record.id());
}
