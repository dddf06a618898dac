//! What happened in a conversation, in the words of this dialect, whoever did it and however.

use schemars::JsonSchema;
use serde::Serialize;
use smallvec::smallvec;

use super::envelope::Envelope;
use super::messages::{Deleted, Edited, New};
use super::typing::TypingJson;
use super::{USER_STOP_TYPING, USER_TYPING};
use crate::conversations::{Rendered, RenderedEvents, Renderer};
use crate::dialects::content::{description_frames, message_frames, text_frames};
use crate::model::conversation::{
    ClientId, ConversationEvent, Described, Extra, Message, MessageId, UserNotification,
};
use crate::model::{ClientUserId, Identity, UserId, clock};
use crate::payload::{FrameSizes, OwnedValue};

const MESSAGE_NEW: &str = "message:new";
const MESSAGE_EDITED: &str = "message:edited";
const MESSAGE_DELETED: &str = "message:deleted";
const READ_RECEIPT: &str = "message:read:receipt";
const UPDATED: &str = "chat:updated";

/// Room in the size of an event of ids and names, in bytes.
const SMALL: usize = 1024;

/// The renderer of this dialect.
pub(crate) const RENDERER: &dyn Renderer = &ChatRenderer;

struct ChatRenderer;

impl Renderer for ChatRenderer {
    fn event<'a>(&self, event: &'a ConversationEvent, id: ClientId<'a>) -> RenderedEvents<'a> {
        match event {
            ConversationEvent::Sent { message, .. } => sent(message, id).alone(),
            ConversationEvent::Edited(message) => edited(message, id).alone(),
            ConversationEvent::Deleted(message) => deleted(message, id).alone(),
            ConversationEvent::Typing {
                user, lasts, extra, ..
            } => typing(user, lasts.is_some(), extra, id),
            ConversationEvent::Reacted { .. }
            | ConversationEvent::Unreacted { .. }
            | ConversationEvent::Entered(_)
            | ConversationEvent::Left { .. } => RenderedEvents::new(),
        }
    }

    fn notification<'a>(
        &self,
        notification: &'a UserNotification,
        chat_id: ClientId<'a>,
    ) -> RenderedEvents<'a> {
        match notification {
            UserNotification::ReadElsewhere {
                reader,
                at,
                messages,
                ..
            } => read_elsewhere(reader, *at, messages, chat_id).alone(),
            UserNotification::Described(now) => described(now, chat_id).alone(),
            // A new participant is subscribed at once, and the protocol has no event for it.
            _ => RenderedEvents::new(),
        }
    }

    fn evicted<'a>(&self, _: ClientId<'a>) -> RenderedEvents<'a> {
        RenderedEvents::new()
    }
}

/// An event in an envelope.
fn in_envelope<'a>(
    event: &'static str,
    frames: FrameSizes,
    data: impl Serialize + Send + Sync + 'a,
) -> Rendered<'a> {
    Rendered::new(event, frames, Envelope { event, data })
}

fn sent<'a>(message: &'a Message, chat_id: ClientId<'a>) -> Rendered<'a> {
    let data = New {
        message_id: message.id,
        chat_id,
        sender_id: message.sender.as_client(),
        content: message.into(),
        media: message.media().map(OwnedValue::as_opaque),
        timestamp: clock::iso_ms(message.created_at),
        extra: message.extra(),
    };
    in_envelope(MESSAGE_NEW, message_frames(message), data)
}

fn edited<'a>(message: &'a Message, chat_id: ClientId<'a>) -> Rendered<'a> {
    let data = Edited {
        message_id: message.id,
        chat_id,
        content: message.into(),
        edited_at: clock::iso_ms(message.edited_at.unwrap_or(message.created_at)),
        extra: message.extra(),
    };
    in_envelope(MESSAGE_EDITED, text_frames(message), data)
}

fn deleted<'a>(message: &Message, chat_id: ClientId<'a>) -> Rendered<'a> {
    let data = Deleted {
        message_id: message.id,
        chat_id,
    };
    in_envelope(MESSAGE_DELETED, FrameSizes::from_slice(&[SMALL]), data)
}

/// `chat:updated`
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChatDescribed")]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribedJson<'a> {
    chat_id: ClientId<'a>,
    title: Option<&'a str>,
    avatar_url: Option<&'a str>,
    #[serde(flatten)]
    extra: &'a Extra,
}

fn described<'a>(described: &'a Described, chat_id: ClientId<'a>) -> Rendered<'a> {
    let data = DescribedJson {
        chat_id,
        title: described.now.title.as_deref(),
        avatar_url: described.now.avatar_url.as_deref(),
        extra: &described.extra,
    };
    in_envelope(UPDATED, description_frames(described), data)
}

/// `message:read:receipt`: the user's own, of another connection.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChatReadElsewhere")]
#[serde(rename_all = "camelCase")]
pub(super) struct ReadElsewhere<'a> {
    chat_id: ClientId<'a>,
    message_ids: &'a [MessageId],
    read_by: ClientUserId<'a>,
    /// ISO 8601.
    read_at: String,
}

fn read_elsewhere<'a>(
    reader: &'a UserId,
    at: u64,
    message_ids: &'a [MessageId],
    chat_id: ClientId<'a>,
) -> Rendered<'a> {
    let data = ReadElsewhere {
        chat_id,
        message_ids,
        read_by: reader.as_client(),
        read_at: clock::iso_ms(at),
    };
    let size = SMALL + MessageId::JSON_SIZE * message_ids.len();
    in_envelope(READ_RECEIPT, FrameSizes::from_slice(&[size]), data)
}

/// `user:typing`, and `user:stop-typing` after it when somebody stopped.
fn typing<'a>(
    user: &'a Identity,
    is_typing: bool,
    extra: &'a Extra,
    chat_id: ClientId<'a>,
) -> RenderedEvents<'a> {
    let typing = TypingJson {
        user_id: user.user.as_client(),
        chat_id,
        is_typing,
        extra,
    };
    let event = |name| {
        let frames = FrameSizes::from_slice(&[SMALL + 2 * extra.size()]);
        Rendered::new(name, frames, typing.both(name))
    };
    match is_typing {
        true => event(USER_TYPING).alone(),
        false => smallvec![event(USER_TYPING), event(USER_STOP_TYPING)],
    }
}

#[cfg(test)]
mod tests;
