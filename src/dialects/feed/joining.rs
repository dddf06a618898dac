//! Joining and leaving conversations.

use crate::dialects::Request;
use crate::dialects::fields;
use crate::model::Refusal;
use crate::model::conversation::{ConversationDialect, TypedId};
use crate::payload::Payload;
use crate::users::Member;

/// The field that an id stands for which comes alone.
pub(super) const CONVERSATION_ID: &str = "conversationId";

/// `join-conversation`
pub(super) async fn join(
    request: &mut Request<'_>,
    member: &Member,
    payload: Option<&Payload<'_>>,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let conversation = conversation(payload).ok_or_else(Refusal::malformed)?;
    let conversations = &app.conversations;
    let joined = conversations.join(connection, member, &conversation, ConversationDialect::Feed);
    let joined = joined.await?;
    request.succeed();
    joined.publish().await;
    Ok(())
}

/// `leave-conversation`
pub(super) async fn leave(
    request: &mut Request<'_>,
    member: &Member,
    payload: Option<&Payload<'_>>,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let conversation = conversation(payload).ok_or_else(Refusal::malformed)?;
    let id = &conversation.id;
    let left = app
        .conversations
        .leave(connection, member, id, ConversationDialect::Feed);
    let left = left.await;
    request.succeed();
    left.publish().await;
    Ok(())
}

/// The conversation that an event names.
pub(super) fn conversation(payload: Option<&Payload<'_>>) -> Option<TypedId> {
    const NAMES: [&str; 2] = [CONVERSATION_ID, "conversation_id"];
    let named = |name| fields::conversation(payload?, name);
    NAMES.into_iter().find_map(named)
}
