//! The revisions of the protocol. It must not know a session.

/// A revision of the Engine.IO protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revision {
    /// Of Socket.IO 2.
    V3,
    /// Of Socket.IO 3 and 4.
    V4,
}

impl Revision {
    /// Whether a client takes something else than the library writes to a WebSocket: text alone, or a refusal in the form
    /// of Socket.IO 2.
    pub(crate) fn differs(self, as_text: bool) -> bool {
        as_text || self == Self::V3
    }
}
