//! The guarded TCP stream that hyper and the WebSocket library read and write.
//!
//! Owns the connection and what is known of both directions. What is allowed is decided by its [`Link`]; the I/O, injected
//! frames and counting the frames written are in `reading` and `writing`.

mod reading;
mod writing;

use std::io;
use std::sync::Arc;

use super::endings::Ending;
use super::entry::Entry;
use super::frames::{FrameScanner, Sender};
use super::incoming::Incoming;
use super::linger::linger;
use super::link::Link;
use super::links::OpenLink;
use super::output::Sink;
use super::unsaid::Unsaid;
use super::wire::Reading;
use crate::limits::AddressSlot;

/// A guarded TCP stream. Dropping the stream frees its link.
#[derive(Debug)]
pub(crate) struct GuardedStream {
    sink: Arc<Sink>,
    tcp: Reading,
    link: Arc<Link>,
    incoming: Incoming,
    /// The frames that are passed.
    passed: FrameScanner,
    /// Bytes that were passed of a message that is not complete.
    passed_of_message: usize,
    /// Bytes that flow control counts as arriving.
    arriving: usize,
    outgoing: Outgoing,
    unsaid: Unsaid,
    entry: Entry,
    /// The client was told why this ends, and may be sending.
    lingers: bool,
    /// The client has sent its last frame.
    client_closes: bool,
    /// The client has closed its side.
    client_ended: bool,
    ending: Ending,
    /// Why nothing more can be read, until the library knows.
    failure: Option<io::Error>,
    counted: Option<Counted>,
}

/// What a connection is counted by.
type Counted = (OpenLink, Option<AddressSlot>);

impl Drop for GuardedStream {
    fn drop(&mut self) {
        self.link.ended();
        let counted = self.counted.take();
        if self.lingers
            && let Err(error) = linger(self.tcp.tcp(), counted)
        {
            tracing::debug!(%error, "a client may not hear why its connection ends");
        }
    }
}

/// What is being written: HTTP responses, the response that upgrades the connection to a WebSocket,
/// or WebSocket frames.
#[derive(Debug)]
enum Outgoing {
    Http,
    UpgradeResponse { matched: u8 },
    Frames,
}

impl GuardedStream {
    pub(super) fn new((tcp, sink): (Reading, Sink), link: Arc<Link>, counted: Counted) -> Self {
        Self {
            tcp,
            sink: Arc::new(sink),
            link,
            incoming: Incoming::default(),
            passed: FrameScanner::new(Sender::Client),
            passed_of_message: 0,
            arriving: 0,
            outgoing: Outgoing::Http,
            unsaid: Unsaid::default(),
            entry: Entry::default(),
            lingers: false,
            client_closes: false,
            client_ended: false,
            ending: Ending::default(),
            failure: None,
            counted: Some(counted),
        }
    }

    /// What is written next are frames, at first these, of which so many bytes are written already.
    fn begin_frames(&mut self, first: &[u8], written: usize) {
        self.outgoing = Outgoing::Frames;
        self.link.begin_output(self.sink.clone(), first, written);
    }

    /// These bytes were read already, and are read again before what comes next.
    pub(crate) fn unread(&mut self, bytes: &[u8]) {
        self.passed = FrameScanner::new(Sender::Client);
        self.incoming.unread(bytes);
    }

    /// The library begins a session on it.
    pub(crate) fn begins(&mut self) {
        self.goes_on();
        self.unsaid = Unsaid::of_beginning();
    }

    /// The library goes on with a session on it.
    pub(crate) fn goes_on(&mut self) {
        self.unsaid = Unsaid::of_library();
        self.incoming.begin(self.link.max_frame());
    }
}
