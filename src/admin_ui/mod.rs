//! The namespace of the published Admin UI of Socket.IO: who may enter it, what they are shown, and what they may do.
//!
//! Owns the connections of administrators, and the one task that shows them all nodes, which runs only while there is
//! one. It must not know what a client sends, and has no field for that, nor for names, tokens or rooms.

mod admin;
mod admission;
mod commands;
mod ignored;
mod mount;
mod shapes;
mod shown;
mod sockets;
mod stats;
mod watch;

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};

use crate::app::App;
use admin::Admin;

pub(crate) use mount::Administrators;

/// The namespace.
const NAMESPACE: &str = "/admin";
/// How many administrators may be connected, to all nodes.
const MAX_ADMINS: usize = 4;
/// For how many sessions other nodes are asked at a time.
const MAX_ASKED: usize = 4;

/// The administrators who are connected to this node.
#[derive(Debug)]
struct AdminUi {
    app: Arc<App>,
    connected: Mutex<Connected>,
    /// All are to be shown everything at once: one has come.
    has_come: Notify,
    asking: Semaphore,
}

#[derive(Debug, Default)]
struct Connected {
    admins: Vec<Arc<Admin>>,
    /// The task runs that shows them all nodes.
    is_watched: bool,
}

impl AdminUi {
    fn new(app: &Arc<App>) -> Self {
        Self {
            app: app.clone(),
            connected: Mutex::default(),
            has_come: Notify::new(),
            asking: Semaphore::new(MAX_ASKED),
        }
    }

    /// Adds an administrator. `false`: there are as many as there may be.
    fn add(&self, admin: &Arc<Admin>) -> bool {
        let mut connected = self.connected.lock();
        if connected.admins.len() >= MAX_ADMINS {
            return false;
        }
        connected.admins.push(admin.clone());
        self.count(&connected);
        true
    }

    /// An administrator has gone.
    fn remove(&self, admin: &Arc<Admin>) {
        let was_there = {
            let mut connected = self.connected.lock();
            let before = connected.admins.len();
            connected.admins.retain(|one| !Arc::ptr_eq(one, admin));
            self.count(&connected);
            connected.admins.len() < before
        };
        if was_there {
            admin.ended(&self.app.audit);
        }
    }

    fn count(&self, connected: &Connected) {
        let count = connected.admins.len();
        self.app.backend.admins().set_connected(count);
    }

    /// Those who are connected.
    fn all(&self) -> Vec<Arc<Admin>> {
        self.connected.lock().admins.clone()
    }

    /// Shows all nodes to those who are connected, an administrator having come.
    fn show(self: &Arc<Self>) {
        let was_watched = std::mem::replace(&mut self.connected.lock().is_watched, true);
        if was_watched {
            self.has_come.notify_one();
        } else {
            tokio::spawn(watch::run(self.clone()));
        }
    }

    /// Whether the task goes on. `false`: nobody is connected, and the next one starts another.
    fn goes_on(&self) -> bool {
        let mut connected = self.connected.lock();
        connected.is_watched = !connected.admins.is_empty();
        connected.is_watched
    }
}
