//! What is said of the events of this dialect in `/asyncapi.json`.

use super::changes::{Deleted, Updated};
use super::membership::{DescribedJson, Joined, Left};
use super::messages::{self, CONTENT, KEY_NUMBER, MessageJson, TEMP_ID};
use super::presence::{Offline, Online, Response};
use super::reactions::{self, Added, Removed};
use super::render::{Delivered, ReadReceipt};
use super::signals::{MESSAGE_IDS, StartedTyping, StoppedTyping};
use super::words::{ErrorEvent, JoinError};
use super::{CONVERSATION_ID, Event, MESSAGE_ID};
use crate::dialects::described::{Sent, Taken, sends, takes};
use crate::schema::{Field, Form, SchemaOf, fields, needed, optional, schema_of};

const CONVERSATION: Field = needed(CONVERSATION_ID, Form::Id);
const MESSAGE: Field = needed(MESSAGE_ID, Form::Uuid);

/// What `message:send` takes.
const MESSAGE_FIELDS: &[Field] = &[
    CONVERSATION,
    optional(CONTENT, Form::Any).about("May be missing where there is `media`"),
    optional(TEMP_ID, Form::OwnId).about("The sender's own name for it"),
    optional("media", Form::Any),
    optional(KEY_NUMBER, Form::Integer),
];

/// What `message:update` takes.
const EDIT_FIELDS: &[Field] = &[
    CONVERSATION,
    MESSAGE,
    needed(CONTENT, Form::Any),
    optional("media", Form::Any),
    optional(KEY_NUMBER, Form::Integer),
];

/// What is said of what clients send.
pub(in crate::dialects) const fn taken(event: Event) -> Taken {
    match event {
        Event::join => takes(fields![CONVERSATION], "Follows a conversation"),
        Event::leave => takes(fields![CONVERSATION], "Follows a conversation no longer"),
        Event::send => takes(MESSAGE_FIELDS, "Sends a message")
            .and_more()
            .answered(schema_of::<messages::Acknowledged>),
        Event::update => takes(EDIT_FIELDS, "Edits a message of one's own").and_more(),
        Event::delete => takes(fields![CONVERSATION, MESSAGE], "Deletes a message for all"),
        Event::read => takes(
            fields![
                CONVERSATION,
                optional(MESSAGE_IDS, Form::Texts),
                optional(MESSAGE_ID, Form::Text),
            ],
            "Marks these messages as read, or all",
        ),
        Event::start_typing => {
            takes(fields![CONVERSATION], "Begins to type, for 5 seconds").and_more()
        }
        Event::stop_typing => takes(fields![CONVERSATION], "Ceases to type").and_more(),
        Event::add => takes(
            fields![CONVERSATION, MESSAGE, needed("emoji", Form::Text)],
            "Reacts to a message",
        )
        .and_more()
        .answered(schema_of::<reactions::Acknowledged>),
        Event::remove => takes(
            fields![CONVERSATION, MESSAGE, needed("reactionId", Form::Uuid)],
            "Takes a reaction back",
        )
        .and_more(),
        Event::request => takes(
            fields![CONVERSATION],
            "Asks who is online in a conversation",
        )
        .answered(schema_of::<Response>),
    }
}

/// What the relay sends.
pub(in crate::dialects) const SENT: &[Sent] = &[
    sends(
        "conversation:joined",
        schema_of::<Joined>,
        "Confirms `conversation:join`",
    ),
    sends(
        "conversation:left",
        schema_of::<Left>,
        "Confirms `conversation:leave`, or you are no participant any more",
    ),
    sends(
        "conversation:updated",
        schema_of::<DescribedJson>,
        "The title or the picture of a conversation changed",
    ),
    sends(
        "conversation:join:error",
        schema_of::<JoinError>,
        "A conversation could not be joined",
    ),
    sends(
        "message:new",
        schema_of::<MessageJson>,
        "Somebody sent a message",
    ),
    sends(
        "message:updated",
        schema_of::<Updated>,
        "Somebody edited a message of theirs",
    ),
    sends(
        "message:deleted",
        schema_of::<Deleted>,
        "A message was deleted",
    ),
    sends(
        "message:delivered",
        schema_of::<Delivered>,
        "A message of yours was delivered",
    ),
    sends(
        "message:read:receipt",
        schema_of::<ReadReceipt>,
        "Messages of yours were read, or you read some on another connection",
    ),
    sends(
        "reaction:added",
        schema_of::<Added>,
        "Somebody reacted to a message",
    ),
    sends(
        "reaction:removed",
        schema_of::<Removed>,
        "Somebody took a reaction back",
    ),
    sends(
        "typing:user:start",
        schema_of::<StartedTyping>,
        "Somebody began to type",
    ),
    sends(
        "typing:user:stop",
        schema_of::<StoppedTyping>,
        "Somebody ceased to type",
    ),
    sends(
        "presence:response",
        schema_of::<Response>,
        "Answers `presence:request`",
    ),
    sends(
        "user:online",
        schema_of::<Online>,
        "Somebody follows a conversation",
    ),
    sends(
        "user:offline",
        schema_of::<Offline>,
        "Somebody follows a conversation no longer",
    ),
];

/// The payload of `error`, which says no more where an event is of no dialect.
pub(in crate::dialects) const ERROR: SchemaOf = schema_of::<ErrorEvent>;
