//! Messages as clients of this dialect see them, over sockets and over REST.

use serde::Serialize;

use crate::dialects::content::Content;
use crate::model::conversation::{ClientId, Extra, Message, MessageId};
use crate::model::{ClientUserId, clock};
use crate::payload::{Opaque, OwnedValue, plainly};

/// A message, as REST answers it in this form.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageJson<'a> {
    id: MessageId,
    chat_id: ClientId<'a>,
    sender_id: ClientUserId<'a>,
    content: Content<'a>,
    #[serde(serialize_with = "plainly")]
    media: Option<Opaque<'a>>,
    /// ISO 8601, as the other times.
    edited_at: Option<String>,
    /// A user does not see what they deleted for themselves.
    deleted_for: [(); 0],
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<String>,
    #[serde(flatten)]
    extra: Option<&'a Extra>,
}

impl<'a> MessageJson<'a> {
    /// A message in a chat that clients see under this id.
    pub(crate) fn new(chat_id: ClientId<'a>, message: &'a Message) -> Self {
        Self {
            id: message.id,
            chat_id,
            sender_id: message.sender.as_client(),
            content: message.into(),
            media: message.media().map(OwnedValue::as_opaque),
            edited_at: message.edited_at.map(clock::iso_ms),
            deleted_for: [],
            timestamp: clock::iso_ms(message.created_at),
            deleted_at: message.deleted_at().map(clock::iso_ms),
            extra: message.extra(),
        }
    }
}

/// What `message:new` has in its envelope.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct New<'a> {
    pub(super) message_id: MessageId,
    pub(super) chat_id: ClientId<'a>,
    pub(super) sender_id: ClientUserId<'a>,
    pub(super) content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "plainly")]
    pub(super) media: Option<Opaque<'a>>,
    /// ISO 8601.
    pub(super) timestamp: String,
    #[serde(flatten)]
    pub(super) extra: Option<&'a Extra>,
}

/// What `message:edited` has in its envelope.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Edited<'a> {
    pub(super) message_id: MessageId,
    pub(super) chat_id: ClientId<'a>,
    pub(super) content: Content<'a>,
    /// ISO 8601.
    pub(super) edited_at: String,
    #[serde(flatten)]
    pub(super) extra: Option<&'a Extra>,
}

/// What `message:deleted` has in its envelope.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deleted<'a> {
    pub(super) message_id: MessageId,
    pub(super) chat_id: ClientId<'a>,
}
