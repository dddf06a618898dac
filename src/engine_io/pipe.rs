//! What passes between the library and a client that polls: frames that the client's packets became, and packets that the
//! library's frames became. It must not wait, nor know a request.

use std::collections::VecDeque;

use axum::body::Bytes;
use bytes::{BufMut as _, BytesMut};
use tokio::io::ReadBuf;

use super::packet::{self, Packet, Written, client_frame, take_server_frame};
use super::refusal;
use super::revision::Revision;
use crate::payload::SocketPacket;
use crate::transport::GuardedStream;

/// Bytes that wait for the client, from which on the library writes no more.
const MAX_WAITING: usize = 256 * 1024;
/// How many packets one poll is answered with: clients in Python take no more.
const MAX_PACKETS: usize = 16;

/// What the session is carried by.
#[derive(Debug)]
pub(super) enum Stage {
    /// Requests of the client.
    Polling,
    /// A WebSocket that was chosen: what waits for the client is written to it first.
    Upgrading,
    /// That WebSocket, until the library's side has it.
    Upgraded(Option<Box<Upgraded>>),
    /// Nothing any more.
    Ended,
}

/// A WebSocket that carries a session which began by polling.
#[derive(Debug)]
pub(super) struct Upgraded {
    pub(super) stream: GuardedStream,
    /// What the library reads before what the stream has.
    pub(super) unread: Bytes,
}

/// Both directions of one session.
#[derive(Debug)]
pub(super) struct Pipe {
    revision: Revision,
    pub(super) stage: Stage,
    /// A WebSocket is tried.
    pub(super) is_tried: bool,
    /// What the library is in the middle of reading.
    reading: Bytes,
    /// Heartbeats, which pass what waits.
    heartbeats: VecDeque<Bytes>,
    frames: VecDeque<Bytes>,
    /// A frame that the library is in the middle of writing.
    written: BytesMut,
    packets: VecDeque<Packet>,
    waiting: usize,
    /// The relay writes no more packets.
    pub(super) packets_ended: bool,
    /// The library has asked for a sign of life.
    ping_is_open: bool,
    /// The client waits until it is read, and can give no sign meanwhile.
    client_waits: bool,
}

impl Pipe {
    /// Of a session that begins.
    pub(super) fn new(revision: Revision) -> Self {
        Self {
            revision,
            stage: Stage::Polling,
            is_tried: false,
            reading: Bytes::new(),
            heartbeats: VecDeque::new(),
            frames: VecDeque::new(),
            written: BytesMut::new(),
            packets: VecDeque::new(),
            waiting: 0,
            packets_ended: false,
            ping_is_open: false,
            client_waits: false,
        }
    }

