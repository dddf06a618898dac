//! Joining and leaving conversations.

use schemars::JsonSchema;
use serde::Serialize;

use super::CONVERSATION_ID;
use crate::connection::SMALL_EVENT;
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::model::Refusal;
use crate::model::conversation::{ClientId, ConversationDialect, Extra};
use crate::payload::Payload;
use crate::users::Member;

const JOINED: &str = "conversation:joined";
pub(super) const LEFT: &str = "conversation:left";

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Joined<'a> {
    conversation_id: ClientId<'a>,
    participant_count: usize,
}

/// `conversation:left`
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConversationLeft")]
#[serde(rename_all = "camelCase")]
pub(super) struct Left<'a> {
    pub(super) conversation_id: ClientId<'a>,
}

/// `conversation:updated`
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConversationDescribed")]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribedJson<'a> {
    pub(super) conversation_id: ClientId<'a>,
    pub(super) title: Option<&'a str>,
    pub(super) avatar_url: Option<&'a str>,
    #[serde(flatten)]
    pub(super) extra: &'a Extra,
}

/// `conversation:join`
pub(super) async fn join(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let conversation = Fields::new(payload, request.config).conversation(CONVERSATION_ID)?;
    let conversations = &app.conversations;
    let joined = conversations.join(
        connection,
        member,
        &conversation,
        ConversationDialect::Conversation,
    );
    let joined = joined.await?;
    request.succeed();
    let answer = Joined {
        conversation_id: conversation.as_client(),
        participant_count: *joined,
    };
    connection.send(JOINED, &answer);
    let in_room = joined.publish().await;
    request.pay_for_output(SMALL_EVENT * in_room).await;
    Ok(())
}

/// `conversation:leave`
pub(super) async fn leave(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let conversation = Fields::new(payload, request.config).conversation(CONVERSATION_ID)?;
    let (conversations, id) = (&app.conversations, &conversation.id);
    let left = conversations.leave(connection, member, id, ConversationDialect::Conversation);
    let left = left.await;
    request.succeed();
    let answer = Left {
        conversation_id: conversation.as_client(),
    };
    connection.send(LEFT, &answer);
    left.publish().await;
    Ok(())
}
