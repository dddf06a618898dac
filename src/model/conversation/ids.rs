//! Ids and short texts: parsed once, so that a value of these types is valid.

use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::{Uuid, Version};

use crate::model::{UserId, js_number};

/// Maximum number of characters of an emoji (protocol, "Limits").
pub(crate) const MAX_EMOJI_CHARS: usize = 10;

/// A short text: 1 to 128 bytes without control characters, the same bounds as for a user's id.
macro_rules! name {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) struct $name(Arc<str>);

        impl $name {
            /// Parses one. `None` when it is empty, too long, or has control characters.
            pub(crate) fn parse(text: &str) -> Option<Self> {
                UserId::parse(text).map(|name| Self(name.shared().clone()))
            }

            /// The text.
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Debug of str escapes what could forge a log line.
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| D::Error::custom("no name"))
            }
        }
    };
}

name! {
    /// A conversation's id: 1 to 128 bytes without control characters. An integer is the same
    /// conversation as its decimal text. Cheap to clone.
    ConversationId
}

impl ConversationId {
    /// A new id, for a conversation to which the client gave none.
    pub(crate) fn random() -> Self {
        Self(Uuid::now_v7().to_string().into())
    }
}

impl ConversationId {
    /// Whether it is how an integer is written that JavaScript can hold: others may be told it as a number.
    pub(crate) fn is_number(&self) -> bool {
        js_number::parse_exact(self.as_str()).is_some()
    }
}

impl From<i64> for ConversationId {
    fn from(number: i64) -> Self {
        Self(number.to_string().into())
    }
}

name! {
    /// A short text of a client: 1 to 128 bytes without control characters.
    Name
}

/// The id that a client gives a message before it knows the real one. A number is not the same as its
/// text: the sender compares what it receives with what it sent. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum TempId {
    /// 1 to 128 bytes without control characters.
    Text(Name),
    /// A number, as its sender wrote it.
    Number(Name),
}

impl TempId {
    /// Parses a text. `None` when it is empty, too long, or has control characters.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Name::parse(text).map(Self::Text)
    }

    /// Parses the JSON text of a number. `None` when it is something else, or too long.
    pub(crate) fn number(json: &str) -> Option<Self> {
        let is_number = serde_json::from_str::<serde_json::Number>(json).is_ok();
        Name::parse(json).filter(|_| is_number).map(Self::Number)
    }

    /// An integer that is written as any other with its value is.
    pub(crate) fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Text(_) => None,
            Self::Number(number) => {
                let integer = number.as_str().parse::<i64>().ok();
                integer.filter(|integer| integer.to_string() == number.as_str())
            }
        }
    }

    /// Whether it is a number that has to be kept as the text that it is: as a number it would be written otherwise.
    pub(crate) fn is_kept_as_text(&self) -> bool {
        matches!(self, Self::Number(_)) && self.as_integer().is_none()
    }

    /// The text, or the number as it was written.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text.as_str(),
        }
    }
}

/// As JSON.
impl Serialize for TempId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Number(number) => {
                let raw = RawValue::from_string(number.as_str().to_owned());
                raw.map_err(serde::ser::Error::custom)?
                    .serialize(serializer)
            }
        }
    }
}

/// A UUIDv7 that the store has created.
macro_rules! store_id {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) struct $name(Uuid);

        impl $name {
            /// Parses the text form with hyphens. `None`: not that of a UUIDv7.
            pub(crate) fn parse(text: &str) -> Option<Self> {
                const LENGTH: usize = uuid::fmt::Hyphenated::LENGTH;
                let id = Uuid::parse_str(text).ok().filter(|_| text.len() == LENGTH)?;
                Self::new(id)
            }

            /// `None`: not a UUIDv7.
            pub(crate) fn new(id: Uuid) -> Option<Self> {
                (id.get_version() == Some(Version::SortRand)).then_some(Self(id))
            }

            /// An id that this program has just created.
            pub(crate) fn from_new(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID.
            pub(crate) fn uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| D::Error::custom("no id of a store"))
            }
        }
    };
}

store_id! {
    /// A message's id. Those of one conversation ascend in the order of its history.
    MessageId
}

impl MessageId {
    /// Room that one takes in a list, in bytes.
    pub(crate) const JSON_SIZE: usize = "\"00000000-0000-0000-0000-000000000000\",".len();
}

store_id! {
    /// A reaction's id.
    ReactionId
}

/// An emoji of a reaction: 1 to 10 characters, none of them a control character. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Emoji(Arc<str>);

impl Emoji {
    /// Parses one. `None` when it is empty, too long, or has control characters.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let short = (1..=MAX_EMOJI_CHARS).contains(&text.chars().count());
        let valid = short && !text.chars().any(char::is_control);
        valid.then(|| Self(text.into()))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Emoji {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Emoji {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("no emoji"))
    }
}

impl fmt::Debug for Emoji {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Reactions are content, which is never logged.
        f.write_str("Emoji")
    }
}

/// The place of a change in its conversation.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub(crate) struct ChangeNumber(u64);

impl ChangeNumber {
    /// Before the first change.
    pub(crate) const START: Self = Self(0);

    /// The change with this number.
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Parses a cursor of a client. `None`: it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| is_number)?;
        Some(Self(number))
    }

    /// The number; 0 before the first change.
    pub(crate) const fn get(self) -> u64 {
        self.0
    }

    /// The one before it.
    pub(crate) const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The one this many behind it.
    pub(crate) const fn plus(self, count: usize) -> Self {
        Self(self.0.saturating_add(count as u64))
    }

    /// The one behind it.
    pub(crate) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_conversation_as_its_text() {
        assert_eq!(
            Some(ConversationId::from(-17)),
            ConversationId::parse("-17")
        );
        let is_number = |text| ConversationId::parse(text).unwrap().is_number();
        assert!(is_number("-17") && is_number("0") && is_number("9007199254740991"));
        for text in ["007", "+7", "-0", "7.0", "7 ", "9007199254740992"] {
            assert!(!is_number(text), "{text}");
        }
        assert_eq!(ConversationId::parse("a\nb"), None);
        assert_eq!(ConversationId::parse(&"x".repeat(129)), None);
        assert_ne!(ConversationId::random(), ConversationId::random());
    }

    #[test]
    fn only_a_hyphenated_uuid_v7_is_the_id_of_a_message() {
        let id = Uuid::now_v7();
        assert_eq!(MessageId::parse(&id.to_string()), MessageId::new(id));
        assert!(MessageId::new(id).is_some());
        assert_eq!(MessageId::parse(&id.simple().to_string()), None);
        assert_eq!(MessageId::parse(&Uuid::new_v4().to_string()), None);
        assert_eq!(MessageId::parse("' OR 1=1 --"), None);
    }

    #[test]
    fn an_emoji_has_one_to_ten_characters() {
        for good in ["👍", "👨‍👩‍👧‍👦", "0123456789"] {
            assert!(Emoji::parse(good).is_some(), "{good}");
        }
        for bad in ["", "01234567890", "a\0"] {
            assert!(Emoji::parse(bad).is_none(), "{bad:?}");
        }
    }
}
