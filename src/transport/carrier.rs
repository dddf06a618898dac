//! What flow control asks of whatever carries a connection. It must not know what that is.

use std::time::Duration;

use crate::model::DisconnectReason;

/// The TCP connection that carries a Socket.IO connection.
pub(crate) trait Carrier: Send + Sync {
    /// Resumes reading from the client.
    fn wake_reader(&self);

    /// Asks the client for a sign of life, at most once a second.
    fn ask(&self);

    /// Bounds what the client may still send, in bytes. `None` removes the bound.
    fn allow(&self, bytes: Option<u64>);

    /// Closes it at once: all reads and writes fail from now on. The first reason stays.
    fn close(&self, reason: DisconnectReason);

    /// Closes the WebSocket as if the client had closed it: what is queued is still
    /// written. It is closed at once when that takes longer than `grace`.
    fn close_gracefully(&self, grace: Duration);

    /// Gives the client `grace` to close the connection itself.
    fn close_within(&self, grace: Duration);

    /// Why the server closed it, if it did.
    fn close_reason(&self) -> Option<DisconnectReason>;
}
