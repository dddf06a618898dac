//! What was handed to a WebSocket and is not written yet, in the order in which it is written. It must not decide when that
//! is.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use smallvec::{SmallVec, smallvec};

use super::before_write::BeforeWrite;
use super::endings::Endings;
use super::flusher::Shard;
use super::frame_head::put_frame_head;
use super::frames::{FrameScanner, Sender};
use super::wire::{Then, Writing};
use crate::payload::SocketPacket;

const FINAL_TEXT: u8 = 0x81;
const FINAL_BINARY: u8 = 0x82;
/// From so many bytes on, what is handed over is not copied.
const LARGE: usize = 16 * 1024;
/// Parts that are written by one system call.
const PARTS: usize = 16;
/// Bytes of the longest head of a frame.
const MAX_HEAD: usize = 10;
/// The least that is allocated.
const SMALLEST: usize = 512;

/// The outbound side of a link.
#[derive(Debug)]
pub(super) struct Output {
    /// Where it is written, as long as the connection is open.
    pub(super) sink: Option<Arc<Sink>>,
    /// What waits.
    pub(super) waiting: Chunks,
    pub(super) state: State,
    /// Packets are not taken any more: DISCONNECT follows.
    pub(super) packets_ended: bool,
    /// The library waits until all is written.
    pub(super) is_awaited: bool,
    /// What comes when all is written.
    pub(super) then: Then,
    /// What is written.
    pub(super) written: FrameScanner,
}

/// What becomes of what waits.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing waits.
    #[default]
    Idle,
    /// It will be written soon.
    Due,
    /// It is being written, and so is what comes meanwhile.
    Writing,
    /// The client takes nothing now.
    Blocked,
    /// It could not be written, and nothing can.
    Failed,
}

/// Where a link is written, by whom, and what has to be done before.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) tcp: Writing,
    pub(super) shard: Arc<Shard>,
    /// When its end may begin.
    pub(super) endings: Arc<Endings>,
    pub(super) before_write: BeforeWrite,
}

impl Sink {
    /// Writes bytes that are no frames.
    pub(super) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_parts(cx, &[IoSlice::new(bytes)])
    }

    /// The same, of several parts.
    pub(super) fn poll_write_parts(
        &self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.tcp.poll_write_ready(cx))?;
            match self.tcp.try_write_parts(parts, Then::Any) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

impl Output {
    /// Of a link that is no WebSocket yet.
    pub(super) fn new() -> Self {
        Self {
            sink: None,
            waiting: Chunks::default(),
            state: State::default(),
            packets_ended: false,
            is_awaited: false,
            then: Then::Any,
            written: FrameScanner::new(Sender::Server),
        }
    }

    /// Nothing is written any more, and what waits is lost.
    pub(super) fn fail(&mut self) {
        self.sink = None;
        self.waiting = Chunks::default();
        self.state = State::Failed;
    }

    /// Appends the frames of a packet.
    pub(super) fn put_packet(&mut self, packet: &SocketPacket) {
        let text = packet.text();
        self.waiting
            .put_frame(FINAL_TEXT, text, || packet.kept_text());
        for attachment in packet.attachments() {
            let kept = || attachment.clone();
            self.waiting.put_frame(FINAL_BINARY, attachment, kept);
        }
    }
}

/// Bytes in parts.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    parts: VecDeque<Bytes>,
    /// Behind the parts.
    tail: Vec<u8>,
    /// Bytes of all.
    len: usize,
}

impl Chunks {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Appends bytes.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.tail.extend_from_slice(bytes);
        self.len += bytes.len();
    }

    fn make_room(&mut self, bytes: usize) {
        if self.tail.capacity() == 0 {
            self.tail = Vec::with_capacity(bytes.max(SMALLEST));
        }
    }

    /// Appends a frame. A large payload is not copied, but kept.
    fn put_frame(&mut self, first: u8, payload: &[u8], kept: impl FnOnce() -> Bytes) {
        let before = self.tail.len();
        self.make_room(MAX_HEAD + payload.len().min(LARGE));
        put_frame_head(&mut self.tail, first, false, payload.len());
        self.len += self.tail.len() - before;
        if payload.len() < LARGE {
            self.put(payload);
        } else {
            self.end_tail();
            self.parts.push_back(kept());
            self.len += payload.len();
        }
    }

    fn end_tail(&mut self) {
        if !self.tail.is_empty() {
            let tail = std::mem::take(&mut self.tail);
            self.parts.push_back(tail.into());
        }
    }

    /// The first parts of it, for one system call.
    pub(super) fn slices(&self) -> SmallVec<[IoSlice<'_>; PARTS]> {
        // Mostly.
        if self.parts.is_empty() && !self.tail.is_empty() {
            return smallvec![IoSlice::new(&self.tail)];
        }
        let parts = self.parts.iter().map(|part| &part[..]);
        let all = parts.chain([&self.tail[..]]);
        let all = all.filter(|part| !part.is_empty());
        all.take(PARTS).map(IoSlice::new).collect()
    }

    /// So many bytes of the beginning are written. Each part of them is passed to `see` first.
    pub(super) fn advance(&mut self, mut bytes: usize, mut see: impl FnMut(&[u8])) {
        self.len -= bytes;
        while bytes > 0
            && let Some(first) = self.parts.front_mut()
        {
            let count = bytes.min(first.len());
            see(&first[..count]);
            first.advance(count);
            bytes -= count;
            if first.is_empty() {
                self.parts.pop_front();
            }
        }
        if bytes > 0 {
            see(&self.tail[..bytes]);
            let tail = std::mem::take(&mut self.tail);
            if bytes < tail.len() {
                self.parts.push_back(Bytes::from(tail).split_off(bytes));
            }
        }
    }

    /// Appends what came later.
    pub(super) fn append(&mut self, mut later: Self) {
        if self.is_empty() {
            *self = later;
            return;
        }
        self.end_tail();
        self.parts.append(&mut later.parts);
        self.tail = later.tail;
        self.len += later.len;
    }
}

#[cfg(test)]
mod tests;
