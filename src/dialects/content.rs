//! What users wrote of a stored message, in the JSON of every dialect and over REST.

use serde::{Serialize, Serializer};
use smallvec::SmallVec;

use crate::model::conversation::{Body, Described, Extra, Message};
use crate::payload::{FrameSizes, Opaque, OwnedValue, frames};

/// The content of a message.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    /// What its author wrote, byte for byte.
    Value(Opaque<'a>),
    /// The message has only media: an empty string.
    Empty,
    /// The message was deleted: `null`.
    Deleted,
}

impl<'a> From<&'a Message> for Content<'a> {
    fn from(message: &'a Message) -> Self {
        match &message.body {
            Body::Whole {
                content: Some(content),
                ..
            } => Self::Value(content.as_opaque()),
            Body::Whole { content: None, .. } => Self::Empty,
            Body::Deleted { .. } => Self::Deleted,
        }
    }
}

/// The sizes of the frames of an event with everything that users wrote of a message.
pub(super) fn message_frames(message: &Message) -> FrameSizes {
    let values: SmallVec<[_; 3]> = message.values().collect();
    frames(&values)
}

/// The same without what is attached to it: edits, and every message in the form of `feed`.
pub(super) fn text_frames(message: &Message) -> FrameSizes {
    let content = message.content().map(OwnedValue::as_opaque);
    let extra = message.extra().map(Extra::as_opaque);
    frames(content.iter().chain(&extra))
}

/// The sizes of the frames of an event with a description.
pub(super) fn description_frames(described: &Described) -> FrameSizes {
    const NAMES: usize = 512;
    let texts = [&described.now.title, &described.now.avatar_url].into_iter();
    let texts = texts.flatten().map(|text| 2 * text.len()).sum::<usize>();
    FrameSizes::from_slice(&[NAMES + texts + described.extra.size()])
}

crate::schema::described!(Content<'_>, {
    "description": "What was written, as it was sent: `\"\"` where there is nothing but what is attached, and `null` of a deleted message"
});

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(content) => content.serialize(serializer),
            Self::Empty => serializer.serialize_str(""),
            Self::Deleted => serializer.serialize_none(),
        }
    }
}
