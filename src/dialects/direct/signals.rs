//! Typing and receipts: relayed, never audited, and dropped without an error when they are too
//! many or malformed.

use serde::Serialize;

use super::Refusal;
use crate::connection::Member;
use crate::dialects::Request;
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
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
    is_typing: bool,
) -> Result<(), Refusal> {
    Refusal::unless_allowed(request.connection.signals.allows())?;
    let recipient = Fields::new(payload, &request.app.config).user("recipientId")?;
    let typing = Typing {
        user_id: member.user.id.as_str(),
        username: &member.identity.name,
        is_typing,
    };
    let receivers = request.app.to_user(&recipient).await;
    receivers.send(&member.user.id, TYPING, &typing).await;
    request.app.users.add_peer(&member.user, &recipient);
    Ok(())
}

/// `message:delivered` and `message:read`
pub(super) async fn receipt(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
    confirmed: &'static str,
) -> Result<(), Refusal> {
    Refusal::unless_allowed(request.connection.signals.allows())?;
    let fields = Fields::new(payload, &request.app.config);
    let sender = fields.user("senderId")?;
    fields.id("messageId")?;
    let message_id = fields.filled("messageId")?;
    request
        .app
        .to_user(&sender)
        .await
        .send(&member.user.id, confirmed, &Receipt { message_id })
        .await;
    request.app.users.add_peer(&member.user, &sender);
    Ok(())
}
