//! What happened in a conversation, said in this dialect, whoever did it and however.

use futures_util::future::BoxFuture;
use serde::Serialize;

use super::envelope::Envelope;
use super::messages::{Deleted, Edited, New};
use super::typing::Typing;
use super::{USER_STOP_TYPING, USER_TYPING};
use crate::connection::rooms::{Behind, To};
use crate::conversations::{Conversations, Fact, Live, Notice, Teller};
use crate::model::clock;
use crate::model::conversation::{ConversationId, Message, Shape, ShownId};
use crate::payload::{FrameSizes, Kept, frames};
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

fn tell_room<'a>(live: &'a Live<'_>, fact: &'a Fact<'_>) -> BoxFuture<'a, Behind> {
    Box::pin(async move {
        match fact {
            Fact::Sent { message, .. } => sent(live, message).await,
            Fact::Edited(message) => edited(live, message).await,
            Fact::Deleted(message) => deleted(live, message).await,
            Fact::Typing {
                but, user, lasts, ..
            } => typing(live, To::all_but(*but), user.user.as_str(), lasts.is_some()).await,
            Fact::Reacted { .. }
            | Fact::Unreacted(_)
            | Fact::Entered { .. }
            | Fact::Left { .. } => Behind::default(),
        }
    })
}

/// Who came to take part is told by being put in, or by events of other dialects.
fn tell_people(_: &Users, _: &Conversations, _: &ConversationId, _: &Notice<'_>) {}

/// To all, in an envelope.
async fn say<'s, T: Serialize + Sync>(
    live: &'s Live<'_>,
    event: &'static str,
    message: &Message,
    data: impl Fn(ShownId<'s>) -> T,
) -> Behind {
    let content = message.content().map(Kept::lend);
    let media = message.media().map(Kept::lend);
    let frames = frames(content.iter().chain(&media));
    let payload = |id| Envelope {
        event,
        data: data(id),
    };
    live.emit(Shape::Chat, To::Everyone, event, &frames, payload)
        .await
}

async fn sent(live: &Live<'_>, message: &Message) -> Behind {
    let timestamp = clock::iso_ms(message.created_at);
    let data = |chat_id| New {
        message_id: message.id,
        chat_id,
        sender_id: message.sender.as_str(),
        content: message.into(),
        media: message.media().map(Kept::lend),
        timestamp: &timestamp,
    };
    say(live, MESSAGE_NEW, message, data).await
}

async fn edited(live: &Live<'_>, message: &Message) -> Behind {
    let edited_at = clock::iso_ms(message.edited_at.unwrap_or(message.created_at));
    let data = |chat_id| Edited {
        message_id: message.id,
        chat_id,
        content: message.into(),
        edited_at: &edited_at,
    };
    say(live, MESSAGE_EDITED, message, data).await
}

async fn deleted(live: &Live<'_>, message: &Message) -> Behind {
    let data = |chat_id| Deleted {
        message_id: message.id,
        chat_id,
    };
    say(live, MESSAGE_DELETED, message, data).await
}

async fn typing(live: &Live<'_>, others: To<'_>, user_id: &str, is_typing: bool) -> Behind {
    let frames = FrameSizes::from_slice(&[SMALL]);
    let typing = |chat_id| Typing {
        user_id,
        chat_id,
        is_typing,
    };
    let payload = |id| typing(id).both(USER_TYPING);
    let told = live.emit(Shape::Chat, others, USER_TYPING, &frames, payload);
    let mut behind = told.await;
    if !is_typing {
        let payload = |id| typing(id).both(USER_STOP_TYPING);
        let told = live.emit(Shape::Chat, others, USER_STOP_TYPING, &frames, payload);
        behind = behind.and(told.await);
    }
    behind
}
