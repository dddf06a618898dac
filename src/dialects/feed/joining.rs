//! Joining and leaving conversations.

use crate::dialects::Request;
use crate::dialects::fields;
use crate::model::Refusal;
use crate::model::conversation::{ConversationDialect, TypedId};
use crate::payload::{Payload, RawEvent};
use crate::users::Member;

/// `join-conversation`
pub(super) async fn join(
    request: &mut Request<'_>,
    member: &Member,
    payload: Option<&Payload<'_>>,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let conversation = conversation(request.event, payload).ok_or_else(Refusal::malformed)?;
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
    let conversation = conversation(request.event, payload).ok_or_else(Refusal::malformed)?;
    let id = &conversation.id;
    let left = app
        .conversations
        .leave(connection, member, id, ConversationDialect::Feed);
    let left = left.await;
    request.succeed();
    left.publish().await;
    Ok(())
}

/// The conversation that an event names: a bare id, or one in an object.
pub(super) fn conversation(event: &RawEvent, payload: Option<&Payload<'_>>) -> Option<TypedId> {
    const NAMES: [&str; 2] = ["conversationId", "conversation_id"];
    match payload {
        Some(payload) => NAMES
            .iter()
            .find_map(|name| fields::conversation(payload, name)),
        None => fields::typed_id(event.argument().ok()??.get()),
    }
}
