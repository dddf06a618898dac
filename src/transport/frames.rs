//! Follows WebSocket frame boundaries (RFC 6455, section 5.2) through a byte stream that arrives
//! in pieces of any size. It keeps at most a header and the first two payload bytes of a frame.

/// What is known of a frame when its last byte has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    opcode: u8,
    prefix: [u8; 2],
}

impl Frame {
    /// Whether this frame carries a Socket.IO event, an acknowledgement or an attachment, as
    /// opposed to a heartbeat, a handshake or a WebSocket control frame.
    pub(super) fn is_relayed(&self) -> bool {
        match self.opcode {
            OPCODE_BINARY => true,
            OPCODE_TEXT => is_relayed_text(self.prefix),
            _ => false,
        }
    }
}

/// Whether an Engine.IO packet, as polling carries it, is a Socket.IO event, an acknowledgement or
/// an attachment.
pub fn is_relayed_packet(packet: &[u8]) -> bool {
    match packet {
        [b'b', ..] => true,
        [first, second, ..] => is_relayed_text([*first, *second]),
        _ => false,
    }
}

/// Whether an Engine.IO text packet with these first two bytes is a Socket.IO event (`42`, `45`)
/// or acknowledgement (`43`, `46`).
fn is_relayed_text(prefix: [u8; 2]) -> bool {
    matches!(prefix, [b'4', b'2' | b'3' | b'5' | b'6'])
}

const OPCODE_TEXT: u8 = 1;
const OPCODE_BINARY: u8 = 2;
const LONGEST_HEADER: usize = 14;

/// Where the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Header {
        have: usize,
    },
    Payload {
        left: u64,
    },
    /// The bytes are not the frames that were expected; nothing can be said any more.
    Lost,
}

/// Which side sends the frames: clients mask theirs, servers do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Client,
    Server,
}

#[derive(Debug)]
pub(super) struct FrameScanner {
    sender: Sender,
    position: Position,
    header: [u8; LONGEST_HEADER],
    mask: [u8; 4],
    frame: Frame,
    prefix_len: usize,
    /// A fragmented message has begun and not ended.
    within_message: bool,
}

impl FrameScanner {
    pub(super) fn new(sender: Sender) -> Self {
        Self {
            sender,
            position: Position::Header { have: 0 },
            header: [0; LONGEST_HEADER],
            mask: [0; 4],
            frame: Frame {
                opcode: 0,
                prefix: [0; 2],
            },
            prefix_len: 0,
            within_message: false,
        }
    }

    /// Whether a frame of one's own may be put here without breaking into another message.
    pub(super) fn between_messages(&self) -> bool {
        self.position == Position::Header { have: 0 } && !self.within_message
    }

    /// How many bytes may be read at most without passing the end of the present frame; `None`
    /// between frames, or when the stream is not understood.
    pub(super) fn left_in_frame(&self) -> Option<u64> {
        match self.position {
            Position::Header { have: 0 } | Position::Lost => None,
            Position::Header { have } => Some((self.header_len(have) - have) as u64),
            Position::Payload { left } => Some(left),
        }
    }

