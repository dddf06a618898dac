//! Documents of `messages`.

use mongodb::bson::{Bson, DateTime, Document, doc};
use serde::Deserialize;

use super::fields::{damaged, ms};
use super::values::{read_extra, read_optional};
use crate::model::UserId;
use crate::model::conversation::{Body, ConversationId, Fingerprint, Message, MessageId, TempId};
use crate::stores::conversations::error::StoreError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageDocument {
    pub(crate) id: String,
    pub(crate) conversation_id: String,
    pub(crate) sender_id: String,
    /// Only for the store: the number of the change by which it was sent.
    pub(crate) seq: i64,
    pub(crate) content: Option<Bson>,
    pub(crate) media: Option<Bson>,
    /// What else its sender says of it.
    pub(crate) extra: Option<Bson>,
    pub(crate) key_number: Option<i64>,
    pub(crate) temp_id: Option<Bson>,
    /// Only for the store: of what it said when it was sent.
    pub(crate) fingerprint: Option<i64>,
    /// Only for the store: the `tempId` is the text of a number.
    #[serde(default)]
    pub(crate) numbered: bool,
    pub(crate) created_at: DateTime,
    pub(crate) edited_at: Option<DateTime>,
    pub(crate) deleted_at: Option<DateTime>,
}

impl MessageDocument {
    pub(crate) fn message_id(&self) -> Result<MessageId, StoreError> {
        MessageId::parse(&self.id).ok_or_else(damaged("messages"))
    }

    pub(crate) fn message(self) -> Result<Message, StoreError> {
        let id = self.message_id()?;
        self.parts(id).ok_or_else(damaged("messages"))
    }

    fn parts(self, id: MessageId) -> Option<Message> {
        let body = match self.deleted_at {
            Some(at) => Body::Deleted { at: ms(at) },
            None => Body::Whole {
                content: read_optional(self.content.as_ref())?,
                media: read_optional(self.media.as_ref())?,
                extra: read_extra(self.extra.as_ref())?,
            },
        };
        Some(Message {
            id,
            conversation: ConversationId::parse(&self.conversation_id)?,
            sender: UserId::parse(&self.sender_id)?,
            temp_id: match self.temp_id {
                None => None,
                Some(Bson::String(text)) if self.numbered => Some(TempId::number(&text)?),
                Some(Bson::String(text)) => Some(TempId::parse(&text)?),
                Some(number) => Some(TempId::number(&number.as_i64()?.to_string())?),
            },
            key_number: self.key_number,
            created_at: ms(self.created_at),
            edited_at: self.edited_at.map(ms),
            body,
        })
    }
}

/// What operations need to know of a message, without its content.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KnownMessage {
    pub(crate) id: String,
    pub(crate) sender_id: String,
    pub(crate) seq: i64,
    pub(crate) created_at: DateTime,
    pub(crate) deleted_at: Option<DateTime>,
    /// Only for the store: the users who have hidden it.
    #[serde(default)]
    pub(crate) deleted_for: Vec<String>,
    /// Only for the store: it was deleted, and still counts as unread for some.
    #[serde(default)]
    pub(crate) uncounted: bool,
}

impl KnownMessage {
    /// The projection.
    pub(crate) fn fields() -> Document {
        doc! {
            "id": 1, "senderId": 1, "seq": 1, "createdAt": 1, "deletedAt": 1, "deletedFor": 1,
            "uncounted": 1,
        }
    }

    pub(crate) fn message_id(&self) -> Result<MessageId, StoreError> {
        MessageId::parse(&self.id).ok_or_else(damaged("messages"))
    }

    pub(crate) fn sender(&self) -> Result<UserId, StoreError> {
        UserId::parse(&self.sender_id).ok_or_else(damaged("messages"))
    }

    pub(crate) fn is_hidden_for(&self, user: &UserId) -> bool {
        self.deleted_for.iter().any(|one| one == user.as_str())
    }
}

/// The field `sentAs`, which only the store uses: unique for each message of a conversation. For a
/// message without a `tempId` it is the id.
pub(crate) fn sent_as(sender: &UserId, temp_id: &TempId) -> Document {
    let value = match temp_id.is_kept_as_text() {
        true => doc! { "number": temp_id.as_str() }.into(),
        false => temp_id_value(temp_id),
    };
    doc! { "senderId": sender.as_str(), "tempId": value }
}

/// The same for one that says something else than the first with its `tempId`, or the same on another day.
pub(crate) fn sent_again_as(
    sender: &UserId,
    temp_id: &TempId,
    fingerprint: Fingerprint,
    day: i64,
) -> Document {
    let mut name = sent_as(sender, temp_id);
    name.extend(doc! { "fingerprint": fingerprint.get(), "day": day });
    name
}

pub(crate) fn temp_id_value(temp_id: &TempId) -> Bson {
    match temp_id.as_integer() {
        Some(integer) => integer.into(),
        None => temp_id.as_str().into(),
    }
}
