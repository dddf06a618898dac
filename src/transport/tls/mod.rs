//! TLS between the relay and a client, below everything that counts bytes: what is read is what the client has encrypted,
//! and what is written counts as written when the system has taken it, encrypted.
//!
//! It must not hold a lock while it waits, nor know which certificate is used.

mod handshake;
mod sending;

use std::io::{self, Read as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

pub(super) use handshake::accept;

use self::sending::Sending;
use crate::limits::Fixed;

/// What a session takes beside its connection, in bytes: measured, and rounded up.
pub(super) const SESSION_BYTES: usize = 32 * 1024;

/// What both directions share.
#[derive(Debug)]
struct Session {
    sending: Mutex<Sending>,
    _memory: Fixed,
}

/// What a client sends, decrypted.
#[derive(Debug)]
pub(super) struct TlsReading {
    tcp: OwnedReadHalf,
    session: Arc<Session>,
}

/// What a client is sent, to be encrypted.
#[derive(Debug)]
pub(super) struct TlsWriting {
    tcp: OwnedWriteHalf,
    session: Arc<Session>,
}

/// Reads what is there.
struct Arrived<'a>(&'a TcpStream);

impl io::Read for Arrived<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buf)
    }
}

impl TlsReading {
    pub(super) fn tcp(&self) -> &TcpStream {
        self.tcp.as_ref()
    }

    /// Reads what is decrypted, or decrypts some of what has arrived.
    fn step(&self, buf: &mut ReadBuf<'_>) -> io::Result<Step> {
        let tcp = self.tcp.as_ref();
        let mut sending = self.session.sending.lock();
        match sending.tls.reader().read(buf.initialize_unfilled()) {
            Ok(read) => {
                buf.advance(read);
                return Ok(Step::Done);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // It has ended without a word, as a connection without TLS does.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Step::Done),
            Err(error) => return Err(error),
        }
        match sending.tls.read_tls(&mut Arrived(tcp)) {
            Ok(0) => Ok(Step::Done),
            Ok(_) => {
                let processed = sending.tls.process_new_packets();
                // An answer to what was no data, or why the connection ends.
                sending.flush(tcp)?;
                processed.map(|_| Step::More).map_err(wrong)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Step::Wait),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Step::More),
            Err(error) => Err(error),
        }
    }
}

/// What comes next of reading.
enum Step {
    /// Something was read, or the end.
    Done,
    /// There may be more.
    More,
    /// Nothing more has arrived.
    Wait,
}

/// After how many steps that brought nothing others have their turn.
const STEPS: usize = 32;

fn wrong(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl AsyncRead for TlsReading {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        for _ in 0..STEPS {
            match self.step(buf)? {
                Step::Done => return Poll::Ready(Ok(())),
                Step::More => {}
                Step::Wait => ready!(self.tcp.as_ref().poll_read_ready(cx))?,
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl TlsWriting {
    pub(super) fn tcp(&self) -> &TcpStream {
        self.tcp.as_ref()
    }

    /// Writes some of these bytes now. Where it would block, the same bytes have to come next.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.session.sending.lock().write(self.tcp.as_ref(), bytes)
    }

    /// Says that nothing more comes.
    pub(super) fn end(&self) {
        self.session.sending.lock().end(self.tcp.as_ref());
    }
}
