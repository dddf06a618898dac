//! Typing and receipts: relayed and never audited. A receipt is state, so none is dropped for its rate.

use serde::Serialize;

use super::{MESSAGE_ID, RECIPIENT_ID};
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::model::Refusal;
use crate::payload::{Opaque, Payload};
use crate::users::Member;

const TYPING: &str = "typing:user";
const DELIVERY_CONFIRMED: &str = "message:delivery-confirmed";
const READ_CONFIRMED: &str = "message:read-confirmed";

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

/// `typing:start`
pub(super) async fn start_typing(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    typing(request, member, payload, true).await
}

/// `typing:stop`
pub(super) async fn stop_typing(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    typing(request, member, payload, false).await
}

async fn typing(
    request: &Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
    is_typing: bool,
) -> Result<(), Refusal> {
    let recipient = Fields::new(payload, &request.app.config).user(RECIPIENT_ID)?;
    let typing = Typing {
        user_id: member.user.id.as_str(),
        username: &member.identity.name,
        is_typing,
    };
    let receivers = request
        .app
        .users
        .receivers(&recipient, request.event.size())
        .await;
    receivers.send(&member.user.id, TYPING, &typing).await;
    request.app.users.add_peer(&member.user, &recipient);
    Ok(())
}

/// `message:delivered`
pub(super) async fn delivered(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    receipt(request, member, payload, DELIVERY_CONFIRMED).await
}

/// `message:read`
pub(super) async fn read(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    receipt(request, member, payload, READ_CONFIRMED).await
}

async fn receipt(
    request: &Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
    confirmed: &'static str,
) -> Result<(), Refusal> {
    let fields = Fields::new(payload, &request.app.config);
    let sender = fields.user("senderId")?;
    fields.id(MESSAGE_ID)?;
    let message_id = fields.filled(MESSAGE_ID)?;
    request.wait_for_limit(member).await;
    request
        .app
        .users
        .receivers(&sender, request.event.size())
        .await
        .send(&member.user.id, confirmed, &Receipt { message_id })
        .await;
    request.app.users.add_peer(&member.user, &sender);
    Ok(())
}
