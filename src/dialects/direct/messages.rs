//! Rooms, messages and key exchange.

use schemars::JsonSchema;
use serde::Serialize;

use super::{MESSAGE_ID, RECIPIENT_ID, undelivered};
use crate::audit::{AuditText, Event as Audited, Label, MessageSent, Room, Seq, Target};
use crate::cluster::About;
use crate::connection::rooms;
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::model::{ClientUserId, Identity, Refusal, UserId, clock};
use crate::payload::{Opaque, Payload, Relayed};
use crate::users::Member;

const ROOM_JOINED: &str = "room:joined";
const ROOM_LEFT: &str = "room:left";
const ROOM_USER_READY: &str = "room:user-ready";
const RECEIVE_MESSAGE: &str = "receive_message";
const MESSAGE_SENT: &str = "message:sent";
const KEY_EXCHANGE_RECEIVE: &str = "key-exchange:receive";
const KEY_EXCHANGE_SENT: &str = "key-exchange:sent";

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomJoined<'p, 'a> {
    room_name: &'p str,
    recipient_id: &'p Opaque<'a>,
    success: bool,
    recipient_online: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomUserReady<'p> {
    user_id: ClientUserId<'p>,
    username: &'p str,
    room_name: &'p str,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RoomLeft<'p> {
    room_name: &'p str,
    success: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageSentEvent<'p, 'a> {
    recipient_id: &'p Opaque<'a>,
    seq: &'p Opaque<'a>,
    success: bool,
    timestamp: &'p str,
    recipient_online: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyExchangeSent<'p, 'a> {
    recipient_id: &'p Opaque<'a>,
    success: bool,
    recipient_online: bool,
}

/// `join_room`. Nobody has to join to receive, so a room has no state, except that its two users are
/// peers from now on.
pub(super) async fn join_room(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let fields = Fields::new(payload, request.config);
    let recipient = fields.user(RECIPIENT_ID)?;
    let room_name = rooms::pair(&member.user.id, &recipient);
    request.app.users.add_peer(&member.user, &recipient);
    request.record(Audited::RoomJoin(pair_room(&recipient, &room_name)));
    let mut joined = RoomJoined {
        room_name: &room_name,
        recipient_id: fields.filled(RECIPIENT_ID)?,
        success: true,
        recipient_online: true,
    };
    // One's own connections are told in this order.
    if recipient == member.user.id {
        request.confirm(ROOM_JOINED, &joined);
    }
    let identity = member.identity();
    let ready = RoomUserReady {
        user_id: member.user.id.as_client(),
        username: &identity.name,
        room_name: &room_name,
    };
    let is_online = request
        .app
        .users
        .receivers(&recipient, &member.user, request.event.size())
        .await
        .send(ROOM_USER_READY, &ready)
        .await;
    if recipient != member.user.id {
        joined.recipient_online = is_online;
        request.confirm(ROOM_JOINED, &joined);
    }
    Ok(())
}

/// `leave_room`
pub(super) async fn leave_room(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let recipient = Fields::new(payload, request.config).user(RECIPIENT_ID)?;
    let room_name = rooms::pair(&member.user.id, &recipient);
    request.record(Audited::RoomLeave(pair_room(&recipient, &room_name)));
    request.confirm(
        ROOM_LEFT,
        &RoomLeft {
            room_name: &room_name,
            success: true,
        },
    );
    Ok(())
}

fn pair_room(recipient: &UserId, room_name: &str) -> Room {
    Room::Pair {
        recipient: recipient.shared().into(),
        room_name: AuditText::new(room_name),
    }
}

/// `send_message`
pub(super) async fn send_message(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let config = request.config;
    let fields = Fields::new(payload, config);
    let recipient = fields.user(RECIPIENT_ID)?;
    for name in ["ciphertext", "iv", "tag"] {
        fields.filled(name)?;
    }
    let seq = fields.number("seq")?;
    fields.optional_up_to("signature", config.max_key_bytes)?;

    let timestamp = clock::now_iso();
    let identity = member.identity();
    let message = from(&identity, payload)
        .with_default("messageType", "text")
        .with("timestamp", timestamp.as_str());
    let (users, sender) = (&request.app.users, &member.user);
    let size = request.event.size();
    let receivers = users.receivers(&recipient, sender, size).await;
    let message_id = payload.own_id(MESSAGE_ID);
    if let Some(id) = &message_id {
        users.relayed.note(&sender.id, &recipient, id);
    }
    let about = || Some(About::Message(message_id.as_deref()?.to_owned()));
    let receivers = receivers.about(about);
    let recipient_online = request
        .hand_over(receivers, RECEIVE_MESSAGE, &message, &message.frames())
        .await;
    users.add_peer(sender, &recipient);
    let record = MessageSent {
        target: Target::User(recipient.shared().into()),
        message_id: message_id.map(|id| AuditText::new(&id)),
        message_type: message_type(payload),
        seq: seq.json().and_then(Seq::from_json),
        bytes: size as u64,
    };
    if !recipient_online {
        let about = undelivered::About::of_message(&record);
        Box::pin(undelivered::note(request, member, &recipient, about)).await;
    }
    request.record(Audited::MessageSent(record));
    let sent = MessageSentEvent {
        recipient_id: fields.filled(RECIPIENT_ID)?,
        seq,
        success: true,
        timestamp: &timestamp,
        recipient_online,
    };
    request.confirm(MESSAGE_SENT, &sent);
    Ok(())
}

/// The type of a message for its record, where it can be one.
fn message_type(payload: &Payload<'_>) -> Option<Label> {
    const NAME: &str = "messageType";
    match payload.filled(NAME) {
        Some(_) => Label::new(&payload.text(NAME)?),
        None => Some(Label::TEXT),
    }
}

/// `key-exchange:send`
pub(super) async fn send_key(
    request: &mut Request<'_>,
    member: &Member,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let config = request.config;
    let fields = Fields::new(payload, config);
    let recipient = fields.user(RECIPIENT_ID)?;
    fields.filled_up_to("publicKey", config.max_key_bytes)?;
    fields.optional_up_to("signature", config.max_key_bytes)?;

    let identity = member.identity();
    let key = from(&identity, payload).without("timestamp");
    let (users, size) = (&request.app.users, request.event.size());
    let receivers = users.receivers(&recipient, &member.user, size).await;
    let recipient_online = request
        .hand_over(receivers, KEY_EXCHANGE_RECEIVE, &key, &key.frames())
        .await;
    request.record(Audited::KeyExchangeRelay {
        recipient: recipient.shared().into(),
    });
    if !recipient_online {
        let about = undelivered::About::default();
        Box::pin(undelivered::note(request, member, &recipient, about)).await;
    }
    request.app.users.add_peer(&member.user, &recipient);
    request.confirm(
        KEY_EXCHANGE_SENT,
        &KeyExchangeSent {
            recipient_id: fields.filled(RECIPIENT_ID)?,
            success: true,
            recipient_online,
        },
    );
    Ok(())
}

/// What is relayed to another user: every field that came in but the recipient, and the sender as the
/// server knows them.
pub(super) fn from<'p, 'a>(sender: &'p Identity, payload: &'p Payload<'a>) -> Relayed<'p, 'a> {
    Relayed::new(payload)
        .without(RECIPIENT_ID)
        .with("senderId", &sender.user)
        .with("senderUsername", &*sender.name)
}
