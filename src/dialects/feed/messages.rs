//! Messages as clients of this dialect see them, over sockets and over REST.

use schemars::JsonSchema;
use serde::Serialize;

use crate::dialects::content::Content;
use crate::model::conversation::{ClientId, Extra, Message, MessageId};

/// A message: `new-message`, and what REST answers in this form.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FeedMessage")]
pub(crate) struct MessageJson<'a> {
    id: MessageId,
    conversation_id: ClientId<'a>,
    content_key_number: Option<i64>,
    encrypted_msg_content: Content<'a>,
    sender_username: &'a str,
    /// Milliseconds since the epoch, as the next one.
    created_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<u64>,
    /// 0 or 1.
    is_deleted: u8,
    #[serde(flatten)]
    extra: Option<&'a Extra>,
}

impl<'a> MessageJson<'a> {
    /// A message in a conversation that clients see under this id.
    pub(crate) fn new(
        conversation_id: ClientId<'a>,
        message: &'a Message,
        sender_username: &'a str,
    ) -> Self {
        Self {
            id: message.id,
            conversation_id,
            content_key_number: message.key_number,
            encrypted_msg_content: message.into(),
            sender_username,
            created_at: message.created_at,
            updated_at: message.edited_at,
            is_deleted: message.deleted_at().is_some().into(),
            extra: message.extra(),
        }
    }
}

/// `message-updated`
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FeedUpdated")]
pub(super) struct Updated<'a> {
    id: MessageId,
    conversation_id: ClientId<'a>,
    content_key_number: Option<i64>,
    encrypted_msg_content: Content<'a>,
    /// Milliseconds since the epoch.
    updated_at: u64,
    #[serde(flatten)]
    extra: Option<&'a Extra>,
}

impl<'a> Updated<'a> {
    pub(super) fn new(conversation_id: ClientId<'a>, message: &'a Message) -> Self {
        Self {
            id: message.id,
            conversation_id,
            content_key_number: message.key_number,
            encrypted_msg_content: message.into(),
            updated_at: message.edited_at.unwrap_or(message.created_at),
            extra: message.extra(),
        }
    }
}

/// `message-deleted`
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FeedDeleted")]
pub(super) struct Deleted<'a> {
    pub(super) id: MessageId,
    pub(super) conversation_id: ClientId<'a>,
}
