//! What a message says, as all who read conversations are shown it.

use serde::{Serialize, Serializer};

use crate::model::conversation::{Body, Message};
use crate::payload::Opaque;

/// What a message says.
#[derive(Debug)]
pub enum Content<'a> {
    /// This.
    Says(Opaque<'a>),
    /// Nothing: it only has something attached. Shown as an empty string.
    Nothing,
    /// It was deleted. Shown as `null`.
    Deleted,
}

impl<'a> From<&'a Message> for Content<'a> {
    fn from(message: &'a Message) -> Self {
        match &message.body {
            Body::Whole {
                content: Some(content),
                ..
            } => Self::Says(content.as_opaque()),
            Body::Whole { content: None, .. } => Self::Nothing,
            Body::Deleted { .. } => Self::Deleted,
        }
    }
}

impl<'a> Content<'a> {
    /// What is said, if anything is.
    pub fn said(&self) -> Option<&Opaque<'a>> {
        match self {
            Self::Says(content) => Some(content),
            Self::Nothing | Self::Deleted => None,
        }
    }
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Says(content) => content.serialize(serializer),
            Self::Nothing => serializer.serialize_str(""),
            Self::Deleted => serializer.serialize_none(),
        }
    }
}
