use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::audit::event_type::Level;
use crate::audit::{AdminAction, EventType};

fn message_ref() -> MessageRef {
    MessageRef {
        conversation_id: AuditText::new("c1"),
        message_id: AuditText::new("m1"),
    }
}

fn pair() -> Room {
    Room::Pair {
        recipient: AuditText::new("bob"),
        room_name: AuditText::new("alice_bob"),
    }
}

fn message(target: Target) -> Event {
    Event::MessageSent(MessageSent {
        target,
        message_id: Some(AuditText::new("m1")),
        message_type: Some(Label::TEXT),
        seq: Seq::from_json("7"),
        bytes: 256,
    })
}

fn chunk(mime_type: Option<Label>) -> Event {
    Event::FileUpload(FileChunk {
        recipient: AuditText::new("bob"),
        message_id: Some(AuditText::new("m1")),
        chunk_number: Some(0),
        total_chunks: Some(3),
        file_size: Some(3_000),
        mime_type,
        bytes: 1_000,
    })
}

/// At least one event of each type, with the details the contract lets it have.
pub(in crate::audit) fn samples() -> Vec<(Event, Value)> {
    let room = || AuditText::new("s1");
    let changed = json!({"conversationId": "c1", "messageId": "m1"});
    let joined = json!({"recipient": "bob", "roomName": "alice_bob"});
    let sent = |key: &str, to: &str| json!({key: to, "messageId": "m1", "messageType": "text", "seq": 7, "bytes": 256});
    vec![
        (Event::SocketConnect, json!({})),
        (
            Event::SocketDisconnect {
                reason: DisconnectReason::SlowConsumer,
            },
            json!({"reason": "slow consumer"}),
        ),
        (
            Event::AuthFailed {
                code: ErrorCode::InvalidToken,
                reason: Some(AuthFailure::BadSignature),
            },
            json!({"code": "INVALID_TOKEN", "reason": "bad_signature"}),
        ),
        (
            Event::AuthFailed {
                code: ErrorCode::UnknownDialect,
                reason: None,
            },
            json!({"code": "UNKNOWN_DIALECT"}),
        ),
        (Event::RoomJoin(pair()), joined.clone()),
        (Event::RoomLeave(pair()), joined),
        (
            Event::RoomJoin(Room::Conversation(AuditText::new("c1"))),
            json!({"conversationId": "c1"}),
        ),
        (
            message(Target::User(AuditText::new("bob"))),
            sent("recipient", "bob"),
        ),
        (
            message(Target::Conversation(AuditText::new("c1"))),
            sent("conversationId", "c1"),
        ),
        (message(Target::Session(room())), sent("roomName", "s1")),
        (Event::MessageUpdated(message_ref()), changed.clone()),
        (Event::MessageDeleted(message_ref()), changed.clone()),
        (Event::Reaction(message_ref()), changed),
        (
            Event::MessageRead {
                conversation_id: AuditText::new("c1"),
                count: 4,
            },
            json!({"conversationId": "c1", "count": 4}),
        ),
        (
            chunk(Label::new("image/png")),
            json!({"recipient": "bob", "messageId": "m1", "chunkNumber": 0, "totalChunks": 3,
                   "fileSize": 3000, "mimeType": "image/png", "bytes": 1000}),
        ),
        (
            Event::FileDownload {
                recipient: AuditText::new("bob"),
                message_id: AuditText::new("m1"),
            },
            json!({"recipient": "bob", "messageId": "m1"}),
        ),
        (
            Event::KeyExchangeRelay {
                recipient: AuditText::new("bob"),
            },
            json!({"recipient": "bob"}),
        ),
        (
            Event::UserBlocked {
                recipient: AuditText::new("bob"),
            },
            json!({"recipient": "bob"}),
        ),
        (
            Event::UserUnblocked {
                recipient: AuditText::new("bob"),
            },
            json!({"recipient": "bob"}),
        ),
        (
            Event::SessionReserved { room_name: room() },
            json!({"roomName": "s1"}),
        ),
        (
            Event::SessionJoined { room_name: room() },
            json!({"roomName": "s1"}),
        ),
        (
            Event::SessionLeft { room_name: room() },
            json!({"roomName": "s1"}),
        ),
        (
            Event::Refused {
                code: ErrorCode::InvalidInput,
                recipient: Some(AuditText::new("bob")),
                message_id: None,
                conversation_id: None,
            },
            json!({"code": "INVALID_INPUT", "recipient": "bob"}),
        ),
        (
            Event::OriginRefused {
                origin: AuditText::new("http://evil.example"),
            },
            json!({"code": "ORIGIN_NOT_ALLOWED", "origin": "http://evil.example"}),
        ),
        (
            Event::RateLimited { count: 2 },
            json!({"code": "RATE_LIMIT", "count": 2}),
        ),
        (
            Event::SlowConsumer { bytes: 9 },
            json!({"reason": "slow consumer", "bytes": 9}),
        ),
        (
            Event::Admin {
                action: AdminAction::UserSuspended,
                recipient: Some(AuditText::new("bob")),
                conversation_id: None,
                count: Some(1),
            },
            json!({"reason": "user suspended", "recipient": "bob", "count": 1}),
        ),
        (
            Event::Admin {
                action: AdminAction::RoleChanged,
                recipient: Some(AuditText::new("bob")),
                conversation_id: Some(AuditText::new("c1")),
                count: None,
            },
            json!({"reason": "role changed", "recipient": "bob", "conversationId": "c1"}),
        ),
        (Event::UserOnline, json!({})),
        (
            Event::UserOffline {
                last_ms: Some(1_700_000_000_123),
            },
            json!({"lastAt": "2023-11-14T22:13:20.123Z"}),
        ),
        (
            Event::ConversationCreated {
                conversation_id: AuditText::new("c1"),
            },
            json!({"conversationId": "c1"}),
        ),
        (
            Event::ParticipantAdded {
                recipient: AuditText::new("bob"),
                conversation_id: AuditText::new("c1"),
            },
            json!({"recipient": "bob", "conversationId": "c1"}),
        ),
        (
            Event::ParticipantRemoved {
                recipient: AuditText::new("bob"),
                conversation_id: AuditText::new("c1"),
            },
            json!({"recipient": "bob", "conversationId": "c1"}),
        ),
        (
            Event::MessageUndelivered(Undelivered {
                recipients: ["bob", "carol"].map(AuditText::new).to_vec(),
                message_id: Some(AuditText::new("m1")),
                conversation_id: Some(AuditText::new("c1")),
                message_type: Label::new("text"),
                bytes: 9,
                urgent: true,
            }),
            json!({"recipients": ["bob", "carol"], "messageId": "m1", "conversationId": "c1",
                   "messageType": "text", "bytes": 9, "urgent": true}),
        ),
        (
            Event::Error {
                code: ErrorCode::OperationFailed,
            },
            json!({"code": "OPERATION_FAILED"}),
        ),
        (
            Event::Repeated(Repeated {
                event_type: EventType::AuthFailed,
                code: Some(ErrorCode::InvalidToken),
                count: 40,
                first_ms: 1_700_000_000_123,
                last_ms: 1_700_000_059_000,
            }),
            json!({"code": "INVALID_TOKEN", "count": 40, "firstAt": "2023-11-14T22:13:20.123Z",
                   "lastAt": "2023-11-14T22:14:19.000Z"}),
        ),
    ]
}

