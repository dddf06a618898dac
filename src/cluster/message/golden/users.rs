//! Messages to a user.

use super::*;
use crate::model::conversation::{ChangeNumber, Extra, ParticipantsChange};

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
fn an_event_to_a_user() {
    let event = |payload: &OwnedValue| EncodedEvent::new("message", payload).unwrap();
    let sender = user("ann");
    let text = UserMessage::Event {
        sender: sender.clone(),
        event: event(&json(r#"{"a":1.0}"#)),
        credit: 0,
        about: None,
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
        about: None,
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
        &UserMessage::ParticipantsChanged {
            conversation: conversation(),
            number: ChangeNumber::new(300),
            extra: Extra::default(),
        },
        b"\x81\xa4body\x81\xb3ParticipantsChanged\x82\xacconversation\xa1c\
        \xa6number\xcd\x01,",
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
fn who_is_blocked() {
    pin(
        &UserMessage::Blocked {
            by: user("ann"),
            is_blocked: true,
        },
        b"\x81\xa4body\x81\xa7Blocked\x82\xa2by\xa3ann\xaais_blocked\xc3",
    );
}

#[test]
fn how_many_connections_are_busy() {
    pin(&UserMessage::CountBusy, b"\x81\xa4body\xa9CountBusy");
}

#[test]
fn on_how_many_connections_a_user_types() {
    pin(
        &UserMessage::CountTyping { to: user("bob") },
        b"\x81\xa4body\x81\xabCountTyping\x81\xa2to\xa3bob",
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
fn what_a_user_read_elsewhere() {
    pin_notification(
        UserNotification::ReadElsewhere {
            reader: user("bob"),
            at: NOW,
            messages: vec![message_id(1)],
            newest: ChangeNumber::new(7),
        },
        b"\x81\xa4body\x81\xa6Notice\x82\xacconversation\xa1c\xa6notice\
        \x81\xadReadElsewhere\x84\xa6reader\xa3bob\xa2at\xcf\x00\x00\x01\x8b\xcf\xe5h\x00\
        \xa8messages\x91\xd9$01900000-0000-7000-8000-000000000001\xa6newest\x07",
    );
}

#[test]
fn changes_of_participants() {
    let change = ParticipantsChange {
        names: vec!["Eve".into(), "Bob".into()],
        by: "Ann".into(),
        key_number: Some(-1),
        extra: Extra::default(),
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
        extra: Extra::default(),
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
    pin_notification(
        UserNotification::KeyRotated { key_number: 2 },
        b"\x81\xa4body\x81\xa6Notice\x82\xacconversation\xa1c\xa6notice\
        \x81\xaaKeyRotated\x81\xaakey_number\x02",
    );
}
