//! What the library cannot read as it comes, on a WebSocket: attachments that a client sends as text, `b` and Base64, which are
//! made bytes; and a further CONNECT, which the library ignores while it is about the one before, so it comes a little
//! later. It must look no further into a message than to its first bytes, and leaves one in several frames as it is.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::base64;
use super::entry::ENTRY_PAUSE;
use super::frame_head::{FrameHead, put_frame_head};
use super::frames::FrameScanner;
use super::read_ahead::ReadAhead;

/// The first byte of a frame that is a message of text, or of bytes.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const MASK: usize = 4;
/// What such a text begins with.
const MARK: u8 = b'b';

/// What stands between the source and the library.
#[derive(Debug, Default)]
pub(super) struct TextAttachments {
    /// Bytes of the largest that are taken; 0: none are.
    max: usize,
    /// Whether what is read next is known to follow a frame, or to be of one that is not looked at.
    is_in_step: bool,
    /// The beginning of a frame, as long as it cannot be told what that is, or of an attachment.
    held: Vec<u8>,
    /// Bytes that were taken in, and are not counted yet.
    taken: usize,
    /// What the library reads next, and how much of it is read.
    next: Vec<u8>,
    read: usize,
    /// The client has entered the namespace, or tried to.
    has_entered: bool,
    /// What is held first is a further try, whose time has not come.
    waits: Option<Pin<Box<Sleep>>>,
}

/// A frame, as far as its beginning tells.
enum Frame {
    /// Not enough of it is there.
    Unknown,
    /// An attachment as text: where its text is, without the mark.
    Attachment(Range<usize>),
    /// CONNECT, of so many bytes.
    Entry(usize),
    /// Anything else of so many bytes.
    Other(usize),
}

impl TextAttachments {
    /// They are made bytes from the next frame on, if they have no more than so many.
    pub(super) fn begin(&mut self, max: u64) {
        self.max = usize::try_from(max).unwrap_or(usize::MAX);
    }

    /// Reads as [`ReadAhead`] does. `frames` has seen all that was read before.
    pub(super) fn poll_read<R: AsyncRead + Unpin>(
        &mut self,
        (source, ahead): (&mut R, &mut ReadAhead),
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        max: usize,
        frames: &FrameScanner,
    ) -> Poll<io::Result<()>> {
        self.is_in_step |= self.max > 0 && frames.between_frames();
        if !self.is_in_step {
            return ahead.poll_read(source, cx, buf, max);
        }
        let before = buf.filled().len();
        loop {
            if self.read < self.next.len() {
                self.give(buf, max);
                return Poll::Ready(Ok(()));
            }
            if let Some(waits) = &mut self.waits {
                ready!(waits.as_mut().poll(cx));
                (self.waits, self.has_entered) = (None, false);
                self.take(&[], 0);
                continue;
            }
            ready!(ahead.poll_read(source, cx, buf, max))?;
            let read = &buf.filled()[before..];
            let begun = frames.left_in_frame().unwrap_or(0);
            let begun = usize::try_from(begun).unwrap_or(usize::MAX);
            if read.is_empty() || self.held.is_empty() && self.is_passed(read, begun) {
                return Poll::Ready(Ok(()));
            }
            self.taken += read.len();
            self.take(read, begun.min(read.len()));
            buf.set_filled(before);
        }
    }

    /// How many bytes were taken in since the last time, which the library does not read yet.
    pub(super) fn take_taken(&mut self) -> usize {
        std::mem::take(&mut self.taken)
    }

    /// Bytes of what has arrived and is not complete.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    fn give(&mut self, buf: &mut ReadBuf<'_>, max: usize) {
        let next = &self.next[self.read..];
        let next = &next[..next.len().min(max).min(buf.remaining())];
        buf.put_slice(next);
        self.read += next.len();
        if self.read == self.next.len() {
            (self.next, self.read) = (Vec::new(), 0);
        }
    }

    /// Whether the library may read these bytes as they are, of which so many are of a frame that has begun.
    fn is_passed(&mut self, bytes: &[u8], begun: usize) -> bool {
        let (mut at, mut has_entered) = (begun, self.has_entered);
        while at < bytes.len() {
            match self.frame(&bytes[at..]) {
                Frame::Other(size) => at = at.saturating_add(size),
                Frame::Entry(size) if !has_entered => {
                    has_entered = true;
                    at = at.saturating_add(size);
                }
                Frame::Unknown | Frame::Attachment(_) | Frame::Entry(_) => return false,
            }
        }
        self.has_entered = has_entered;
        true
    }

    /// Takes such bytes in. The library reads next what of them is complete.
    fn take(&mut self, bytes: &[u8], begun: usize) {
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        let mut at = begun;
        self.next.extend_from_slice(&held[..at]);
        while at < held.len() {
            let frame = &held[at..];
            let found = self.frame(frame);
            at += match found {
                Frame::Entry(_) if self.has_entered => {
                    self.waits = Some(Box::pin(sleep(ENTRY_PAUSE)));
                    break;
                }
                Frame::Other(size) | Frame::Entry(size) => {
                    self.has_entered |= matches!(found, Frame::Entry(_));
                    let there = size.min(frame.len());
                    self.next.extend_from_slice(&frame[..there]);
                    there
                }
                Frame::Attachment(text) if text.end <= frame.len() => {
                    self.put_bytes(&frame[..text.end], text.start);
                    text.end
                }
                Frame::Unknown | Frame::Attachment(_) => break,
            };
        }
        held.drain(..at);
        self.held = held;
    }

    /// What the frame is that these bytes begin.
    fn frame(&self, bytes: &[u8]) -> Frame {
        let Some(head) = FrameHead::read(bytes) else {
            return Frame::Unknown;
        };
        let size = head.length.saturating_add(head.size);
        if bytes[0] != TEXT || !head.is_masked || head.length == 0 || size > self.max {
            return Frame::Other(size);
        }
        let plain = |at: usize| Some(bytes.get(head.size + at)? ^ bytes[head.size - MASK + at]);
        match (plain(0), plain(1)) {
            (None, _) => Frame::Unknown,
            (Some(MARK), _) => Frame::Attachment(head.size + 1..size),
            (Some(b'4'), None) if head.length > 1 => Frame::Unknown,
            (Some(b'4'), Some(b'0')) if head.length > 1 => Frame::Entry(size),
            _ => Frame::Other(size),
        }
    }

    /// The library reads this frame as bytes, whose text begins there.
    fn put_bytes(&mut self, frame: &[u8], text: usize) {
        let mask = &frame[text - 1 - MASK..text - 1];
        let masks = mask.iter().cycle().skip(1);
        let text: Vec<u8> = frame[text..]
            .iter()
            .zip(masks)
            .map(|(a, b)| a ^ b)
            .collect();
        let bytes = base64::decoded(&text);
        put_frame_head(&mut self.next, BINARY, true, bytes.len());
        self.next.extend_from_slice(&bytes);
    }
}

#[cfg(test)]
mod tests;