#[test]
fn every_event_has_its_documented_details_and_no_others() {
    for (event, expected) in samples() {
        assert_eq!(
            serde_json::to_value(event.details()).unwrap(),
            expected,
            "{event:?}"
        );
    }
    let sampled: HashSet<EventType> = samples().iter().map(|(e, _)| e.event_type()).collect();
    assert_eq!(sampled, EventType::ALL.iter().copied().collect());
}

#[test]
fn the_types_are_those_of_the_contract() {
    let contract = "SOCKET_CONNECT SOCKET_DISCONNECT AUTH_FAILED ROOM_JOIN ROOM_LEAVE \
        MESSAGE_SENT MESSAGE_UPDATED MESSAGE_DELETED MESSAGE_READ FILE_UPLOAD FILE_DOWNLOAD \
        KEY_EXCHANGE_RELAY REACTION USER_BLOCKED USER_UNBLOCKED SESSION_RESERVED SESSION_JOINED SESSION_LEFT REFUSED \
        RATE_LIMITED SLOW_CONSUMER USER_ONLINE USER_OFFLINE CONVERSATION_CREATED PARTICIPANT_ADDED \
        PARTICIPANT_REMOVED MESSAGE_UNDELIVERED ADMIN ERROR";
    let names: Vec<&str> = EventType::ALL
        .iter()
        .map(|event_type| event_type.as_str())
        .collect();
    assert_eq!(names, contract.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn only_what_was_done_counts_as_success() {
    for event_type in EventType::ALL {
        assert_eq!(
            event_type.success(),
            event_type.level() == Level::Info,
            "{event_type:?}"
        );
    }
    assert!(EventType::MessageSent.success());
    for failed in [EventType::AuthFailed, EventType::Refused, EventType::Error] {
        assert!(!failed.success(), "{failed:?}");
    }
}

proptest! {
    #[test]
    fn no_mark_with_foreign_characters_reaches_the_details(
        foreign in "[^A-Za-z0-9._+/-]", tail in ".{0,60}",
    ) {
        let mark = format!("CANARY{foreign}{tail}");
        let sent = Event::MessageSent(MessageSent {
            target: Target::User(AuditText::new("bob")),
            message_id: None,
            message_type: Label::new(&mark),
            seq: Seq::from_json(&Value::from(mark.as_str()).to_string()),
            bytes: 1,
        });
        for event in [sent, chunk(Label::new(&mark))] {
            let json = serde_json::to_string(&event.details()).unwrap();
            prop_assert!(!json.contains("CANARY"), "{}", json);
        }
    }
}
