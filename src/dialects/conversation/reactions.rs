//! Reacting to messages.

use schemars::JsonSchema;
use serde::Serialize;

use super::changes::message_id;
use super::messages::UserName;
use super::{CONVERSATION_ID, unknown_id};
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::model::conversation::{ClientId, Emoji, Extra, MessageId, OWN_OF_REACTION, ReactionId};
use crate::model::{ClientUserId, Dialect, Refusal};
use crate::payload::Payload;
use crate::users::Member;

/// `reaction:added`
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConversationAdded")]
#[serde(rename_all = "camelCase")]
pub(super) struct Added<'a> {
    pub(super) id: ReactionId,
    pub(super) message_id: MessageId,
    pub(super) conversation_id: ClientId<'a>,
    pub(super) emoji: &'a str,
    pub(super) user_id: ClientUserId<'a>,
    /// ISO 8601.
    pub(super) created_at: String,
    pub(super) user: UserName<'a>,
    #[serde(flatten)]
    pub(super) extra: &'a Extra,
}

/// `reaction:removed`
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConversationRemoved")]
#[serde(rename_all = "camelCase")]
pub(super) struct Removed<'a> {
    pub(super) id: ReactionId,
    pub(super) message_id: MessageId,
    pub(super) conversation_id: ClientId<'a>,
    pub(super) user_id: ClientUserId<'a>,
    #[serde(flatten)]
    pub(super) extra: &'a Extra,
}

/// The answer to a reaction's callback.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AcknowledgedReaction")]
#[serde(rename_all = "camelCase")]
pub(super) struct Acknowledged {
    success: bool,
    reaction_id: ReactionId,
}

/// `reaction:add`
pub(super) async fn add(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    const EMOJI: &str = "emoji";
    let app = request.app;
    let fields = Fields::new(payload, request.config);
    let conversation = fields.conversation(CONVERSATION_ID)?.id;
    let message = message_id(&fields)?;
    let emoji = payload.text(EMOJI).and_then(|text| Emoji::parse(&text));
    let emoji = emoji.ok_or_else(|| fields.refuse(EMOJI))?;
    let extra = fields.told(OWN_OF_REACTION)?;
    let Some(message) = message else {
        return Err(unknown_id(request, member, &conversation).await);
    };
    let identity = member.identity();
    let actor = member.acts(&identity, Some(Dialect::Conversation));
    let conversations = &app.conversations;
    let added = conversations.add_reaction(actor, &conversation, message, &emoji, extra);
    let added = added.await?;
    let acknowledged = Acknowledged {
        success: true,
        reaction_id: *added,
    };
    request.answer_small(&acknowledged);
    added.publish().await;
    Ok(())
}

/// `reaction:remove`
pub(super) async fn remove(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let app = request.app;
    let fields = Fields::new(payload, request.config);
    let conversation = fields.conversation(CONVERSATION_ID)?.id;
    let message = message_id(&fields)?;
    let reaction = fields.stored_id("reactionId", ReactionId::parse)?;
    let extra = fields.told(OWN_OF_REACTION)?;
    let Some((message, reaction)) = message.zip(reaction) else {
        return Err(unknown_id(request, member, &conversation).await);
    };
    let identity = member.identity();
    let actor = member.acts(&identity, Some(Dialect::Conversation));
    let conversations = &app.conversations;
    let removed = conversations.remove_reaction(actor, &conversation, message, reaction, extra);
    let removed = removed.await?;
    request.succeed();
    removed.publish().await;
    Ok(())
}
