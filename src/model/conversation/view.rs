//! How a subscriber sees a conversation: by one dialect, and with the id in the JSON type
//! with which it subscribed, or else that with which the conversation was made.

use serde::{Serialize, Serializer};

use crate::model::conversation::ConversationId;
use crate::model::{Dialect, IdType};

/// The dialect in whose events a conversation is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ConversationDialect {
    /// `conversation`
    Conversation,
    /// `feed`
    Feed,
    /// `chat`
    Chat,
}

impl ConversationDialect {
    /// The dialect.
    pub(crate) const fn as_dialect(self) -> Dialect {
        match self {
            Self::Conversation => Dialect::Conversation,
            Self::Feed => Dialect::Feed,
            Self::Chat => Dialect::Chat,
        }
    }

    /// A dialect, if it shows conversations.
    pub(crate) const fn of(dialect: Dialect) -> Option<Self> {
        match dialect {
            Dialect::Conversation => Some(Self::Conversation),
            Dialect::Feed => Some(Self::Feed),
            Dialect::Chat => Some(Self::Chat),
            Dialect::Direct | Dialect::Session => None,
        }
    }

    /// Whether one of these dialects shows conversations.
    pub(crate) fn are_in(dialects: &[Dialect]) -> bool {
        let mut dialects = dialects.iter();
        dialects.any(|dialect| Self::of(*dialect).is_some())
    }
}

/// A conversation's id with the JSON type in which a client wrote it, and in which it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypedId {
    /// The id.
    pub(crate) id: ConversationId,
    /// Its JSON type.
    pub(crate) id_type: IdType,
}

impl TypedId {
    /// The id as this client sees it.
    pub(crate) fn as_client(&self) -> ClientId<'_> {
        self.id.as_client(self.id_type)
    }
}

impl ConversationId {
    /// The id as clients see it who write it as this type.
    pub(crate) fn as_client(&self, id_type: IdType) -> ClientId<'_> {
        ClientId { id: self, id_type }
    }
}

/// A conversation's id as a client sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientId<'a> {
    id: &'a ConversationId,
    id_type: IdType,
}

impl Serialize for ClientId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.id.as_str();
        match (self.id_type, text.parse::<i64>()) {
            (IdType::Number, Ok(number)) => serializer.serialize_i64(number),
            _ => serializer.serialize_str(text),
        }
    }
}

/// How one subscriber sees a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct View {
    /// By which dialect.
    pub(crate) dialect: ConversationDialect,
    /// Under which id.
    pub(crate) id: IdType,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_written_as_the_type_that_it_came_as() {
        let id = ConversationId::from(-7);
        let json = |id_type| serde_json::to_string(&id.as_client(id_type)).unwrap();
        assert_eq!(json(IdType::Number), "-7");
        assert_eq!(json(IdType::Text), "\"-7\"");
        let word = ConversationId::parse("x").unwrap();
        let json = serde_json::to_string(&word.as_client(IdType::Number)).unwrap();
        assert_eq!(json, "\"x\"");
    }
}
