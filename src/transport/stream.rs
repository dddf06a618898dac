//! The guarded TCP stream that hyper and the WebSocket library read and write.
//!
//! Owns the I/O, injected frames and counting the frames written. What is allowed is decided by its
//! [`Link`]. It must not hold a lock while it waits.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::bare_answers;
use super::carrier::Carrier as _;
use super::entry::Entry;
use super::frames::{FrameScanner, Sender};
use super::linger::linger;
use super::link::{INJECT_CLOSE, INJECT_PONG, Link};
use super::links::OpenLink;
use super::read_ahead::ReadAhead;
use super::text_attachments::TextAttachments;
use super::unsaid::{Passed, TOO_LARGE, Unsaid};
use crate::limits::AddressSlot;
use crate::model::DisconnectReason;

/// A masked WebSocket text frame with one byte, under an all-zero mask.
const fn client_frame(packet: u8) -> [u8; 7] {
    [0x81, 0x81, 0, 0, 0, 0, packet]
}
/// The Engine.IO packets `pong` and `close`.
const PONG: [u8; 7] = client_frame(b'3');
const CLOSE: [u8; 7] = client_frame(b'1');
/// An empty WebSocket ping from the server, which every client answers by itself, without a word to the library.
const PING: [u8; 2] = [0x89, 0];

/// A guarded TCP stream. Dropping the stream frees its link.
#[derive(Debug)]
pub(crate) struct GuardedStream {
    tcp: TcpStream,
    link: Arc<Link>,
    ahead: ReadAhead,
    attachments: TextAttachments,
    incoming: FrameScanner,
    outgoing: Outgoing,
    unsaid: Unsaid,
    entry: Entry,
    before_write: BeforeWrite,
    /// The client was told why this ends, and may be sending.
    lingers: bool,
    counted: Option<Counted>,
}

/// What a connection is counted by.
type Counted = (OpenLink, Option<AddressSlot>);

impl Drop for GuardedStream {
    fn drop(&mut self) {
        self.link.ended();
        let counted = self.counted.take();
        if self.lingers
            && let Err(error) = linger(&self.tcp, counted)
        {
            tracing::debug!(%error, "a client may not hear why its connection ends");
        }
    }
}

/// An action that runs before each write to a client. It must not block.
#[derive(Clone)]
pub(crate) struct BeforeWrite(Arc<dyn Fn() + Send + Sync>);

impl BeforeWrite {
    /// Runs `action`.
    pub(crate) fn new(action: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(action))
    }
}

impl fmt::Debug for BeforeWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BeforeWrite")
    }
}

/// What is being written: HTTP responses, the response that upgrades the connection to a WebSocket,
/// or WebSocket frames.
#[derive(Debug)]
enum Outgoing {
    Http,
    UpgradeResponse { matched: usize },
    Frames(FrameScanner),
}

const END_OF_HEAD: &[u8; 4] = b"\r\n\r\n";

