//! `message:send`, and messages as participants see them.

use schemars::JsonSchema;
use serde::Serialize;

use super::CONVERSATION_ID;
use crate::dialects::Request;
use crate::dialects::content::{Content, message_frames};
use crate::dialects::fields::Fields;
use crate::model::conversation::{
    ClientId, Extra, Message, MessageId, NewMessage, TempId, UserRecord,
};
use crate::model::{ClientUserId, Dialect, Identity, Refusal, UserId, clock};
use crate::payload::{FrameSizes, Opaque, OwnedValue, Payload};
use crate::users::Member;

/// The field of a sender's own name for a message.
pub(super) const TEMP_ID: &str = "tempId";
pub(super) const CONTENT: &str = "content";
/// The field of the number of a content key.
pub(crate) const KEY_NUMBER: &str = "keyNumber";

/// A user, as others see them.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConversationUser")]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserJson<'a> {
    id: ClientUserId<'a>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<&'a str>,
}

impl<'a> UserJson<'a> {
    /// A user, with what is known of them.
    pub(crate) fn new(id: &'a UserId, known: Option<&'a UserRecord>) -> Self {
        Self {
            id: id.as_client(),
            name: known.map_or(id.as_str(), |known| &known.name),
            avatar_url: known.and_then(|known| known.avatar_url.as_deref()),
        }
    }

    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        const NAMES: usize = 64;
        NAMES + self.id.as_str().len() + self.name.len() + self.avatar_url.map_or(0, str::len)
    }
}

impl<'a> From<&'a Identity> for UserJson<'a> {
    fn from(identity: &'a Identity) -> Self {
        Self {
            id: identity.user.as_client(),
            name: &identity.name,
            avatar_url: identity.avatar_url.as_deref(),
        }
    }
}

impl<'a> From<&'a UserRecord> for UserJson<'a> {
    fn from(user: &'a UserRecord) -> Self {
        Self {
            id: user.id.as_client(),
            name: &user.name,
            avatar_url: user.avatar_url.as_deref(),
        }
    }
}

/// A user, without a picture.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct UserName<'a> {
    id: ClientUserId<'a>,
    name: &'a str,
}

impl<'a> From<&'a Identity> for UserName<'a> {
    fn from(identity: &'a Identity) -> Self {
        Self {
            id: identity.user.as_client(),
            name: &identity.name,
        }
    }
}

/// A message: `message:new`, and what REST answers in this form.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConversationMessage")]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageJson<'a> {
    id: MessageId,
    conversation_id: ClientId<'a>,
    sender_id: ClientUserId<'a>,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<Opaque<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_number: Option<i64>,
    /// ISO 8601, as the next two.
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    edited_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temp_id: Option<&'a TempId>,
    sender: UserJson<'a>,
    #[serde(flatten)]
    extra: Option<&'a Extra>,
}

impl<'a> MessageJson<'a> {
    /// A message in a conversation that clients see under this id.
    pub(crate) fn new(
        conversation_id: ClientId<'a>,
        message: &'a Message,
        sender: UserJson<'a>,
    ) -> Self {
        Self {
            id: message.id,
            conversation_id,
            sender_id: message.sender.as_client(),
            content: message.into(),
            media: message.media().map(OwnedValue::as_opaque),
            key_number: message.key_number,
            created_at: clock::iso_ms(message.created_at),
            edited_at: message.edited_at.map(clock::iso_ms),
            deleted_at: message.deleted_at().map(clock::iso_ms),
            temp_id: message.temp_id.as_ref(),
            sender,
            extra: message.extra(),
        }
    }
}

/// The sizes of the frames of an event with what this message says, and its sender.
pub(super) fn frames_of(message: &Message, sender: &Identity) -> FrameSizes {
    let mut frames = message_frames(message);
    frames[0] += UserJson::from(sender).size();
    frames
}

/// The answer to a message's callback.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AcknowledgedMessage")]
#[serde(rename_all = "camelCase")]
pub(super) struct Acknowledged {
    success: bool,
    message_id: MessageId,
}

/// `message:send`
pub(super) async fn send(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let (app, size) = (request.app, request.event.size());
    let fields = Fields::new(payload, request.config);
    let conversation = fields.conversation(CONVERSATION_ID)?;
    let content = fields.content_or_attached(CONTENT)?;
    let further = fields.further(content)?;
    let new = NewMessage {
        conversation: conversation.id,
        sender: member.user.id.clone(),
        content: content.map(OwnedValue::from),
        media: further.media,
        key_number: fields.key_number(KEY_NUMBER)?,
        temp_id: temp_id(&fields)?,
        extra: further.extra,
    };
    let identity = member.identity();
    let actor = member.acts(&identity, Some(Dialect::Conversation));
    let sent = app.conversations.append(actor, &new, size).await?;
    let acknowledged = Acknowledged {
        success: true,
        message_id: sent.message.id,
    };
    request.answer_small(&acknowledged);
    sent.publish().await;
    Ok(())
}

/// The sender's own name for a message, if there is one.
pub(crate) fn temp_id(fields: &Fields<'_, '_>) -> Result<Option<TempId>, Refusal> {
    let Some(given) = fields.optional(TEMP_ID) else {
        return Ok(None);
    };
    let number = given.json().and_then(TempId::number);
    let id = match number {
        Some(number) => Some(number),
        None => TempId::parse(&fields.own_id(TEMP_ID)?),
    };
    id.map(Some).ok_or_else(|| fields.refuse(TEMP_ID))
}
