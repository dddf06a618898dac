//! What a message from a server means to a client, by its first bytes. It keeps nothing.

use anyhow::Result;

use super::websocket::{self, CLOSE, Message, TEXT};

/// What another user's event starts with: `direct`, `session`, and the bare relay's of both; `conversation`, the own too.
const DELIVERIES: &[&str] = &[
    r#"42["receive_"#,
    r#"42["new-message""#,
    r#"42["message:new""#,
    r#"42["send_"#,
    r#"42["send-message""#,
];
const CONFIRMATIONS: &[&str] = &[
    r#"42["message:sent""#,
    r#"42["file:chunk-sent""#,
    r#"42["message-sent""#,
];
const REFUSALS: &[&str] = &[
    "44",
    "41",
    r#"42["message:error""#,
    r#"42["file:error""#,
    r#"42["auth:error""#,
    r#"42["session-error""#,
    r#"42["conversation:join:error""#,
    r#"42["error""#,
];

/// What makes a client a member of a session or a conversation.
const JOINED: &[&str] = &[r#"42["session-metadata""#, r#"42["conversation:joined""#];

/// What a message from the server means to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// The Engine.IO handshake.
    Opened,
    /// The answer to the introduction of the client.
    Connected,
    /// The client is a member of its session or conversation and may send.
    Joined,
    /// Another user's event, or in a conversation any user's; how long it is.
    Delivered(u64),
    /// The server took this client's event.
    Confirmed,
    /// The server reports whom this client's event has reached; how long it is.
    Reached(u64),
    /// Somebody came.
    Online,
    /// Somebody left.
    Offline,
    Ping,
    /// The server closes the connection.
    Closed,
    /// An event that the measured work does not wait for.
    Other,
}

/// The bare relay sends on what it got, so a sent event counts as delivered too.
pub(super) fn meaning(message: &Message<'_>) -> Result<Incoming> {
    match (message.opcode, message.prefix) {
        (CLOSE, _) => Ok(Incoming::Closed),
        (TEXT, b"2") => Ok(Incoming::Ping),
        (TEXT, prefix) => event_meaning(message, prefix),
        _ => websocket::refuse(message),
    }
}

fn event_meaning(message: &Message<'_>, prefix: &[u8]) -> Result<Incoming> {
    let is = |start: &str| prefix.starts_with(start.as_bytes());
    let is_any = |starts: &[&str]| starts.iter().any(|start| is(start));
    if is_any(DELIVERIES) {
        Ok(Incoming::Delivered(message.len))
    } else if is_any(CONFIRMATIONS) {
        Ok(Incoming::Confirmed)
    } else if is_any(REFUSALS) {
        websocket::refuse(message)
    } else if is("43") {
        answer_meaning(message, prefix)
    } else if is(r#"42["message:delivered""#) {
        Ok(Incoming::Reached(message.len))
    } else if is(r#"42["user:online""#) {
        Ok(Incoming::Online)
    } else if is(r#"42["user:offline""#) {
        Ok(Incoming::Offline)
    } else if is_any(JOINED) {
        Ok(Incoming::Joined)
    } else if is("40") {
        Ok(Incoming::Connected)
    } else if is("0") {
        Ok(Incoming::Opened)
    } else {
        Ok(Incoming::Other)
    }
}

/// The call of a client's callback: the number of its event, then whether the server took it.
fn answer_meaning(message: &Message<'_>, prefix: &[u8]) -> Result<Incoming> {
    let number = prefix
        .iter()
        .skip(2)
        .take_while(|byte| byte.is_ascii_digit());
    let answer = prefix.get(2 + number.count()..).unwrap_or_default();
    if answer.starts_with(br#"[{"success":true"#) {
        Ok(Incoming::Confirmed)
    } else {
        websocket::refuse(message)
    }
}
