//! What is read of a WebSocket, below the library: events are taken out of it, whole, and the library reads what is left,
//! with messages that come in several frames put together. An event is only taken when the library has read all that came
//! before, so that the order stays. It must look no further into a message than to its first bytes.

mod fragments;
mod front;
mod mask;
mod spare;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Sleep, sleep};
use tokio_util::io::poll_read_buf;

use self::fragments::Fragments;
use self::front::{Frame, mask_of};
use self::mask::unmasked;
use super::base64;
use super::entry::ENTRY_PAUSE;
use super::frame_head::FrameHead;
use super::frames::is_relayed_packet;

const FINAL: u8 = 0x80;
const OPCODE: u8 = 0x0f;
const BINARY: u8 = 2;
/// What the text of an attachment begins with.
const MARK: u8 = b'b';

/// The frames of a client.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// Bytes of the largest frame that is looked at; 0: none is, so that all is passed.
    max: usize,
    /// What is read of the connection, from there on not taken and not passed.
    held: Vec<u8>,
    at: usize,
    /// How many of the bytes that come next are of a frame that is passed.
    passing: usize,
    fragments: Option<Fragments>,
    /// The client has entered the namespace, or tried to.
    has_entered: bool,
    /// What is held first is a further try, whose time has not come.
    waits: Option<Pin<Box<Sleep>>>,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The library reads what is held, or the first of it.
    Pass,
    /// A packet of an event or of an answer.
    Text(String),
    /// An attachment.
    Attachment(Bytes),
    /// A part of a message, of so many bytes, which is kept until the last of them is there.
    Part(usize),
    /// More has to be read to tell.
    More,
    /// What no client may send here.
    Wrong,
}

impl Incoming {
    /// Frames are looked at from now on, up to so many bytes.
    pub(super) fn begin(&mut self, max: u64) {
        self.max = usize::try_from(max).unwrap_or(usize::MAX);
    }

    /// Whether frames are looked at.
    pub(super) fn has_begun(&self) -> bool {
        self.max > 0
    }

    /// These bytes come before what the source has.
    pub(super) fn unread(&mut self, bytes: &[u8]) {
        debug_assert!(self.held.is_empty());
        self.held.extend_from_slice(bytes);
    }

    /// Reads what is held, or what the source has, as it is: at most so many bytes.
    pub(super) fn poll_read_as_it_is<R: AsyncRead + Unpin>(
        &mut self,
        source: &mut R,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        max: usize,
    ) -> Poll<io::Result<()>> {
        if self.at < self.held.len() {
            self.give(buf, max);
            self.settle();
            return Poll::Ready(Ok(()));
        }
        if max >= buf.remaining() {
            return Pin::new(source).poll_read(cx, buf);
        }
        let mut first = ReadBuf::new(buf.initialize_unfilled_to(max));
        ready!(Pin::new(source).poll_read(cx, &mut first))?;
        let read = first.filled().len();
        buf.advance(read);
        Poll::Ready(Ok(()))
    }

    /// Reads more of the source; how much. Zero: it has ended.
    pub(super) fn poll_more<R: AsyncRead + Unpin>(
        &mut self,
        source: &mut R,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.make_room();
        poll_read_buf(Pin::new(source), cx, &mut self.held)
    }

    /// What comes next. Events are only taken if somebody `takes` them.
    pub(super) fn next(&mut self, cx: &mut Context<'_>, takes: bool) -> Poll<Next> {
        if let Some(waits) = &mut self.waits {
            ready!(waits.as_mut().poll(cx));
            (self.waits, self.has_entered) = (None, false);
        }
        if self.at == self.held.len() {
            return Poll::Ready(Next::More);
        }
        if self.passing > 0 {
            return Poll::Ready(Next::Pass);
        }
        Poll::Ready(match self.frame(takes) {
            Frame::Unknown => Next::More,
            Frame::Wrong => Next::Wrong,
            Frame::Entry if self.has_entered => {
                self.waits = Some(Box::pin(sleep(ENTRY_PAUSE)));
                return self.next(cx, takes);
            }
            frame @ (Frame::Passed | Frame::Entry) => {
                self.has_entered |= matches!(frame, Frame::Entry);
                self.passing = self.size();
                Next::Pass
            }
            Frame::Part => self.take_part(takes),
            Frame::Taken => self.take_frame(),
        })
    }

    /// Gives the library what of the frame that is passed is held, at most so many bytes.
    pub(super) fn pass(&mut self, buf: &mut ReadBuf<'_>, max: usize) {
        self.passing -= self.give(buf, max.min(self.passing));
    }

