use std::time::Duration;

use uuid::Uuid;

use super::RENDERER;
use crate::dialects::golden::{self, AT, ann, conversation, message_id, user};
use crate::model::conversation::{ConversationEvent, Extra, IdType, UserNotification};

fn event(event: ConversationEvent) -> Vec<String> {
    let id = conversation();
    golden::sent(&RENDERER.event(&event, id.as_client(IdType::Text)))
}

#[test]
fn messages_are_rendered_in_an_envelope() {
    let sent = ConversationEvent::Sent {
        message: golden::message(),
        sender: ann(),
    };
    assert_eq!(
        event(sent),
        [
            r#"["message:new",{"type":"message:new","data":{"messageId":"018bcfe5-687b-7000-8000-000000000001","chatId":"7","senderId":"ann","content":{"iv":"x","data":{"_placeholder":true,"num":0}},"media":["m"],"timestamp":"2023-11-14T22:13:20.123Z","type":"image","files":[{"_placeholder":true,"num":1}]}}]"#
        ]
    );
    assert_eq!(
        event(ConversationEvent::Edited(golden::edited())),
        [
            r#"["message:edited",{"type":"message:edited","data":{"messageId":"018bcfe5-687b-7000-8000-000000000001","chatId":"7","content":"new","editedAt":"2023-11-14T22:13:21.123Z","type":"text"}}]"#
        ]
    );
    assert_eq!(
        event(ConversationEvent::Deleted(golden::deleted())),
        [
            r#"["message:deleted",{"type":"message:deleted","data":{"messageId":"018bcfe5-687b-7000-8000-000000000001","chatId":"7"}}]"#
        ]
    );
}

#[test]
fn typing_is_rendered_in_an_envelope_and_beside_it() {
    let typing = |lasts| {
        event(ConversationEvent::Typing {
            typist: Uuid::nil(),
            user: ann(),
            lasts,
            extra: Extra::default(),
        })
    };
    assert_eq!(
        typing(Some(Duration::from_secs(3))),
        [
            r#"["user:typing",{"type":"user:typing","data":{"userId":"ann","chatId":"7","isTyping":true},"userId":"ann","chatId":"7","isTyping":true}]"#
        ]
    );
    assert_eq!(
        typing(None),
        [
            r#"["user:typing",{"type":"user:typing","data":{"userId":"ann","chatId":"7","isTyping":false},"userId":"ann","chatId":"7","isTyping":false}]"#,
            r#"["user:stop-typing",{"type":"user:stop-typing","data":{"userId":"ann","chatId":"7","isTyping":false},"userId":"ann","chatId":"7","isTyping":false}]"#
        ]
    );
}

#[test]
fn what_the_user_read_elsewhere_is_rendered_in_an_envelope() {
    let id = conversation();
    let read = golden::read_elsewhere();
    assert_eq!(
        golden::sent(&RENDERER.notification(&read, id.as_client(IdType::Text))),
        [
            r#"["message:read:receipt",{"type":"message:read:receipt","data":{"chatId":"7","messageIds":["018bcfe5-687b-7000-8000-000000000001","018bcfe5-687b-7000-8000-000000000002"],"readBy":"ann","readAt":"2023-11-14T22:13:20.123Z"}}]"#
        ]
    );
}

#[test]
fn everything_else_has_no_event() {
    let events = [
        ConversationEvent::Reacted {
            reaction: golden::reaction(),
            user: ann(),
            extra: golden::reaction_extra(),
        },
        golden::unreacted(),
        ConversationEvent::Entered(ann()),
        ConversationEvent::Left {
            user: user("ann"),
            at: AT,
        },
    ];
    for other in events {
        assert!(event(other).is_empty());
    }
    let id = conversation();
    let notifications = [
        UserNotification::Delivered {
            to: vec![user("bob")],
            at: AT,
            messages: vec![message_id(1)],
        },
        UserNotification::Read {
            reader: user("bob"),
            at: AT,
            messages: vec![message_id(1)],
        },
        UserNotification::Created(golden::change()),
        UserNotification::Added(golden::change()),
        UserNotification::Removed(golden::change()),
        UserNotification::KeyRotated { key_number: 2 },
    ];
    for other in notifications {
        let events = RENDERER.notification(&other, id.as_client(IdType::Text));
        assert!(events.is_empty());
    }
    assert!(RENDERER.evicted(id.as_client(IdType::Text)).is_empty());
}
