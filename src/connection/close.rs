//! How a connection is ended by the relay.

/// How the relay ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// At once: what waits to be written is lost.
    Now,
    /// The client is disconnected behind everything that was sent to it, and does not reconnect by
    /// itself.
    AfterFlush,
    /// The transport closes behind everything that was sent, so that the client reconnects.
    Reconnect,
}
