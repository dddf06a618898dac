//! The services of one server in one struct, without logic: each service takes the others that it uses
//! when it is built.

use std::sync::Arc;
use std::time::Instant;

use crate::audit::Audit;
use crate::auth::Authenticator;
use crate::backend::Backend;
use crate::cluster::Cluster;
use crate::config::{Live, LiveConfig};
use crate::connection::{Drain, OpenConnections, Places};
use crate::conversations::{Blocking, Conversations};
use crate::limits::{AddressLimits, Memory};
use crate::reloads::Reloads;
use crate::revocations::Revocations;
use crate::sessions::Sessions;
use crate::stores::sessions::SessionLimits;
use crate::surroundings::Surroundings;
use crate::users::{Administration, Presence, Users};
use crate::webhooks::Webhooks;

/// The services of one server.
pub(crate) struct App {
    /// The settings.
    pub(crate) config: LiveConfig,
    /// Asks for a reload of them.
    pub(crate) reloads: Reloads,
    /// Authenticates users.
    pub(crate) auth: Arc<Authenticator>,
    /// All users.
    pub(crate) users: Arc<Users>,
    /// All open connections.
    pub(crate) connections: Arc<OpenConnections>,
    /// Stored conversations.
    pub(crate) conversations: Arc<Conversations>,
    /// Ad-hoc sessions.
    pub(crate) sessions: Arc<Sessions>,
    /// The bounds of these.
    pub(crate) session_limits: Live<SessionLimits>,
    /// The memory that clients make this server hold.
    pub(crate) memory: Arc<Memory>,
    /// Rate limits per address.
    pub(crate) limits: Arc<AddressLimits>,
    /// The places of Engine.IO sessions.
    pub(crate) places: Arc<Places>,
    /// Who is online.
    pub(crate) presence: Arc<Presence>,
    /// Whom users have blocked.
    pub(crate) blocking: Blocking,
    /// What administrators do to users.
    pub(crate) administration: Administration,
    /// What backends do.
    pub(crate) backend: Backend,
    /// Tokens that are taken back.
    pub(crate) revocations: Arc<Revocations>,
    /// The audit.
    pub(crate) audit: Audit,
    /// What endpoints of the backend are told.
    pub(crate) webhooks: Webhooks,
    /// The name of this server.
    pub(crate) node: Arc<str>,
    /// The other servers of the deployment, if it may have some.
    pub(crate) cluster: Option<Arc<Cluster>>,
    /// When it started.
    pub(crate) started: Instant,
    /// Whether the server is shutting down.
    pub(crate) drain: Drain,
    /// What around this server is not as it has to be.
    pub(crate) surroundings: Surroundings,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}
