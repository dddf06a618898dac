//! What connections are sent about messages, whichever their shape.

use serde_json::value::RawValue;

use super::Shape;
use test_support::raw::{Event, members};

/// What happened to a message. Contents are JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    New { id: String, content: String },
    Edited { id: String, content: String },
    Deleted { id: String },
}

/// What a connection was sent about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    /// Where, as the JSON text of the id.
    pub(crate) conversation: String,
    pub(crate) change: Change,
}

impl Received {
    /// What an event says of a message, if it does.
    pub(crate) fn of(shape: Shape, event: &Event) -> Option<Self> {
        let (new, edited, deleted) = match shape {
            Shape::Conversation => ("message:new", "message:updated", "message:deleted"),
            Shape::Feed => ("new-message", "message-updated", "message-deleted"),
            Shape::Chat => ("message:new", "message:edited", "message:deleted"),
        };
        let (id, conversation, content) = match shape {
            Shape::Conversation => ("id", "conversationId", "content"),
            Shape::Feed => ("id", "conversation_id", "encrypted_msg_content"),
            Shape::Chat => ("messageId", "chatId", "content"),
        };
        let in_envelope;
        let fields = match shape {
            Shape::Chat if [new, edited, deleted].contains(&&*event.name) => {
                assert_eq!(event.get("type"), event.name, "{}", event.text);
                in_envelope = members(event.raw("data"));
                &in_envelope
            }
            _ => &event.members,
        };
        let raw = |name| field(fields, name).to_owned();
        let id = || serde_json::from_str(field(fields, id)).unwrap();
        let change = match &*event.name {
            name if name == new => Change::New {
                id: id(),
                content: raw(content),
            },
            name if name == edited => Change::Edited {
                id: id(),
                content: raw(content),
            },
            name if name == deleted => Change::Deleted { id: id() },
            _ => return None,
        };
        Some(Self {
            conversation: raw(conversation),
            change,
        })
    }
}

impl Change {
    /// Of which message.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::New { id, .. } | Self::Edited { id, .. } | Self::Deleted { id } => id,
        }
    }
}

/// The JSON text of a field that is there exactly once.
pub(super) fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    let mut found = fields.iter().filter(|(field, _)| field == name);
    let (_, value) = found
        .next()
        .unwrap_or_else(|| panic!("no {name} in {fields:?}"));
    assert!(found.next().is_none(), "{name} is twice in {fields:?}");
    value
}

/// The JSON texts of an array's items.
pub(super) fn items(array: &str) -> Vec<String> {
    let items: Vec<Box<RawValue>> = serde_json::from_str(array).unwrap();
    items.iter().map(|item| item.get().to_owned()).collect()
}
