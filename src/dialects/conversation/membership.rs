//! Joining and leaving conversations.

use serde::Serialize;

use super::{CONVERSATION_ID, Refusal};
use crate::connection::Member;
use crate::conversations;
use crate::dialects::Turn;
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
    turn: &mut Turn<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let (relay, connection) = (turn.relay, turn.connection);
    let address = connection.client.address;
    Refusal::unless_allowed(relay.limits.allows_join(address))?;
    let conversation = Fields::new(payload, &relay.config).conversation(CONVERSATION_ID)?;
    let joined = |participant_count| {
        turn.succeed();
        let joined = Joined {
            conversation_id: conversation.shown(),
            participant_count,
        };
        connection.say(JOINED, &joined);
    };
    let shape = Shape::Conversation;
    conversations::join(relay, connection, member, &conversation, shape, joined).await?;
    Ok(())
}

/// `conversation:leave`
pub(super) async fn leave(
    turn: &mut Turn<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let (relay, connection) = (turn.relay, turn.connection);
    let conversation = Fields::new(payload, &relay.config).conversation(CONVERSATION_ID)?;
    let left = || {
        turn.succeed();
        let left = Left {
            conversation_id: conversation.shown(),
        };
        connection.say(LEFT, &left);
    };
    let id = &conversation.id;
    conversations::leave(relay, connection, member, id, Shape::Conversation, left).await;
    Ok(())
}
