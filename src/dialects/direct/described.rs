//! What is said of the events of this dialect in `/asyncapi.json`.

use super::files::{ChunkSent, RequestSent, UploadComplete};
use super::messages::{KeyExchangeSent, MessageSentEvent, RoomJoined, RoomLeft, RoomUserReady};
use super::presence::{UserOffline, UserOnline};
use super::signals::Passed;
use super::words::ErrorEvent;
use super::{Event, MESSAGE_ID, RECIPIENT_ID};
use crate::dialects::described::{Sent, Taken, relays, sends, takes};
use crate::schema::{Field, Form, fields, needed, optional, schema_of};

const RECIPIENT: Field = needed(RECIPIENT_ID, Form::Id);
const SENDER: Field = needed("senderId", Form::Id);
const SENDER_NAME: Field = needed("senderUsername", Form::Text);
const MESSAGE: Field = needed(MESSAGE_ID, Form::OwnId);
const TIMESTAMP: Field = needed("timestamp", Form::Text).about("ISO 8601");
const SIGNATURE: Field = optional("signature", Form::Any);

/// What `send_message` takes.
const MESSAGE_FIELDS: &[Field] = &[
    RECIPIENT,
    needed("ciphertext", Form::Any),
    needed("iv", Form::Any),
    needed("tag", Form::Any),
    needed("seq", Form::Number),
    SIGNATURE,
    optional("messageType", Form::Any),
];

/// What `send_file_chunk` takes.
const CHUNK_FIELDS: &[Field] = &[
    RECIPIENT,
    needed("encryptedData", Form::Any),
    needed("iv", Form::Any),
    needed("tag", Form::Any),
    optional(MESSAGE_ID, Form::OwnId),
    optional("chunkNumber", Form::Count),
    optional("totalChunks", Form::Count),
    optional("hash", Form::Any),
    optional("fileName", Form::Any),
    optional("fileSize", Form::Number),
    optional("mimeType", Form::Any),
];

/// What is said of what clients send.
pub(in crate::dialects) const fn taken(event: Event) -> Taken {
    const RECEIPT: &[Field] = &[MESSAGE, SENDER];
    match event {
        Event::join_room => takes(fields![RECIPIENT], "Makes the two each other's peers")
            .answered(schema_of::<RoomJoined>),
        Event::leave_room => {
            takes(fields![RECIPIENT], "Leaves a room").answered(schema_of::<RoomLeft>)
        }
        Event::send_message => takes(
            MESSAGE_FIELDS,
            "Sends a message to all connections of a user",
        )
        .and_more()
        .answered(schema_of::<MessageSentEvent>),
        Event::send_file_chunk => takes(
            CHUNK_FIELDS,
            "Sends a part of a file to all connections of a user",
        )
        .and_more()
        .answered(schema_of::<ChunkSent>),
        Event::request_file => takes(fields![SENDER, MESSAGE], "Asks a user for a file")
            .and_more()
            .answered(schema_of::<RequestSent>),
        Event::send_key => takes(
            fields![RECIPIENT, needed("publicKey", Form::Any), SIGNATURE],
            "Sends a key to all connections of a user",
        )
        .and_more()
        .answered(schema_of::<KeyExchangeSent>),
        Event::start_typing => takes(fields![RECIPIENT], "Begins to type")
            .and_more()
            .answered(schema_of::<Passed>),
        Event::stop_typing => takes(fields![RECIPIENT], "Ceases to type")
            .and_more()
            .answered(schema_of::<Passed>),
        Event::delivered => takes(RECEIPT, "Confirms that a message was delivered")
            .and_more()
            .answered(schema_of::<Passed>),
        Event::read => takes(RECEIPT, "Confirms that a message was read")
            .and_more()
            .answered(schema_of::<Passed>),
    }
}

/// What the relay sends.
pub(in crate::dialects) const SENT: &[Sent] = &[
    sends(
        "room:joined",
        schema_of::<RoomJoined>,
        "Confirms `join_room`",
    ),
    sends("room:left", schema_of::<RoomLeft>, "Confirms `leave_room`"),
    sends(
        "room:user-ready",
        schema_of::<RoomUserReady>,
        "Somebody sent `join_room` with you as recipient",
    ),
    sends("room:error", schema_of::<ErrorEvent>, "A room was refused"),
    relays(
        "receive_message",
        &[
            SENDER,
            SENDER_NAME,
            needed("ciphertext", Form::Any),
            needed("iv", Form::Any),
            needed("tag", Form::Any),
            needed("seq", Form::Number),
            SIGNATURE,
            needed("messageType", Form::Any),
            TIMESTAMP,
        ],
        "Somebody sent you a message",
    ),
    sends(
        "message:sent",
        schema_of::<MessageSentEvent>,
        "Confirms `send_message`",
    ),
    sends(
        "message:error",
        schema_of::<ErrorEvent>,
        "A message was refused",
    ),
    relays(
        "key-exchange:receive",
        &[
            SENDER,
            SENDER_NAME,
            needed("publicKey", Form::Any),
            SIGNATURE,
        ],
        "Somebody sent you a key",
    ),
    sends(
        "key-exchange:sent",
        schema_of::<KeyExchangeSent>,
        "Confirms `key-exchange:send`",
    ),
    sends(
        "key-exchange:error",
        schema_of::<ErrorEvent>,
        "A key was refused",
    ),
    relays(
        "receive_file_chunk",
        &[
            SENDER,
            SENDER_NAME,
            needed("encryptedData", Form::Any),
            needed("iv", Form::Any),
            needed("tag", Form::Any),
            optional(MESSAGE_ID, Form::OwnId),
            optional("chunkNumber", Form::Count),
            optional("totalChunks", Form::Count),
            TIMESTAMP,
        ],
        "Somebody sent you a part of a file",
    ),
    sends(
        "file:chunk-sent",
        schema_of::<ChunkSent>,
        "Confirms `send_file_chunk`",
    ),
    sends(
        "file:upload-complete",
        schema_of::<UploadComplete>,
        "The last missing part of a file was sent",
    ),
    relays(
        "file:requested",
        &[
            needed("requesterId", Form::Id),
            needed("requesterUsername", Form::Text),
            MESSAGE,
        ],
        "Somebody asks you for a file",
    ),
    sends(
        "file:request-sent",
        schema_of::<RequestSent>,
        "Confirms `request_file`",
    ),
    sends(
        "file:error",
        schema_of::<ErrorEvent>,
        "Something about a file was refused",
    ),
    relays(
        "typing:user",
        &[
            needed("userId", Form::Id),
            needed("username", Form::Text),
            needed("isTyping", Form::Flag),
        ],
        "Somebody began to type to you, or ceased",
    ),
    relays(
        "message:delivery-confirmed",
        &[MESSAGE, needed("userId", Form::Id)],
        "A message of yours was delivered",
    ),
    relays(
        "message:read-confirmed",
        &[MESSAGE, needed("userId", Form::Id)],
        "A message of yours was read",
    ),
    sends(
        "user:online",
        schema_of::<UserOnline>,
        "Somebody came online",
    ),
    sends(
        "user:offline",
        schema_of::<UserOffline>,
        "Somebody went offline",
    ),
];
