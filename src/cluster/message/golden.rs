//! The bytes of all messages. Nodes of different releases run side by side during an update, so these
//! must not change: a new field has a default, and a node skips what it does not know.

use bytes::Bytes;
use serde_json::value::RawValue;
use std::time::Duration;
use uuid::Uuid;

use super::*;
use crate::cluster::envelope::{self, Envelope};
use crate::model::Identity;
use crate::model::conversation::{
    Body, Emoji, Message, MessageId, ParticipantsChange, Reaction, ReactionId, TempId,
};
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

fn full_message() -> Message {
    Message {
        id: message_id(1),
        conversation: conversation(),
        sender: user("ann"),
        temp_id: TempId::parse("t"),
        key_number: Some(3),
        created_at: NOW,
        edited_at: Some(NOW + 1),
        body: Body::Whole {
            content: Some(json(r#""x""#)),
            media: Some(object()),
        },
    }
}

fn bare_message(body: Body) -> Message {
    Message {
        temp_id: Some(TempId::Number(-5)),
        key_number: None,
        edited_at: None,
        body,
        ..full_message()
    }
}

fn reaction() -> Reaction {
    Reaction {
        id: ReactionId::new(id(2)).unwrap(),
        message: message_id(1),
        conversation: conversation(),
        user: user("ann"),
        emoji: Emoji::parse("+1").unwrap(),
        created_at: NOW,
    }
}

/// These bytes follow the id of the node, and what is read from them writes the same.
#[track_caller]
fn pin<M: super::Message>(message: &M, expected: &[u8]) {
    pin_question(None, message, expected);
}

#[track_caller]
fn pin_question<M: super::Message>(question: Option<u64>, message: &M, expected: &[u8]) {
    let node = NodeId::from_bytes(NODE);
    let written = envelope::encode(node, question, message).unwrap();
    assert_eq!(written[..16], NODE);
    let shown = |bytes: &[u8]| bytes.escape_ascii().to_string();
    assert_eq!(shown(&written[16..]), shown(expected));
    let read = Envelope::<M>::decode(&written).unwrap();
    assert_eq!((read.from, read.question), (node, question));
    let again = envelope::encode(node, question, &read.message).unwrap();
    assert_eq!(shown(&again), shown(&written));
}

#[track_caller]
fn pin_event(event: ConversationEvent, expected: &[u8]) {
    pin(&ConversationMessage::Event(event), expected);
}

#[track_caller]
fn pin_notification(notification: UserNotification, expected: &[u8]) {
    let conversation = conversation();
    let message = UserMessage::Notification {
        conversation,
        notification,
    };
    pin(&message, expected);
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
        &UserMessage::AutoJoin(conversation()),
        b"\x82\xa8question\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa4body\
        \x81\xa5PutIn\xa1c",
    );
}

#[test]
fn an_event_to_a_user() {
    let event = |payload: &OwnedValue| EncodedEvent::new("message", payload).unwrap();
    let sender = user("ann");
    let text = UserMessage::Event {
        sender: sender.clone(),
        event: event(&json(r#"{"a":1.0}"#)),
        credit: 0,
    };
    pin(
        &text,
        b"\x81\xa4body\x81\xa5Event\x83\xa6sender\xa3ann\xa5event\x82\xa5event\
        \xa7message\xa4text\xa9{\"a\":1.0}\xa6credit\x00",
    );
    let file = UserMessage::Event {
        sender,
        event: event(&object()),
        credit: 70_000,
    };
    pin(
        &file,
        b"\x81\xa4body\x81\xa5Event\x83\xa6sender\xa3ann\xa5event\x83\xa5event\
        \xa7message\xa4text\xd9+{\"a\":{\"_placeholder\":true,\"num\":0},\"b\":1.0}\
        \xabattachments\x91\xc4\x02\x00\xff\xa6credit\xce\x00\x01\x11p",
    );
}

#[test]
fn what_else_a_user_is_sent() {
    pin(
        &UserMessage::AutoJoin(conversation()),
        b"\x81\xa4body\x81\xa5PutIn\xa1c",
    );
    pin(
        &UserMessage::Spent(Spent::Messages(1)),
        b"\x81\xa4body\x81\xa5Spent\x81\xa8Messages\x01",
    );
    pin(
        &UserMessage::Spent(Spent::FileBytes(65_536)),
        b"\x81\xa4body\x81\xa5Spent\x81\xa9FileBytes\xce\x00\x01\x00\x00",
    );
}

#[test]
fn why_a_user_is_disconnected() {
    use DisconnectReason::*;
    for (why, name) in [
        (ClientLeft, "ClientLeft"),
        (TransportClosed, "TransportClosed"),
        (PingTimeout, "PingTimeout"),
        (ProtocolError, "ProtocolError"),
        (SlowConsumer, "SlowConsumer"),
        (TokenExpired, "TokenExpired"),
        (AuthRefused, "AuthRefused"),
        (GuestTimeout, "GuestTimeout"),
        (Suspended, "Suspended"),
        (Revoked, "Revoked"),
        (ServerClosed, "ServerClosed"),
        (ServerShutdown, "ServerShutdown"),
    ] {
        let length = 0xa0 | name.len() as u8;
        let expected = [
            b"\x81\xa4body\x81\xaaDisconnect",
            &[length][..],
            name.as_bytes(),
        ];
        pin(&UserMessage::Disconnect(why), &expected.concat());
    }
}

#[test]
fn receipts_to_the_senders_of_messages() {
    pin_notification(
        UserNotification::Delivered {
            to: vec![user("bob"), user("eve")],
            at: NOW,
            messages: vec![message_id(1), message_id(2)],
        },
        b"\x81\xa4body\x81\xa6Notice\x82\xacconversation\xa1c\xa6notice\
        \x81\xa9Delivered\x83\xa2to\x92\xa3bob\xa3eve\xa2at\xcf\x00\x00\x01\
        \x8b\xcf\xe5h\x00\xa8messages\x92\xd9$01900000-0000-7000-8000-000000000001\
        \xd9$01900000-0000-7000-8000-000000000002",
    );
    let read = |messages| UserNotification::Read {
        reader: user("bob"),
        at: NOW,
        messages,
    };
    pin_notification(
        read(vec![message_id(1)]),
        b"\x81\xa4body\x81\xa6Notice\x82\xacconversation\xa1c\xa6notice\
        \x81\xa4Read\x83\xa6reader\xa3bob\xa2at\xcf\x00\x00\x01\x8b\xcf\xe5h\x00\
        \xa8messages\x91\xd9$01900000-0000-7000-8000-000000000001",
    );
    pin_notification(
        read(vec![message_id(2), message_id(3)]),
        b"\x81\xa4body\x81\xa6Notice\x82\xacconversation\xa1c\xa6notice\
        \x81\xa4Read\x83\xa6reader\xa3bob\xa2at\xcf\x00\x00\x01\x8b\xcf\xe5h\x00\
        \xa8messages\x92\xd9$01900000-0000-7000-8000-000000000002\xd9$01900000-0000-7000-800\
        0-000000000003",
    );
}

#[test]
fn changes_of_participants() {
    let change = ParticipantsChange {
        names: vec!["Eve".into(), "Bob".into()],
        by: "Ann".into(),
        key_number: Some(-1),
    };
    pin_notification(
        UserNotification::Created(change),
        b"\x81\xa4body\x81\xa6Notice\x82\xacconversation\xa1c\xa6notice\
        \x81\xa7Created\x83\xa5names\x92\xa3Eve\xa3Bob\xa2by\xa3Ann\xaakey_number\xff",
    );
    let change = ParticipantsChange {
        names: Vec::new(),
        by: "".into(),
        key_number: None,
    };
    pin_notification(
        UserNotification::Added(change.clone()),
        b"\x81\xa4body\x81\xa6Notice\x82\xacconversation\xa1c\xa6notice\
        \x81\xa5Added\x83\xa5names\x90\xa2by\xa0\xaakey_number\xc0",
    );
    pin_notification(
        UserNotification::Removed(change),
        b"\x81\xa4body\x81\xa6Notice\x82\xacconversation\xa1c\xa6notice\
        \x81\xa7Removed\x83\xa5names\x90\xa2by\xa0\xaakey_number\xc0",
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
    };
    pin(
        &one,
        b"\x81\xa4body\x81\xacSessionEvent\x84\xa8revision\xcf\x00\x06\n$\x18 \"A\
        \xa6newest\xa3key\xa2to\x81\xa6Member\xa3bob\xa5event\x82\xa5event\
        \xabuser-joined\xa4text\xa7{\"a\":1}",
    );
    let moved = SessionMessage::MemberMoved {
        user: user("bob"),
        revision: 7,
    };
    pin(
        &moved,
        b"\x81\xa4body\x81\xa5Moved\x82\xa4user\xa3bob\xa8revision\x07",
    );
}

#[test]
fn messages_of_a_conversation() {
    let (message, sender) = (full_message(), identity(Some("https://a/b")));
    pin_event(
        ConversationEvent::Sent { message, sender },
        b"\x81\xa4body\x81\xa4Fact\x81\xa4Sent\x82\xa7message\x8a\xa2id\
        \xd9$01900000-0000-7000-8000-000000000001\xacconversation\xa1c\
        \xa6sender\xa3ann\xa7temp_id\xa1t\xaakey_number\x03\xaacreated_at\
        \xcf\x00\x00\x01\x8b\xcf\xe5h\x00\xa9edited_at\xcf\x00\x00\x01\
        \x8b\xcf\xe5h\x01\xaadeleted_at\xc0\xa7content\x81\xa4text\xa3\"x\"\
        \xa5media\x82\xa4text\xd9+{\"a\":{\"_placeholder\":true,\"num\":0},\"b\":1.0}\
        \xabattachments\x91\xc4\x02\x00\xff\xa6sender\x83\xa4user\xa3ann\
        \xa4name\xa3Ann\xaaavatar_url\xabhttps://a/b",
    );
    let edited = bare_message(Body::Whole {
        content: None,
        media: None,
    });
    pin_event(
        ConversationEvent::Edited(edited),
        b"\x81\xa4body\x81\xa4Fact\x81\xa6Edited\x8a\xa2id\xd9$01900000-0000-7000-8000-0000000\
        00001\xacconversation\xa1c\xa6sender\xa3ann\xa7temp_id\xfb\xaakey_number\
        \xc0\xaacreated_at\xcf\x00\x00\x01\x8b\xcf\xe5h\x00\xa9edited_at\
        \xc0\xaadeleted_at\xc0\xa7content\xc0\xa5media\xc0",
    );
    let deleted = bare_message(Body::Deleted { at: NOW + 2 });
    pin_event(
        ConversationEvent::Deleted(deleted),
        b"\x81\xa4body\x81\xa4Fact\x81\xa7Deleted\x8a\xa2id\xd9$01900000-0000-7000-8000-000000\
        000001\xacconversation\xa1c\xa6sender\xa3ann\xa7temp_id\xfb\xaakey_number\
        \xc0\xaacreated_at\xcf\x00\x00\x01\x8b\xcf\xe5h\x00\xa9edited_at\
        \xc0\xaadeleted_at\xcf\x00\x00\x01\x8b\xcf\xe5h\x02\xa7content\
        \xc0\xa5media\xc0",
    );
}

#[test]
fn reactions_of_a_conversation() {
    let user = identity(None);
    pin_event(
        ConversationEvent::Reacted {
            reaction: reaction(),
            user,
        },
        b"\x81\xa4body\x81\xa4Fact\x81\xa7Reacted\x82\xa8reaction\x86\xa2id\
        \xd9$01900000-0000-7000-8000-000000000002\xa7message\xd9$01900000-0000-7000-8000-000\
        000000001\xacconversation\xa1c\xa4user\xa3ann\xa5emoji\xa2+1\
        \xaacreated_at\xcf\x00\x00\x01\x8b\xcf\xe5h\x00\xa4user\x83\xa4user\
        \xa3ann\xa4name\xa3Ann\xaaavatar_url\xc0",
    );
    pin_event(
        ConversationEvent::Unreacted(reaction()),
        b"\x81\xa4body\x81\xa4Fact\x81\xa9Unreacted\x86\xa2id\xd9$01900000-0000-7000-8000-0000\
        00000002\xa7message\xd9$01900000-0000-7000-8000-000000000001\
        \xacconversation\xa1c\xa4user\xa3ann\xa5emoji\xa2+1\xaacreated_at\
        \xcf\x00\x00\x01\x8b\xcf\xe5h\x00",
    );
}

#[test]
fn presence_in_a_conversation() {
    let typing = |lasts| ConversationEvent::Typing {
        typist: id(9),
        user: identity(None),
        lasts,
    };
    pin_event(
        typing(Some(Duration::from_millis(3_500))),
        b"\x81\xa4body\x81\xa4Fact\x81\xa6Typing\x83\xaaconnection\xc4\x10\x01\x90\x00\x00\x00\
        \x00p\x00\x80\x00\x00\x00\x00\x00\x00\t\xa4user\x83\xa4user\xa3ann\
        \xa4name\xa3Ann\xaaavatar_url\xc0\xa5lasts\xcd\r\xac",
    );
    pin_event(
        typing(None),
        b"\x81\xa4body\x81\xa4Fact\x81\xa6Typing\x83\xaaconnection\xc4\x10\x01\x90\x00\x00\x00\
        \x00p\x00\x80\x00\x00\x00\x00\x00\x00\t\xa4user\x83\xa4user\xa3ann\
        \xa4name\xa3Ann\xaaavatar_url\xc0\xa5lasts\x00",
    );
    pin_event(
        ConversationEvent::Entered(identity(None)),
        b"\x81\xa4body\x81\xa4Fact\x81\xa7Entered\x83\xa4user\xa3ann\xa4name\
        \xa3Ann\xaaavatar_url\xc0",
    );
    let (user, at) = (user("ann"), NOW);
    pin_event(
        ConversationEvent::Left { user, at },
        b"\x81\xa4body\x81\xa4Fact\x81\xa4Left\x82\xa4user\xa3ann\xa2at\
        \xcf\x00\x00\x01\x8b\xcf\xe5h\x00",
    );
}

#[test]
fn what_else_a_conversation_is_sent() {
    pin(
        &ConversationMessage::ParticipantsChanged,
        b"\x81\xa4body\xacParticipants",
    );
    pin(
        &ConversationMessage::ListSubscribers,
        b"\x81\xa4body\xa9WhoIsHere",
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
    fn read<M: super::Message>(bytes: &[u8]) -> Option<M> {
        let message = [&NODE[..], bytes].concat();
        Envelope::decode(&message).map(|envelope| envelope.message)
    }
    let event = b"\x81\xa4body\x81\xa5Event\x82\xa6sender\xa3ann\xa5event\x82\xa5event\xa1e\
        \xa4text\xa11";
    assert!(matches!(
        read(event),
        Some(UserMessage::Event { credit: 0, .. })
    ));
    let added = b"\x82\xa4body\xacParticipants\xa5added\x01";
    assert!(matches!(
        read(added),
        Some(ConversationMessage::ParticipantsChanged)
    ));
    assert!(read::<UserMessage>(b"\x81\xa4body\xa7unknown").is_none());
}
