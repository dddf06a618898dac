//! What happened in a conversation, in the words of this dialect, whoever did it and however.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::messages::{Deleted, MessageJson, Updated};
use crate::conversations::{Rendered, RenderedEvents, Renderer};
use crate::dialects::content::{description_frames, text_frames};
use crate::model::conversation::{
    ClientId, ConversationEvent, Described, Extra, MessageId, ParticipantsChange, UserNotification,
};
use crate::model::{ClientUserId, UserId};
use crate::payload::FrameSizes;

const NEW_MESSAGE: &str = "new-message";
const MESSAGE_UPDATED: &str = "message-updated";
const MESSAGE_DELETED: &str = "message-deleted";
const CREATED: &str = "conversation-created";
const READ_RECEIPT: &str = "message:read:receipt";
const ADDED: &str = "conversation-participants-added";
const REMOVED: &str = "conversation-participants-removed";
const KEY_ROTATED: &str = "conversation-key-rotated";
/// Behind each of the last three: deployed clients read the list again.
const CONVERSATION_UPDATED: &str = "conversation-updated";

/// Room in the size of an event of ids, without the names in it, in bytes.
const SMALL: usize = 512;

/// The renderer of this dialect.
pub(crate) const RENDERER: &dyn Renderer = &FeedRenderer;

struct FeedRenderer;

impl Renderer for FeedRenderer {
    fn event<'a>(&self, event: &'a ConversationEvent, id: ClientId<'a>) -> RenderedEvents<'a> {
        let rendered = match event {
            ConversationEvent::Sent { message, sender } => {
                let payload = MessageJson::new(id, message, &sender.name);
                Rendered::new(NEW_MESSAGE, text_frames(message), payload)
            }
            ConversationEvent::Edited(message) => {
                let payload = Updated::new(id, message);
                Rendered::new(MESSAGE_UPDATED, text_frames(message), payload)
            }
            ConversationEvent::Deleted(message) => {
                let payload = Deleted {
                    id: message.id,
                    conversation_id: id,
                };
                Rendered::new(MESSAGE_DELETED, text_frames(message), payload)
            }
            ConversationEvent::Reacted { .. }
            | ConversationEvent::Unreacted { .. }
            | ConversationEvent::Typing { .. }
            | ConversationEvent::Entered(_)
            | ConversationEvent::Left { .. } => return RenderedEvents::new(),
        };
        rendered.alone()
    }

    fn notification<'a>(
        &self,
        notification: &'a UserNotification,
        conversation_id: ClientId<'a>,
    ) -> RenderedEvents<'a> {
        let rendered = match notification {
            UserNotification::KeyRotated { key_number } => {
                let payload = KeyRotated {
                    conversation_id,
                    content_key_number: *key_number,
                };
                Rendered::new(KEY_ROTATED, small(), payload)
            }
            UserNotification::Described(now) => return described(conversation_id, now).alone(),
            UserNotification::Created(change) => return created(conversation_id, change).alone(),
            UserNotification::Added(change) => {
                let payload = Added {
                    conversation_id,
                    usernames: &change.names,
                    added_by: &change.by,
                    extra: &change.extra,
                };
                Rendered::new(ADDED, frames_with_names(change), payload)
            }
            UserNotification::Removed(change) => {
                let payload = Removed {
                    conversation_id,
                    usernames: &change.names,
                };
                Rendered::new(REMOVED, frames_with_names(change), payload)
            }
            UserNotification::ReadElsewhere {
                reader,
                at,
                messages,
                ..
            } => {
                return read_elsewhere(conversation_id, reader, *at, messages).alone();
            }
            UserNotification::Delivered { .. } | UserNotification::Read { .. } => {
                return RenderedEvents::new();
            }
        };
        let updated = ConversationUpdated { conversation_id };
        let updated = Rendered::new(CONVERSATION_UPDATED, small(), updated);
        [rendered, updated].into_iter().collect()
    }

    fn evicted<'a>(&self, _: ClientId<'a>) -> RenderedEvents<'a> {
        // `conversation-participants-removed` says it.
        RenderedEvents::new()
    }
}

