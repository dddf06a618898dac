//! What happened in a conversation, in the words of this dialect, whoever did it and however.

use schemars::JsonSchema;
use serde::Serialize;
use smallvec::SmallVec;

use super::changes::{Deleted, Updated};
use super::membership::{DescribedJson, LEFT, Left};
use super::messages::{MessageJson, UserJson, frames_of};
use super::presence::{Offline, Online};
use super::reactions::{Added, Removed};
use super::signals::{StartedTyping, StoppedTyping};
use crate::connection::SMALL_EVENT;
use crate::conversations::{Rendered, RenderedEvents, Renderer};
use crate::dialects::content::{description_frames, text_frames};
use crate::model::conversation::{
    ClientId, ConversationEvent, Described, Extra, Message, MessageId, Reaction, UserNotification,
};
use crate::model::{ClientUserId, Identity, UserId, clock};
use crate::payload::FrameSizes;

const MESSAGE_NEW: &str = "message:new";
const MESSAGE_UPDATED: &str = "message:updated";
const MESSAGE_DELETED: &str = "message:deleted";
const MESSAGE_DELIVERED: &str = "message:delivered";
const READ_RECEIPT: &str = "message:read:receipt";
const REACTION_ADDED: &str = "reaction:added";
const REACTION_REMOVED: &str = "reaction:removed";
const TYPING_START: &str = "typing:user:start";
const TYPING_STOP: &str = "typing:user:stop";
const UPDATED: &str = "conversation:updated";
const USER_ONLINE: &str = "user:online";
const USER_OFFLINE: &str = "user:offline";

/// Room in the size of an event of ids and names, in bytes.
const SMALL: usize = 768;

/// The renderer of this dialect.
pub(crate) const RENDERER: &dyn Renderer = &ConversationRenderer;

struct ConversationRenderer;

impl Renderer for ConversationRenderer {
    fn event<'a>(&self, event: &'a ConversationEvent, id: ClientId<'a>) -> RenderedEvents<'a> {
        let rendered = match event {
            ConversationEvent::Sent { message, sender } => {
                let payload = MessageJson::new(id, message, sender.into());
                Rendered::new(MESSAGE_NEW, frames_of(message, sender), payload)
            }
            ConversationEvent::Edited(message) => edited(message, id),
            ConversationEvent::Deleted(message) => deleted(message, id),
            ConversationEvent::Reacted {
                reaction,
                user,
                extra,
            } => reacted(reaction, user, extra, id),
            ConversationEvent::Unreacted { reaction, extra } => unreacted(reaction, extra, id),
            ConversationEvent::Typing {
                user, lasts, extra, ..
            } => typing(user, lasts.is_some(), extra, id),
            ConversationEvent::Entered(user) => online(user, id),
            ConversationEvent::Left { user, at } => offline(user, *at, id),
        };
        rendered.alone()
    }

    fn notification<'a>(
        &self,
        notification: &'a UserNotification,
        id: ClientId<'a>,
    ) -> RenderedEvents<'a> {
        match notification {
            UserNotification::Delivered { to, at, messages } => delivered(to, *at, messages, id),
            UserNotification::Read {
                reader,
                at,
                messages,
            }
            | UserNotification::ReadElsewhere {
                reader,
                at,
                messages,
                ..
            } => read(reader, *at, messages, id).alone(),
            UserNotification::Described(now) => described(now, id).alone(),
            UserNotification::Created(_)
            | UserNotification::Added(_)
            | UserNotification::Removed(_)
            | UserNotification::KeyRotated { .. } => RenderedEvents::new(),
        }
    }

    fn evicted<'a>(&self, conversation_id: ClientId<'a>) -> RenderedEvents<'a> {
        let frames = FrameSizes::from_slice(&[SMALL_EVENT]);
        Rendered::new(LEFT, frames, Left { conversation_id }).alone()
    }
}

fn small() -> FrameSizes {
    FrameSizes::from_slice(&[SMALL])
}

fn small_with(extra: &Extra) -> FrameSizes {
    FrameSizes::from_slice(&[SMALL + extra.size()])
}

fn described<'a>(described: &'a Described, conversation_id: ClientId<'a>) -> Rendered<'a> {
    let payload = DescribedJson {
        conversation_id,
        title: described.now.title.as_deref(),
        avatar_url: described.now.avatar_url.as_deref(),
        extra: &described.extra,
    };
    Rendered::new(UPDATED, description_frames(described), payload)
}

fn edited<'a>(message: &'a Message, conversation_id: ClientId<'a>) -> Rendered<'a> {
    let payload = Updated {
        id: message.id,
        conversation_id,
        content: message.into(),
        edited_at: clock::iso_ms(message.edited_at.unwrap_or(message.created_at)),
        extra: message.extra(),
    };
    Rendered::new(MESSAGE_UPDATED, text_frames(message), payload)
}

