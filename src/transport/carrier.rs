//! What flow control asks of whatever carries a connection. It must not know what that is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::model::DisconnectReason;

/// What carries a Socket.IO connection: a WebSocket, or the requests of a client that polls.
pub(crate) trait Carrier: fmt::Debug + Send + Sync {
    /// Whether the client polls.
    fn is_polling(&self) -> bool {
        false
    }

    /// Resumes reading from the client.
    fn wake_reader(&self);

    /// Asks the client for a sign of life, at most once a second.
    fn ask(&self);

    /// How long a client that is there may be silent by reading what it was sent, if it takes so many bytes per second.
    /// Who reads a WebSocket answers meanwhile.
    fn reading_time(&self, _rate: u64) -> Duration {
        Duration::ZERO
    }

    /// Bounds what the client may still send, in bytes. `None` removes the bound.
    fn allow(&self, bytes: Option<u64>);

    /// Closes it at once: all reads and writes fail from now on. The first reason stays.
    fn close(&self, reason: DisconnectReason);

    /// Closes it as if the client had: what is queued is still written. It is closed at once when that takes longer
    /// than `grace`.
    fn close_gracefully(self: Arc<Self>, grace: Duration);

    /// Gives the client `grace` to close it itself.
    fn close_within(self: Arc<Self>, grace: Duration);

    /// Why the server closed it, if it did.
    fn close_reason(&self) -> Option<DisconnectReason>;
}
