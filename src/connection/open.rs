//! The open connections by the library's id, which is what requests name them by.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use socketioxide::socket::Sid;

use super::Connection;
use crate::transport::Link;

/// All open connections.
#[derive(Debug, Default)]
pub struct OpenConnections {
    open: DashMap<Sid, Arc<Connection>>,
    /// Links on which a session goes on whose connection is not yet admitted.
    upgraded: DashMap<Sid, Weak<Link>>,
    /// Sessions whose connection is over, and since when. Their transports go soon.
    over: DashMap<Sid, Instant>,
}

/// How long a session is remembered whose connection is over: longer than its transport lasts.
const REMEMBERED: Duration = Duration::from_secs(60);

impl OpenConnections {
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

    /// Removes a connection that is over.
    pub fn remove(&self, sid: Sid) {
        self.over.insert(sid, Instant::now());
        self.open.remove(&sid);
    }

    /// Whether the session had a connection that is over. It gets no second one: flow control
    /// counts what is written for the first.
    pub fn is_over(&self, sid: Sid) -> bool {
        self.over.contains_key(&sid)
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

    /// Forgets upgrades that came to nothing and sessions that are gone. To be called now and then.
    pub fn sweep(&self) {
        self.upgraded.retain(|_, link| link.strong_count() > 0);
        self.over.retain(|_, since| since.elapsed() < REMEMBERED);
    }
}
