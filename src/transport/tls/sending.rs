//! What is encrypted for a client and not taken by the system yet. Bytes count as written when all is taken that they were
//! encrypted to, so that what waits is counted as without TLS.

use std::io::{self, Write as _};

use rustls::ServerConnection;
use tokio::net::TcpStream;

/// Bytes that are encrypted at once: those of one record.
const RECORD: usize = 16 * 1024;

/// A session, and what it has to send.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) tls: ServerConnection,
    /// Encrypted bytes, from there on not taken.
    encrypted: Vec<u8>,
    at: usize,
    /// Bytes that were given to be encrypted, and are not counted as written yet.
    unreported: usize,
}

impl Sending {
    pub(super) fn new(tls: ServerConnection) -> Self {
        Self {
            tls,
            encrypted: Vec::new(),
            at: 0,
            unreported: 0,
        }
    }

    /// Writes some of these bytes, of which the first may be encrypted already.
    pub(super) fn write(&mut self, tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let is_flushed = self.flush(tcp)?;
            let waiting = self.encrypted.len() - self.at;
            let written = self.unreported - self.unreported.min(waiting);
            if written > 0 {
                self.unreported -= written;
                return Ok(written.min(bytes.len()));
            }
            if bytes.is_empty() {
                return Ok(0);
            }
            if !is_flushed {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let record = &bytes[..bytes.len().min(RECORD)];
            self.unreported = self.tls.writer().write(record)?;
            if self.unreported == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
    }

    /// Has the system take what is encrypted, as far as it does; whether it has taken all.
    pub(super) fn flush(&mut self, tcp: &TcpStream) -> io::Result<bool> {
        loop {
            while self.at < self.encrypted.len() {
                match tcp.try_write(&self.encrypted[self.at..]) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(count) => self.at += count,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            // An idle connection keeps no room for it.
            (self.encrypted, self.at) = (Vec::new(), 0);
            if !self.tls.wants_write() {
                return Ok(true);
            }
            while self.tls.wants_write() {
                self.tls.write_tls(&mut self.encrypted)?;
            }
        }
    }

    /// Says that nothing more comes, if the client takes it.
    pub(super) fn end(&mut self, tcp: &TcpStream) {
        self.tls.send_close_notify();
        // Whoever does not hear it sees that the connection ends.
        let _ = self.flush(tcp);
    }
}
