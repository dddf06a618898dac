//! What happened in a conversation, said in this dialect, whoever did it and however.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;

use super::changes::{Deleted, Updated};
use super::membership::{LEFT, Left};
use super::messages::{Person, Shown, frames_of};
use super::presence::{Offline, Online};
use super::reactions::{Added, Removed};
use super::signals::{StartedTyping, StoppedTyping};
use crate::connection::Connection;
use crate::connection::rooms::{Lagging, To};
use crate::conversations::{
    ConversationEvent, ConversationGuard, Conversations, Teller, UserNotification,
};
use crate::model::conversation::{
    ClientId, ConversationId, IdType, Message, MessageId, Reaction, Read, Shape,
};
use crate::model::{Dialect, Identity, UserId, clock};
use crate::payload::{FrameSizes, OwnedValue, frames};
use crate::users::Users;

const MESSAGE_NEW: &str = "message:new";
const MESSAGE_UPDATED: &str = "message:updated";
const MESSAGE_DELETED: &str = "message:deleted";
const MESSAGE_DELIVERED: &str = "message:delivered";
const READ_RECEIPT: &str = "message:read:receipt";
const REACTION_ADDED: &str = "reaction:added";
const REACTION_REMOVED: &str = "reaction:removed";
const TYPING_START: &str = "typing:user:start";
const TYPING_STOP: &str = "typing:user:stop";
const USER_ONLINE: &str = "user:online";
const USER_OFFLINE: &str = "user:offline";

/// Room in the size of an event of ids and names, in bytes.
const SMALL: usize = 768;

/// Says it.
pub const TELLER: Teller = Teller {
    room: tell_room,
    people: tell_people,
};

fn tell_room<'a>(
    guard: &'a ConversationGuard,
    event: &'a ConversationEvent<'_>,
) -> BoxFuture<'a, Lagging> {
    Box::pin(async move {
        match event {
            ConversationEvent::Sent { message, sender } => sent(guard, message, sender).await,
            ConversationEvent::Edited(message) => edited(guard, message).await,
            ConversationEvent::Deleted(message) => deleted(guard, message).await,
            ConversationEvent::Reacted { reaction, user } => reacted(guard, reaction, user).await,
            ConversationEvent::Unreacted(reaction) => unreacted(guard, reaction).await,
            ConversationEvent::Typing {
                but, user, lasts, ..
            } => typing(guard, To::all_but(*but), user, lasts.is_some()).await,
            ConversationEvent::Entered { but, user } => {
                online(guard, To::all_but(*but), user).await
            }
            ConversationEvent::Left { user, at } => offline(guard, user, *at).await,
        }
    })
}

/// To all, or all but one, in frames of these sizes.
async fn send<'s, T: Serialize + Sync>(
    guard: &'s ConversationGuard,
    to: To<'_>,
    event: &'static str,
    frames: &FrameSizes,
    payload: impl Fn(ClientId<'s>) -> T,
) -> Lagging {
    guard
        .send_sized(Shape::Conversation, to, event, frames, payload)
        .await
}

fn small() -> FrameSizes {
    FrameSizes::from_slice(&[SMALL])
}

fn with(person: &Identity) -> FrameSizes {
    FrameSizes::from_slice(&[SMALL + Person::from(person).size()])
}

async fn sent(guard: &ConversationGuard, message: &Message, sender: &Identity) -> Lagging {
    let frames = frames_of(message, sender);
    let payload = |id| Shown::new(id, message, sender.into());
    send(guard, To::Everyone, MESSAGE_NEW, &frames, payload).await
}

async fn edited(guard: &ConversationGuard, message: &Message) -> Lagging {
    let content = message.content().map(OwnedValue::as_opaque);
    let edited_at = clock::iso_ms(message.edited_at.unwrap_or(message.created_at));
    let payload = |conversation_id| Updated {
        id: message.id,
        conversation_id,
        content: message.into(),
        edited_at: &edited_at,
    };
    let frames = frames(content.iter());
    send(guard, To::Everyone, MESSAGE_UPDATED, &frames, payload).await
}

async fn deleted(guard: &ConversationGuard, message: &Message) -> Lagging {
    let deleted_at = clock::iso_ms(message.deleted_at().unwrap_or(message.created_at));
    let payload = |conversation_id| Deleted {
        id: message.id,
        conversation_id,
        deleted_at: &deleted_at,
    };
    send(guard, To::Everyone, MESSAGE_DELETED, &small(), payload).await
}

async fn reacted(guard: &ConversationGuard, reaction: &Reaction, user: &Identity) -> Lagging {
    let created_at = clock::iso_ms(reaction.created_at);
    let payload = |conversation_id| Added {
        id: reaction.id,
        message_id: reaction.message,
        conversation_id,
        emoji: reaction.emoji.as_str(),
        user_id: reaction.user.as_str(),
        created_at: &created_at,
        user: user.into(),
    };
    send(guard, To::Everyone, REACTION_ADDED, &small(), payload).await
}