impl GuardedStream {
    pub(super) fn new(
        tcp: TcpStream,
        link: Arc<Link>,
        before_write: BeforeWrite,
        counted: Counted,
    ) -> Self {
        Self {
            tcp,
            link,
            ahead: ReadAhead::default(),
            attachments: TextAttachments::default(),
            incoming: FrameScanner::new(Sender::Client),
            outgoing: Outgoing::Http,
            unsaid: Unsaid::default(),
            entry: Entry::default(),
            before_write,
            lingers: false,
            counted: Some(counted),
        }
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// These bytes came before the answer that made it a WebSocket was written, and are read first.
    pub(super) fn unread(&mut self, bytes: &[u8]) {
        self.incoming = FrameScanner::new(Sender::Client);
        self.ahead.unread(bytes);
    }

    /// The library begins a session on it.
    pub(crate) fn begins(&mut self) {
        self.unsaid = Unsaid::of_beginning();
        self.goes_on();
    }

    /// The library goes on with a session on it.
    pub(crate) fn goes_on(&mut self) {
        self.attachments.begin(self.link.max_frame());
    }

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

    /// Asks the client for a sign of life, if that can be written now, and stands between two frames.
    fn ask(&self) {
        if let Outgoing::Frames(frames) = &self.outgoing
            && frames.between_frames()
            && matches!(self.tcp.try_write(&PING), Ok(written) if written < PING.len())
        {
            // Half a frame would garble what follows. It has room for no byte more, so it is of no use.
            self.link.close(DisconnectReason::SlowConsumer);
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
        let ready = std::pin::pin!(self.tcp.ready(Interest::READABLE));
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

    /// What of these bytes the client is sent.
    fn passed(&mut self, bytes: &[u8]) -> Passed {
        let Outgoing::Frames(frames) = &self.outgoing else {
            return Passed::Whole;
        };
        let passed = self.unsaid.passed(frames, bytes);
        if matches!(passed, Passed::Unsaid(_)) && self.unsaid.takes_ping() {
            self.link.answer_ping();
        }
        passed
    }

    /// Counts the relayed frames that end in what was just written.
    fn note_written(&mut self, bytes: &[u8]) {
        let bytes = match &mut self.outgoing {
            Outgoing::Frames(_) => bytes,
            Outgoing::Http if !self.link.is_upgraded() => return,
            Outgoing::Http | Outgoing::UpgradeResponse { .. } => self.note_upgrade_response(bytes),
        };
        let Outgoing::Frames(scanner) = &mut self.outgoing else {
            return;
        };
        let mut taken = 0;
        scanner.advance(bytes, |frame, _, _| {
            taken += usize::from(frame.is_relayed())
        });
        if taken > 0
            && let Some(flow) = self.link.flow()
        {
            flow.taken(taken);
        }
    }

    /// Skips the response head; frames follow it.
    fn note_upgrade_response<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut matched = match self.outgoing {
            Outgoing::UpgradeResponse { matched } => matched,
            _ => 0,
        };
        for (at, &byte) in bytes.iter().enumerate() {
            matched = match byte == END_OF_HEAD[matched] {
                true => matched + 1,
                false => usize::from(byte == END_OF_HEAD[0]),
            };
            if matched == END_OF_HEAD.len() {
                self.outgoing = Outgoing::Frames(FrameScanner::new(Sender::Server));
                return &bytes[at + 1..];
            }
        }
        self.outgoing = Outgoing::UpgradeResponse { matched };
        &[]
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

impl AsyncWrite for GuardedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.link.register_writer(cx);
        if let Some(error) = this.link.failure() {
            return Poll::Ready(Err(error));
        }
        (this.before_write.0)();
        this.lingers |= bytes == TOO_LARGE;
        if matches!(this.outgoing, Outgoing::Http)
            && let Some(answer) = bare_answers::completed(bytes)
        {
            // It is the last on this connection, and short: what does not fit is for a client that reads nothing.
            let written = ready!(Pin::new(&mut this.tcp).poll_write(cx, &answer))?;
            this.link.was_written(written);
            return Poll::Ready(Ok(bytes.len()));
        }
        let bytes = match this.passed(bytes) {
            Passed::Whole => bytes,
            Passed::First(count) => &bytes[..count],
            Passed::Unsaid(count) => return Poll::Ready(Ok(count)),
            Passed::Instead(frame, count) => {
                this.lingers = true;
                // It is the last one, and short: what does not fit is for a client that reads nothing.
                let _ = ready!(Pin::new(&mut this.tcp).poll_write(cx, frame))?;
                return Poll::Ready(Ok(count));
            }
        };
        let polled = Pin::new(&mut this.tcp).poll_write(cx, bytes);
        match &polled {
            Poll::Ready(Ok(written)) => {
                this.note_written(&bytes[..*written]);
                if let Some(flow) = this.link.flow() {
                    flow.keep_write_buffer(bytes.len());
                }
                this.link.was_written(*written);
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => this.link.was_blocked(),
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}
