//! Messages as clients of this dialect see them, over sockets and over REST.

use schemars::JsonSchema;
use serde::Serialize;

use crate::dialects::content::Content;
use crate::model::conversation::{ClientId, Extra, Message, MessageId};
use crate::model::{ClientUserId, UserId, clock};
use crate::payload::{Opaque, OwnedValue};

/// A user, whose name in the relay is one: what follows its first word stands for a last name.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PersonJson<'a> {
    id: ClientUserId<'a>,
    name: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<&'a str>,
}

impl<'a> PersonJson<'a> {
    /// A user, with what is known of them.
    pub(crate) fn new(id: &'a UserId, name: Option<&'a str>, avatar_url: Option<&'a str>) -> Self {
        let name = name.unwrap_or(id.as_str());
        let (first_name, last_name) = name.split_once(' ').unwrap_or((name, ""));
        Self {
            id: id.as_client(),
            name,
            first_name,
            last_name: last_name.trim_start(),
            avatar_url,
        }
    }
}

/// A message, as REST answers it in this form.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ChatMessage")]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageJson<'a> {
    id: MessageId,
    chat_id: ClientId<'a>,
    sender_id: ClientUserId<'a>,
    sender: PersonJson<'a>,
    content: Content<'a>,
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
    pub(crate) fn new(chat_id: ClientId<'a>, message: &'a Message, sender: PersonJson<'a>) -> Self {
        Self {
            id: message.id,
            chat_id,
            sender_id: message.sender.as_client(),
            sender,
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

/// What REST answers of a message that was edited in this form.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditedJson<'a> {
    id: MessageId,
    content: Content<'a>,
    /// ISO 8601.
    edited_at: String,
    #[serde(flatten)]
    extra: Option<&'a Extra>,
}

impl<'a> From<&'a Message> for EditedJson<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            id: message.id,
            content: message.into(),
            edited_at: clock::iso_ms(message.edited_at.unwrap_or(message.created_at)),
            extra: message.extra(),
        }
    }
}

/// What is shown of the newest message of a chat in a list of chats.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LastMessageJson<'a> {
    id: MessageId,
    content: Content<'a>,
    sender_id: ClientUserId<'a>,
    /// ISO 8601.
    timestamp: String,
}

impl<'a> From<&'a Message> for LastMessageJson<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            id: message.id,
            content: message.into(),
            sender_id: message.sender.as_client(),
            timestamp: clock::iso_ms(message.created_at),
        }
    }
}

/// What `message:new` has in its envelope.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChatNew")]
#[serde(rename_all = "camelCase")]
pub(super) struct New<'a> {
    pub(super) message_id: MessageId,
    pub(super) chat_id: ClientId<'a>,
    pub(super) sender_id: ClientUserId<'a>,
    pub(super) content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) media: Option<Opaque<'a>>,
    /// ISO 8601.
    pub(super) timestamp: String,
    #[serde(flatten)]
    pub(super) extra: Option<&'a Extra>,
}

/// What `message:edited` has in its envelope.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChatEdited")]
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
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChatDeleted")]
#[serde(rename_all = "camelCase")]
pub(super) struct Deleted<'a> {
    pub(super) message_id: MessageId,
    pub(super) chat_id: ClientId<'a>,
}
