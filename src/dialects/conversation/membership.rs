//! Joining and leaving conversations.

use serde::Serialize;

use super::{CONVERSATION_ID, Refusal};
use crate::connection::Member;
use crate::conversations;
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::model::conversation::{Shape, ShownId};
use crate::payload::Payload;

const JOINED: &str = "conversation:joined";
pub(super) const LEFT: &str = "conversation:left";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Joined<'a> {
    conversation_id: ShownId<'a>,
    participant_count: usize,
}

/// `conversation:left`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Left<'a> {
    pub(super) conversation_id: ShownId<'a>,
}

/// `conversation:join`
pub(super) async fn join(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let address = connection.client.address;
    Refusal::unless_allowed(app.limits.allows_join(address))?;
    let conversation = Fields::new(payload, &app.config).conversation(CONVERSATION_ID)?;
    let joined = |participant_count| {
        request.succeed();
        let joined = Joined {
            conversation_id: conversation.shown(),
            participant_count,
        };
        connection.send(JOINED, &joined);
    };
    let shape = Shape::Conversation;
    conversations::join(app, connection, member, &conversation, shape, joined).await?;
    Ok(())
}

/// `conversation:leave`
pub(super) async fn leave(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let conversation = Fields::new(payload, &app.config).conversation(CONVERSATION_ID)?;
    let left = || {
        request.succeed();
        let left = Left {
            conversation_id: conversation.shown(),
        };
        connection.send(LEFT, &left);
    };
    let id = &conversation.id;
    conversations::leave(app, connection, member, id, Shape::Conversation, left).await;
    Ok(())
}