    /// Whether the client's packets are not taken any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Upgraded(_) | Stage::Ended)
    }

    // From the client.

    /// The library reads this packet behind those before it.
    pub(super) fn push(&mut self, packet: &Packet) {
        self.frames.push_back(client_frame(packet, self.revision));
    }

    /// The client has given a sign of life.
    pub(super) fn push_heartbeat(&mut self, packet: &Packet) {
        self.ping_is_open = false;
        self.heartbeats
            .push_back(client_frame(packet, self.revision));
    }

    /// Whether the client waits until it is read. It is taken to be alive then.
    pub(super) fn set_client_waits(&mut self, waits: bool) {
        self.client_waits = waits;
        if waits && self.ping_is_open {
            self.answer_ping();
        }
    }

    fn answer_ping(&mut self) {
        self.push_heartbeat(&Packet::Text(Bytes::from_static(&[packet::PONG])));
    }

    /// Whether all that came from the client is read.
    pub(super) fn is_read(&self) -> bool {
        self.reading.is_empty() && self.frames.is_empty() && self.heartbeats.is_empty()
    }

    /// Gives the library what it may read; whether there was anything.
    pub(super) fn read(&mut self, buf: &mut ReadBuf<'_>, may_read: bool) -> bool {
        let before = buf.filled().len();
        while buf.remaining() > 0 {
            if self.reading.is_empty() {
                let next = match self.heartbeats.pop_front() {
                    None if may_read => self.frames.pop_front(),
                    heartbeat => heartbeat,
                };
                let Some(next) = next else { break };
                self.reading = next;
            }
            let length = self.reading.len().min(buf.remaining());
            buf.put_slice(&self.reading.split_to(length));
        }
        buf.filled().len() > before
    }

    // To the client.

    /// Whether the library is to write no more.
    pub(super) fn is_full(&self) -> bool {
        self.waiting >= MAX_WAITING
    }

    /// The relay writes a packet behind what the library has written. `false`: it is not taken any more.
    pub(super) fn put_packet(&mut self, packet: &SocketPacket) -> bool {
        let is_taken = !self.packets_ended && !matches!(self.stage, Stage::Ended);
        if is_taken {
            self.put_all(packet);
        }
        is_taken
    }

    /// The same of a packet that can be done without, whether or not others are taken. `false`: too much waits.
    pub(super) fn offer(&mut self, packet: &SocketPacket) -> bool {
        let is_taken = !self.is_full() && !matches!(self.stage, Stage::Ended);
        if is_taken {
            self.put_all(packet);
        }
        is_taken
    }

    fn put_all(&mut self, packet: &SocketPacket) {
        self.put(Packet::Text(packet.kept_text()));
        for attachment in packet.attachments() {
            self.put(Packet::Binary(attachment.clone()));
        }
    }

    /// The library writes these bytes of its frames.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.written.put_slice(bytes);
        while let Some(written) = take_server_frame(&mut self.written, self.revision) {
            if let Written::Packet(packet) = written {
                self.take_written(packet);
            }
        }
        if self.written.is_empty() {
            self.written = BytesMut::new();
        }
    }

    fn put(&mut self, packet: Packet) {
        self.waiting += packet.len();
        self.packets.push_back(packet);
    }

    fn take_written(&mut self, packet: Packet) {
        match packet.kind() {
            // The session has an id of its own; and what ends it is said by no packet, which clients would take for a wish
            // that they stay away.
            Some(packet::OPEN | packet::CLOSE) => {}
            // The relay says it itself, before all else.
            _ if packet.connects() => {}
            kind => {
                if kind == Some(packet::PING) {
                    self.ping_is_open = true;
                    if self.client_waits {
                        self.answer_ping();
                    }
                }
                let packet = match self.revision {
                    Revision::V3 => refusal::of_v3(packet),
                    Revision::V4 => packet,
                };
                self.put(packet);
            }
        }
    }

    /// What one poll is answered with. None: nothing waits.
    pub(super) fn take(&mut self) -> Vec<Packet> {
        let (mut count, mut bytes) = (0, 0);
        for packet in self.packets.iter().take(MAX_PACKETS) {
            bytes += packet.len();
            if count > 0 && bytes > MAX_WAITING {
                break;
            }
            count += 1;
        }
        let taken: Vec<_> = self.packets.drain(..count).collect();
        self.waiting -= taken.iter().map(Packet::len).sum::<usize>();
        taken
    }

    /// Whether the library has written nothing that is not taken.
    pub(super) fn is_taken(&self) -> bool {
        self.packets.is_empty() && self.written.is_empty()
    }

    // Its end as a pipe.

    /// Another carries the session from now on: what is left for the library to read.
    pub(super) fn left_to_read(&mut self) -> BytesMut {
        let mut left = BytesMut::from(&std::mem::take(&mut self.reading)[..]);
        for frame in self.heartbeats.drain(..).chain(self.frames.drain(..)) {
            left.put_slice(&frame);
        }
        left
    }

    /// Nothing more passes, but what waits for the client.
    pub(super) fn end(&mut self) {
        self.stage = Stage::Ended;
        self.reading = Bytes::new();
        self.heartbeats.clear();
        self.frames.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::packet::put_server_frame;
    use super::*;

    fn text(text: &'static str) -> Packet {
        Packet::Text(Bytes::from_static(text.as_bytes()))
    }

    fn written(pipe: &mut Pipe, packet: &Packet) {
        let mut frame = BytesMut::new();
        put_server_frame(packet, Revision::V4, &mut frame);
        for byte in frame.chunks(1) {
            pipe.write(byte);
        }
    }

    /// What the library reads at once, as far as it may.
    fn read(pipe: &mut Pipe, may_read: bool) -> Vec<u8> {
        let mut space = [0; 100];
        let mut buf = ReadBuf::new(&mut space);
        pipe.read(&mut buf, may_read);
        buf.filled().to_vec()
    }

    fn frame(packet: &Packet) -> Vec<u8> {
        client_frame(packet, Revision::V4).to_vec()
    }

    #[test]
    fn nothing_is_said_of_opening_entering_and_closing() {
        let mut pipe = Pipe::new(Revision::V4);
        for packet in [text("0{}"), text("40"), text("2"), text("1")] {
            written(&mut pipe, &packet);
        }
        assert_eq!(pipe.take(), [text("2")]);
        assert!(pipe.is_taken() && pipe.is_read());
    }

    #[test]
    fn a_client_that_waits_is_taken_to_be_alive() {
        let mut pipe = Pipe::new(Revision::V4);
        written(&mut pipe, &text("2"));
        assert!(read(&mut pipe, false).is_empty());
        pipe.push(&text("42[]"));
        pipe.set_client_waits(true);
        assert_eq!(read(&mut pipe, false), frame(&text("3")));
        written(&mut pipe, &text("2"));
        assert_eq!(read(&mut pipe, false), frame(&text("3")));
        pipe.set_client_waits(false);
        assert_eq!(read(&mut pipe, true), frame(&text("42[]")));
        written(&mut pipe, &text("2"));
        assert!(read(&mut pipe, true).is_empty());
        assert_eq!(pipe.take(), [text("2"), text("2"), text("2")]);
    }

    #[test]
    fn an_answer_has_so_many_packets_and_bytes() {
        let mut pipe = Pipe::new(Revision::V4);
        for _ in 0..20 {
            written(&mut pipe, &text("42[]"));
        }
        assert_eq!((pipe.take().len(), pipe.take().len()), (16, 4));
        let large = Packet::Binary(vec![0; MAX_WAITING + 1].into());
        for _ in 0..2 {
            let mut frame = BytesMut::new();
            put_server_frame(&large, Revision::V4, &mut frame);
            pipe.write(&frame);
        }
        assert!(pipe.is_full());
        assert_eq!((pipe.take().len(), pipe.take().len()), (1, 1));
        assert!(!pipe.is_full() && pipe.is_taken());
    }

    #[test]
    fn a_frame_is_read_whole_and_what_is_left_can_be_taken_along() {
        let mut pipe = Pipe::new(Revision::V4);
        pipe.push(&text("42[\"a\"]"));
        pipe.push(&text("42[\"b\"]"));
        let mut space = [0; 5];
        assert!(pipe.read(&mut ReadBuf::new(&mut space), true));
        // It is in the middle of the first one.
        let rest = read(&mut pipe, false);
        assert_eq!([&space[..], &rest].concat(), frame(&text("42[\"a\"]")));
        assert!(read(&mut pipe, false).is_empty());
        assert_eq!(&pipe.left_to_read()[..], frame(&text("42[\"b\"]")));
    }
}
