//! Engine.IO packets, and the WebSocket frames in which the library takes and gives them. It must not look into an event.

use axum::body::Bytes;
use bytes::{Buf as _, BufMut as _, BytesMut};

use super::revision::Revision;
use crate::transport::{ENTER, FrameHead, put_frame_head};

/// The packets that mean something here, as text.
pub(super) const OPEN: u8 = b'0';
pub(super) const CLOSE: u8 = b'1';
pub(super) const PING: u8 = b'2';
pub(super) const PONG: u8 = b'3';
pub(super) const MESSAGE: u8 = b'4';

/// A packet: its type and what it carries, or the attachment of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Packet {
    Text(Bytes),
    Binary(Bytes),
}

impl Packet {
    /// Its type. An attachment is a message.
    pub(super) fn kind(&self) -> Option<u8> {
        match self {
            Self::Text(text) => text.first().copied(),
            Self::Binary(_) => Some(MESSAGE),
        }
    }

    /// Whether it says that the client has entered the namespace.
    pub(super) fn connects(&self) -> bool {
        matches!(self, Self::Text(text) if text.starts_with(ENTER))
    }

    /// Whether it is a Socket.IO event, an acknowledgement or an attachment.
    pub(super) fn is_relayed(&self) -> bool {
        match self {
            Self::Text(text) => crate::transport::is_relayed_packet(text),
            Self::Binary(_) => true,
        }
    }

    /// Bytes of it.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => bytes.len(),
        }
    }
}

const FINAL: u8 = 0x80;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const TEXT_ALONE: u8 = FINAL | TEXT;
const MASKED: u8 = 0x80;
/// From this on a length stands in further bytes.
const LENGTH_16: u8 = 126;

/// In revision 3 a frame of bytes begins with its type, as a text does.
const MESSAGE_OF_BYTES: u8 = MESSAGE - b'0';

/// The packet as a frame of a client, whose mask is zero.
pub(super) fn client_frame(packet: &Packet, revision: Revision) -> Bytes {
    let mut frame = BytesMut::with_capacity(packet.len() + 15);
    put_frame(packet, revision, true, &mut frame);
    frame.freeze()
}

/// The packet as a frame of a server.
pub(super) fn put_server_frame(packet: &Packet, revision: Revision, frames: &mut BytesMut) {
    frames.reserve(packet.len() + 11);
    put_frame(packet, revision, false, frames);
}

fn put_frame(packet: &Packet, revision: Revision, is_masked: bool, frames: &mut BytesMut) {
    let (opcode, kind, payload) = match (packet, revision) {
        (Packet::Text(text), _) => (TEXT, &[][..], text),
        (Packet::Binary(bytes), Revision::V3) => (BINARY, &[MESSAGE_OF_BYTES][..], bytes),
        (Packet::Binary(bytes), Revision::V4) => (BINARY, &[][..], bytes),
    };
    let length = kind.len() + payload.len();
    put_frame_head(frames, FINAL | opcode, is_masked, length);
    frames.put_slice(kind);
    frames.put_slice(payload);
}

/// What the library has written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    Packet(Packet),
    /// A frame of WebSocket's own, which means nothing to a client that polls.
    Control,
}

/// Takes the first frame of the library, if it is complete. It writes each message in one.
pub(super) fn take_server_frame(written: &mut BytesMut, revision: Revision) -> Option<Written> {
    let FrameHead { size, length, .. } = FrameHead::read(written)?;
    let first = written[0];
    if written.len() < size || written.len() - size < length {
        return None;
    }
    written.advance(size);
    let mut payload = written.split_to(length).freeze();
    Some(match (first & 0x0f, revision) {
        (TEXT, _) => Written::Packet(Packet::Text(payload)),
        (BINARY, Revision::V4) => Written::Packet(Packet::Binary(payload)),
        (BINARY, Revision::V3) => {
            payload.advance(payload.len().min(1));
            Written::Packet(Packet::Binary(payload))
        }
        _ => Written::Control,
    })
}

/// What a client sends while its WebSocket is tried.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClientFrame {
    Text(Bytes),
    /// The pong that answers it, as a frame.
    Ping(Bytes),
    /// Nothing that a client sends then.
    Other,
}

