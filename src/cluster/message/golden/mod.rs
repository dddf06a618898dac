//! The bytes of all messages. Nodes of different releases run side by side during an update, so these
//! must not change: a new field has a default, and a node skips what it does not know.

mod backend;
mod conversations;
mod users;

use bytes::Bytes;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::*;
use crate::cluster::envelope::{self, Envelope, Head};
use crate::model::Identity;
use crate::model::conversation::MessageId;
use crate::payload::OwnedValue;

const NODE: [u8; 16] = *b"sixteen bytes ok";
const NOW: u64 = 1_700_000_000_000;

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn conversation() -> ConversationId {
    ConversationId::parse("c").unwrap()
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number)
}

fn message_id(number: u128) -> MessageId {
    MessageId::new(id(number)).unwrap()
}

fn identity(avatar_url: Option<&str>) -> Identity {
    Identity {
        user: user("ann"),
        name: "Ann".into(),
        avatar_url: avatar_url.map(Into::into),
    }
}

fn json(text: &str) -> OwnedValue {
    OwnedValue::from(RawValue::from_string(text.to_owned()).unwrap())
}

/// An object with an attachment.
fn object() -> OwnedValue {
    let text = r#"{"a":{"_placeholder":true,"num":0},"b":1.0}"#.to_owned();
    OwnedValue::from_parts(text, vec![Bytes::from_static(b"\0\xff")]).unwrap()
}

/// These bytes follow the id of the node, and what is read from them writes the same.
#[track_caller]
fn pin<M: Message>(message: &M, expected: &[u8]) {
    pin_question(None, message, expected);
}

#[track_caller]
fn pin_question<M: Message>(question: Option<u64>, message: &M, expected: &[u8]) {
    let node = NodeId::from_bytes(NODE);
    let head = Head {
        question,
        ..Head::default()
    };
    let written = envelope::encode(node, head, message).unwrap();
    assert_eq!(written[..16], NODE);
    let escaped = |bytes: &[u8]| bytes.escape_ascii().to_string();
    assert_eq!(escaped(&written[16..]), escaped(expected));
    let read = Envelope::<M>::decode(&written).unwrap();
    assert_eq!((read.from, read.question), (node, question));
    let again = envelope::encode(node, head, &read.message).unwrap();
    assert_eq!(escaped(&again), escaped(&written));
}

#[test]
fn an_envelope_and_a_question() {
    pin(
        &ConversationMessage::ListSubscribers,
        b"\x81\xa4body\xa9WhoIsHere",
    );
    pin_question(
        Some(0),
        &ConversationMessage::ListSubscribers,
        b"\x82\xa8question\x00\xa4body\xa9WhoIsHere",
    );
    pin_question(
        Some(u64::MAX),
        &UserMessage::ParticipantsChanged {
            conversation: conversation(),
            number: ChangeNumber::new(7),
            extra: Extra::default(),
        },
        b"\x82\xa8question\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa4body\
        \x81\xb3ParticipantsChanged\x82\xacconversation\xa1c\xa6number\x07",
    );
}

