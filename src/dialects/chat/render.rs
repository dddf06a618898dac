//! What happened in a conversation, said in this dialect, whoever did it and however.

use futures_util::future::BoxFuture;
use serde::Serialize;

use super::envelope::Envelope;
use super::messages::{Deleted, Edited, New};
use super::typing::Typing;
use super::{USER_STOP_TYPING, USER_TYPING};
use crate::connection::rooms::{Lagging, To};
use crate::conversations::{
    ConversationEvent, ConversationGuard, Conversations, Teller, UserNotification,
};
use crate::model::clock;
use crate::model::conversation::{ClientId, ConversationId, Message, Shape};
use crate::payload::{FrameSizes, OwnedValue, frames};
use crate::users::Users;

const MESSAGE_NEW: &str = "message:new";
const MESSAGE_EDITED: &str = "message:edited";
const MESSAGE_DELETED: &str = "message:deleted";

/// Room in the size of an event of ids and names, in bytes.
const SMALL: usize = 1024;

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
            ConversationEvent::Sent { message, .. } => sent(guard, message).await,
            ConversationEvent::Edited(message) => edited(guard, message).await,
            ConversationEvent::Deleted(message) => deleted(guard, message).await,
            ConversationEvent::Typing {
                but, user, lasts, ..
            } => {
                typing(
                    guard,
                    To::all_but(*but),
                    user.user.as_str(),
                    lasts.is_some(),
                )
                .await
            }
            ConversationEvent::Reacted { .. }
            | ConversationEvent::Unreacted(_)
            | ConversationEvent::Entered { .. }
            | ConversationEvent::Left { .. } => Lagging::default(),
        }
    })
}

/// Who came to take part is told by being put in, or by events of other dialects.
fn tell_people(_: &Users, _: &Conversations, _: &ConversationId, _: &UserNotification<'_>) {}

/// To all, in an envelope.
async fn send<'s, T: Serialize + Sync>(
    guard: &'s ConversationGuard,
    event: &'static str,
    message: &Message,
    data: impl Fn(ClientId<'s>) -> T,
) -> Lagging {
    let content = message.content().map(OwnedValue::as_opaque);
    let media = message.media().map(OwnedValue::as_opaque);
    let frames = frames(content.iter().chain(&media));
    let payload = |id| Envelope {
        event,
        data: data(id),
    };
    guard
        .send_sized(Shape::Chat, To::Everyone, event, &frames, payload)
        .await
}

async fn sent(guard: &ConversationGuard, message: &Message) -> Lagging {
    let timestamp = clock::iso_ms(message.created_at);
    let data = |chat_id| New {
        message_id: message.id,
        chat_id,
        sender_id: message.sender.as_str(),
        content: message.into(),
        media: message.media().map(OwnedValue::as_opaque),
        timestamp: &timestamp,
    };
    send(guard, MESSAGE_NEW, message, data).await
}

async fn edited(guard: &ConversationGuard, message: &Message) -> Lagging {
    let edited_at = clock::iso_ms(message.edited_at.unwrap_or(message.created_at));
    let data = |chat_id| Edited {
        message_id: message.id,
        chat_id,
        content: message.into(),
        edited_at: &edited_at,
    };
    send(guard, MESSAGE_EDITED, message, data).await
}

async fn deleted(guard: &ConversationGuard, message: &Message) -> Lagging {
    let data = |chat_id| Deleted {
        message_id: message.id,
        chat_id,
    };
    send(guard, MESSAGE_DELETED, message, data).await
}

async fn typing(
    guard: &ConversationGuard,
    others: To<'_>,
    user_id: &str,
    is_typing: bool,
) -> Lagging {
    let frames = FrameSizes::from_slice(&[SMALL]);
    let typing = |chat_id| Typing {
        user_id,
        chat_id,
        is_typing,
    };
    let payload = |id| typing(id).both(USER_TYPING);
    let told = guard.send_sized(Shape::Chat, others, USER_TYPING, &frames, payload);
    let mut lagging = told.await;
    if !is_typing {
        let payload = |id| typing(id).both(USER_STOP_TYPING);
        let told = guard.send_sized(Shape::Chat, others, USER_STOP_TYPING, &frames, payload);
        lagging = lagging.and(told.await);
    }
    lagging
}
