//! What is read of the stream: at most what its link allows. Events go to their receiver, and the rest to the library, with
//! injected frames between messages. It must not hold a lock while it waits.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, Interest, ReadBuf};

use super::{GuardedStream, Outgoing};
use crate::model::DisconnectReason;
use crate::transport::carrier::Carrier as _;
use crate::transport::flusher;
use crate::transport::frames::MIN_PART;
use crate::transport::incoming::Next;
use crate::transport::link::{INJECT_CLOSE, INJECT_PONG};
use crate::transport::watch::Watchable as _;

/// A masked WebSocket text frame with one byte, under an all-zero mask.
const fn client_frame(packet: u8) -> [u8; 7] {
    [0x81, 0x81, 0, 0, 0, 0, packet]
}
/// The Engine.IO packets `pong` and `close`.
const PONG: [u8; 7] = client_frame(b'3');
const CLOSE: [u8; 7] = client_frame(b'1');
/// After how many packets that came together what they had written is not held back any longer.
const WRITTEN_TOGETHER: usize = 32;
/// An empty WebSocket ping from the server, which every client answers by itself, without a word to the library.
const PING: [u8; 2] = [0x89, 0];

impl GuardedStream {
    /// Hands pending injected frames to the reader. `false`: there were none, or they do not fit here.
    fn inject(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        if !self.passed.between_messages() || buf.remaining() < PONG.len() + CLOSE.len() {
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

    /// The number of bytes that the library may read now. While reading is paused or a frame is to be injected,
    /// it stops at the end of the current frame. `None`: no bound.
    fn read_bound(&self) -> Option<u64> {
        let flow = self.link.flow();
        if flow.is_some_and(|flow| flow.reading_stopped()) {
            return Some(0);
        }
        let paused = flow.is_some_and(|flow| flow.reading_paused());
        if paused || self.link.injected() != 0 {
            self.passed.left_in_frame().or(paused.then_some(0))
        } else {
            None
        }
    }

    /// Reads what is no frame, or of which another looks at the frames.
    fn read_as_it_is(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let max = match self.read_bound() {
            Some(0) => return self.wait(cx),
            bound => bound.map_or(usize::MAX, saturated),
        };
        let before = buf.filled().len();
        let read = self
            .incoming
            .poll_read_as_it_is(&mut self.tcp, cx, buf, max);
        ready!(read)?;
        let read = &buf.filled()[before..];
        self.client_ended = read.is_empty();
        self.link.was_read(read.len());
        if self.link.is_upgraded() {
            self.note_passed(read);
            self.count_unfinished();
        }
        Poll::Ready(Ok(()))
    }

    /// Reads frames: takes the events out, and passes the rest.
    fn read_frames(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut taken = 0;
        loop {
            taken += 1;
            if taken % WRITTEN_TOGETHER == 0 {
                flusher::flush_gathered();
            }
            // Whatever was taken may have closed it.
            if let Some(error) = self.link.failure() {
                return Poll::Ready(Err(error));
            }
            let max = match self.read_bound() {
                Some(0) => return self.wait(cx),
                bound => bound.map_or(usize::MAX, saturated),
            };
            let receiver = self.link.receiver.open();
            match (ready!(self.incoming.next(cx, receiver.is_some())), receiver) {
                (Next::Text(packet), Some(receiver)) => receiver.text(packet),
                (Next::Attachment(bytes), Some(receiver)) => receiver.attachment(bytes),
                (Next::Pass, _) => {
                    let before = buf.filled().len();
                    self.incoming.pass(buf, max);
                    self.note_passed(&buf.filled()[before..]);
                    return Poll::Ready(Ok(()));
                }
                (Next::Part(bytes), _) => {
                    self.link
                        .controls_were_read(u32::from((bytes as u64) < MIN_PART));
                }
                (Next::More, _) if self.client_ended => return self.end(cx),
                (Next::More, _) => match ready!(self.incoming.poll_more(&mut self.tcp, cx)) {
                    Ok(0) => self.note_end(None),
                    Err(error) => self.note_end(Some(error)),
                    Ok(read) => {
                        self.link.was_read(read);
                        if let Some(flow) = self.link.flow() {
                            flow.heard();
                        }
                    }
                },
                (Next::Wrong | Next::Text(_) | Next::Attachment(_), _) => {
                    self.link.close(DisconnectReason::ProtocolError);
                }
            }
        }
    }

    /// The client has closed its side, or is gone.
    fn note_end(&mut self, failure: Option<io::Error>) {
        (self.client_ended, self.failure) = (true, failure);
        if let Some(flow) = self.link.flow() {
            flow.client_is_gone();
        }
    }

    /// The library learns that it is the end, when it is its turn.
    fn end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.sink.endings.poll(cx, &mut self.ending));
        Poll::Ready(self.failure.take().map_or(Ok(()), Err))
    }

