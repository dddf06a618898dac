//! How a subscriber sees a conversation: in the shape of one dialect, and under an id of the JSON
//! type with which it subscribed.

use serde::{Serialize, Serializer};

use crate::model::Dialect;
use crate::model::conversation::ConversationId;

/// The dialect in whose shape events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// `conversation`
    Conversation,
    /// `feed`
    Feed,
    /// `chat`
    Chat,
}

impl Shape {
    /// The dialect.
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Conversation => Dialect::Conversation,
            Self::Feed => Dialect::Feed,
            Self::Chat => Dialect::Chat,
        }
    }
}

/// The JSON type of a conversation's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdType {
    /// A string.
    Text,
    /// An integer.
    Number,
}

/// A conversation's id, as someone wrote it and is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenId {
    /// The id.
    pub id: ConversationId,
    /// The JSON type that it has for them.
    pub written: IdType,
}

impl WrittenId {
    /// The id in the way in which it is written for them.
    pub fn shown(&self) -> ShownId<'_> {
        self.id.shown(self.written)
    }
}

impl ConversationId {
    /// The id, to be written as this type.
    pub fn shown(&self, written: IdType) -> ShownId<'_> {
        ShownId { id: self, written }
    }
}

/// A conversation's id on its way to a client.
#[derive(Debug, Clone, Copy)]
pub struct ShownId<'a> {
    id: &'a ConversationId,
    written: IdType,
}

impl Serialize for ShownId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.id.as_str();
        match (self.written, text.parse::<i64>()) {
            (IdType::Number, Ok(number)) => serializer.serialize_i64(number),
            _ => serializer.serialize_str(text),
        }
    }
}

/// How one subscriber sees a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct View {
    /// In which shape.
    pub shape: Shape,
    /// With which id.
    pub id: IdType,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_as_the_type_that_it_came_as() {
        let id = ConversationId::from(-7);
        let json = |written| serde_json::to_string(&id.shown(written)).unwrap();
        assert_eq!(json(IdType::Number), "-7");
        assert_eq!(json(IdType::Text), "\"-7\"");
        let word = ConversationId::parse("x").unwrap();
        let json = serde_json::to_string(&word.shown(IdType::Number)).unwrap();
        assert_eq!(json, "\"x\"");
    }
}
