//! Typing and receipts: relayed and never audited. A receipt is state, so none is dropped for its rate.

use serde::Serialize;

use super::{MESSAGE_ID, RECIPIENT_ID};
use crate::cluster::About;
use crate::connection::SMALL_EVENT;
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::model::{Refusal, UserId};
use crate::payload::{Opaque, Payload};
use crate::users::{Member, Receiver, Users};

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
    /// Who says it.
    user_id: &'p str,
}

/// The answer to a callback.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Passed {
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
    let recipient = Fields::new(payload, &request.app.config).user(RECIPIENT_ID)?;
    match is_typing {
        true if !member.typing.begin(&recipient) => return Err(Refusal::rate_limited()),
        true => {}
        false => member.typing.end(&recipient),
    }
    let is_online = send_typing(&request.app.users, member, &recipient, is_typing).await;
    request.app.users.add_peer(&member.user, &recipient);
    answer(request, is_online);
    Ok(())
}

/// Sends whether a user types, who does until they do on none of their connections; whether the recipient is online.
async fn send_typing(users: &Users, member: &Member, recipient: &UserId, is_typing: bool) -> bool {
    let is_typing = is_typing || types_elsewhere(member, recipient);
    let identity = member.identity();
    let typing = Typing {
        user_id: identity.user.as_str(),
        username: &identity.name,
        is_typing,
    };
    let receivers = users.receivers(recipient, &member.user.id, SMALL_EVENT);
    receivers.await.send(TYPING, &typing).await
}

fn types_elsewhere(member: &Member, recipient: &UserId) -> bool {
    let members = member.user.members();
    let mut others = members
        .iter()
        .filter(|other| !std::ptr::eq(&***other, member));
    others.any(|other| other.typing.is_to(recipient))
}

/// A connection has ended, and the typing on it.
pub(crate) async fn disconnected(users: &Users, member: &Member) {
    for recipient in member.typing.end_all() {
        send_typing(users, member, &recipient, false).await;
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
    let fields = Fields::new(payload, &request.app.config);
    let sender = fields.user("senderId")?;
    let id = fields.own_id(MESSAGE_ID)?;
    request.wait_for_limit(member).await?;
    let (users, receiver) = (&request.app.users, &member.user.id);
    let is_known = match users.relayed.receiver(&sender, &id, receiver) {
        Receiver::Right => true,
        Receiver::Unknown => false,
        Receiver::Wrong => return Err(Refusal::message_not_found()),
    };
    let receipt = Receipt {
        message_id: fields.filled(MESSAGE_ID)?,
        user_id: receiver.as_str(),
    };
    // Another node may know it.
    let about = || (!is_known).then(|| About::Receipt(id.to_string()));
    let size = request.event.size();
    let receivers = users.receivers(&sender, receiver, size).await;
    let is_online = receivers.about(about).send(confirmed, &receipt).await;
    users.add_peer(&member.user, &sender);
    answer(request, is_online);
    Ok(())
}
