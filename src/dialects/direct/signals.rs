//! Typing and receipts: relayed and never audited. A receipt is state, so none is dropped for its rate.

use schemars::JsonSchema;
use serde::Serialize;

use super::{MESSAGE_ID, RECIPIENT_ID};
use crate::cluster::About;
use crate::connection::SMALL_EVENT;
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::model::{ClientUserId, Refusal};
use crate::payload::{Payload, Relayed};
use crate::users::{Member, Receiver, Users};

const TYPING: &str = "typing:user";
const DELIVERY_CONFIRMED: &str = "message:delivery-confirmed";
const READ_CONFIRMED: &str = "message:read-confirmed";

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Typing<'p> {
    user_id: ClientUserId<'p>,
    username: &'p str,
    is_typing: bool,
}

/// The answer to a callback.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Passed {
    success: bool,
    recipient_online: bool,
}

fn answer(request: &mut Request<'_>, recipient_online: bool) {
    request.answer_small(&Passed {
        success: true,
        recipient_online,
    });
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
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
    is_typing: bool,
) -> Result<(), Refusal> {
    let recipient = Fields::new(payload, request.config).user(RECIPIENT_ID)?;
    match is_typing {
        true if !member.typing.begin(&recipient) => return Err(Refusal::rate_limited()),
        true => {}
        false => member.typing.end(&recipient),
    }
    let users = &request.app.users;
    let is_typing = is_typing || users.types_elsewhere(member, &recipient).await;
    let identity = member.identity();
    let typing = Relayed::new(payload)
        .without(RECIPIENT_ID)
        .with("userId", &identity.user)
        .with("username", &*identity.name)
        .with("isTyping", is_typing);
    let size = request.event.size();
    let receivers = users.receivers(&recipient, &member.user, size).await;
    let is_online = request
        .hand_over(receivers, TYPING, &typing, &typing.frames())
        .await;
    request.app.users.add_peer(&member.user, &recipient);
    answer(request, is_online);
    Ok(())
}

/// A connection has ended, and the typing on it.
pub(crate) async fn disconnected(users: &Users, member: &Member) {
    let identity = member.identity();
    for recipient in member.typing.end_all() {
        let typing = Typing {
            user_id: identity.user.as_client(),
            username: &identity.name,
            is_typing: users.types_elsewhere(member, &recipient).await,
        };
        let receivers = users.receivers(&recipient, &member.user, SMALL_EVENT);
        receivers.await.send(TYPING, &typing).await;
    }
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
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
    confirmed: &'static str,
) -> Result<(), Refusal> {
    let fields = Fields::new(payload, request.config);
    let sender = fields.user("senderId")?;
    let id = fields.own_id(MESSAGE_ID)?;
    request.wait_for_limit(member).await?;
    let (users, receiver) = (&request.app.users, &member.user.id);
    let is_known = match users.relayed.receiver(&sender, &id, receiver) {
        Receiver::Right => true,
        Receiver::Unknown => false,
        Receiver::Wrong => return Err(Refusal::message_not_found()),
    };
    let receipt = Relayed::new(payload)
        .without("senderId")
        .with("userId", receiver);
    // Another node may know it.
    let about = || (!is_known).then(|| About::Receipt(id.to_string()));
    let size = request.event.size();
    let receivers = users.receivers(&sender, &member.user, size).await;
    let is_online = request
        .hand_over(
            receivers.about(about),
            confirmed,
            &receipt,
            &receipt.frames(),
        )
        .await;
    users.add_peer(&member.user, &sender);
    answer(request, is_online);
    Ok(())
}