async fn unreacted(guard: &ConversationGuard, reaction: &Reaction) -> Lagging {
    let payload = |conversation_id| Removed {
        id: reaction.id,
        message_id: reaction.message,
        conversation_id,
        user_id: reaction.user.as_str(),
    };
    send(guard, To::Everyone, REACTION_REMOVED, &small(), payload).await
}

async fn typing(
    guard: &ConversationGuard,
    others: To<'_>,
    user: &Identity,
    is_typing: bool,
) -> Lagging {
    let user_id = user.user.as_str();
    if is_typing {
        let payload = |conversation_id| StartedTyping {
            conversation_id,
            user_id,
            user: user.into(),
        };
        return send(guard, others, TYPING_START, &small(), payload).await;
    }
    let payload = |conversation_id| StoppedTyping {
        conversation_id,
        user_id,
    };
    send(guard, others, TYPING_STOP, &small(), payload).await
}

async fn online(guard: &ConversationGuard, others: To<'_>, user: &Identity) -> Lagging {
    let timestamp = clock::now_iso();
    let payload = |conversation_id| Online {
        conversation_id,
        user_id: user.user.as_str(),
        user: user.into(),
        timestamp: &timestamp,
    };
    send(guard, others, USER_ONLINE, &with(user), payload).await
}

async fn offline(guard: &ConversationGuard, user: &UserId, at: u64) -> Lagging {
    let (timestamp, last_seen_at) = (clock::now_iso(), clock::iso_ms(at));
    let payload = |conversation_id| Offline {
        conversation_id,
        user_id: user.as_str(),
        timestamp: &timestamp,
        last_seen_at: &last_seen_at,
    };
    send(guard, To::Everyone, USER_OFFLINE, &small(), payload).await
}

/// `message:delivered`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Delivered<'a> {
    message_id: MessageId,
    conversation_id: ClientId<'a>,
    delivered_to: &'a [&'a str],
    /// ISO 8601.
    delivered_at: &'a str,
}

/// `message:read:receipt`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadReceipt<'a> {
    conversation_id: ClientId<'a>,
    message_ids: &'a [MessageId],
    read_by: &'a str,
    /// ISO 8601.
    read_at: &'a str,
}

/// The connections of a user that count as this dialect, each with the conversation's id as it sees
/// it.
fn connections<'a>(
    (users, conversations): (&Users, &'a Conversations),
    user: &UserId,
    id: &'a ConversationId,
) -> impl Iterator<Item = (Arc<Connection>, ClientId<'a>)> {
    let all = users.connections(user.as_str()).into_iter();
    let counted = all.filter(|one| one.dialect() == Dialect::Conversation);
    counted.map(move |connection| {
        let view = conversations.view_of(&connection, id);
        let written = view.map_or(IdType::Text, |view| view.id);
        (connection, id.as_client(written))
    })
}

fn tell_people(
    users: &Users,
    conversations: &Conversations,
    id: &ConversationId,
    notification: &UserNotification<'_>,
) {
    let people = (users, conversations);
    match notification {
        UserNotification::Delivered { to, at, messages } => {
            delivered(people, id, to, *at, messages)
        }
        UserNotification::Read { reader, read } => have_read(people, id, reader, read),
        UserNotification::Evicted { connection, view } if view.shape == Shape::Conversation => {
            let conversation_id = id.as_client(view.id);
            connection.send(LEFT, &Left { conversation_id });
        }
        UserNotification::Evicted { .. }
        | UserNotification::Created(_)
        | UserNotification::Added(_)
        | UserNotification::Removed(_) => {}
    }
}

fn delivered(
    people: (&Users, &Conversations),
    id: &ConversationId,
    to: &[UserId],
    at: u64,
    messages: &[(MessageId, UserId)],
) {
    let delivered_at = clock::iso_ms(at);
    let delivered_to: Vec<_> = to.iter().map(UserId::as_str).collect();
    let size: usize = delivered_to.iter().map(|id| id.len() + "\"\",".len()).sum();
    let frames = FrameSizes::from_slice(&[SMALL + size]);
    for (message_id, sender) in messages {
        for (connection, conversation_id) in connections(people, sender, id) {
            let delivered = Delivered {
                message_id: *message_id,
                conversation_id,
                delivered_to: &delivered_to,
                delivered_at: &delivered_at,
            };
            connection.send_sized(MESSAGE_DELIVERED, &delivered, &frames);
        }
    }
}

fn have_read(people: (&Users, &Conversations), id: &ConversationId, reader: &UserId, read: &Read) {
    const ID: usize = "\"00000000-0000-0000-0000-000000000000\",".len();
    let read_at = clock::iso_ms(read.at);
    for (sender, message_ids) in &read.messages {
        let frames = FrameSizes::from_slice(&[SMALL + ID * message_ids.len()]);
        for (connection, conversation_id) in connections(people, sender, id) {
            let receipt = ReadReceipt {
                conversation_id,
                message_ids,
                read_by: reader.as_str(),
                read_at: &read_at,
            };
            connection.send_sized(READ_RECEIPT, &receipt, &frames);
        }
    }
}
