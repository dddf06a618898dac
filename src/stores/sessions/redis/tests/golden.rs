//! The bytes of sessions in Redis, which servers of different releases share.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::*;
use crate::model::session::{Member, MemberConnection};

const NOW: u64 = 1_700_000_000_000;

/// An object with an attachment.
fn object() -> OwnedValue {
    let text = r#"{"a":{"_placeholder":true,"num":0}}"#.to_owned();
    OwnedValue::from_parts(text, vec![Bytes::from_static(b"\0\xff")]).unwrap()
}

fn member(name: &str, public_key: Option<OwnedValue>) -> Member {
    Member {
        user: user(name),
        display_name: name.to_uppercase().into(),
        public_key,
        key_changed_at: None,
        joined_at: NOW,
        connections: vec![on(name, None)],
    }
}

fn on(name: &str, account: Option<&str>) -> MemberConnection {
    MemberConnection {
        id: connection(name),
        account: account.map(user),
    }
}

/// These bytes are written, and what is read from them writes the same.
#[track_caller]
fn pin_state(state: &State, expected: &[u8]) {
    let escaped = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let written = encoded::write_state(state).unwrap();
    assert_eq!(escaped(&written), escaped(expected));
    let read = encoded::read_state(&written).unwrap();
    assert_eq!(encoded::write_state(&read).unwrap(), written);
}

#[track_caller]
fn pin_message(message: &Message, expected: &[u8]) {
    let escaped = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let written = encoded::write_message(message).unwrap();
    assert_eq!(escaped(&written), escaped(expected));
    let read = encoded::read_message(&written).unwrap();
    assert_eq!(encoded::write_message(&read).unwrap(), written);
}

#[test]
fn the_state_of_a_session() {
    pin_state(
        &State::created(),
        b"\x87\xa7version\x01\xa3key\xc0\xa4mode\xa5group\xa8reserved\xc2\
        \xa7members\x90\xacdisconnected\x90\xacsession_keys\xc0",
    );
    let key = r#"{"salt":[1,2,3],"whole":[4,5],"password":[6]}"#;
    let full = State {
        key: serde_json::from_str(key).unwrap(),
        mode: ChatMode::Password,
        reserved: true,
        members: vec![member("a", Some(object())), member("b", None)],
        disconnected: vec![(member("c", Some(json("\"k\""))), NOW + 1)],
        session_keys: Some(json("{}")),
    };
    pin_state(
        &full,
        b"\x87\xa7version\x01\xa3key\x83\xa4salt\xc4\x03\x01\x02\x03\xa5whole\
        \xc4\x02\x04\x05\xa8password\xc4\x01\x06\xa4mode\xa8password\
        \xa8reserved\xc3\xa7members\x92\x85\xa4user\xa1a\xacdisplay_name\
        \xa1A\xaapublic_key\x82\xa4text\xd9#{\"a\":{\"_placeholder\":true,\"num\":0}}\
        \xabattachments\x91\xc4\x02\x00\xff\xa9joined_at\xcf\x00\x00\x01\
        \x8b\xcf\xe5h\x00\xaaconnection\xc4\x10a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
        \x00\x00\x00\x00\x85\xa4user\xa1b\xacdisplay_name\xa1B\xaapublic_key\
        \xc0\xa9joined_at\xcf\x00\x00\x01\x8b\xcf\xe5h\x00\xaaconnection\
        \xc4\x10b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
        \xacdisconnected\x91\x82\xa6member\x85\xa4user\xa1c\xacdisplay_name\
        \xa1C\xaapublic_key\x81\xa4text\xa3\"k\"\xa9joined_at\xcf\x00\x00\x01\
        \x8b\xcf\xe5h\x00\xaaconnection\xc4\x10c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
        \x00\x00\x00\x00\xa5since\xcf\x00\x00\x01\x8b\xcf\xe5h\x01\xacsession_keys\
        \x81\xa4text\xa2{}",
    );
}

