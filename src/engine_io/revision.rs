//! The revisions of the protocol. It must not know what differs between them.

/// A revision of the Engine.IO protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revision {
    /// Of Socket.IO 2.
    V3,
    /// Of Socket.IO 3 and 4.
    V4,
}
