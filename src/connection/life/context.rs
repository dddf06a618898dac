//! What all connections share: services of the server, and the handler of their events.

use std::sync::Arc;

use crate::audit::Audit;
use crate::config::LiveConfig;
use crate::connection::{Drain, OpenConnections};
use crate::transport::LiveFlowLimits;

/// What all connections share.
pub(super) struct Context<H> {
    pub(super) handler: H,
    pub(super) services: Services,
}

/// What connections need of the server.
#[derive(Clone)]
pub(crate) struct Services {
    /// All open connections.
    pub(crate) open: Arc<OpenConnections>,
    /// The audit.
    pub(crate) audit: Audit,
    /// The settings.
    pub(crate) config: LiveConfig,
    /// Bounds of flow control.
    pub(crate) flow_limits: LiveFlowLimits,
    /// The name of this server.
    pub(crate) node: Arc<str>,
    /// The shutdown, before which the rest of what ended connections sent is handled.
    pub(crate) drain: Drain,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}