#[test]
fn what_a_session_is_sent() {
    let event = EncodedEvent::new("user-joined", &json(r#"{"a":1}"#)).unwrap();
    let all = SessionMessage::Event {
        revision: None,
        newest: None,
        to: SessionMembers::All,
        event: event.clone(),
        typing: None,
    };
    pin(
        &all,
        b"\x81\xa4body\x81\xacSessionEvent\x83\xa8revision\xc0\xa2to\xa8Everyone\
        \xa5event\x82\xa5event\xabuser-joined\xa4text\xa7{\"a\":1}",
    );
    let one = SessionMessage::Event {
        revision: Some(1_700_000_000_123_457),
        newest: Some("key".to_owned()),
        to: SessionMembers::Member(user("bob")),
        event,
        typing: None,
    };
    pin(
        &one,
        b"\x81\xa4body\x81\xacSessionEvent\x84\xa8revision\xcf\x00\x06\n$\x18 \"A\
        \xa6newest\xa3key\xa2to\x81\xa6Member\xa3bob\xa5event\x82\xa5event\
        \xabuser-joined\xa4text\xa7{\"a\":1}",
    );
    pin(
        &SessionMessage::CountBusy { user: user("bob") },
        b"\x81\xa4body\x81\xa9CountBusy\x81\xa4user\xa3bob",
    );
    let moved = |connections| SessionMessage::Displaced {
        user: user("bob"),
        revision: 7,
        connections,
    };
    pin(
        &moved(None),
        b"\x81\xa4body\x81\xa5Moved\x82\xa4user\xa3bob\xa8revision\x07",
    );
    pin(
        &moved(Some(vec![id(1)])),
        b"\x81\xa4body\x81\xa5Moved\x83\xa4user\xa3bob\xa8revision\x07\xabconnections\
        \x91\xc4\x10\x01\x90\x00\x00\x00\x00p\x00\x80\x00\x00\x00\
        \x00\x00\x00\x01",
    );
    let typing = Typing {
        user: user("bob"),
        connection: id(1),
        is_typing: true,
    };
    let typing = SessionMessage::Event {
        revision: None,
        newest: None,
        to: SessionMembers::All,
        event: EncodedEvent::new("user-typing", &json("1")).unwrap(),
        typing: Some(typing),
    };
    pin(
        &typing,
        b"\x81\xa4body\x81\xacSessionEvent\x84\xa8revision\xc0\xa2to\xa8Everyone\
        \xa5event\x82\xa5event\xabuser-typing\xa4text\xa11\xa6typing\x83\xa4user\xa3bob\
        \xaaconnection\xc4\x10\x01\x90\x00\x00\x00\x00p\x00\x80\x00\x00\x00\
        \x00\x00\x00\x01\xa9is_typing\xc3",
    );
}

#[test]
fn what_all_nodes_are_sent() {
    let change = |online| PresenceChange {
        user: user("ann"),
        name: "Ann".into(),
        online,
        presence_epoch: 7,
        at: NOW,
    };
    pin(
        &AllNodesMessage::Presence(change(true)),
        b"\x81\xa4body\x81\xa8Presence\x85\xa4user\xa3ann\xa4name\xa3Ann\
        \xa6online\xc3\xa6coming\x07\xa2at\xcf\x00\x00\x01\x8b\xcf\xe5h\x00",
    );
    pin(
        &AllNodesMessage::Presence(change(false)),
        b"\x81\xa4body\x81\xa8Presence\x85\xa4user\xa3ann\xa4name\xa3Ann\
        \xa6online\xc2\xa6coming\x07\xa2at\xcf\x00\x00\x01\x8b\xcf\xe5h\x00",
    );
    pin(
        &AllNodesMessage::UserRenamed(identity(None)),
        b"\x81\xa4body\x81\xabUserRenamed\x83\xa4user\xa3ann\xa4name\xa3Ann\
        \xaaavatar_url\xc0",
    );
    let changed = |suspended| AllNodesMessage::UserChanged {
        user: user("ann"),
        suspended,
    };
    pin(
        &changed(true),
        b"\x81\xa4body\x81\xabUserChanged\x82\xa4user\xa3ann\xa9suspended\
        \xc3",
    );
    pin(
        &changed(false),
        b"\x81\xa4body\x81\xabUserChanged\x82\xa4user\xa3ann\xa9suspended\
        \xc2",
    );
    pin(
        &AllNodesMessage::UserIdType {
            user: user("7"),
            is_number: true,
        },
        b"\x81\xa4body\x81\xaaUserIdType\x82\xa4user\xa17\xa9is_number\xc3",
    );
    pin(&AllNodesMessage::ShuttingDown, b"\x81\xa4body\xa7Leaving");
}

#[test]
fn what_one_node_is_sent() {
    let answer = |answer| NodeMessage::Answer {
        question: 300,
        answer,
    };
    pin(
        &answer(Answer::Count(2)),
        b"\x81\xa4body\x81\xa6Answer\x82\xa8question\xcd\x01,\xa6answer\
        \x81\xa5Count\x02",
    );
    let users = vec![user("ann"), user("bob")];
    pin(
        &answer(Answer::Users(users)),
        b"\x81\xa4body\x81\xa6Answer\x82\xa8question\xcd\x01,\xa6answer\
        \x81\xa5Users\x92\xa3ann\xa3bob",
    );
    pin(
        &answer(Answer::Users(Vec::new())),
        b"\x81\xa4body\x81\xa6Answer\x82\xa8question\xcd\x01,\xa6answer\
        \x81\xa5Users\x90",
    );
    let taken = NodeMessage::Consumed {
        user: user("ann"),
        bytes: 70_000,
    };
    pin(
        &taken,
        b"\x81\xa4body\x81\xa5Taken\x82\xa4user\xa3ann\xa5bytes\xce\x00\x01\x11p",
    );
}

/// A field that an older release does not write has a default; one that a newer release adds is skipped.
#[test]
fn fields_that_are_missing_or_new() {
    fn read<M: Message>(bytes: &[u8]) -> Option<M> {
        let message = [&NODE[..], bytes].concat();
        Envelope::decode(&message).map(|envelope| envelope.message)
    }
    let event = b"\x81\xa4body\x81\xa5Event\x82\xa6sender\xa3ann\xa5event\x82\xa5event\xa1e\
        \xa4text\xa11";
    assert!(matches!(
        read(event),
        Some(UserMessage::Event { credit: 0, .. })
    ));
    let added = b"\x82\xa4body\xa9WhoIsHere\xa5added\x01";
    assert!(matches!(
        read(added),
        Some(ConversationMessage::ListSubscribers)
    ));
    assert!(read::<UserMessage>(b"\x81\xa4body\xa7unknown").is_none());
}
