//! `send-message`, and messages as members receive them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::member_of;
use crate::audit::{AuditText, Event as Audited, Label, MessageSent, Target};
use crate::connection::rooms::{Lagging, To};
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::metrics::traffic;
use crate::model::session::{Appended, Kind, Message};
use crate::model::{Dialect, Refusal};
use crate::payload::{FrameSizes, Opaque, OwnedValue, Payload, frames};
use crate::sessions::{Session, SessionUpdate};

const NEW_MESSAGE: &str = "new-message";
const MESSAGE_SENT: &str = "message-sent";

/// A message as members receive it. Its author alone gets back what it sent in the clear.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SessionMessage")]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    id: Opaque<'a>,
    from: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    encrypted: Opaque<'a>,
    /// Milliseconds since the epoch.
    timestamp: u64,
    #[serde(rename = "type")]
    kind: &'a Kind,
    sender_display_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_content: Option<&'a Opaque<'a>>,
}

impl<'a> From<&'a Message> for MessageJson<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            success: None,
            id: message.id.as_opaque(),
            from: message.from.as_str(),
            to: message.to.as_ref().map(|to| to.as_str()),
            encrypted: message.encrypted.as_opaque(),
            timestamp: message.timestamp,
            kind: &message.kind,
            sender_display_name: &message.sender_display_name,
            original_content: None,
        }
    }
}

/// `messages-history`: as one event, or as several where one would have more attachments than
/// clients accept, or text in it could be taken for one of them.
pub(super) struct History<'a>(&'a [Arc<Message>]);

impl<'a> History<'a> {
    /// The parts in which a history is sent; at least one, which may be empty.
    pub(super) fn parts(messages: &'a [Arc<Message>], max_attachments: usize) -> Vec<Self> {
        // Nearly always: then nothing has to be looked through.
        if messages
            .iter()
            .all(|message| attachments_of(message).is_empty())
        {
            return vec![Self(messages)];
        }
        let (mut parts, mut start) = (Vec::new(), 0);
        let (mut attachments, mut has_lookalike) = (0, false);
        for (at, message) in messages.iter().enumerate() {
            let encrypted = message.encrypted.as_opaque();
            let (more, lookalike) = (
                attachments_of(message).len(),
                encrypted.reads_as_attachment(),
            );
            let mixed = has_lookalike && more > 0 || lookalike && attachments > 0;
            if at > start && (mixed || attachments + more > max_attachments) {
                parts.push(Self(&messages[start..at]));
                (start, attachments, has_lookalike) = (at, 0, false);
            }
            attachments += more;
            has_lookalike |= lookalike;
        }
        parts.push(Self(&messages[start..]));
        parts
    }

    /// The sizes of the frames that it becomes.
    pub(super) fn frames(&self) -> FrameSizes {
        let mut frames = FrameSizes::from_slice(&[0]);
        for message in self.0 {
            let attachments = attachments_of(message);
            frames[0] += message.size() - attachments.iter().sum::<usize>();
            frames.extend(attachments);
        }
        frames
    }
}

/// The sizes of a message's attachments, in bytes.
fn attachments_of(message: &Message) -> Vec<usize> {
    let mut sizes = Vec::new();
    message.encrypted.as_opaque().attachment_sizes(&mut sizes);
    sizes
}

impl Serialize for History<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.len()))?;
        for message in self.0 {
            seq.serialize_element(&MessageJson::from(&**message))?;
        }
        seq.end()
    }
}

