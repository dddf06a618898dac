//! `direct`: end-to-end-encrypted messages, files and keys between two users. What is
//! relayed is not looked into, and nothing of it is stored but metadata in the audit. The contract
//! is `docs/protocol/direct.md`.

pub(super) mod described;
mod files;
mod messages;
pub(crate) mod presence;
mod signals;
mod undelivered;
mod words;

pub(crate) use signals::disconnected;

use super::events::events;
use super::row::Refused;
use words::DirectWords;

const RECIPIENT_ID: &str = "recipientId";
const MESSAGE_ID: &str = "messageId";

const ROOM_ERROR: Refused = Refused::by("room:error").invalid("Recipient ID required");
const MESSAGE_ERROR: Refused = Refused::by("message:error").invalid("Missing required fields");
const KEY_ERROR: Refused = Refused::by("key-exchange:error").invalid("Missing required fields");
const FILE_ERROR: Refused = Refused::by(files::ERROR).invalid("Missing required fields");
const CHUNK_ERROR: Refused =
    Refused::by("file:error").invalid("Missing required fields for file chunk");
/// Typing and receipts that are malformed, and typing that is too much, are dropped.
const DROPPED: Refused = Refused::BY_CALLBACK;

events! {
    Direct(member, payload), words: DirectWords;
    "join_room" => messages::join_room, limit: Subscriptions, refused: ROOM_ERROR, audit: RoomJoin;
    "leave_room" => messages::leave_room, limit: Subscriptions, refused: ROOM_ERROR, audit: RoomLeave;
    "send_message" => messages::send_message, limit: Messages, refused: MESSAGE_ERROR, audit: MessageSent;
    "send_file_chunk" => files::send_file_chunk, limit: FileBytes, refused: CHUNK_ERROR, audit: FileUpload;
    "request_file" => files::request_file, limit: Messages, refused: FILE_ERROR, audit: FileDownload;
    "key-exchange:send" => messages::send_key, limit: Messages, refused: KEY_ERROR, audit: KeyExchangeRelay;
    "typing:start" => signals::start_typing, limit: Signals, refused: DROPPED, audit: Nothing;
    "typing:stop" => signals::stop_typing, limit: Signals, refused: DROPPED, audit: Nothing;
    "message:delivered" => signals::delivered, limit: Receipts, refused: DROPPED, audit: Nothing;
    "message:read" => signals::read, limit: Receipts, refused: DROPPED, audit: Nothing;
}
