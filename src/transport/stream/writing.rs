//! What is written to the stream, of which the frames that were relayed are counted. It must not hold a lock while it waits.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::{GuardedStream, Outgoing};
use crate::transport::bare_answers;
use crate::transport::unsaid::{Passed, TOO_LARGE};

/// How the packet begins by which the library says that the namespace is entered.
const CONNECT: &[u8] = b"40";
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

    /// Frames of the library, whole ones, are written behind what was handed over before.
    fn write_frames(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let bytes = match self.passed(bytes) {
            Passed::Whole => bytes,
            Passed::First(count) => &bytes[..count],
            Passed::Unsaid(count) => return Poll::Ready(Ok(count)),
            Passed::Instead(frame, count) => {
                self.lingers = true;
                return self.link.put_frames(frame).map_ok(|_| count);
            }
        };
        let put = self.link.put_frames(bytes);
        if matches!(put, Poll::Ready(Ok(_))) {
            if let Some(flow) = self.link.flow() {
                flow.keep_write_buffer(bytes.len());
            }
            self.note_put(bytes);
        }
        put
    }

    /// Looks whether the library has told the client that it is connected.
    fn note_put(&mut self, bytes: &[u8]) {
        let Outgoing::Frames(frames) = &mut self.outgoing else {
            return;
        };
        let mut connects = false;
        frames.advance(bytes, |frame, _, _| {
            connects |= frame.text().starts_with(CONNECT);
        });
        if connects && let Some(flow) = self.link.flow() {
            flow.connect_was_written();
        }
    }

    /// Looks for the end of the response's head, behind which frames follow.
    fn note_upgrade_response(&mut self, bytes: &[u8]) {
        let mut matched = match self.outgoing {
            Outgoing::UpgradeResponse { matched } => matched,
            _ => 0,
        };
        for &byte in bytes {
            matched = match byte == END_OF_HEAD[matched] {
                true => matched + 1,
                false => usize::from(byte == END_OF_HEAD[0]),
            };
            if matched == END_OF_HEAD.len() {
                return self.begin_frames();
            }
        }
        self.outgoing = Outgoing::UpgradeResponse { matched };
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
        this.lingers |= bytes == TOO_LARGE;
        if matches!(this.outgoing, Outgoing::Frames(_)) {
            return this.write_frames(bytes);
        }
        this.sink.before_write.run();
        if matches!(this.outgoing, Outgoing::Http)
            && let Some(answer) = bare_answers::completed(bytes)
        {
            // It is the last on this connection, and short: what does not fit is for a client that reads nothing.
            let written = ready!(Pin::new(&mut this.tcp).poll_write(cx, &answer))?;
            this.link.was_written(written);
            return Poll::Ready(Ok(bytes.len()));
        }
        let polled = Pin::new(&mut this.tcp).poll_write(cx, bytes);
        match &polled {
            Poll::Ready(Ok(written)) => {
                if this.link.is_upgraded() {
                    this.note_upgrade_response(&bytes[..*written]);
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
        this.link.register_writer(cx);
        if matches!(this.outgoing, Outgoing::Frames(_)) && !this.link.is_written() {
            return Poll::Pending;
        }
        // A request that is not read to its end has been answered: its client may be sending the rest.
        this.lingers |= matches!(this.outgoing, Outgoing::Http) && !this.client_ended;
        Pin::new(&mut this.tcp).poll_shutdown(cx)
    }
}
