//! The events the clients send, as text with fixed-width slots for the numbers that change. Contents are arbitrary
//! base64 text; no server may look inside.

use super::websocket::MaskedFrame;
use crate::work::{Event, Exchange};

/// Chunks of one file. At most ten, so that the chunk number keeps its width.
const CHUNKS: u64 = 10;

/// Counters start at this so that they keep their width.
const FIRST: u64 = 1_000_000_000;

/// A frame that is sent again and again with another number.
pub(super) struct Template {
    frame: MaskedFrame,
    slots: Slots,
}

/// Where the slots start that change.
enum Slots {
    /// The event's number.
    Number(usize),
    /// The number of its callback, and its own.
    Callback { callback: usize, number: usize },
    /// The number of the file, and that of the chunk in it.
    Chunk { file: usize, chunk: usize },
}

impl Template {
    /// Events that `sender` sends to `receiver`, a user or a session.
    pub(super) fn new(exchange: &Exchange, sender: &str, receiver: &str) -> Self {
        match exchange.event {
            Event::Message => Self::message(receiver, exchange.body),
            Event::FileChunk => Self::file_chunk(receiver, exchange.body),
            Event::SessionMessage => Self::session_message(receiver, sender, exchange.body),
        }
    }

    /// Messages that one participant sends to a conversation, each with a callback.
    pub(super) fn stored(conversation: &str, body: usize) -> Self {
        let to_callback = "42";
        let to_number = format!(
            r#"{to_callback}{FIRST}["message:send",{{"conversationId":"{conversation}","content":"{}","tempId":"temp-"#,
            base64_text(body),
        );
        Self {
            frame: MaskedFrame::text(&format!(r#"{to_number}{FIRST}"}}]"#)),
            slots: Slots::Callback {
                callback: to_callback.len(),
                number: to_number.len(),
            },
        }
    }

    fn session_message(session: &str, sender: &str, body: usize) -> Self {
        let start = format!(
            r#"42["send-message",{{"sessionId":"{session}","from":"{sender}","encrypted":"{}","type":"text","clientMessageId":"message-"#,
            base64_text(body),
        );
        Self {
            frame: MaskedFrame::text(&format!(r#"{start}{FIRST}"}}]"#)),
            slots: Slots::Number(start.len()),
        }
    }

    fn message(recipient: &str, body: usize) -> Self {
        let start = format!(
            r#"42["send_message",{{"recipientId":"{recipient}","ciphertext":"{}","iv":"{}","tag":"{}","seq":"#,
            base64_text(body),
            base64_text(16),
            base64_text(24),
        );
        let text = format!(r#"{start}{FIRST},"messageType":"text"}}]"#);
        Self {
            frame: MaskedFrame::text(&text),
            slots: Slots::Number(start.len()),
        }
    }

    fn file_chunk(recipient: &str, body: usize) -> Self {
        let to_file =
            format!(r#"42["send_file_chunk",{{"recipientId":"{recipient}","messageId":"file-"#);
        let to_chunk = format!(r#"{to_file}{FIRST}","chunkNumber":"#);
        let text = format!(
            r#"{to_chunk}0,"totalChunks":{CHUNKS},"encryptedData":"{}","iv":"{}","tag":"{}","hash":"{}","fileName":"holiday.mp4","fileSize":{},"mimeType":"video/mp4"}}]"#,
            base64_text(body),
            base64_text(16),
            base64_text(24),
            base64_text(44),
            CHUNKS * body as u64 / 4 * 3,
        );
        Self {
            frame: MaskedFrame::text(&text),
            slots: Slots::Chunk {
                file: to_file.len(),
                chunk: to_chunk.len(),
            },
        }
    }

    /// The frame of the `number`th event, counted from 0.
    pub(super) fn numbered(&mut self, number: u64) -> &[u8] {
        let numbered = (FIRST + number).to_string();
        match self.slots {
            Slots::Number(start) => self.frame.patch(start, &numbered),
            Slots::Callback { callback, number } => {
                self.frame.patch(callback, &numbered);
                self.frame.patch(number, &numbered);
            }
            Slots::Chunk { file, chunk } => {
                self.frame
                    .patch(file, &(FIRST + number / CHUNKS).to_string());
                self.frame.patch(chunk, &(number % CHUNKS).to_string());
            }
        }
        self.frame.bytes()
    }
}

/// What makes a guest a member of a session. Without a public key, so that the list of them, which every join sends to
/// every member, stays empty.
pub(super) fn join(session: &str, user: &str, is_creator: bool) -> String {
    format!(
        r#"42["join-session",{{"sessionId":"{session}","userId":"{user}","displayName":"{user}","publicKey":null,"isCreator":{is_creator},"authKey":"benchmark-key"}}]"#
    )
}

/// What subscribes a participant to a conversation.
pub(super) fn join_conversation(conversation: &str) -> String {
    format!(r#"42["conversation:join",{{"conversationId":"{conversation}"}}]"#)
}

/// Text of the base64 alphabet, the same in every run.
fn base64_text(len: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(ALPHABET[(state >> 26) as usize])
    };
    std::iter::repeat_with(next).take(len).collect()
}
