//! To whom the events of a client come, below the library. It must not know what they come by.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;

/// Takes what a client sends of events, in the order in which it is sent: a packet after the other.
pub(crate) trait Receive: std::fmt::Debug + Send + Sync {
    /// Whether the client has entered the namespace, and not left it. What it sends otherwise is the library's.
    fn is_open(&self) -> bool;

    /// Takes a packet of text, of an event or of an answer, with its type of Engine.IO.
    fn text(self: Arc<Self>, packet: String);

    /// Takes an attachment of the packet before.
    fn attachment(self: Arc<Self>, bytes: Bytes);
}

/// Who takes what one client sends of events: the last that was set.
#[derive(Debug, Default)]
pub(crate) struct Receiver(Mutex<Option<Weak<dyn Receive>>>);

impl Receiver {
    /// It is this one from now on.
    pub(crate) fn set(&self, receiver: Weak<dyn Receive>) {
        *self.0.lock() = Some(receiver);
    }

    /// It, as it was set.
    pub(crate) fn get(&self) -> Option<Weak<dyn Receive>> {
        self.0.lock().clone()
    }

    /// It, while it takes anything.
    pub(crate) fn open(&self) -> Option<Arc<dyn Receive>> {
        let receiver = self.0.lock().as_ref()?.upgrade()?;
        receiver.is_open().then_some(receiver)
    }
}