/// `send-message`
pub(super) async fn send_message(
    request: &mut Request<'_>,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let fields = Fields::new(payload, request.config);
    let encrypted = OwnedValue::from(fields.filled("encrypted")?);
    let to = fields.optional_user("to")?;
    let kind = kind(&fields, payload)?;
    let id = message_id(&fields, payload)?;

    let mut session = member_of(request, &fields, Some("from")).await?;
    let member = session
        .member_on(connection)
        .ok_or_else(Refusal::not_member)?;
    let message = Arc::new(Message {
        id,
        from: member.user.clone(),
        to,
        encrypted,
        timestamp: app.sessions.now_ms(),
        kind,
        sender_display_name: member.display_name.clone(),
    });
    let appended = session.append(message.clone()).await;
    let appended = appended.ok_or_else(Refusal::not_member)?;
    let update = SessionUpdate {
        revision: appended.revision(),
        newest: None,
    };
    let lagging = relay_message(request, &mut session, update, &message).await;
    let audited = audited(request, payload, &session, &message);
    let is_first = !matches!(appended, Appended::Repeated { .. });
    count_if_undelivered(request, &session, &message, is_first);
    drop(session);

    request.record(audited);
    if is_first {
        confirm(request, payload, &message);
    }
    match message.recipient() {
        None => lagging.wait_at_rate(request.config.room_min_rate).await,
        Some(_) => {
            let rate = request.config.pair_min_rate;
            lagging.wait_for_one(&message.from, rate).await;
        }
    }
    Ok(())
}

/// Counts a message if it is sent for the first time and has nobody to go to, without making its sender wait.
fn count_if_undelivered(
    request: &Request<'_>,
    session: &Session<'_>,
    message: &Arc<Message>,
    is_first: bool,
) {
    if !is_first || session.has_receiver_here(message) {
        return;
    }
    let (app, id, message) = (request.app.clone(), session.id().clone(), message.clone());
    if !session.is_shared() {
        return traffic::undelivered(Dialect::Session);
    }
    app.drain.clone().spawn(async move {
        if !app.sessions.has_receiver(&id, &message).await {
            traffic::undelivered(Dialect::Session);
        }
    });
}

/// The kind of the message, by its sender's word.
fn kind(fields: &Fields<'_, '_>, payload: &Payload<'_>) -> Result<Kind, Refusal> {
    const NAME: &str = "type";
    const MAX_BYTES: usize = 1024;
    let Some(given) = fields.optional(NAME) else {
        return Ok(Kind::text());
    };
    let kind = payload
        .own_id(NAME)
        .filter(|kind| kind.len() <= MAX_BYTES)
        .ok_or_else(|| fields.refuse(NAME))?;
    let is_number = given.json().is_some_and(|json| !json.starts_with('"'));
    Ok(Kind::new(&kind, is_number))
}

/// The sender's id for the message, as it came in, or a new one.
fn message_id(fields: &Fields<'_, '_>, payload: &Payload<'_>) -> Result<OwnedValue, Refusal> {
    const NAME: &str = "clientMessageId";
    if let Some(id) = payload.filled(NAME) {
        return fields.own_id(NAME).map(|_| OwnedValue::from(id));
    }
    let made = format!("\"msg-{}\"", Uuid::new_v4());
    let raw = RawValue::from_string(made).map_err(|_| fields.refuse(NAME))?;
    Ok(OwnedValue::from(raw))
}

/// To all others, or to the one it is for.
async fn relay_message(
    request: &Request<'_>,
    session: &mut Session<'_>,
    update: SessionUpdate<'_>,
    message: &Message,
) -> Lagging {
    let json = MessageJson::from(message);
    let frames = frames([&json.id, &json.encrypted]);
    match message.recipient() {
        None => {
            let others = To::Others(request.connection);
            let published = session.publish(others, update, NEW_MESSAGE, &json, &frames);
            published.await
        }
        Some(to) => session.send_to(to, update, NEW_MESSAGE, &json, &frames),
    }
}

fn confirm(request: &mut Request<'_>, payload: &Payload<'_>, message: &Message) {
    let original_content = payload.get("originalContent");
    let mut json = MessageJson {
        original_content,
        ..MessageJson::from(message)
    };
    let values = [&json.id, &json.encrypted].into_iter();
    let frames = frames(values.chain(original_content));
    request.connection.send_sized(MESSAGE_SENT, &json, &frames);
    json.success = Some(true);
    request.answer(&json, &frames);
}

fn audited(
    request: &Request<'_>,
    payload: &Payload<'_>,
    session: &Session<'_>,
    message: &Message,
) -> Audited {
    let id = payload.own_id("clientMessageId");
    Audited::MessageSent(MessageSent {
        target: Target::Session(session.id().shared().into()),
        message_id: id.map(|id| AuditText::new(&id)),
        message_type: Label::new(message.kind.as_str()),
        seq: None,
        bytes: request.event.size() as u64,
    })
}
