//! The id of a connection in audit records and in messages between nodes.

use std::fmt;

use uuid::Uuid;

/// Names one connection. It is not the library's id, which is a secret of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionId(Uuid);

impl ConnectionId {
    /// An id that no other connection has.
    pub(super) fn random() -> Self {
        // The random bytes of a thread take no system call.
        Self(uuid::Builder::from_random_bytes(rand::random()).into_uuid())
    }

    /// The connection with this id, if there is one.
    pub(crate) fn of(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The id as stores, records and messages between nodes have it.
    pub(crate) fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
