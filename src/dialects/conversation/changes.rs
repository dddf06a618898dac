//! Editing and deleting messages.

use schemars::JsonSchema;
use serde::Serialize;

use super::messages::{CONTENT, KEY_NUMBER};
use super::{CONVERSATION_ID, MESSAGE_ID, unknown_id};
use crate::dialects::Request;
use crate::dialects::content::Content;
use crate::dialects::fields::Fields;
use crate::model::conversation::{ClientId, Edit, Extra, MessageId};
use crate::model::{Dialect, Refusal};
use crate::payload::Payload;
use crate::users::Member;

/// `message:updated`
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConversationMessageUpdated")]
#[serde(rename_all = "camelCase")]
pub(super) struct Updated<'a> {
    pub(super) id: MessageId,
    pub(super) conversation_id: ClientId<'a>,
    pub(super) content: Content<'a>,
    /// ISO 8601.
    pub(super) edited_at: String,
    #[serde(flatten)]
    pub(super) extra: Option<&'a Extra>,
}

/// `message:deleted`
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConversationMessageDeleted")]
#[serde(rename_all = "camelCase")]
pub(super) struct Deleted<'a> {
    pub(super) id: MessageId,
    pub(super) conversation_id: ClientId<'a>,
    /// ISO 8601.
    pub(super) deleted_at: String,
}

/// `message:update`
pub(super) async fn update(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let app = request.app;
    let fields = Fields::new(payload, request.config);
    let conversation = fields.conversation(CONVERSATION_ID)?.id;
    let message = message_id(&fields)?;
    let edit = edit_of(&fields)?;
    let Some(message) = message else {
        return Err(unknown_id(request, member, &conversation).await);
    };
    let identity = member.identity();
    let actor = member.acts(&identity, Some(Dialect::Conversation));
    let conversations = &app.conversations;
    let edited = conversations.edit(actor, &conversation, message, &edit);
    let edited = edited.await?;
    request.succeed();
    edited.publish().await;
    Ok(())
}

/// The edit that a client asks for.
pub(crate) fn edit_of(fields: &Fields<'_, '_>) -> Result<Edit, Refusal> {
    let content = fields.new_content(CONTENT)?;
    let further = fields.further(Some(content))?;
    Ok(Edit {
        content: content.into(),
        key_number: fields.key_number(KEY_NUMBER)?,
        extra: further.extra,
        max_bytes: fields.max_message_bytes(),
    })
}

/// `message:delete`
pub(super) async fn delete(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let app = request.app;
    let fields = Fields::new(payload, request.config);
    let conversation = fields.conversation(CONVERSATION_ID)?.id;
    let Some(message) = message_id(&fields)? else {
        return Err(unknown_id(request, member, &conversation).await);
    };
    let identity = member.identity();
    let actor = member.acts(&identity, Some(Dialect::Conversation));
    let deleted = app.conversations.delete(actor, &conversation, message);
    let deleted = deleted.await?;
    request.succeed();
    deleted.publish().await;
    Ok(())
}

/// The message that a payload names; `None` for an id that no message has.
pub(super) fn message_id(fields: &Fields<'_, '_>) -> Result<Option<MessageId>, Refusal> {
    fields.stored_id(MESSAGE_ID, MessageId::parse)
}
