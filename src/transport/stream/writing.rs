//! What is written to the stream, of which the frames that were relayed are counted. It must not hold a lock while it waits.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use super::{GuardedStream, Outgoing};
use crate::transport::bare_answers;
use crate::transport::unsaid::{Passed, TOO_LARGE};

const END_OF_HEAD: &[u8; 4] = b"\r\n\r\n";
const FINAL_CLOSE: u8 = 0x88;

impl GuardedStream {
    /// What of these bytes the client is sent.
    fn passed(&mut self, bytes: &[u8]) -> Passed {
        self.unsaid.passed(bytes)
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
        if self.client_closes && is_close(bytes) {
            // What comes next is the end of the connection, in the same segment.
            self.link.set_ending();
        }
        let put = self.link.put_frames(bytes);
        if let Poll::Ready(Ok(_)) = put
            && let Some(flow) = self.link.flow()
        {
            flow.keep_write_buffer(bytes.len());
        }
        put
    }

    /// Writes the response that upgrades the connection, and right behind its head the first frames.
    fn write_upgrade(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let first = self.link.first_frames();
        let ends = bytes.ends_with(END_OF_HEAD);
        let polled = match ends && !first.is_empty() {
            true => {
                let parts = [IoSlice::new(bytes), IoSlice::new(&first)];
                self.sink.poll_write_parts(cx, &parts)
            }
            false => self.sink.poll_write(cx, bytes),
        };
        match &polled {
            Poll::Ready(Ok(written)) => {
                self.link.was_written(*written);
                let of_head = bytes.len().min(*written);
                if self.ends_head(&bytes[..of_head]) {
                    self.begin_frames(&first, written - of_head);
                }
                return Poll::Ready(Ok(of_head));
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.link.was_blocked(),
        }
        polled
    }

    /// Looks for the end of the response's head, behind which frames follow.
    fn ends_head(&mut self, bytes: &[u8]) -> bool {
        // An answer without a body, as this one, is mostly written whole.
        if bytes.ends_with(END_OF_HEAD) {
            return true;
        }
        let mut matched = match self.outgoing {
            Outgoing::UpgradeResponse { matched } => usize::from(matched),
            _ => 0,
        };
        for &byte in bytes {
            matched = match byte == END_OF_HEAD[matched] {
                true => matched + 1,
                false => usize::from(byte == END_OF_HEAD[0]),
            };
            if matched == END_OF_HEAD.len() {
                return true;
            }
        }
        // No more than the end of a head has.
        let matched = matched as u8;
        self.outgoing = Outgoing::UpgradeResponse { matched };
        false
    }
}

/// Whether the library closes a WebSocket with this frame.
fn is_close(frame: &[u8]) -> bool {
    frame.first() == Some(&FINAL_CLOSE)
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
        if matches!(this.outgoing, Outgoing::Frames) {
            return this.write_frames(bytes);
        }
        this.sink.before_write.run();
        if this.link.is_upgraded() {
            return this.write_upgrade(cx, bytes);
        }
        if matches!(this.outgoing, Outgoing::Http)
            && let Some(answer) = bare_answers::completed(bytes)
        {
            // It is the last on this connection, and short: what does not fit is for a client that reads nothing.
            let written = ready!(this.sink.poll_write(cx, &answer))?;
            this.link.was_written(written);
            return Poll::Ready(Ok(bytes.len()));
        }
        let polled = this.sink.poll_write(cx, bytes);
        match &polled {
            Poll::Ready(Ok(written)) => this.link.was_written(*written),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => this.link.was_blocked(),
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.link.register_writer(cx);
        if let Some(error) = this.link.failure() {
            return Poll::Ready(Err(error));
        }
        // Whoever closes it next does not wait for what is not written.
        match matches!(this.outgoing, Outgoing::Frames) && !this.link.is_written() {
            true => Poll::Pending,
            false => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A WebSocket that is closed for its failure is not flushed.
        let _ = ready!(self.as_mut().poll_flush(cx));
        let this = self.get_mut();
        // A request that is not read to its end has been answered: its client may be sending the rest.
        this.lingers |= matches!(this.outgoing, Outgoing::Http) && !this.client_ended;
        Poll::Ready(this.sink.tcp.shut_down())
    }
}
