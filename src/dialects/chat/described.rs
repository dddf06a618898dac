//! What is said of the events of this dialect in `/asyncapi.json`.

use super::Event;
use super::envelope::{Both, Envelope};
use super::messages::{Deleted, Edited, New};
use super::presence::Status;
use super::render::{DescribedJson, ReadElsewhere};
use super::typing::{CHAT_ID, TypingJson};
use crate::dialects::described::{Sent, Taken, sends, takes};
use crate::schema::{Field, Form, needed, schema_of};

/// What is said of what clients send.
pub(in crate::dialects) const fn taken(event: Event) -> Taken {
    const CHAT: &[Field] = &[needed(CHAT_ID, Form::Id)];
    match event {
        Event::start => takes(CHAT, "Begins to type, for 3 seconds").and_more(),
        Event::stop => takes(CHAT, "Ceases to type").and_more(),
    }
}

/// What the relay sends.
pub(in crate::dialects) const SENT: &[Sent] = &[
    sends(
        "message:new",
        schema_of::<Envelope<New>>,
        "Somebody sent a message",
    ),
    sends(
        "message:edited",
        schema_of::<Envelope<Edited>>,
        "Somebody edited a message of theirs",
    ),
    sends(
        "message:deleted",
        schema_of::<Envelope<Deleted>>,
        "A message was deleted",
    ),
    sends(
        "message:read:receipt",
        schema_of::<Envelope<ReadElsewhere>>,
        "You read messages for the first time, on another connection",
    ),
    sends(
        "chat:updated",
        schema_of::<Envelope<DescribedJson>>,
        "The title or the picture of a chat changed",
    ),
    sends(
        "user:typing",
        schema_of::<Both<TypingJson>>,
        "Somebody began or ceased to type",
    ),
    sends(
        "user:stop-typing",
        schema_of::<Both<TypingJson>>,
        "Somebody ceased to type",
    ),
    sends(
        "user:online",
        schema_of::<Both<Status>>,
        "Somebody came online",
    ),
    sends(
        "user:offline",
        schema_of::<Both<Status>>,
        "Somebody went offline",
    ),
];