fn deleted<'a>(message: &'a Message, conversation_id: ClientId<'a>) -> Rendered<'a> {
    let payload = Deleted {
        id: message.id,
        conversation_id,
        deleted_at: clock::iso_ms(message.deleted_at().unwrap_or(message.created_at)),
    };
    Rendered::new(MESSAGE_DELETED, small(), payload)
}

fn reacted<'a>(
    reaction: &'a Reaction,
    user: &'a Identity,
    extra: &'a Extra,
    conversation_id: ClientId<'a>,
) -> Rendered<'a> {
    let payload = Added {
        id: reaction.id,
        message_id: reaction.message,
        conversation_id,
        emoji: reaction.emoji.as_str(),
        user_id: reaction.user.as_client(),
        created_at: clock::iso_ms(reaction.created_at),
        user: user.into(),
        extra,
    };
    Rendered::new(REACTION_ADDED, small_with(extra), payload)
}

fn unreacted<'a>(
    reaction: &'a Reaction,
    extra: &'a Extra,
    conversation_id: ClientId<'a>,
) -> Rendered<'a> {
    let payload = Removed {
        id: reaction.id,
        message_id: reaction.message,
        conversation_id,
        user_id: reaction.user.as_client(),
        extra,
    };
    Rendered::new(REACTION_REMOVED, small_with(extra), payload)
}

fn typing<'a>(
    user: &'a Identity,
    is_typing: bool,
    extra: &'a Extra,
    conversation_id: ClientId<'a>,
) -> Rendered<'a> {
    let frames = small_with(extra);
    let user_id = user.user.as_client();
    match is_typing {
        true => {
            let payload = StartedTyping {
                conversation_id,
                user_id,
                user: user.into(),
                extra,
            };
            Rendered::new(TYPING_START, frames, payload)
        }
        false => {
            let payload = StoppedTyping {
                conversation_id,
                user_id,
                extra,
            };
            Rendered::new(TYPING_STOP, frames, payload)
        }
    }
}

fn online<'a>(identity: &'a Identity, conversation_id: ClientId<'a>) -> Rendered<'a> {
    let user = UserJson::from(identity);
    let frames = FrameSizes::from_slice(&[SMALL + user.size()]);
    let payload = Online {
        conversation_id,
        user_id: identity.user.as_client(),
        user,
        timestamp: clock::now_iso(),
    };
    Rendered::new(USER_ONLINE, frames, payload)
}

fn offline<'a>(user: &'a UserId, at: u64, conversation_id: ClientId<'a>) -> Rendered<'a> {
    let payload = Offline {
        conversation_id,
        user_id: user.as_client(),
        timestamp: clock::now_iso(),
        last_seen_at: clock::iso_ms(at),
    };
    Rendered::new(USER_OFFLINE, small(), payload)
}

/// `message:delivered`
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delivered<'a> {
    message_id: MessageId,
    conversation_id: ClientId<'a>,
    delivered_to: Vec<ClientUserId<'a>>,
    /// ISO 8601.
    delivered_at: String,
}

/// One event for each message.
fn delivered<'a>(
    to: &'a [UserId],
    at: u64,
    messages: &[MessageId],
    conversation_id: ClientId<'a>,
) -> RenderedEvents<'a> {
    let size: usize = to.iter().map(|id| id.as_str().len() + "\"\",".len()).sum();
    let delivered_at = clock::iso_ms(at);
    let event = |message_id: &MessageId| {
        let payload = Delivered {
            message_id: *message_id,
            conversation_id,
            delivered_to: to.iter().map(UserId::as_client).collect(),
            delivered_at: delivered_at.clone(),
        };
        let frames = FrameSizes::from_slice(&[SMALL + size]);
        Rendered::new(MESSAGE_DELIVERED, frames, payload)
    };
    messages.iter().map(event).collect::<SmallVec<_>>()
}

/// `message:read:receipt`
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReadReceipt<'a> {
    conversation_id: ClientId<'a>,
    message_ids: &'a [MessageId],
    read_by: ClientUserId<'a>,
    /// ISO 8601.
    read_at: String,
}

fn read<'a>(
    reader: &'a UserId,
    at: u64,
    message_ids: &'a [MessageId],
    conversation_id: ClientId<'a>,
) -> Rendered<'a> {
    let payload = ReadReceipt {
        conversation_id,
        message_ids,
        read_by: reader.as_client(),
        read_at: clock::iso_ms(at),
    };
    let frames = FrameSizes::from_slice(&[SMALL + MessageId::JSON_SIZE * message_ids.len()]);
    Rendered::new(READ_RECEIPT, frames, payload)
}

#[cfg(test)]
mod tests;
