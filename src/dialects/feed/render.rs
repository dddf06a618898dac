//! What happened in a conversation, said in this dialect, whoever did it and however.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;

use super::messages::{Deleted, Shown, Updated};
use crate::connection::rooms::{Behind, To};
use crate::conversations::{Conversations, Fact, Live, Notice, Participation, Teller};
use crate::model::Dialect;
use crate::model::conversation::{ConversationId, IdType, Message, Shape, ShownId};
use crate::payload::{FrameSizes, Kept, frames};
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

fn tell_room<'a>(live: &'a Live<'_>, fact: &'a Fact<'_>) -> BoxFuture<'a, Behind> {
    Box::pin(async move {
        match fact {
            Fact::Sent { message, sender } => {
                let payload = |id| Shown::new(id, message, &sender.name);
                say(live, NEW_MESSAGE, message, payload).await
            }
            Fact::Edited(message) => {
                let payload = |id| Updated::new(id, message);
                say(live, MESSAGE_UPDATED, message, payload).await
            }
            Fact::Deleted(message) => {
                let payload = |conversation_id| Deleted {
                    id: message.id,
                    conversation_id,
                };
                say(live, MESSAGE_DELETED, message, payload).await
            }
            Fact::Reacted { .. }
            | Fact::Unreacted(_)
            | Fact::Typing { .. }
            | Fact::Entered { .. }
            | Fact::Left { .. } => Behind::default(),
        }
    })
}

/// An event with at most what a message says.
async fn say<'s, T: Serialize + Sync>(
    live: &'s Live<'_>,
    event: &'static str,
    message: &Message,
    payload: impl Fn(ShownId<'s>) -> T,
) -> Behind {
    let content = message.content().map(Kept::lend);
    let frames = frames(content.iter());
    let to = To::Everyone;
    live.emit(Shape::Feed, to, event, &frames, payload).await
}

/// `conversation-created`
#[derive(Serialize)]
struct Created<'a> {
    #[serde(rename = "conversationId")]
    conversation_id: ShownId<'a>,
    participants: &'a [Arc<str>],
    content_key_number: Option<i64>,
    initiated_by: &'a str,
}

/// `conversation-participants-added`
#[derive(Serialize)]
struct Added<'a> {
    #[serde(rename = "conversationId")]
    conversation_id: ShownId<'a>,
    usernames: &'a [Arc<str>],
    added_by: &'a str,
}

/// `conversation-participants-removed`
#[derive(Serialize)]
struct Removed<'a> {
    #[serde(rename = "conversationId")]
    conversation_id: ShownId<'a>,
    usernames: &'a [Arc<str>],
}

fn tell_people(
    users: &Users,
    conversations: &Conversations,
    id: &ConversationId,
    notice: &Notice<'_>,
) {
    let people = People {
        users,
        conversations,
        id,
    };
    match notice {
        Notice::Created(who) => people.say(CREATED, who, |conversation_id| Created {
            conversation_id,
            participants: who.names,
            content_key_number: who.key_number,
            initiated_by: who.by,
        }),
        Notice::Added(who) => people.say(ADDED, who, |conversation_id| Added {
            conversation_id,
            usernames: who.names,
            added_by: who.by,
        }),
        Notice::Removed(who) => people.say(REMOVED, who, |conversation_id| Removed {
            conversation_id,
            usernames: who.names,
        }),
        Notice::Delivered { .. } | Notice::Read { .. } | Notice::PutOut { .. } => {}
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
    fn say<T: Serialize>(
        &self,
        event: &'static str,
        who: &Participation<'_>,
        payload: impl Fn(ShownId<'a>) -> T,
    ) {
        let names: usize = who
            .names
            .iter()
            .map(|name| name.len() + "\"\",".len())
            .sum();
        let frames = FrameSizes::from_slice(&[512 + names]);
        let all = who.told.iter();
        for connection in all.flat_map(|user| self.users.connections(user.as_str())) {
            if connection.dialect() == Dialect::Feed {
                let view = self.conversations.view_of(&connection, self.id);
                let written = view.map_or(IdType::Text, |view| view.id);
                connection.emit(event, &payload(self.id.shown(written)), &frames);
            }
        }
    }
}
