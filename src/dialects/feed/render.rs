//! What happened in a conversation, said in this dialect, whoever did it and however.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;

use super::messages::{Deleted, Shown, Updated};
use crate::connection::rooms::{Lagging, To};
use crate::conversations::{
    ConversationEvent, ConversationGuard, Conversations, ParticipantsChanged, Teller,
    UserNotification,
};
use crate::model::Dialect;
use crate::model::conversation::{ClientId, ConversationId, IdType, Message, Shape};
use crate::payload::{FrameSizes, OwnedValue, frames};
use crate::users::Users;

const NEW_MESSAGE: &str = "new-message";
const MESSAGE_UPDATED: &str = "message-updated";
const MESSAGE_DELETED: &str = "message-deleted";
const CREATED: &str = "conversation-created";
const ADDED: &str = "conversation-participants-added";
const REMOVED: &str = "conversation-participants-removed";

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
            ConversationEvent::Sent { message, sender } => {
                let payload = |id| Shown::new(id, message, &sender.name);
                send(guard, NEW_MESSAGE, message, payload).await
            }
            ConversationEvent::Edited(message) => {
                let payload = |id| Updated::new(id, message);
                send(guard, MESSAGE_UPDATED, message, payload).await
            }
            ConversationEvent::Deleted(message) => {
                let payload = |conversation_id| Deleted {
                    id: message.id,
                    conversation_id,
                };
                send(guard, MESSAGE_DELETED, message, payload).await
            }
            ConversationEvent::Reacted { .. }
            | ConversationEvent::Unreacted(_)
            | ConversationEvent::Typing { .. }
            | ConversationEvent::Entered { .. }
            | ConversationEvent::Left { .. } => Lagging::default(),
        }
    })
}

/// An event with at most what a message says.
async fn send<'s, T: Serialize + Sync>(
    guard: &'s ConversationGuard,
    event: &'static str,
    message: &Message,
    payload: impl Fn(ClientId<'s>) -> T,
) -> Lagging {
    let content = message.content().map(OwnedValue::as_opaque);
    let frames = frames(content.iter());
    let to = To::Everyone;
    guard
        .send_sized(Shape::Feed, to, event, &frames, payload)
        .await
}

/// `conversation-created`
#[derive(Serialize)]
struct Created<'a> {
    #[serde(rename = "conversationId")]
    conversation_id: ClientId<'a>,
    participants: &'a [Arc<str>],
    content_key_number: Option<i64>,
    initiated_by: &'a str,
}

/// `conversation-participants-added`
#[derive(Serialize)]
struct Added<'a> {
    #[serde(rename = "conversationId")]
    conversation_id: ClientId<'a>,
    usernames: &'a [Arc<str>],
    added_by: &'a str,
}

/// `conversation-participants-removed`
#[derive(Serialize)]
struct Removed<'a> {
    #[serde(rename = "conversationId")]
    conversation_id: ClientId<'a>,
    usernames: &'a [Arc<str>],
}

fn tell_people(
    users: &Users,
    conversations: &Conversations,
    id: &ConversationId,
    notification: &UserNotification<'_>,
) {
    let people = People {
        users,
        conversations,
        id,
    };
    match notification {
        UserNotification::Created(who) => people.send(CREATED, who, |conversation_id| Created {
            conversation_id,
            participants: who.names,
            content_key_number: who.key_number,
            initiated_by: who.by,
        }),
        UserNotification::Added(who) => people.send(ADDED, who, |conversation_id| Added {
            conversation_id,
            usernames: who.names,
            added_by: who.by,
        }),
        UserNotification::Removed(who) => people.send(REMOVED, who, |conversation_id| Removed {
            conversation_id,
            usernames: who.names,
        }),
        UserNotification::Delivered { .. }
        | UserNotification::Read { .. }
        | UserNotification::Evicted { .. } => {}
    }
}

struct People<'a> {
    users: &'a Users,
    conversations: &'a Conversations,
    id: &'a ConversationId,
}

impl<'a> People<'a> {
    /// To the connections of those who are told that count as this dialect, with the conversation's
    /// id as each sees it.
    fn send<T: Serialize>(
        &self,
        event: &'static str,
        who: &ParticipantsChanged<'_>,
        payload: impl Fn(ClientId<'a>) -> T,
    ) {
        let names: usize = who
            .names
            .iter()
            .map(|name| name.len() + "\"\",".len())
            .sum();
        let frames = FrameSizes::from_slice(&[512 + names]);
        let all = who.to.iter();
        for connection in all.flat_map(|user| self.users.connections(user.as_str())) {
            if connection.dialect() == Dialect::Feed {
                let view = self.conversations.view_of(&connection, self.id);
                let written = view.map_or(IdType::Text, |view| view.id);
                connection.send_sized(event, &payload(self.id.as_client(written)), &frames);
            }
        }
    }
}