    /// Nothing more is done for now: what is held is kept in no more room than it needs.
    pub(super) fn settle(&mut self) {
        if self.at == self.held.len() {
            spare::give_back(std::mem::take(&mut self.held));
            self.at = 0;
        } else if spare::is_one(&self.held) {
            let left = &self.held[self.at..];
            let mut kept = Vec::with_capacity(left.len());
            kept.extend_from_slice(left);
            spare::give_back(std::mem::replace(&mut self.held, kept));
            self.at = 0;
        }
    }

    /// Bytes of what has arrived and is not complete, or not looked at.
    pub(super) fn unfinished(&self) -> usize {
        let parts = self.fragments.as_ref().map_or(0, Fragments::bytes);
        self.held.len() - self.at + parts
    }

    /// How many bytes are missing of a frame that is kept until it is complete.
    pub(super) fn missing(&self) -> usize {
        match self.passing {
            0 if self.at < self.held.len() && self.has_begun() => {
                let held = self.held.len() - self.at;
                self.size().saturating_sub(held)
            }
            _ => 0,
        }
    }

    fn give(&mut self, buf: &mut ReadBuf<'_>, max: usize) -> usize {
        let left = &self.held[self.at..];
        let given = left.len().min(max).min(buf.remaining());
        buf.put_slice(&left[..given]);
        self.at += given;
        given
    }

    /// Makes room for the rest of the frame in front, if it is large, or for whatever comes.
    fn make_room(&mut self) {
        let size = if self.passing > 0 { 0 } else { self.size() };
        let is_large = size > spare::BYTES && size <= self.max.saturating_add(FrameHead::LONGEST);
        self.held.drain(..std::mem::take(&mut self.at));
        let fits = match is_large {
            true => self.held.capacity() >= size,
            false => spare::is_one(&self.held),
        };
        if fits {
            return;
        }
        let mut room = match is_large {
            true => Vec::with_capacity(size),
            false => spare::take(),
        };
        room.append(&mut self.held);
        spare::give_back(std::mem::replace(&mut self.held, room));
    }

    /// Bytes of the frame in front with its head; 0: that is not known.
    fn size(&self) -> usize {
        let head = FrameHead::read(&self.held[self.at..]);
        head.map_or(0, |head| head.size.saturating_add(head.length))
    }

    /// Takes the frame in front, which is whole and one message.
    fn take_frame(&mut self) -> Next {
        let (opcode, payload) = self.take_payload();
        taken(opcode, payload)
    }

    /// Takes the part of a message in front, which is whole, and the message if it is the last.
    fn take_part(&mut self, takes: bool) -> Next {
        let is_final = self.held[self.at] & FINAL != 0;
        let (opcode, payload) = self.take_payload();
        let bytes = payload.len();
        let fragments = self.fragments.get_or_insert_with(|| Fragments::of(opcode));
        fragments.put(&payload);
        let is_too_large = fragments.bytes() > self.max;
        if !is_final && !is_too_large {
            return Next::Part(bytes);
        }
        let Some(Fragments { opcode, payload }) = self.fragments.take() else {
            return Next::Wrong;
        };
        let is_taken = takes && (opcode == BINARY || is_relayed_packet(&payload));
        if is_taken && !is_too_large {
            return taken(opcode, payload);
        }
        // As if it had come in one frame. One that is too large is refused by its head.
        let mut frame = fragments::one_frame(opcode, &payload);
        frame.extend_from_slice(&self.held[self.at..]);
        spare::give_back(std::mem::replace(&mut self.held, frame));
        self.at = 0;
        Next::Part(bytes)
    }

    /// The opcode and the payload of the frame in front, which is whole.
    fn take_payload(&mut self) -> (u8, Vec<u8>) {
        let frame = &self.held[self.at..];
        let opcode = frame[0] & OPCODE;
        // It was read before.
        let Some(head) = FrameHead::read(frame) else {
            return (opcode, Vec::new());
        };
        let end = head.size + head.length;
        let payload = unmasked(&frame[head.size..end], mask_of(frame, head));
        self.at += end;
        (opcode, payload)
    }
}

/// What a whole message is that is taken.
fn taken(opcode: u8, payload: Vec<u8>) -> Next {
    if opcode == BINARY {
        return Next::Attachment(payload.into());
    }
    match &payload[..] {
        [MARK, text @ ..] => Next::Attachment(base64::decoded(text).into()),
        _ => String::from_utf8(payload).map_or(Next::Wrong, Next::Text),
    }
}

#[cfg(test)]
mod tests;