    /// Reads nothing now.
    fn wait(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.link.watch().begin();
        self.look_for_end(cx);
        Poll::Pending
    }

    /// Notes whether the client has closed its side, behind what it sent and is not read now.
    fn look_for_end(&self, cx: &mut Context<'_>) {
        let ready = std::pin::pin!(self.tcp.tcp().ready(Interest::READABLE));
        if let Poll::Ready(Ok(ready)) = ready.poll(cx)
            && ready.is_read_closed()
            && let Some(flow) = self.link.flow()
        {
            flow.client_is_gone();
        }
    }

    /// Looks at what is passed.
    fn note_passed(&mut self, bytes: &[u8]) {
        let (mut completed_at, mut largest, mut controls) = (None, 0, 0);
        let mut may_go_on = true;
        let (entry, flow) = (&mut self.entry, self.link.flow());
        let client_closes = &mut self.client_closes;
        self.passed.advance(bytes, |frame, end, ends_message| {
            *client_closes |= frame.is_close();
            largest = largest.max(frame.len);
            controls += u32::from(frame.is_control());
            may_go_on &= entry.allows(frame.text(), flow.map(|flow| &**flow));
            if ends_message {
                completed_at = Some(end);
            }
        });
        self.passed_of_message = match completed_at {
            Some(end) => bytes.len() - end,
            None => self.passed_of_message + bytes.len(),
        };
        if controls > 0 {
            self.link.controls_were_read(controls);
        }
        if !may_go_on {
            self.link.close(DisconnectReason::ProtocolError);
        }
        let left = self.passed.left_in_frame();
        let is_too_large = left.is_some_and(|left| left > self.link.max_frame());
        self.unsaid.note_too_large(is_too_large);
        if let Some(flow) = self.link.flow() {
            flow.heard();
            flow.keep_read_buffer(largest);
        }
    }

    /// Counts what has arrived of a message that is not complete, and that there is room for the rest of it.
    fn count_unfinished(&mut self) {
        let Some(flow) = self.link.flow() else { return };
        let unfinished = self.passed_of_message + self.incoming.unfinished();
        match unfinished.checked_sub(self.arriving) {
            Some(0) => {}
            Some(more) => flow.arrived(more),
            None => flow.assembled(self.arriving - unfinished),
        }
        self.arriving = unfinished;
        // The library makes room for a frame as soon as it knows its size.
        let left = self.passed.left_in_frame().unwrap_or(0);
        flow.expect(left.max(self.incoming.missing() as u64));
    }
}

fn saturated(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
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
        let polled = match this.incoming.has_begun() {
            true => {
                // What is sent to clients for the events that are taken is written with the last of them.
                let polled = flusher::gather(|| this.read_frames(cx, buf));
                this.incoming.settle();
                this.count_unfinished();
                polled
            }
            false => this.read_as_it_is(cx, buf),
        };
        if polled.is_pending()
            && let Some(flow) = this.link.flow()
        {
            flow.nothing_is_left();
        }
        polled
    }
}
