//! What is said of the events of this dialect in `/asyncapi.json`.

use schemars::JsonSchema;

use super::join::SessionMetadata;
use super::keys::{PublicKey, SessionKeyAvailable};
use super::messages::MessageJson;
use super::moves::UserMoved;
use super::signals::{DownloadNotification, TypingJson};
use super::words::SessionError;
use super::{Event, SESSION_ID, USER_ID};
use crate::dialects::described::{Sent, Taken, sends, takes};
use crate::dialects::request::Success;
use crate::schema::{Field, Form, fields, needed, optional, schema_of};

const SESSION: Field = needed(SESSION_ID, Form::Id).about("`id`, or `id:rest`");
const USER: Field = needed(USER_ID, Form::Id).about("The member of this connection");
const DISPLAY_NAME: Field = optional("displayName", Form::Text);

/// What `send-message` takes.
const MESSAGE_FIELDS: &[Field] = &[
    SESSION,
    needed("from", Form::Id).about("The member of this connection"),
    optional("to", Form::Id).about("A member, or `all`"),
    needed("encrypted", Form::Any),
    optional("originalContent", Form::Any).about("Goes back to its author alone"),
    optional("type", Form::OwnId),
    optional("clientMessageId", Form::OwnId),
];

/// The answer to the callback of a message. Of one that came again there is nothing to say.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "SessionSentAnswer")]
#[expect(dead_code, reason = "only its schema is used")]
enum SentAnswer<'a> {
    Sent(MessageJson<'a>),
    Again(Success),
}

/// What is said of what clients send.
pub(in crate::dialects) const fn taken(event: Event) -> Taken {
    match event {
        Event::join_session => takes(
            fields![
                SESSION,
                USER,
                DISPLAY_NAME,
                optional("publicKey", Form::TextOrObject),
                optional("isCreator", Form::Flag),
                optional("authKey", Form::Id),
            ],
            "Joins a session; its creator makes it",
        ),
        Event::leave_session => takes(fields![SESSION, USER], "Leaves a session"),
        Event::save_public_key => takes(
            fields![
                SESSION,
                USER,
                needed("publicKey", Form::TextOrObject),
                DISPLAY_NAME
            ],
            "Publishes the member's key",
        ),
        Event::get_public_keys => takes(fields![SESSION, USER], "Asks for the keys of the others"),
        Event::set_session_key => takes(
            fields![SESSION, needed("encryptedKeys", Form::Object)],
            "Publishes the session's key, encrypted for each member",
        ),
        Event::send_message => takes(
            MESSAGE_FIELDS,
            "Sends a message to the others, or to one of them",
        )
        .answered(schema_of::<SentAnswer>),
        Event::file_downloaded => takes(
            fields![
                SESSION,
                needed("downloadedBy", Form::Id),
                needed("senderId", Form::Id),
                needed("fileName", Form::Any),
                optional("timestamp", Form::Number),
            ],
            "Notifies the sender of a file that it was downloaded",
        ),
        Event::start_typing => takes(fields![SESSION, USER, DISPLAY_NAME], "Begins to type"),
        Event::stop_typing => takes(fields![SESSION, USER, DISPLAY_NAME], "Ceases to type"),
    }
}

/// What the relay sends.
pub(in crate::dialects) const SENT: &[Sent] = &[
    sends("user-joined", schema_of::<UserMoved>, "A member joined"),
    sends("user-left", schema_of::<UserMoved>, "A member left"),
    sends(
        "messages-history",
        schema_of::<Vec<MessageJson>>,
        "You joined: the history, perhaps in several such events",
    ),
    sends(
        "session-metadata",
        schema_of::<SessionMetadata>,
        "You joined: the mode, and your own entry among the session's keys",
    ),
    sends(
        "new-message",
        schema_of::<MessageJson>,
        "A member sent a message",
    ),
    sends(
        "message-sent",
        schema_of::<MessageJson>,
        "Confirms `send-message`",
    ),
    sends(
        "user-typing",
        schema_of::<TypingJson>,
        "A member began to type",
    ),
    sends(
        "user-stopped-typing",
        schema_of::<TypingJson>,
        "A member ceased to type",
    ),
    sends(
        "download-notification",
        schema_of::<DownloadNotification>,
        "A member has downloaded a file of yours",
    ),
    sends(
        "public-keys-updated",
        schema_of::<Vec<PublicKey>>,
        "The members who have a key",
    ),
    sends(
        "session-key-available",
        schema_of::<SessionKeyAvailable>,
        "The session has a new key",
    ),
    sends(
        "session-error",
        schema_of::<SessionError>,
        "Something was refused",
    ),
];
