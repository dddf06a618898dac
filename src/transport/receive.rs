//! To whom the events of a client come, below the library. It must not know what they come by.

use std::sync::Arc;

use bytes::Bytes;

/// Takes what a client sends of events, in the order in which it is sent: a packet after the other.
pub(crate) trait Receive: std::fmt::Debug + Send + Sync {
    /// Whether the client has entered the namespace, and not left it. What it sends otherwise is the library's.
    fn is_open(&self) -> bool;

    /// Takes a packet of text, of an event or of an answer, with its type of Engine.IO.
    fn text(self: Arc<Self>, packet: String);

    /// Takes an attachment of the packet before.
    fn attachment(self: Arc<Self>, bytes: Bytes);
}
