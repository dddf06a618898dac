//! Reads large blocks from the kernel while data arrives quickly: the library reads a few kilobytes
//! at a time, and each of these reads would be a system call. An idle connection has no buffer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::io::poll_read_buf;

/// Bytes read at once while data arrives quickly.
const READ_AHEAD_BYTES: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(super) struct ReadAhead {
    buffer: Vec<u8>,
    taken: usize,
    /// The last read from the kernel filled its buffer.
    more_expected: bool,
}

impl ReadAhead {
    /// Reads at most `max` bytes into `buf`, from the buffer or from `source`.
    pub(super) fn poll_read<R: AsyncRead + Unpin>(
        &mut self,
        source: &mut R,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        max: usize,
    ) -> Poll<io::Result<()>> {
        let wanted = max.min(buf.remaining());
        if self.taken == self.buffer.len() {
            if !self.more_expected && wanted == buf.remaining() {
                ready!(Pin::new(source).poll_read(cx, buf))?;
                self.more_expected = buf.remaining() == 0;
                return Poll::Ready(Ok(()));
            }
            ready!(self.refill(source, cx))?;
        }
        let rest = &self.buffer[self.taken..];
        let part = &rest[..wanted.min(rest.len())];
        buf.put_slice(part);
        self.taken += part.len();
        if self.taken == self.buffer.len() && !self.more_expected {
            *self = Self::default();
        }
        Poll::Ready(Ok(()))
    }

    /// These bytes are read before what the source has. Nothing is read ahead yet.
    pub(super) fn unread(&mut self, bytes: &[u8]) {
        debug_assert!(self.buffer.is_empty());
        self.buffer.extend_from_slice(bytes);
    }

    fn refill<R: AsyncRead + Unpin>(
        &mut self,
        source: &mut R,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.taken = 0;
        self.buffer.clear();
        self.buffer.reserve_exact(READ_AHEAD_BYTES);
        // It is not filled with zeros before.
        let polled = poll_read_buf(Pin::new(source), cx, &mut self.buffer);
        self.more_expected = self.buffer.len() >= READ_AHEAD_BYTES;
        if self.buffer.is_empty() {
            // No data for now, or the end of the stream.
            *self = Self::default();
        }
        polled.map_ok(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt;

    struct Limited<R> {
        ahead: ReadAhead,
        source: R,
        max: usize,
    }

    impl<R: AsyncRead + Unpin> AsyncRead for Limited<R> {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let this = self.get_mut();
            this.ahead.poll_read(&mut this.source, cx, buf, this.max)
        }
    }

    proptest! {
        #[test]
        fn every_byte_comes_once_and_in_order(
            len in 0usize..300_000,
            piece in 1usize..9_000,
            max in prop_oneof![Just(usize::MAX), 1usize..5_000],
        ) {
            let sent: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let mut reader = Limited { ahead: ReadAhead::default(), source: sent.as_slice(), max };
            let mut got = Vec::new();
            let mut buffer = vec![0; piece];
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
                loop {
                    match reader.read(&mut buffer).await.unwrap() {
                        0 => break,
                        read => got.extend_from_slice(&buffer[..read]),
                    }
                }
            });
            prop_assert_eq!(&got, &sent);
            prop_assert_eq!(reader.ahead.buffer.capacity(), 0);
        }
    }
}
