//! Finds WebSocket frame boundaries (RFC 6455, section 5.2) in a byte stream that arrives in pieces
//! of any size.
//!
//! It buffers at most a header and the first four payload bytes of a frame, and must not look further
//! into a message.

use super::entry::PREFIX;

/// A frame, once its last byte was scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Bytes of its payload.
    pub(super) len: u64,
    opcode: u8,
    prefix: [u8; PREFIX],
}

impl Frame {
    /// Whether a client may send only so many of these: it is of no event, or a tiny part of one.
    pub(super) fn is_control(&self) -> bool {
        self.len < MIN_PART && !self.is_relayed()
    }

    /// Whether it is the last one of its sender.
    pub(super) fn is_close(&self) -> bool {
        self.opcode == OPCODE_CLOSE
    }

    /// How its text begins; empty of anything else.
    pub(super) fn text(&self) -> &[u8] {
        match self.opcode {
            OPCODE_TEXT => &self.prefix[..self.prefix.len().min(self.len as usize)],
            _ => &[],
        }
    }

    /// Whether this frame carries a Socket.IO event, an acknowledgement or an attachment, as
    /// opposed to a heartbeat, a handshake or a WebSocket control frame.
    pub(super) fn is_relayed(&self) -> bool {
        match self.opcode {
            OPCODE_BINARY => true,
            OPCODE_TEXT => is_relayed_packet(&self.prefix),
            _ => false,
        }
    }
}

/// Whether an Engine.IO packet of text, of which the first [`PREFIX`] bytes tell, is a Socket.IO event of clients (`42`,
/// `45`), an acknowledgement (`43`, `46`) or an attachment as text (`b`). What is of another namespace is the library's.
pub(crate) fn is_relayed_packet(packet: &[u8]) -> bool {
    match packet {
        [b'b', ..] => true,
        [b'4', b'2' | b'3' | b'5' | b'6', rest @ ..] => match rest {
            [b'/', next, ..] => *next == b',',
            _ => true,
        },
        _ => false,
    }
}

const OPCODE_TEXT: u8 = 1;
const OPCODE_BINARY: u8 = 2;
const OPCODE_CLOSE: u8 = 8;
const MAX_HEADER_BYTES: usize = 14;
/// Bytes of the payload from which a frame is no control frame: no heartbeat is as long, and a client that sends
/// its events in parts makes them longer.
pub(super) const MIN_PART: u64 = 1024;

/// The position of the scanner in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Header {
        have: usize,
    },
    Payload {
        left: u64,
    },
    /// The bytes are not valid frames: boundaries are no longer known.
    Lost,
}

/// The side that sends the frames: clients mask theirs, servers do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Client,
    Server,
}

#[derive(Debug)]
pub(super) struct FrameScanner {
    sender: Sender,
    position: Position,
    header: [u8; MAX_HEADER_BYTES],
    mask: [u8; 4],
    frame: Frame,
    prefix_len: usize,
    /// A fragmented message has begun and not yet ended.
    within_message: bool,
}

impl FrameScanner {
    pub(super) fn new(sender: Sender) -> Self {
        Self {
            sender,
            position: Position::Header { have: 0 },
            header: [0; MAX_HEADER_BYTES],
            mask: [0; 4],
            frame: Frame {
                len: 0,
                opcode: 0,
                prefix: [0; PREFIX],
            },
            prefix_len: 0,
            within_message: false,
        }
    }

    /// Whether a frame can be injected here without splitting a message.
    pub(super) fn between_messages(&self) -> bool {
        self.between_frames() && !self.within_message
    }

    /// Whether a frame ends here, and none has begun.
    pub(super) fn between_frames(&self) -> bool {
        self.position == Position::Header { have: 0 }
    }

    /// The number of bytes up to the end of the current frame, as far as is known; `None` between
    /// frames, and when boundaries are not known.
    pub(super) fn left_in_frame(&self) -> Option<u64> {
        match self.position {
            Position::Header { have: 0 } | Position::Lost => None,
            Position::Header { have } => Some((self.header_len(have) - have) as u64),
            Position::Payload { left } => Some(left),
        }
    }

    /// Scans `bytes`. Calls `ended` for each frame that ends in them, with the offset of its end and
    /// whether it ends its message.
    pub(super) fn advance(&mut self, bytes: &[u8], mut ended: impl FnMut(Frame, usize, bool)) {
        let mut at = 0;
        while at < bytes.len() {
            match self.position {
                Position::Lost => return,
                Position::Header { have: 0 } if bytes.len() - at >= MAX_HEADER_BYTES => {
                    self.header
                        .copy_from_slice(&bytes[at..at + MAX_HEADER_BYTES]);
                    at += self.header_len(2);
                    self.position = self.read_header();
                }
                Position::Header { have } => {
                    self.header[have] = bytes[at];
                    at += 1;
                    self.position = Position::Header { have: have + 1 };
                    if have + 1 == self.header_len(have + 1) {
                        self.position = self.read_header();
                    }
                }
                Position::Payload { left } => {
                    let taken = left.min((bytes.len() - at) as u64) as usize;
                    self.note_prefix(&bytes[at..at + taken]);
                    at += taken;
                    self.position = Position::Payload {
                        left: left - taken as u64,
                    };
                }
            }
            if self.position == (Position::Payload { left: 0 }) {
                self.position = Position::Header { have: 0 };
                ended(self.frame, at, !self.within_message);
            }
        }
    }

    /// The length of the header, as far as its first `have` bytes determine it.
    fn header_len(&self, have: usize) -> usize {
        if have < 2 {
            return 2;
        }
        let masked = if self.header[1] & 0x80 != 0 { 4 } else { 0 };
        match self.header[1] & 0x7f {
            126 => 4 + masked,
            127 => 10 + masked,
            _ => 2 + masked,
        }
    }

    fn read_header(&mut self) -> Position {
        let [first, second, ..] = self.header;
        let fin = first & 0x80 != 0;
        let reserved = first & 0x70 != 0;
        let opcode = first & 0x0f;
        let masked = second & 0x80 != 0;
        if reserved
            || masked != (self.sender == Sender::Client)
            || !matches!(opcode, 0..=2 | 8..=10)
        {
            return Position::Lost;
        }
        let (len, mask_at) = match second & 0x7f {
            126 => (
                u64::from(u16::from_be_bytes([self.header[2], self.header[3]])),
                4,
            ),
            127 => {
                let mut len = [0; 8];
                len.copy_from_slice(&self.header[2..10]);
                (u64::from_be_bytes(len), 10)
            }
            len => (u64::from(len), 2),
        };
        self.mask = [0; 4];
        if masked {
            self.mask
                .copy_from_slice(&self.header[mask_at..mask_at + 4]);
        }
        if opcode <= OPCODE_BINARY {
            self.within_message = !fin;
        }
        self.frame = Frame {
            len,
            opcode,
            prefix: [0; PREFIX],
        };
        self.prefix_len = 0;
        Position::Payload { left: len }
    }

    fn note_prefix(&mut self, payload: &[u8]) {
        if let (0, Some(first)) = (self.prefix_len, payload.first_chunk::<PREFIX>()) {
            self.frame.prefix = std::array::from_fn(|at| first[at] ^ self.mask[at]);
            self.prefix_len = PREFIX;
            return;
        }
        for byte in payload.iter().take(PREFIX - self.prefix_len) {
            self.frame.prefix[self.prefix_len] = byte ^ self.mask[self.prefix_len];
            self.prefix_len += 1;
        }
    }
}

#[cfg(test)]
mod tests;
