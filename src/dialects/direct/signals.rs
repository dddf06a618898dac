//! Typing and receipts: relayed, never audited, and dropped without an error when they are too
//! many or malformed.

use serde::Serialize;

use super::Refusal;
use crate::connection::Member;
use crate::dialects::Turn;
use crate::dialects::fields::Fields;
use crate::payload::{Opaque, Payload};

const TYPING: &str = "typing:user";
pub(super) const DELIVERY_CONFIRMED: &str = "message:delivery-confirmed";
pub(super) const READ_CONFIRMED: &str = "message:read-confirmed";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Typing<'p> {
    user_id: &'p str,
    username: &'p str,
    is_typing: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Receipt<'p, 'a> {
    message_id: &'p Opaque<'a>,
}

/// `typing:start` and `typing:stop`
pub(super) async fn typing(
    turn: &mut Turn<'_>,
    member: &Member,
    payload: &Payload<'_>,
    is_typing: bool,
) -> Result<(), Refusal> {
    Refusal::unless_allowed(turn.connection.signals.allows())?;
    let recipient = Fields::new(payload, &turn.relay.config).user("recipientId")?;
    let typing = Typing {
        user_id: member.user.id.as_str(),
        username: &member.identity.name,
        is_typing,
    };
    let receivers = turn.relay.to_user(&recipient).await;
    receivers.say(&member.user.id, TYPING, &typing).await;
    turn.relay.users.introduce(&member.user, &recipient);
    Ok(())
}

/// `message:delivered` and `message:read`
pub(super) async fn receipt(
    turn: &mut Turn<'_>,
    member: &Member,
    payload: &Payload<'_>,
    confirmed: &'static str,
) -> Result<(), Refusal> {
    Refusal::unless_allowed(turn.connection.signals.allows())?;
    let fields = Fields::new(payload, &turn.relay.config);
    let sender = fields.user("senderId")?;
    fields.id("messageId")?;
    let message_id = fields.filled("messageId")?;
    turn.relay
        .to_user(&sender)
        .await
        .say(&member.user.id, confirmed, &Receipt { message_id })
        .await;
    turn.relay.users.introduce(&member.user, &sender);
    Ok(())
}
