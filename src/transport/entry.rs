//! Who enters the namespace where they are in already is closed, as by Socket.IO's own server; the library would ignore it.
//! Who has left may enter again. It must look no further into a packet than whether it is one of these.

use std::time::Duration;

use super::flow::Flow;

/// How much later a further try to enter comes to the library, which is by then done with the one before.
pub(crate) const ENTRY_PAUSE: Duration = Duration::from_millis(100);
/// How many bytes of a packet tell.
pub(crate) const PREFIX: usize = 4;

/// What CONNECT begins with, of a client and of the server.
pub(crate) const ENTER: &[u8] = b"40";

/// What a client has sent so far of entering and leaving.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// It has left since it last entered.
    has_left: bool,
    has_entered: bool,
}

impl Entry {
    /// Whether a packet that begins like this is a further try to enter.
    pub(crate) fn is_further(&self, packet: &[u8]) -> bool {
        self.has_entered && packet.starts_with(ENTER)
    }

    /// A packet of text begins like this, or is no more. `false`: the session is over by it. `flow` is that of the connection
    /// so far.
    pub(crate) fn allows(&mut self, packet: &[u8], flow: Option<&Flow>) -> bool {
        match *packet {
            // What follows in other cases names another namespace, whose clients are in or not as they please.
            [b'4', b'1'] => {
                self.has_left = true;
                true
            }
            [b'4', b'0', ref rest @ ..] if rest.first() != Some(&b'/') => {
                self.has_entered = true;
                let is_in = flow.is_some_and(|flow| !flow.is_closed());
                std::mem::take(&mut self.has_left) || !is_in
            }
            _ => true,
        }
    }
}
