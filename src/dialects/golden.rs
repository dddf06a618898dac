//! What the tests of all renderers share: one conversation with its events, and the text that the
//! library sends of a rendered event.

use bytes::Bytes;
use socketioxide_core::Value;
use socketioxide_core::parser::Parse;
use socketioxide_parser_common::CommonParser;

use crate::conversations::RenderedEvents;
use crate::model::conversation::{
    Body, ChangeNumber, ConversationEvent, ConversationId, Emoji, Extra, Message, MessageId,
    ParticipantsChange, Reaction, ReactionId, TempId, UserNotification,
};
use crate::model::{Identity, UserId};
use crate::payload::OwnedValue;

/// 2023-11-14T22:13:20.123Z
pub(super) const AT: u64 = 1_700_000_000_123;

pub(super) fn conversation() -> ConversationId {
    ConversationId::from(7)
}

pub(super) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

pub(super) fn ann() -> Identity {
    Identity {
        user: user("ann"),
        name: "Ann".into(),
        avatar_url: Some("https://a/ann.png".into()),
    }
}

/// The message ids of the tests differ in their last digit.
pub(super) fn message_id(last: u8) -> MessageId {
    MessageId::parse(&format!("018bcfe5-687b-7000-8000-00000000000{last}")).unwrap()
}

/// What the sender of the tests' message says besides, with an attachment.
const EXTRA: &str = r#"{"type":"image","files":[{"_placeholder":true,"num":0}]}"#;

/// With an attachment in its content.
pub(super) fn message() -> Message {
    let content = r#"{"iv":"x","data":{"_placeholder":true,"num":0}}"#;
    Message {
        id: message_id(1),
        conversation: conversation(),
        sender: user("ann"),
        temp_id: TempId::number("5"),
        key_number: Some(3),
        created_at: AT,
        edited_at: None,
        body: Body::Whole {
            content: value(content, &[b"\0\xff"]),
            media: value(r#"["m"]"#, &[]),
            extra: Extra::of_parts(EXTRA, vec![Bytes::from_static(b"more")]),
        },
    }
}

pub(super) fn edited() -> Message {
    let body = Body::Whole {
        content: value(r#""new""#, &[]),
        media: None,
        extra: Extra::of_parts(r#"{"type":"text"}"#, Vec::new()),
    };
    Message {
        edited_at: Some(AT + 1000),
        body,
        ..message()
    }
}

pub(super) fn deleted() -> Message {
    Message {
        body: Body::Deleted { at: AT + 2000 },
        ..message()
    }
}

fn value(text: &str, attachments: &[&'static [u8]]) -> Option<OwnedValue> {
    let attachments = attachments.iter().map(|bytes| Bytes::from_static(bytes));
    let value = OwnedValue::from_parts(text.to_owned(), attachments.collect());
    Some(value.unwrap())
}

pub(super) fn reaction() -> Reaction {
    Reaction {
        id: ReactionId::parse("018bcfe5-687b-7000-8000-000000000009").unwrap(),
        message: message_id(1),
        conversation: conversation(),
        user: user("ann"),
        emoji: Emoji::parse("👍").unwrap(),
        created_at: AT,
    }
}

/// What a client says of a reaction that the relay does not know.
pub(super) fn reaction_extra() -> Extra {
    Extra::of_parts(r#"{"skin":3}"#, Vec::new())
}

pub(super) fn unreacted() -> ConversationEvent {
    ConversationEvent::Unreacted {
        reaction: reaction(),
        extra: reaction_extra(),
    }
}

pub(super) fn read_elsewhere() -> UserNotification {
    UserNotification::ReadElsewhere {
        reader: user("ann"),
        at: AT,
        messages: vec![message_id(1), message_id(2)],
        newest: ChangeNumber::new(9),
    }
}

pub(super) fn change() -> ParticipantsChange {
    ParticipantsChange {
        names: vec!["Bob".into(), "Cy".into()],
        by: "Ann".into(),
        key_number: Some(3),
        extra: Extra::of_parts(r#"{"color":"red"}"#, Vec::new()),
    }
}

/// What the library sends: the name and the payload, in which a placeholder stands for each
/// attachment. Each attachment has a frame.
pub(super) fn sent(events: &RenderedEvents<'_>) -> Vec<String> {
    let text = |event: &crate::conversations::Rendered<'_>| {
        let value = CommonParser.encode_value(&event.payload, Some(event.name));
        let Ok(Value::Str(text, attachments)) = value else {
            panic!("{} is not encoded as text", event.name);
        };
        let attachments = attachments.unwrap_or_default();
        assert_eq!(event.frames.len(), 1 + attachments.len(), "{text}");
        assert!(event.frames[0] >= text.len(), "{text}");
        for (attachment, frame) in attachments.iter().zip(&event.frames[1..]) {
            assert_eq!(attachment.len(), *frame, "{text}");
        }
        text.to_string()
    };
    events.iter().map(text).collect()
}
