//! Documents of `participants`, with what is counted for each of them.

use mongodb::bson::{Bson, DateTime, Document, doc};
use serde::Deserialize;

use super::fields::{damaged, ms};
use super::values::{bson_of, read_value};
use crate::model::UserId;
use crate::model::conversation::{ContentKey, Participant, ParticipantStatus, Role};
use crate::stores::conversations::error::StoreError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParticipantDocument {
    pub(crate) conversation_id: String,
    pub(crate) user_id: String,
    pub(crate) role: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) joined_at: Option<DateTime>,
    pub(crate) content_key_number: Option<i64>,
    pub(crate) encrypted_content_key: Option<Bson>,
    pub(crate) counts: Option<Counts>,
}

/// Only for the store: what is counted for a participant. It is recreated when an application has
/// added them, or added them again: when its `joinedAt` is not that of the participant.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    pub(crate) joined_at: DateTime,
    /// The `seq` of the last message when they were added.
    pub(crate) since: i64,
    /// The number of the conversation's messages that do not count as unread.
    pub(crate) passed: i64,
    /// The `seq` of the last message that was examined for deliveries.
    pub(crate) delivered: i64,
    /// The `seq`s of the last messages of others that `passed` includes, so that none is counted
    /// twice.
    pub(crate) counted: Vec<i64>,
}

/// The counts of a participant who is added after `since` messages, of which `passed` do not count
/// as unread. `own` is the `seq` of the last message of their own that `passed` includes.
pub(crate) fn first_counts(joined_at: DateTime, since: i64, passed: i64) -> Document {
    doc! {
        "joinedAt": joined_at, "since": since, "passed": passed, "delivered": since, "own": since,
        "counted": [],
    }
}

impl ParticipantDocument {
    pub(crate) fn role(&self) -> Role {
        let role = self.role.as_deref().and_then(Role::parse);
        role.unwrap_or(Role::Member)
    }

    /// The counts, unless they have to be recreated.
    pub(crate) fn counts(&self) -> Option<&Counts> {
        let counts = self.counts.as_ref()?;
        (Some(counts.joined_at) == self.joined_at).then_some(counts)
    }

    pub(crate) fn key(&self) -> Result<Option<ContentKey>, StoreError> {
        let encrypted = self.encrypted_content_key.as_ref();
        let (Some(number), Some(encrypted)) = (self.content_key_number, encrypted) else {
            return Ok(None);
        };
        let encrypted = read_value(encrypted).ok_or_else(damaged("participants"))?;
        Ok(Some(ContentKey { number, encrypted }))
    }

    /// `None`: its `userId` is not a valid one.
    pub(crate) fn participant(&self) -> Result<Option<Participant>, StoreError> {
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
pub(crate) fn key_fields(key: &ContentKey) -> Document {
    doc! { "contentKeyNumber": key.number, "encryptedContentKey": bson_of(&key.encrypted) }
}
