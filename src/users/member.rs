//! A connection of a user: whom it speaks for, and which presence it was sent.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::User;
use super::presence_sync::PresenceSync;
use crate::audit::Source;
use crate::connection::Connection;
use crate::model::Identity;

/// A connection and the user that it belongs to.
#[derive(Debug)]
pub(crate) struct Member {
    /// The user, shared by all their connections.
    pub user: Arc<User>,
    /// The user as this connection's token describes them.
    pub identity: Identity,
    /// The connection.
    pub connection: Arc<Connection>,
    source: Arc<Source>,
    presence_sync: Mutex<PresenceSync>,
}

impl Member {
    pub(super) fn new(user: Arc<User>, identity: Identity, connection: Arc<Connection>) -> Self {
        Self {
            source: connection.identify(&identity),
            user,
            identity,
            connection,
            presence_sync: Mutex::default(),
        }
    }

    /// How records name the user on this connection.
    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Which presence this connection was sent, locked.
    pub(super) fn presence_sync(&self) -> MutexGuard<'_, PresenceSync> {
        self.presence_sync.lock()
    }
}
