//! Tokens of users that are taken back before they expire: for good, on all nodes.
//!
//! Owns which revocations hold, who is told of them, and the end of connections that such tokens opened. It must not
//! verify a token, nor know a route.

mod making;
mod reading;
mod remote;
#[cfg(test)]
mod tests;
mod tokens;
mod unstored;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

pub(crate) use making::{Made, NewRevocation};
pub(crate) use tokens::RevokedTokens;

use crate::audit::Audit;
use crate::cluster::Cluster;
use crate::config::LiveConfig;
use crate::connection::OpenConnections;
use crate::stores::conversations::RevocationStore;
use reading::Read;
use unstored::Unstored;

/// The service.
pub(crate) struct Revocations {
    tokens: Arc<RevokedTokens>,
    store: Arc<dyn RevocationStore>,
    connections: Arc<OpenConnections>,
    cluster: Option<Arc<Cluster>>,
    audit: Audit,
    config: LiveConfig,
    /// Those that the store has not taken yet.
    unstored: Unstored,
    /// How many are being made that count already.
    under_way: AtomicUsize,
    /// How far the store was read.
    read: tokio::sync::Mutex<Read>,
    /// Something may have been missed of what others did.
    has_missed: AtomicBool,
}

impl Revocations {
    /// Keeps them in `store`, and holds those of `tokens`, which is not read yet.
    ///
    /// # Errors
    /// What the store has not taken yet cannot be read.
    pub(crate) fn new(
        tokens: Arc<RevokedTokens>,
        store: Arc<dyn RevocationStore>,
        connections: &Arc<OpenConnections>,
        (config, audit, cluster): (LiveConfig, Audit, Option<Arc<Cluster>>),
    ) -> io::Result<Self> {
        Ok(Self {
            tokens,
            store,
            connections: connections.clone(),
            cluster,
            audit,
            unstored: Unstored::open(&config.now().data_dir)?,
            config,
            under_way: AtomicUsize::new(0),
            read: tokio::sync::Mutex::default(),
            has_missed: AtomicBool::new(false),
        })
    }

    /// What every token is checked against.
    pub(crate) fn tokens(&self) -> &RevokedTokens {
        &self.tokens
    }
}

impl std::fmt::Debug for Revocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revocations")
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}