    /// Takes note of `bytes`; calls `ended` with each frame that ends in them and the offset
    /// behind it. `ended` learns through the scanner's own state whether a message ended too.
    pub(super) fn advance(&mut self, bytes: &[u8], mut ended: impl FnMut(Frame, usize, bool)) {
        let mut at = 0;
        while at < bytes.len() {
            match self.position {
                Position::Lost => return,
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

    /// The length of the header, as far as its first `have` bytes tell.
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
            opcode,
            prefix: [0; 2],
        };
        self.prefix_len = 0;
        Position::Payload { left: len }
    }

    fn note_prefix(&mut self, payload: &[u8]) {
        for byte in payload.iter().take(2 - self.prefix_len) {
            self.frame.prefix[self.prefix_len] = byte ^ self.mask[self.prefix_len];
            self.prefix_len += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An unfragmented frame as a peer would send it.
    fn frame(sender: Sender, first: u8, payload: &[u8]) -> Vec<u8> {
        let mask_bit = if sender == Sender::Client { 0x80 } else { 0 };
        let mut bytes = vec![first];
        match payload.len() {
            len @ 0..126 => bytes.push(mask_bit | len as u8),
            len @ 126..65536 => {
                bytes.push(mask_bit | 126);
                bytes.extend((len as u16).to_be_bytes());
            }
            len => {
                bytes.push(mask_bit | 127);
                bytes.extend((len as u64).to_be_bytes());
            }
        }
        let mask = if sender == Sender::Client {
            [7, 11, 13, 17]
        } else {
            [0; 4]
        };
        if sender == Sender::Client {
            bytes.extend(mask);
        }
        bytes.extend(
            payload
                .iter()
                .enumerate()
                .map(|(i, byte)| byte ^ mask[i % 4]),
        );
        bytes
    }

    proptest! {
        #[test]
        fn frames_are_found_however_the_stream_is_cut(
            sizes in prop::collection::vec(prop_oneof![0usize..200, 65_000usize..66_000], 1..8),
            cut in 1usize..9_000,
            client in any::<bool>(),
        ) {
            let sender = if client { Sender::Client } else { Sender::Server };
            let mut stream = Vec::new();
            let mut ends = Vec::new();
            for size in &sizes {
                stream.extend(frame(sender, 0x81, &b"42".repeat(size / 2 + 1)));
                ends.push(stream.len());
            }
            let mut scanner = FrameScanner::new(sender);
            let mut found = Vec::new();
            for (piece, bytes) in stream.chunks(cut).enumerate() {
                scanner.advance(bytes, |frame, offset, _| {
                    assert!(frame.is_relayed());
                    found.push(piece * cut + offset);
                });
            }
            prop_assert_eq!(found, ends);
            prop_assert!(scanner.between_messages());
        }
    }

    #[test]
    fn heartbeats_and_handshakes_are_not_relayed_frames() {
        let mut scanner = FrameScanner::new(Sender::Server);
        let mut relayed = Vec::new();
        for payload in [
            "2",
            "0{\"sid\":1}",
            "40{\"sid\":2}",
            "44{}",
            "41",
            "42[\"a\"]",
            "431[]",
            "451-[]",
            "461-[]",
        ] {
            scanner.advance(
                &frame(Sender::Server, 0x81, payload.as_bytes()),
                |frame, _, _| {
                    relayed.push((payload, frame.is_relayed()));
                },
            );
        }
        let counted: Vec<_> = relayed
            .iter()
            .filter(|(_, counts)| *counts)
            .map(|(text, _)| *text)
            .collect();
        assert_eq!(counted, ["42[\"a\"]", "431[]", "451-[]", "461-[]"]);
        assert_eq!(relayed.len(), 9);
    }

    #[test]
    fn nothing_may_be_put_inside_a_fragmented_message() {
        let mut scanner = FrameScanner::new(Sender::Client);
        scanner.advance(
            &frame(Sender::Client, 0x01, b"42"),
            |_, _, message_ended| assert!(!message_ended),
        );
        assert!(!scanner.between_messages());
        scanner.advance(&frame(Sender::Client, 0x8a, b""), |_, _, message_ended| {
            assert!(!message_ended)
        });
        scanner.advance(
            &frame(Sender::Client, 0x80, b"[]"),
            |_, _, message_ended| assert!(message_ended),
        );
        assert!(scanner.between_messages());
    }

    #[test]
    fn bytes_that_are_no_frames_are_given_up() {
        // Not masked, reserved bits set, an opcode that does not exist.
        for first in [
            &[0x81, 0x02][..],
            &[0xf1, 0x82, 0, 0, 0, 0],
            &[0x83, 0x82, 0, 0, 0, 0],
        ] {
            let mut scanner = FrameScanner::new(Sender::Client);
            scanner.advance(first, |_, _, _| panic!("no frame is here"));
            assert!(!scanner.between_messages());
            assert_eq!(scanner.left_in_frame(), None);
        }
    }
}
