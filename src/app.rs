//! What all parts of the relay share, and the ways an event reaches people. It must not know the
//! name of any event: dialects bring the names and the payloads.

use std::sync::Arc;
use std::time::Instant;

use crate::audit::{Audit, Event, Record};
use crate::auth::Authenticator;
use crate::cluster::Cluster;
use crate::config::Config;
use crate::connection::{Connection, Drain, OpenConnections};
use crate::conversations::Conversations;
use crate::limits::{AddressLimits, AddressSlots};
use crate::model::{Dialect, UserId};
use crate::sessions::Sessions;
use crate::users::{Administration, Presence, Receivers, Users};

/// The state of one relay.
pub struct App {
    /// The settings.
    pub config: Arc<Config>,
    /// Authenticates users.
    pub auth: Arc<Authenticator>,
    /// All users.
    pub users: Arc<Users>,
    /// All open connections.
    pub connections: Arc<OpenConnections>,
    /// Stored conversations.
    pub conversations: Arc<Conversations>,
    /// Ad-hoc sessions.
    pub sessions: Arc<Sessions>,
    /// Rate limits per address.
    pub limits: Arc<AddressLimits>,
    /// Connections per address.
    pub slots: AddressSlots,
    /// Who is online.
    pub presence: Arc<Presence>,
    /// What administrators do to users.
    pub administration: Administration,
    /// The audit.
    pub audit: Audit,
    /// The name of this server.
    pub node: Arc<str>,
    /// The other servers of the deployment, if it may have some.
    pub cluster: Option<Arc<Cluster>>,
    /// When it started.
    pub started: Instant,
    /// Whether the server is shutting down.
    pub drain: Drain,
}

impl App {
    /// The receivers of an event for a user.
    pub async fn to_user<'a>(&'a self, user: &'a UserId) -> Receivers<'a> {
        self.users.receivers(user).await
    }

    /// From now on no new connections are taken.
    pub fn drain(&self) {
        self.drain.begin();
    }

    /// Whether the server is shutting down.
    pub fn is_draining(&self) -> bool {
        self.drain.has_begun()
    }

    /// Records what a connection did.
    pub fn record(&self, connection: &Connection, dialect: Option<Dialect>, event: Event) {
        self.audit
            .record(Record::new(&connection.source(), dialect, event));
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}