/// Takes the first frame of a client, if it is complete and short, as all of those are.
pub(super) fn take_client_frame(unread: &mut BytesMut) -> Option<ClientFrame> {
    const HEAD: usize = 6;
    const PING: u8 = FINAL | 9;
    const PONG: u8 = FINAL | 10;
    let [first, second, ..] = **unread else {
        return None;
    };
    let length = second & !MASKED;
    if second & MASKED == 0 || length >= LENGTH_16 {
        return Some(ClientFrame::Other);
    }
    let end = HEAD + usize::from(length);
    if unread.len() < end {
        return None;
    }
    let frame = unread.split_to(end);
    let (mask, payload) = frame[2..].split_at(4);
    let payload = payload.iter().zip(mask.iter().cycle());
    let payload = payload.map(|(byte, mask)| byte ^ mask);
    Some(match first {
        TEXT_ALONE => ClientFrame::Text(payload.collect()),
        PING => ClientFrame::Ping([PONG, length].into_iter().chain(payload).collect()),
        _ => ClientFrame::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets() -> Vec<Packet> {
        let lengths = [0, 1, 125, 126, 65_535, 65_536, 100_000];
        let text = lengths.map(|length| Packet::Text("4".repeat(length).into()));
        let binary = lengths.map(|length| Packet::Binary(vec![7; length].into()));
        text.into_iter().chain(binary).collect()
    }

    #[test]
    fn a_frame_is_taken_when_it_is_complete() {
        for revision in [Revision::V3, Revision::V4] {
            let mut all = BytesMut::new();
            for packet in packets() {
                put_server_frame(&packet, revision, &mut all);
            }
            let mut written = BytesMut::new();
            let mut taken = Vec::new();
            for part in all.chunks(1009) {
                written.put_slice(part);
                while let Some(frame) = take_server_frame(&mut written, revision) {
                    taken.push(frame);
                }
            }
            let expected: Vec<_> = packets().into_iter().map(Written::Packet).collect();
            assert_eq!(taken, expected);
            assert!(written.is_empty());
        }
    }

    #[test]
    fn frames_of_a_client_are_read_by_the_library() {
        use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
        let packets = packets();
        let frames = packets.iter().flat_map(|it| client_frame(it, Revision::V4));
        let frames: Vec<u8> = frames.collect();
        let stream = std::io::Cursor::new(frames);
        let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
        for packet in packets {
            let message = socket.read().unwrap();
            let (Packet::Text(payload) | Packet::Binary(payload)) = &packet;
            assert_eq!(message.is_binary(), matches!(packet, Packet::Binary(_)));
            assert_eq!(message.into_data(), *payload);
        }
    }

    #[test]
    fn short_frames_of_a_client_are_taken() {
        let mut unread = BytesMut::new();
        let mask = [1, 2, 3, 4];
        for (first, payload) in [
            (0x81, &b"2probe"[..]),
            (0x89, b"x"),
            (0x81, b"5"),
            (0x88, b""),
        ] {
            unread.put_slice(&[first, 0x80 | payload.len() as u8]);
            unread.put_slice(&mask);
            let masked = payload.iter().zip(mask.iter().cycle());
            unread.extend(masked.map(|(byte, mask)| byte ^ mask));
        }
        let all = unread.split();
        let mut taken = Vec::new();
        for byte in all {
            unread.put_u8(byte);
            taken.extend(take_client_frame(&mut unread));
        }
        let expected = [
            ClientFrame::Text(Bytes::from_static(b"2probe")),
            ClientFrame::Ping(Bytes::from_static(b"\x8a\x01x")),
            ClientFrame::Text(Bytes::from_static(b"5")),
            ClientFrame::Other,
        ];
        assert_eq!(taken, expected);
        for wrong in [&b"\x81\x01"[..], b"\x81\xfe"] {
            let mut wrong = BytesMut::from(wrong);
            assert_eq!(take_client_frame(&mut wrong), Some(ClientFrame::Other));
        }
    }

    #[test]
    fn what_is_of_websocket_alone_is_no_packet() {
        let mut close = BytesMut::from(&b"\x88\x02\x03\xe8\x81\x01"[..]);
        assert_eq!(
            take_server_frame(&mut close, Revision::V4),
            Some(Written::Control)
        );
        assert_eq!(take_server_frame(&mut close, Revision::V4), None);
    }
}