/// Earlier releases know the latest connection of a member.
#[test]
fn a_member_on_several_connections() {
    let several = Member {
        key_changed_at: Some(NOW + 1),
        connections: vec![on("1", None), on("2", Some("ann")), on("3", Some("ben"))],
        ..member("a", None)
    };
    let state = State {
        members: vec![several.clone()],
        ..State::created()
    };
    pin_state(
        &state,
        b"\x87\xa7version\x01\xa3key\xc0\xa4mode\xa5group\xa8reserved\xc2\
        \xa7members\x91\x88\xa4user\xa1a\xacdisplay_name\xa1A\xaapublic_key\xc0\
        \xaekey_changed_at\xcf\x00\x00\x01\x8b\xcf\xe5h\x01\xa9joined_at\xcf\x00\x00\x01\
        \x8b\xcf\xe5h\x00\xaaconnection\xc4\x103\x00\x00\x00\x00\x00\x00\x00\x00\x00\
        \x00\x00\x00\x00\x00\x00\
        \xa7account\xa3ben\xabconnections\x92\x81\xaaconnection\xc4\x101\x00\x00\x00\x00\x00\x00\x00\x00\x00\
        \x00\x00\x00\x00\x00\x00\
        \x82\xaaconnection\xc4\x102\x00\x00\x00\x00\x00\x00\x00\x00\x00\
        \x00\x00\x00\x00\x00\x00\
        \xa7account\xa3ann\xacdisconnected\x90\xacsession_keys\xc0",
    );
    let read = encoded::read_state(&encoded::write_state(&state).unwrap()).unwrap();
    assert_eq!(read.members[0].connections, several.connections);
}

#[test]
fn a_message() {
    let to_all = message(1, "a", None, "\"e\"");
    pin_message(
        &to_all,
        b"\x88\xa7version\x01\xa2id\x81\xa4text\xa11\xa4from\xa1a\xa2to\
        \xc0\xa9encrypted\x81\xa4text\xa3\"e\"\xa9timestamp\x00\xa4kind\
        \xa4text\xb3sender_display_name\xa1a",
    );
    let to_one = Message {
        id: json("\"m\""),
        encrypted: object(),
        timestamp: NOW,
        ..Arc::into_inner(message(2, "a", Some("b"), "1")).unwrap()
    };
    pin_message(
        &to_one,
        b"\x88\xa7version\x01\xa2id\x81\xa4text\xa3\"m\"\xa4from\xa1a\xa2to\
        \xa1b\xa9encrypted\x82\xa4text\xd9#{\"a\":{\"_placeholder\":true,\"num\":0}}\
        \xabattachments\x91\xc4\x02\x00\xff\xa9timestamp\xcf\x00\x00\x01\
        \x8b\xcf\xe5h\x00\xa4kind\xa4text\xb3sender_display_name\xa1a",
    );
}

#[test]
fn the_fingerprint_of_a_message() {
    let sent = message(1, "a", None, "1");
    let expected: &[u8] = b"7I7\x8a\xb5\xff\x84\x19\x8c\xb5;Ju\xf8h\x87\
        \x9aTK\"\xfbq\xcf$\x92\xf6H\x0b\x90\x92}(";
    let name = sent.fingerprint().to_vec();
    assert_eq!(
        name.escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
}

#[tokio::test]
async fn the_keys_of_a_session() {
    let Some(space) = Space::new() else { return };
    let node = Node::of(&space, LIMITS).await;
    let joined = node.subject.join("s", creator("a", "k")).await.unwrap();
    let sent = message(1, "a", None, "\"e\"");
    let revision = number(node.subject.append("s", sent.clone()).await);
    assert_eq!(revision, joined.revision + 1);

    let key = |name: &str| format!("{}:{name}", space.prefix());
    let session: BTreeMap<String, Vec<u8>> = node.ask(&["HGETALL", &key("session:{s}")]).await;
    let fields: Vec<_> = session.keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        ["bytes", "indexed", "revision", "stamp", "state", "timeout"]
    );
    assert_eq!(session["stamp"].len(), 16);
    assert_eq!(session["timeout"], b"7200000");
    assert_eq!(session["revision"], revision.to_string().as_bytes());
    assert_eq!(session["indexed"].len(), "1700000000000".len());
    let written = encoded::write_message(&sent).unwrap();
    let bytes = (written.len() + 256).to_string();
    assert_eq!(session["bytes"], bytes.as_bytes());

    let history: Vec<Vec<u8>> = node
        .ask(&["LRANGE", &key("session-history:{s}"), "0", "-1"])
        .await;
    assert_eq!(history, [written]);
    let ids: Vec<Vec<u8>> = node
        .ask(&["ZRANGE", &key("session-ids:{s}"), "0", "-1"])
        .await;
    assert_eq!(ids, [&sent.fingerprint()[..]]);
    let by_revision: Vec<Vec<u8>> = node
        .ask(&[
            "ZRANGEBYSCORE",
            &key("session-ids:{s}"),
            &revision.to_string(),
            &revision.to_string(),
        ])
        .await;
    assert_eq!(by_revision, ids);
    let index: Vec<String> = node
        .ask(&["ZRANGE", &key("sessions:{index}"), "0", "-1"])
        .await;
    assert_eq!(index, ["s"]);
}
