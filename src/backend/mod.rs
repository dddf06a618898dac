//! What an application's backend does by the routes of administrators: it publishes events to clients, asks who is
//! online, and lists and closes connections; on all nodes.
//!
//! Owns whom such an event reaches and what is answered. It must not know a route, an event of a dialect, or what an
//! event of a backend says.

mod admins;
mod connections;
mod local;
mod presence;
mod publish;
mod published;
mod remote;
mod repeated;
mod targets;
mod watching;

use std::sync::Arc;
use std::time::Instant;

use dashmap::DashMap;

use crate::audit::Audit;
use crate::cluster::{AllNodesMessage, Answer, BackendMessage, Cluster};
use crate::config::LiveConfig;
use crate::connection::OpenConnections;
use crate::conversations::Conversations;
use crate::limits::{Action, Limit};
use crate::sessions::Sessions;
use crate::users::Users;

pub(crate) use admins::Admins;
pub(crate) use connections::ConnectionQuery;
pub(crate) use presence::UserPresence;
pub(crate) use publish::Request;
pub(crate) use published::{Published, TargetReached};
pub(crate) use repeated::RequestKey;
pub(crate) use targets::{MAX_TARGETS, Target, TargetKind};

/// The service.
pub(crate) struct Backend {
    users: Arc<Users>,
    conversations: Arc<Conversations>,
    sessions: Arc<Sessions>,
    connections: Arc<OpenConnections>,
    cluster: Option<Arc<Cluster>>,
    audit: Audit,
    config: LiveConfig,
    repeated: repeated::Requests,
    /// What is published with each token.
    limits: DashMap<Arc<str>, Arc<Limit>>,
    /// Administrators who watch this node.
    admins: Admins,
    /// How many events of clients were counted.
    events_of_clients: fn() -> u64,
    started: Instant,
}

impl Backend {
    /// Reaches these.
    pub(crate) fn new(
        users: &Arc<Users>,
        conversations: &Arc<Conversations>,
        sessions: &Arc<Sessions>,
        connections: &Arc<OpenConnections>,
        (config, audit, cluster): (LiveConfig, Audit, Option<Arc<Cluster>>),
        events_of_clients: fn() -> u64,
    ) -> Self {
        Self {
            users: users.clone(),
            conversations: conversations.clone(),
            sessions: sessions.clone(),
            connections: connections.clone(),
            repeated: repeated::Requests::new(cluster.clone()),
            cluster,
            audit,
            config,
            limits: DashMap::new(),
            admins: Admins::default(),
            events_of_clients,
            started: Instant::now(),
        }
    }

    /// Administrators who watch this node.
    pub(crate) fn admins(&self) -> &Admins {
        &self.admins
    }

    /// Asks all other nodes; their answers, and whether each has answered in time. Alone, this is none of them.
    async fn ask(&self, message: BackendMessage) -> (Vec<Answer>, bool) {
        match &self.cluster {
            Some(cluster) => cluster.ask_all(&AllNodesMessage::Backend(message)).await,
            None => (Vec::new(), true),
        }
    }

    /// What is published with the token of this name.
    fn limit(&self, token: &str) -> Arc<Limit> {
        if let Some(limit) = self.limits.get(token) {
            return limit.clone();
        }
        let made = || Arc::new(Limit::new(&self.config, Action::Publications));
        self.limits.entry(token.into()).or_insert_with(made).clone()
    }
}

impl std::fmt::Debug for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backend").finish_non_exhaustive()
    }
}
