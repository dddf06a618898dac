//! The open connections by the library's id, which is what requests name them by.

use std::sync::{Arc, Weak};

use dashmap::DashMap;
use socketioxide::socket::Sid;

use crate::connection::Connection;
use crate::transport::Link;

/// All open connections.
#[derive(Debug, Default)]
pub struct Sessions {
    open: DashMap<Sid, Arc<Connection>>,
    /// Links on which a session goes on whose connection is not yet admitted.
    upgraded: DashMap<Sid, Weak<Link>>,
}

impl Sessions {
    /// Adds a connection that is being admitted.
    pub fn add(&self, connection: &Arc<Connection>) {
        let sid = connection.socket_id();
        self.open.insert(sid, connection.clone());
        if let Some(link) = self
            .upgraded
            .remove(&sid)
            .and_then(|(_, link)| link.upgrade())
        {
            connection.attach(&link);
        }
    }

    /// Removes a connection. `false`: it was not there.
    pub fn remove(&self, sid: Sid) -> bool {
        self.open.remove(&sid).is_some()
    }

    /// The connection with this id.
    pub fn get(&self, sid: Sid) -> Option<Arc<Connection>> {
        self.open.get(&sid).map(|connection| connection.clone())
    }

    /// The session goes on on this link.
    pub fn upgrade(&self, sid: Sid, link: &Arc<Link>) {
        self.upgraded.insert(sid, Arc::downgrade(link));
        if let Some(connection) = self.get(sid) {
            self.upgraded.remove(&sid);
            connection.attach(link);
        }
    }

    /// All connections at this moment.
    pub fn all(&self) -> Vec<Arc<Connection>> {
        self.open
            .iter()
            .map(|entry| entry.value().clone())
            .collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.open.len()
    }

    /// Forgets upgrades that came to nothing. To be called now and then.
    pub fn sweep(&self) {
        self.upgraded.retain(|_, link| link.strong_count() > 0);
    }
}
