//! What is said of the events of this dialect in `/asyncapi.json`.

use schemars::JsonSchema;

use super::Event;
use super::joining::CONVERSATION_ID;
use super::messages::{Deleted, MessageJson, Updated};
use super::render::{
    Added, ConversationUpdated, Created, DescribedJson, KeyRotated, ReadElsewhere, Removed,
};
use crate::dialects::described::{Sent, Taken, sends, takes};
use crate::schema::{Field, Form, optional, schema_of};

const CONVERSATION: &[Field] = &[
    optional(CONVERSATION_ID, Form::Id),
    optional("conversation_id", Form::Id).about("The same"),
];

/// What is said of what clients send.
pub(in crate::dialects) const fn taken(event: Event) -> Taken {
    match event {
        Event::join => takes(CONVERSATION, "Follows a conversation"),
        Event::leave => takes(CONVERSATION, "Follows a conversation no longer"),
    }
}

/// `conversation-updated`
#[derive(JsonSchema)]
#[schemars(untagged, rename = "FeedConversationUpdated")]
#[expect(dead_code, reason = "only its schema is used")]
enum UpdatedConversation<'a> {
    Described(DescribedJson<'a>),
    Other(ConversationUpdated<'a>),
}

/// What the relay sends.
pub(in crate::dialects) const SENT: &[Sent] = &[
    sends(
        "new-message",
        schema_of::<MessageJson>,
        "Somebody sent a message",
    ),
    sends(
        "message-updated",
        schema_of::<Updated>,
        "Somebody edited a message of theirs",
    ),
    sends(
        "message-deleted",
        schema_of::<Deleted>,
        "A message was deleted",
    ),
    sends(
        "message:read:receipt",
        schema_of::<ReadElsewhere>,
        "You read messages for the first time, on another connection",
    ),
    sends(
        "conversation-created",
        schema_of::<Created>,
        "Somebody made a conversation of which you are a participant",
    ),
    sends(
        "conversation-updated",
        schema_of::<UpdatedConversation>,
        "Participants, the key, the title or the picture changed",
    ),
    sends(
        "conversation-key-rotated",
        schema_of::<KeyRotated>,
        "The participants were given a new content key",
    ),
    sends(
        "conversation-participants-added",
        schema_of::<Added>,
        "Somebody was added",
    ),
    sends(
        "conversation-participants-removed",
        schema_of::<Removed>,
        "Somebody was removed or left",
    ),
];
