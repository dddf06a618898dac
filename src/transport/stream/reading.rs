//! What is read of the stream: at most what its link allows, with injected frames between messages. It must not hold a lock
//! while it waits.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, Interest, ReadBuf};

use super::{GuardedStream, Outgoing};
use crate::model::DisconnectReason;
use crate::transport::carrier::Carrier as _;
use crate::transport::entry::Entry;
use crate::transport::frames::FrameScanner;
use crate::transport::link::{INJECT_CLOSE, INJECT_PONG, Link};

/// A masked WebSocket text frame with one byte, under an all-zero mask.
const fn client_frame(packet: u8) -> [u8; 7] {
    [0x81, 0x81, 0, 0, 0, 0, packet]
}
/// The Engine.IO packets `pong` and `close`.
const PONG: [u8; 7] = client_frame(b'3');
const CLOSE: [u8; 7] = client_frame(b'1');
/// An empty WebSocket ping from the server, which every client answers by itself, without a word to the library.
const PING: [u8; 2] = [0x89, 0];

impl GuardedStream {
    /// Hands pending injected frames to the reader. `false`: there were none, or they do not fit here.
    fn inject(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        if !self.incoming.between_messages() || buf.remaining() < PONG.len() + CLOSE.len() {
            return false;
        }
        let frames = self.link.take_injected();
        if frames & INJECT_PONG != 0 {
            buf.put_slice(&PONG);
        }
        if frames & INJECT_CLOSE != 0 {
            buf.put_slice(&CLOSE);
        }
        frames != 0
    }

    /// Asks the client for a sign of life.
    fn ask(&self) {
        if matches!(self.outgoing, Outgoing::Frames) {
            // Who takes nothing now is asked again.
            let _ = self.link.put_frames(&PING);
        }
    }

    /// The number of bytes that may be read now. While reading is paused or a frame is to be injected,
    /// reading stops at the end of the current frame. `None`: no bound.
    fn read_bound(&self, paused: bool) -> Option<u64> {
        if paused || self.link.injected() != 0 {
            self.incoming.left_in_frame().or(paused.then_some(0))
        } else {
            None
        }
    }

    fn read_some(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        bound: Option<u64>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let max = bound.map_or(usize::MAX, |bound| {
            usize::try_from(bound).unwrap_or(usize::MAX)
        });
        let source = (&mut self.tcp, &mut self.ahead);
        let polled = self
            .attachments
            .poll_read(source, cx, buf, max, &self.incoming);
        self.note_taken();
        ready!(polled)?;
        let read = &buf.filled()[before..];
        self.client_ended = read.is_empty();
        self.link.was_read(read.len());
        if self.link.is_upgraded() {
            let entry = &mut self.entry;
            Self::note_read(&mut self.incoming, entry, &self.link, read);
            let left = self.incoming.left_in_frame().unwrap_or(0);
            self.unsaid.note_too_large(left > self.link.max_frame());
        }
        Poll::Ready(Ok(()))
    }

    /// Counts what has come of attachments that are not complete.
    fn note_taken(&mut self) {
        let taken = self.attachments.take_taken();
        if taken == 0 {
            return;
        }
        self.link.was_read(taken);
        if let Some(flow) = self.link.flow() {
            flow.heard();
            flow.expect(self.attachments.held() as u64);
        }
    }

    /// Notes whether the client has closed its side, behind what it sent and is not read now.
    fn look_for_end(&self, cx: &mut Context<'_>) {
        let ready = std::pin::pin!(self.tcp.as_ref().ready(Interest::READABLE));
        if let Poll::Ready(Ok(ready)) = ready.poll(cx)
            && ready.is_read_closed()
            && let Some(flow) = self.link.flow()
        {
            flow.client_is_gone();
        }
    }

    /// Counts what was read as part of an event that is not complete, unless one ends in it.
    fn note_read(incoming: &mut FrameScanner, entry: &mut Entry, link: &Link, bytes: &[u8]) {
        let (mut completed_at, mut largest, mut controls) = (None, 0, 0);
        let mut may_go_on = true;
        let flow = link.flow();
        incoming.advance(bytes, |frame, end, ends_message| {
            largest = largest.max(frame.len);
            controls += u32::from(frame.is_control());
            may_go_on &= entry.allows(frame.text(), flow.map(|flow| &**flow));
            if ends_message && frame.completes_event() {
                completed_at = Some(end);
            }
        });
        if controls > 0 {
            link.controls_were_read(controls);
        }
        if !may_go_on {
            link.close(DisconnectReason::ProtocolError);
        }
        let Some(flow) = flow else { return };
        flow.heard();
        match completed_at {
            Some(end) => flow.arriving(bytes.len() - end),
            None => flow.arrived(bytes.len()),
        }
        flow.keep_read_buffer(largest);
        // The library makes room for a frame as soon as it knows its size.
        flow.expect(incoming.left_in_frame().unwrap_or(0));
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Registered before the state is read, so that no change in between is missed.
        this.link.register_reader(cx);
        if let Some(error) = this.link.failure() {
            return Poll::Ready(Err(error));
        }
        if this.link.takes_ask() {
            this.ask();
        }
        if this.link.injected() != 0 && this.link.is_upgraded() && this.inject(buf) {
            return Poll::Ready(Ok(()));
        }
        let flow = this.link.flow();
        let stopped = flow.is_some_and(|flow| flow.reading_stopped());
        let paused = flow.is_some_and(|flow| flow.reading_paused());
        let bound = this.read_bound(paused);
        let polled = match stopped || bound == Some(0) {
            true => {
                this.look_for_end(cx);
                Poll::Pending
            }
            false => this.read_some(cx, buf, bound),
        };
        if polled.is_pending()
            && let Some(flow) = this.link.flow()
        {
            flow.nothing_is_left();
        }
        polled
    }
}
