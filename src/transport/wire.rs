//! The two directions of a connection, with or without TLS: the one place that tells them apart.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::tls::{TlsReading, TlsWriting};

/// What a client sends.
#[derive(Debug)]
pub(super) enum Reading {
    Plain(OwnedReadHalf),
    Tls(TlsReading),
}

/// What a client is sent.
#[derive(Debug)]
pub(super) enum Writing {
    Plain(OwnedWriteHalf),
    Tls(TlsWriting),
}

/// Has the system wait for what follows at once.
#[cfg(target_os = "linux")]
const MORE_FOLLOWS: libc::c_int = libc::MSG_MORE;
#[cfg(not(target_os = "linux"))]
const MORE_FOLLOWS: libc::c_int = 0;

/// What comes behind what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Any,
    /// The end of what the client is sent, at once: the system may send both in one segment.
    End,
}

impl Reading {
    /// The connection below.
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp.as_ref(),
            Self::Tls(tls) => tls.tcp(),
        }
    }
}

impl AsyncRead for Reading {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl Writing {
    /// The connection below.
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp.as_ref(),
            Self::Tls(tls) => tls.tcp(),
        }
    }

    /// Writes some of these bytes now. Where it would block, the same bytes have to come next.
    pub(super) fn try_write_parts(&self, parts: &[IoSlice<'_>], then: Then) -> io::Result<usize> {
        match (self, parts) {
            (Self::Plain(tcp), several) if then == Then::End => {
                let socket = SockRef::from(tcp.as_ref());
                let send = || socket.send_vectored_with_flags(several, MORE_FOLLOWS);
                tcp.as_ref().try_io(Interest::WRITABLE, send)
            }
            (Self::Plain(tcp), [one]) => tcp.try_write(one),
            (Self::Plain(tcp), several) => tcp.try_write_vectored(several),
            (Self::Tls(tls), parts) => tls.try_write(parts.first().map_or(&[], |first| &**first)),
        }
    }

    /// Whether something may be written again; if not, who asks is woken then.
    pub(super) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp().poll_write_ready(cx)
    }

    /// Nothing more is written.
    pub(super) fn shut_down(&self) -> io::Result<()> {
        if let Self::Tls(tls) = self {
            tls.end();
        }
        let ended = SockRef::from(self.tcp()).shutdown(Shutdown::Write);
        // The client has closed it first.
        let is_closed = |error: &io::Error| error.kind() == io::ErrorKind::NotConnected;
        match ended {
            Err(error) if is_closed(&error) => Ok(()),
            ended => ended,
        }
    }
}
