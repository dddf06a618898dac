//! The documents of the collections, and what they are made of. The fields are those of the contract
//! (protocol, `conversation`, "The shared model"); others are the store's own, which say so here.
//!
//! What an application may write is read leniently: a field that it leaves out has a default, and a
//! status that nobody knows lets nobody in. `_id` is the `id` in what is made here; elsewhere it is
//! whatever its writer made it.

use bytes::Bytes;
use mongodb::bson::{Binary, Bson, DateTime, Document, doc, spec::BinarySubtype};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::model::UserId;
use crate::model::conversation::{
    Body, ContentKey, Conversation, ConversationId, Emoji, Message, MessageId, Participant,
    ParticipantStatus, Reaction, ReactionId, Receipt, Role, TempId, UserRecord, UserStatus,
};
use crate::payload::OwnedValue;
use crate::stores::conversations::error::StoreError;

/// A document is not what was written.
#[derive(Debug, thiserror::Error)]
#[error("a document of {0} is not what was written")]
struct Damaged(&'static str);

fn damaged(collection: &'static str) -> impl Fn() -> StoreError {
    move || StoreError::Failed(std::sync::Arc::new(Damaged(collection)))
}

/// A time of the store, as documents have it.
pub(super) fn date(ms: u64) -> DateTime {
    DateTime::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// A time of a document; one before the epoch is the epoch.
pub(super) fn ms(date: DateTime) -> u64 {
    u64::try_from(date.timestamp_millis()).unwrap_or(0)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserDocument {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) avatar_url: Option<String>,
    pub(super) status: Option<String>,
    pub(super) last_seen_at: Option<DateTime>,
}

impl UserDocument {
    /// `None`: that can be nobody's id.
    pub(super) fn record(self) -> Option<UserRecord> {
        let id = UserId::parse(&self.id)?;
        let name = self.name.filter(|name| !name.is_empty());
        Some(UserRecord {
            name: name.map_or_else(|| id.shared().clone(), Into::into),
            avatar_url: self.avatar_url.map(Into::into),
            status: match self.status.as_deref() {
                None => UserStatus::Active,
                Some(status) => UserStatus::parse(status).unwrap_or(UserStatus::Suspended),
            },
            last_seen_at: self.last_seen_at.map(ms),
            id,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConversationDocument {
    pub(super) id: String,
    pub(super) title: Option<String>,
    pub(super) created_by: Option<String>,
    pub(super) created_at: Option<DateTime>,
    pub(super) last_message_at: Option<DateTime>,
    /// The store's own: how many messages it has, those that were deleted among them.
    #[serde(default)]
    pub(super) message_count: i64,
}

impl ConversationDocument {
    /// `None`: that can be no conversation's id.
    pub(super) fn conversation(self) -> Option<Conversation> {
        let created_at = self.created_at.map_or(0, ms);
        let created_by = self.created_by.as_deref().and_then(UserId::parse);
        Some(Conversation {
            id: ConversationId::parse(&self.id)?,
            title: self.title.map(Into::into),
            // An application may not know it.
            created_by: created_by.or_else(|| UserId::parse("unknown"))?,
            created_at,
            last_message_at: self.last_message_at.map_or(created_at, ms),
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ParticipantDocument {
    pub(super) conversation_id: String,
    pub(super) user_id: String,
    pub(super) role: Option<String>,
    pub(super) status: Option<String>,
    pub(super) joined_at: Option<DateTime>,
    pub(super) content_key_number: Option<i64>,
    pub(super) encrypted_content_key: Option<Bson>,
    pub(super) counts: Option<Counts>,
}

/// The store's own: what is counted for a participant. It is made anew when an application has added
/// them, or added them again: when `joinedAt` is not that of the participant.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    pub(super) joined_at: DateTime,
    /// The `seq` of the last message when they were added.
    pub(super) since: i64,
    /// So many of the conversation's messages are not unread.
    pub(super) passed: i64,
    /// All up to this one were looked through for deliveries.
    pub(super) delivered: i64,
    /// The last messages of others that were counted in `passed`, so that none is twice.
    pub(super) counted: Vec<i64>,
}

/// The counts of one who is added after `since` messages, of which `passed` are not unread. `own` is
/// the last message of their own that is counted in `passed`.
pub(super) fn first_counts(joined_at: DateTime, since: i64, passed: i64) -> Document {
    doc! {
        "joinedAt": joined_at, "since": since, "passed": passed, "delivered": since, "own": since,
        "counted": [],
    }
}

impl ParticipantDocument {
    pub(super) fn role(&self) -> Role {
        let role = self.role.as_deref().and_then(Role::parse);
        role.unwrap_or(Role::Member)
    }

    /// The counts, unless they have to be made anew.
    pub(super) fn counts(&self) -> Option<&Counts> {
        let counts = self.counts.as_ref()?;
        (Some(counts.joined_at) == self.joined_at).then_some(counts)
    }

    pub(super) fn key(&self) -> Result<Option<ContentKey>, StoreError> {
        let encrypted = self.encrypted_content_key.as_ref();
        let (Some(number), Some(encrypted)) = (self.content_key_number, encrypted) else {
            return Ok(None);
        };
        let encrypted = read_kept(encrypted).ok_or_else(damaged("participants"))?;
        Ok(Some(ContentKey { number, encrypted }))
    }

    /// `None`: that can be nobody's id.
    pub(super) fn participant(&self) -> Result<Option<Participant>, StoreError> {
        let Some(user) = UserId::parse(&self.user_id) else {
            return Ok(None);
        };
        let status = self.status.as_deref().and_then(ParticipantStatus::parse);
        Ok(Some(Participant {
            user,
            role: self.role(),
            status: status.unwrap_or(ParticipantStatus::Removed),
            joined_at: self.joined_at.map_or(0, ms),
            key: self.key()?,
        }))
    }
}

/// The fields of a content key.
pub(super) fn key_fields(key: &ContentKey) -> Document {
    doc! { "contentKeyNumber": key.number, "encryptedContentKey": kept(&key.encrypted) }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageDocument {
    pub(super) id: String,
    pub(super) conversation_id: String,
    pub(super) sender_id: String,
    /// The store's own: its number in the conversation, from 1 and without gaps.
    pub(super) seq: i64,
    pub(super) content: Option<Bson>,
    pub(super) media: Option<Bson>,
    pub(super) key_number: Option<i64>,
    pub(super) temp_id: Option<Bson>,
    pub(super) created_at: DateTime,
    pub(super) edited_at: Option<DateTime>,
    pub(super) deleted_at: Option<DateTime>,
}

impl MessageDocument {
    pub(super) fn message_id(&self) -> Result<MessageId, StoreError> {
        MessageId::parse(&self.id).ok_or_else(damaged("messages"))
    }

    pub(super) fn message(self) -> Result<Message, StoreError> {
        let id = self.message_id()?;
        self.parts(id).ok_or_else(damaged("messages"))
    }

    fn parts(self, id: MessageId) -> Option<Message> {
        let body = match self.deleted_at {
            Some(at) => Body::Deleted { at: ms(at) },
            None => Body::Whole {
                content: read_optional(self.content.as_ref())?,
                media: read_optional(self.media.as_ref())?,
            },
        };
        Some(Message {
            id,
            conversation: ConversationId::parse(&self.conversation_id)?,
            sender: UserId::parse(&self.sender_id)?,
            temp_id: match self.temp_id {
                None => None,
                Some(Bson::String(text)) => Some(TempId::parse(&text)?),
                Some(number) => Some(number.as_i64()?.into()),
            },
            key_number: self.key_number,
            created_at: ms(self.created_at),
            edited_at: self.edited_at.map(ms),
            body,
        })
    }
}

/// What operations on a message need to know of it, without what it says.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KnownMessage {
    pub(super) id: String,
    pub(super) sender_id: String,
    pub(super) seq: i64,
    pub(super) deleted_at: Option<DateTime>,
    /// The store's own: who has hidden it.
    #[serde(default)]
    pub(super) deleted_for: Vec<String>,
    /// The store's own: it was deleted, and still is unread for some.
    #[serde(default)]
    pub(super) uncounted: bool,
}

impl KnownMessage {
    /// The fields to ask for.
    pub(super) fn fields() -> Document {
        doc! { "id": 1, "senderId": 1, "seq": 1, "deletedAt": 1, "deletedFor": 1, "uncounted": 1 }
    }

    pub(super) fn message_id(&self) -> Result<MessageId, StoreError> {
        MessageId::parse(&self.id).ok_or_else(damaged("messages"))
    }

    pub(super) fn sender(&self) -> Result<UserId, StoreError> {
        UserId::parse(&self.sender_id).ok_or_else(damaged("messages"))
    }

    pub(super) fn is_hidden_for(&self, user: &UserId) -> bool {
        self.deleted_for.iter().any(|one| one == user.as_str())
    }
}

/// What a message's sender calls it, as the store's own field `sentAs`. One without a `tempId` is
/// called by its id, since each must have another.
pub(super) fn sent_as(sender: &UserId, temp_id: &TempId) -> Document {
    doc! { "senderId": sender.as_str(), "tempId": temp(temp_id) }
}

pub(super) fn temp(temp_id: &TempId) -> Bson {
    match temp_id {
        TempId::Text(text) => text.as_str().into(),
        TempId::Number(number) => (*number).into(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReceiptDocument {
    pub(super) message_id: String,
    pub(super) user_id: String,
    pub(super) delivered_at: DateTime,
    pub(super) read_at: Option<DateTime>,
}

impl ReceiptDocument {
    pub(super) fn receipt(self, message: MessageId) -> Result<Receipt, StoreError> {
        Ok(Receipt {
            message,
            user: UserId::parse(&self.user_id).ok_or_else(damaged("receipts"))?,
            delivered_at: ms(self.delivered_at),
            read_at: self.read_at.map(ms),
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReactionDocument {
    pub(super) id: String,
    pub(super) message_id: String,
    pub(super) conversation_id: String,
    pub(super) user_id: String,
    pub(super) emoji: String,
    pub(super) created_at: DateTime,
}

impl ReactionDocument {
    pub(super) fn reaction(self) -> Result<Reaction, StoreError> {
        self.parts().ok_or_else(damaged("reactions"))
    }

    fn parts(self) -> Option<Reaction> {
        Some(Reaction {
            id: ReactionId::parse(&self.id)?,
            message: MessageId::parse(&self.message_id)?,
            conversation: ConversationId::parse(&self.conversation_id)?,
            user: UserId::parse(&self.user_id)?,
            emoji: Emoji::parse(&self.emoji)?,
            created_at: ms(self.created_at),
        })
    }
}

/// A kept value: a string where it is a JSON string as everybody writes it, so that it can be read
/// in the database; else `{json, attachments?}`, which has its text as it was.
pub(super) fn kept(kept: &OwnedValue) -> Bson {
    let (json, attachments) = kept.to_parts();
    if attachments.is_empty() {
        if let Some(text) = plain(&json) {
            return text.into();
        }
        return doc! { "json": json.into_owned() }.into();
    }
    let attachments = attachments.into_iter().map(|bytes| Binary {
        subtype: BinarySubtype::Generic,
        bytes: bytes.into(),
    });
    doc! { "json": json.into_owned(), "attachments": attachments.collect::<Vec<_>>() }.into()
}

/// The text of a JSON string that would be written like this again.
fn plain(json: &str) -> Option<String> {
    let text: String = serde_json::from_str(json).ok()?;
    let again = serde_json::to_string(&text).ok()?;
    (again == json).then_some(text)
}

fn read_optional(value: Option<&Bson>) -> Option<Option<OwnedValue>> {
    value.map_or(Some(None), |value| read_kept(value).map(Some))
}

/// `None`: it is no kept value.
fn read_kept(value: &Bson) -> Option<OwnedValue> {
    if let Bson::String(text) = value {
        let json = serde_json::to_string(text).ok()?;
        return RawValue::from_string(json).ok().map(OwnedValue::from);
    }
    let document = value.as_document()?;
    let json = document.get_str("json").ok()?.to_owned();
    let attachments = match document.get_array("attachments") {
        Ok(attachments) => attachments.iter().map(bytes_of).collect::<Option<_>>()?,
        Err(_) => Vec::new(),
    };
    OwnedValue::from_parts(json, attachments)
}

fn bytes_of(value: &Bson) -> Option<Bytes> {
    match value {
        Bson::Binary(binary) => Some(Bytes::from(binary.bytes.clone())),
        _ => None,
    }
}

/// An id as documents have it: its text, which sorts as the id does.
pub(super) fn text_of(id: &Uuid) -> String {
    id.hyphenated().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Bson {
        let raw = RawValue::from_string(json.to_owned()).unwrap();
        kept(&OwnedValue::from(raw))
    }

    #[test]
    fn a_string_is_a_string_in_the_database_unless_it_would_not_come_back_as_it_was() {
        for (json, text) in [
            ("\"\"", ""),
            ("\"a b\"", "a b"),
            (r#""\"\\\n\u0000""#, "\"\\\n\0"),
            ("\"ü💥\u{2028}\"", "ü💥\u{2028}"),
        ] {
            assert_eq!(of(json), Bson::from(text));
        }
        for json in [
            r#""\/""#,
            r#""\u0041""#,
            r#""\ud800""#,
            "1.0",
            "null",
            "{ \"a\":1}",
        ] {
            assert_eq!(of(json), Bson::from(doc! { "json": json }));
        }
        for json in ["\"x\"", r#""\u0041""#, r#"{"json":"x"}"#] {
            let again = read_kept(&of(json)).unwrap();
            assert_eq!(again.to_parts(), (json.into(), Vec::new()));
        }
        assert!(read_kept(&Bson::from(1)).is_none());
    }

    #[test]
    fn a_status_that_nobody_knows_lets_nobody_in() {
        let status = |status: Option<&str>| {
            let user = UserDocument {
                id: "u".to_owned(),
                name: None,
                avatar_url: None,
                status: status.map(str::to_owned),
                last_seen_at: None,
            };
            user.record().unwrap().status
        };
        assert_eq!(status(None), UserStatus::Active);
        assert_eq!(status(Some("active")), UserStatus::Active);
        assert_eq!(status(Some("banned")), UserStatus::Suspended);
    }
}
