use uuid::Uuid;

use super::RENDERER;
use crate::dialects::golden::{self, AT, ann, conversation, message_id, user};
use crate::model::conversation::{ConversationEvent, Extra, IdType, UserNotification};

/// With the id as a number.
fn event(event: ConversationEvent) -> Vec<String> {
    let id = conversation();
    golden::sent(&RENDERER.event(&event, id.as_client(IdType::Number)))
}

/// With the id as a string.
fn notification(notification: UserNotification) -> Vec<String> {
    let id = conversation();
    golden::sent(&RENDERER.notification(&notification, id.as_client(IdType::Text)))
}

#[test]
fn messages_are_rendered() {
    let sent = ConversationEvent::Sent {
        message: golden::message(),
        sender: ann(),
    };
    assert_eq!(
        event(sent),
        [
            r#"["new-message",{"id":"018bcfe5-687b-7000-8000-000000000001","conversation_id":7,"content_key_number":3,"encrypted_msg_content":{"iv":"x","data":{"_placeholder":true,"num":0}},"sender_username":"Ann","created_at":1700000000123,"is_deleted":0,"type":"image","files":[{"_placeholder":true,"num":1}]}]"#
        ]
    );
    assert_eq!(
        event(ConversationEvent::Edited(golden::edited())),
        [
            r#"["message-updated",{"id":"018bcfe5-687b-7000-8000-000000000001","conversation_id":7,"content_key_number":3,"encrypted_msg_content":"new","updated_at":1700000001123,"type":"text"}]"#
        ]
    );
    assert_eq!(
        event(ConversationEvent::Deleted(golden::deleted())),
        [
            r#"["message-deleted",{"id":"018bcfe5-687b-7000-8000-000000000001","conversation_id":7}]"#
        ]
    );
}

#[test]
fn changed_participants_are_rendered() {
    assert_eq!(
        notification(UserNotification::Created(golden::change())),
        [
            r#"["conversation-created",{"conversationId":"7","participants":["Bob","Cy"],"content_key_number":3,"initiated_by":"Ann","color":"red"}]"#
        ]
    );
    assert_eq!(
        notification(UserNotification::Added(golden::change())),
        [
            r#"["conversation-participants-added",{"conversationId":"7","usernames":["Bob","Cy"],"added_by":"Ann","color":"red"}]"#,
            UPDATED,
        ]
    );
    assert_eq!(
        notification(UserNotification::Removed(golden::change())),
        [
            r#"["conversation-participants-removed",{"conversationId":"7","usernames":["Bob","Cy"]}]"#,
            UPDATED,
        ]
    );
    assert_eq!(
        notification(UserNotification::KeyRotated { key_number: -2 }),
        [
            r#"["conversation-key-rotated",{"conversationId":"7","content_key_number":-2}]"#,
            UPDATED,
        ]
    );
}

/// Behind all that a client may have to read the list again for.
const UPDATED: &str = r#"["conversation-updated",{"conversationId":"7"}]"#;

#[test]
fn what_the_user_read_elsewhere_is_rendered() {
    assert_eq!(
        notification(golden::read_elsewhere()),
        [
            r#"["message:read:receipt",{"conversation_id":"7","message_ids":["018bcfe5-687b-7000-8000-000000000001","018bcfe5-687b-7000-8000-000000000002"],"read_by":"ann","read_at":1700000000123}]"#
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
        ConversationEvent::Typing {
            typist: Uuid::nil(),
            user: ann(),
            lasts: None,
            extra: Extra::default(),
        },
        ConversationEvent::Entered(ann()),
        ConversationEvent::Left {
            user: user("ann"),
            at: AT,
        },
    ];
    for other in events {
        assert!(event(other).is_empty());
    }
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
    ];
    for other in notifications {
        assert!(notification(other).is_empty());
    }
    let id = conversation();
    assert!(RENDERER.evicted(id.as_client(IdType::Text)).is_empty());
}
