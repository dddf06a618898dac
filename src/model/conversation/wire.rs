//! How the parts of a [`ConversationEvent`](super::ConversationEvent) are written for other nodes that
//! derived code does not write. Nodes of two releases run side by side, so the bytes must stay.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Body, ConversationId, Extra, Message, MessageId, TempId};
use crate::model::UserId;
use crate::payload::OwnedValue;

#[derive(Serialize, Deserialize)]
struct WireMessage<'a> {
    id: MessageId,
    conversation: ConversationId,
    sender: UserId,
    temp_id: Option<WireTempId<'a>>,
    key_number: Option<i64>,
    created_at: u64,
    edited_at: Option<u64>,
    deleted_at: Option<u64>,
    content: Option<WireValue<'a>>,
    media: Option<WireValue<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    extra: Option<WireValue<'a>>,
    /// The `temp_id` is the text of a number.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_numbered: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WireTempId<'a> {
    Number(i64),
    Text(Cow<'a, str>),
}

impl<'a> From<&'a TempId> for WireTempId<'a> {
    fn from(id: &'a TempId) -> Self {
        match id.as_integer() {
            Some(number) => Self::Number(number),
            None => Self::Text(id.as_str().into()),
        }
    }
}

impl WireTempId<'_> {
    fn read(&self, is_numbered: bool) -> Option<TempId> {
        match self {
            Self::Number(number) => TempId::number(&number.to_string()),
            Self::Text(text) if is_numbered => TempId::number(text),
            Self::Text(text) => TempId::parse(text),
        }
    }
}

/// The parts of an [`OwnedValue`].
#[derive(Serialize, Deserialize)]
struct WireValue<'a> {
    text: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Bytes>,
}

impl<'a> From<&'a OwnedValue> for WireValue<'a> {
    fn from(value: &'a OwnedValue) -> Self {
        let (text, attachments) = value.to_parts();
        Self { text, attachments }
    }
}

impl WireValue<'_> {
    /// `None`: there is no field.
    fn of_extra(extra: &Extra) -> Option<Self> {
        let value = extra.to_value()?;
        let (text, attachments) = value.to_parts();
        Some(Self {
            text: text.into_owned().into(),
            attachments,
        })
    }

    fn extra(self) -> Extra {
        Extra::of_parts(&self.text, self.attachments)
    }

    fn read(self) -> Option<OwnedValue> {
        OwnedValue::from_parts(self.text.into_owned(), self.attachments)
    }
}

impl<'a> From<&'a Message> for WireMessage<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            id: message.id,
            conversation: message.conversation.clone(),
            sender: message.sender.clone(),
            temp_id: message.temp_id.as_ref().map(WireTempId::from),
            key_number: message.key_number,
            created_at: message.created_at,
            edited_at: message.edited_at,
            deleted_at: message.deleted_at(),
            content: message.content().map(WireValue::from),
            media: message.media().map(WireValue::from),
            extra: message.extra().and_then(WireValue::of_extra),
            is_numbered: message
                .temp_id
                .as_ref()
                .is_some_and(TempId::is_kept_as_text),
        }
    }
}

impl WireMessage<'_> {
    /// The message. `None`: a value is not what was written.
    fn read(self) -> Option<Message> {
        let read = |value: Option<WireValue<'_>>| match value {
            None => Some(None),
            Some(value) => value.read().map(Some),
        };
        let body = match self.deleted_at {
            Some(at) => Body::Deleted { at },
            None => Body::Whole {
                content: read(self.content)?,
                media: read(self.media)?,
                extra: self.extra.map_or_else(Extra::default, WireValue::extra),
            },
        };
        Some(Message {
            id: self.id,
            conversation: self.conversation,
            sender: self.sender,
            temp_id: match self.temp_id {
                Some(id) => Some(id.read(self.is_numbered)?),
                None => None,
            },
            key_number: self.key_number,
            created_at: self.created_at,
            edited_at: self.edited_at,
            body,
        })
    }
}

/// For `serde(with)`: a message, whose content is written as the bytes it is.
pub(super) mod message {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::WireMessage;
    use crate::model::conversation::Message;

    pub(in super::super) fn serialize<S: Serializer>(
        message: &Message,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        WireMessage::from(message).serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Message, D::Error> {
        let message = WireMessage::deserialize(deserializer)?.read();
        message.ok_or_else(|| D::Error::custom("no message"))
    }
}

/// For `serde(with)`: fields that the relay does not know.
pub(crate) mod extra {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::WireValue;
    use crate::model::conversation::Extra;

    pub(crate) fn serialize<S: Serializer>(
        extra: &Extra,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        WireValue::of_extra(extra).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Extra, D::Error> {
        let value = Option::<WireValue<'_>>::deserialize(deserializer)?;
        Ok(value.map_or_else(Extra::default, WireValue::extra))
    }
}

/// For `serde(with)`: a time in milliseconds, 0 for none.
pub(super) mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.map_or(0, |time| time.as_millis() as u64))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let time = u64::deserialize(deserializer)?;
        Ok((time > 0).then(|| Duration::from_millis(time)))
    }
}
