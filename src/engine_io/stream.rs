//! What the library reads and writes of a session: frames, as if its client had a WebSocket. Once it has one, that
//! is all there is. It must not look into a frame.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Buf as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pipe::{Stage, Upgraded};
use super::session::Session;

/// The library's side of a session. Dropping it ends the session.
#[derive(Debug)]
pub(crate) struct SessionStream {
    session: Arc<Session>,
    upgraded: Option<Box<Upgraded>>,
}

impl SessionStream {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self {
            session,
            upgraded: None,
        }
    }
}

impl Drop for SessionStream {
    fn drop(&mut self) {
        self.session.left();
    }
}

impl AsyncRead for SessionStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(upgraded) = &mut this.upgraded {
            return upgraded.poll_read(cx, buf);
        }
        let session = &*this.session;
        // Registered before it is looked at, so that no change in between is missed.
        session.reader.register(cx.waker());
        let may_read = session.may_read();
        let mut pipe = session.pipe.lock();
        match &mut pipe.stage {
            // The library takes it that the transport is closed.
            Stage::Ended => return Poll::Ready(Ok(())),
            Stage::Upgraded(upgraded) => {
                this.upgraded = upgraded.take();
                drop(pipe);
                return Pin::new(this).poll_read(cx, buf);
            }
            Stage::Polling | Stage::Upgrading => {}
        }
        let has_read = pipe.read(buf, may_read);
        let is_read = pipe.is_read();
        drop(pipe);
        if is_read {
            session.changed.notify_waiters();
        }
        if has_read {
            return Poll::Ready(Ok(()));
        }
        if let Some(flow) = session.flow() {
            flow.nothing_is_left();
        }
        Poll::Pending
    }
}

impl AsyncWrite for SessionStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(upgraded) = &mut this.upgraded {
            return Pin::new(&mut upgraded.stream).poll_write(cx, bytes);
        }
        let session = &*this.session;
        session.writer.register(cx.waker());
        let mut pipe = session.pipe.lock();
        match &mut pipe.stage {
            Stage::Ended => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            Stage::Upgraded(upgraded) => {
                this.upgraded = upgraded.take();
                drop(pipe);
                return Pin::new(this).poll_write(cx, bytes);
            }
            Stage::Polling | Stage::Upgrading => {}
        }
        if pipe.is_full() {
            return Poll::Pending;
        }
        pipe.write(bytes);
        let has_answered = !pipe.is_read();
        drop(pipe);
        session.changed.notify_waiters();
        if has_answered {
            session.reader.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().upgraded {
            Some(upgraded) => Pin::new(&mut upgraded.stream).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().upgraded {
            Some(upgraded) => Pin::new(&mut upgraded.stream).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl Upgraded {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let length = self.unread.len().min(buf.remaining());
        buf.put_slice(&self.unread[..length]);
        self.unread.advance(length);
        if self.unread.is_empty() {
            self.unread = Default::default();
        }
        Poll::Ready(Ok(()))
    }
}
