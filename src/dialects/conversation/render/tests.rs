use std::time::Duration;

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

/// The text without the time of its writing, which is checked to be one.
fn without_timestamp(text: &str) -> String {
    const FIELD: &str = r#""timestamp":""#;
    let (before, rest) = text.split_once(FIELD).unwrap();
    let (time, after) = rest.split_once('"').unwrap();
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "{text}");
    format!("{before}{FIELD}\"{after}")
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
            r#"["message:new",{"id":"018bcfe5-687b-7000-8000-000000000001","conversationId":7,"senderId":"ann","content":{"iv":"x","data":{"_placeholder":true,"num":0}},"media":["m"],"keyNumber":3,"createdAt":"2023-11-14T22:13:20.123Z","tempId":5,"sender":{"id":"ann","name":"Ann","avatarUrl":"https://a/ann.png"},"type":"image","files":[{"_placeholder":true,"num":1}]}]"#
        ]
    );
    assert_eq!(
        event(ConversationEvent::Edited(golden::edited())),
        [
            r#"["message:updated",{"id":"018bcfe5-687b-7000-8000-000000000001","conversationId":7,"content":"new","editedAt":"2023-11-14T22:13:21.123Z","type":"text"}]"#
        ]
    );
    assert_eq!(
        event(ConversationEvent::Deleted(golden::deleted())),
        [
            r#"["message:deleted",{"id":"018bcfe5-687b-7000-8000-000000000001","conversationId":7,"deletedAt":"2023-11-14T22:13:22.123Z"}]"#
        ]
    );
}

#[test]
fn reactions_are_rendered() {
    let reacted = ConversationEvent::Reacted {
        reaction: golden::reaction(),
        user: ann(),
        extra: golden::reaction_extra(),
    };
    assert_eq!(
        event(reacted),
        [
            r#"["reaction:added",{"id":"018bcfe5-687b-7000-8000-000000000009","messageId":"018bcfe5-687b-7000-8000-000000000001","conversationId":7,"emoji":"👍","userId":"ann","createdAt":"2023-11-14T22:13:20.123Z","user":{"id":"ann","name":"Ann"},"skin":3}]"#
        ]
    );
    assert_eq!(
        event(golden::unreacted()),
        [
            r#"["reaction:removed",{"id":"018bcfe5-687b-7000-8000-000000000009","messageId":"018bcfe5-687b-7000-8000-000000000001","conversationId":7,"userId":"ann","skin":3}]"#
        ]
    );
}

#[test]
fn typing_is_rendered() {
    let typing = |lasts| {
        event(ConversationEvent::Typing {
            typist: Uuid::nil(),
            user: ann(),
            lasts,
            extra: Extra::default(),
        })
    };
    assert_eq!(
        typing(Some(Duration::from_secs(5))),
        [
            r#"["typing:user:start",{"conversationId":7,"userId":"ann","user":{"id":"ann","name":"Ann"}}]"#
        ]
    );
    assert_eq!(
        typing(None),
        [r#"["typing:user:stop",{"conversationId":7,"userId":"ann"}]"#]
    );
}

#[test]
fn presence_is_rendered() {
    let entered = event(ConversationEvent::Entered(ann()));
    assert_eq!(entered.len(), 1);
    assert_eq!(
        without_timestamp(&entered[0]),
        r#"["user:online",{"conversationId":7,"userId":"ann","user":{"id":"ann","name":"Ann","avatarUrl":"https://a/ann.png"},"timestamp":""}]"#
    );
    let left = event(ConversationEvent::Left {
        user: user("ann"),
        at: AT,
    });
    assert_eq!(left.len(), 1);
    assert_eq!(
        without_timestamp(&left[0]),
        r#"["user:offline",{"conversationId":7,"userId":"ann","timestamp":"","lastSeenAt":"2023-11-14T22:13:20.123Z"}]"#
    );
}

#[test]
fn receipts_are_rendered_and_deliveries_one_by_one() {
    let delivered = UserNotification::Delivered {
        to: vec![user("bob"), user("cy")],
        at: AT,
        messages: vec![message_id(1), message_id(2)],
    };
    assert_eq!(
        notification(delivered),
        [
            r#"["message:delivered",{"messageId":"018bcfe5-687b-7000-8000-000000000001","conversationId":"7","deliveredTo":["bob","cy"],"deliveredAt":"2023-11-14T22:13:20.123Z"}]"#,
            r#"["message:delivered",{"messageId":"018bcfe5-687b-7000-8000-000000000002","conversationId":"7","deliveredTo":["bob","cy"],"deliveredAt":"2023-11-14T22:13:20.123Z"}]"#
        ]
    );
    let read = UserNotification::Read {
        reader: user("bob"),
        at: AT,
        messages: vec![message_id(1), message_id(2)],
    };
    assert_eq!(
        notification(read),
        [
            r#"["message:read:receipt",{"conversationId":"7","messageIds":["018bcfe5-687b-7000-8000-000000000001","018bcfe5-687b-7000-8000-000000000002"],"readBy":"bob","readAt":"2023-11-14T22:13:20.123Z"}]"#
        ]
    );
}

#[test]
fn what_the_user_read_elsewhere_is_rendered_like_any_receipt() {
    assert_eq!(
        notification(golden::read_elsewhere()),
        [
            r#"["message:read:receipt",{"conversationId":"7","messageIds":["018bcfe5-687b-7000-8000-000000000001","018bcfe5-687b-7000-8000-000000000002"],"readBy":"ann","readAt":"2023-11-14T22:13:20.123Z"}]"#
        ]
    );
}

#[test]
fn changed_participants_have_no_event_and_an_eviction_has_one() {
    for change in [
        UserNotification::Created(golden::change()),
        UserNotification::Added(golden::change()),
        UserNotification::Removed(golden::change()),
        UserNotification::KeyRotated { key_number: 2 },
    ] {
        assert!(notification(change).is_empty());
    }
    let id = conversation();
    let evicted = RENDERER.evicted(id.as_client(IdType::Number));
    assert_eq!(
        golden::sent(&evicted),
        [r#"["conversation:left",{"conversationId":7}]"#]
    );
}
