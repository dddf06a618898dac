//! The open connections by the library's id, which is what requests name them by, and the one way
//! to end a session whose transport is not a single TCP connection.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use dashmap::DashMap;
use futures_util::future::BoxFuture;
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
            connection.flow().attach(&link);
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
            connection.flow().attach(link);
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

type Close = Box<dyn Fn(Sid) -> BoxFuture<'static, ()> + Send + Sync>;

/// Ends polling sessions. The library can only be asked to by a request of the client itself, so
/// that is what is made for it. Clones share it.
#[derive(Clone, Default)]
pub struct TransportCloser(Arc<OnceLock<Close>>);

impl TransportCloser {
    /// Sets how it is done; once, when the server is put together.
    pub fn set(&self, close: impl Fn(Sid) -> BoxFuture<'static, ()> + Send + Sync + 'static) {
        // A second time does not come.
        let _ = self.0.set(Box::new(close));
    }

    /// Ends the polling session after a while, if it is still there.
    pub fn close_after(&self, sid: Sid, wait: Duration) {
        let this = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            if let Some(close) = this.0.get() {
                close(sid).await;
            }
        });
    }
}

impl std::fmt::Debug for TransportCloser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TransportCloser")
    }
}