fn created<'a>(conversation_id: ClientId<'a>, change: &'a ParticipantsChange) -> Rendered<'a> {
    let payload = Created {
        conversation_id,
        participants: &change.names,
        content_key_number: change.key_number,
        initiated_by: &change.by,
        extra: &change.extra,
    };
    Rendered::new(CREATED, frames_with_names(change), payload)
}

fn read_elsewhere<'a>(
    conversation_id: ClientId<'a>,
    reader: &'a UserId,
    read_at: u64,
    message_ids: &'a [MessageId],
) -> Rendered<'a> {
    let payload = ReadElsewhere {
        conversation_id,
        message_ids,
        read_by: reader.as_client(),
        read_at,
    };
    Rendered::new(READ_RECEIPT, frames_with_ids(message_ids), payload)
}

fn small() -> FrameSizes {
    FrameSizes::from_slice(&[SMALL])
}

fn frames_with_names(change: &ParticipantsChange) -> FrameSizes {
    let names = change.names.iter().map(|name| name.len() + "\"\",".len());
    FrameSizes::from_slice(&[SMALL + names.sum::<usize>() + change.extra.size()])
}

fn frames_with_ids(ids: &[MessageId]) -> FrameSizes {
    FrameSizes::from_slice(&[SMALL + MessageId::JSON_SIZE * ids.len()])
}

/// `message:read:receipt`: the user's own, of another connection.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FeedReadElsewhere")]
pub(super) struct ReadElsewhere<'a> {
    conversation_id: ClientId<'a>,
    message_ids: &'a [MessageId],
    read_by: ClientUserId<'a>,
    /// Milliseconds since the epoch.
    read_at: u64,
}

/// `conversation-created`
#[derive(Serialize, JsonSchema)]
pub(super) struct Created<'a> {
    #[serde(rename = "conversationId")]
    conversation_id: ClientId<'a>,
    participants: &'a [Arc<str>],
    content_key_number: Option<i64>,
    initiated_by: &'a str,
    #[serde(flatten)]
    extra: &'a Extra,
}

/// `conversation-participants-added`
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FeedAdded")]
pub(super) struct Added<'a> {
    #[serde(rename = "conversationId")]
    conversation_id: ClientId<'a>,
    usernames: &'a [Arc<str>],
    added_by: &'a str,
    #[serde(flatten)]
    extra: &'a Extra,
}

/// `conversation-participants-removed`
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FeedRemoved")]
pub(super) struct Removed<'a> {
    #[serde(rename = "conversationId")]
    conversation_id: ClientId<'a>,
    usernames: &'a [Arc<str>],
}

/// `conversation-key-rotated`
#[derive(Serialize, JsonSchema)]
pub(super) struct KeyRotated<'a> {
    #[serde(rename = "conversationId")]
    conversation_id: ClientId<'a>,
    content_key_number: i64,
}

fn described<'a>(conversation_id: ClientId<'a>, described: &'a Described) -> Rendered<'a> {
    let payload = DescribedJson {
        conversation_id,
        title: described.now.title.as_deref(),
        avatar_url: described.now.avatar_url.as_deref(),
        extra: &described.extra,
    };
    let frames = description_frames(described);
    Rendered::new(CONVERSATION_UPDATED, frames, payload)
}

/// `conversation-updated`, when that is what was changed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FeedDescribed")]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribedJson<'a> {
    conversation_id: ClientId<'a>,
    title: Option<&'a str>,
    avatar_url: Option<&'a str>,
    #[serde(flatten)]
    extra: &'a Extra,
}

/// `conversation-updated`
#[derive(Serialize, JsonSchema)]
pub(super) struct ConversationUpdated<'a> {
    #[serde(rename = "conversationId")]
    conversation_id: ClientId<'a>,
}

#[cfg(test)]
mod tests;
