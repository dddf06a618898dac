//! What is written to the stream, of which the frames that were relayed are counted. It must not hold a lock while it waits.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::{GuardedStream, Outgoing};
use crate::transport::bare_answers;
use crate::transport::frames::{FrameScanner, Sender};
use crate::transport::unsaid::{Passed, TOO_LARGE};

const END_OF_HEAD: &[u8; 4] = b"\r\n\r\n";

impl GuardedStream {
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
        let this = self.get_mut();
        // A request that is not read to its end has been answered: its client may be sending the rest.
        this.lingers |= matches!(this.outgoing, Outgoing::Http) && !this.client_ended;
        Pin::new(&mut this.tcp).poll_shutdown(cx)
    }
}
