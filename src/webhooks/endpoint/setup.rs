//! What an endpoint is, and how far it was told when it begins to be told.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use uuid::Uuid;

use super::RETRY;
use crate::audit::Audit;
use crate::webhooks::client::Client;
use crate::webhooks::control::Replay;
use crate::webhooks::progress::{Progress, ProgressError};
use crate::webhooks::status::Status;
use crate::webhooks::store::Store;

/// What an endpoint is, whoever tells it for which node.
#[derive(Clone)]
pub(in crate::webhooks) struct Common {
    pub(in crate::webhooks) status: Arc<Status>,
    pub(in crate::webhooks) client: Client,
    pub(in crate::webhooks) max_age: Duration,
    /// Within which time undelivered messages of one recipient are told as one fact.
    pub(in crate::webhooks) coalesce: Duration,
    pub(in crate::webhooks) audit: Audit,
    /// This node.
    pub(in crate::webhooks) own_node: Arc<str>,
    /// From when on it is told, if it was not known before.
    pub(in crate::webhooks) now: Uuid,
}

/// An endpoint, and what it is to be told.
pub(in crate::webhooks) struct Setup {
    pub(super) common: Common,
    pub(super) store: Store,
    /// Whose facts are told; not this node, if it is the heir of another.
    pub(super) node: Arc<str>,
    pub(super) replays: mpsc::Receiver<Replay>,
}

impl Common {
    /// For the facts of a node.
    pub(in crate::webhooks) fn setup(
        &self,
        store: Store,
        node: Arc<str>,
        replays: mpsc::Receiver<Replay>,
    ) -> Setup {
        Setup {
            common: self.clone(),
            store,
            node,
            replays,
        }
    }
}

impl Setup {
    pub(super) fn is_heir(&self) -> bool {
        self.node != self.common.own_node
    }
}

/// `None`: somebody else is the heir.
pub(super) async fn load(setup: &Setup) -> Option<Progress> {
    let mut is_failing = false;
    loop {
        let endpoint = &setup.common.status.name;
        match setup.store.load(endpoint, setup.common.now).await {
            Ok(progress) => return Some(progress),
            Err(_) if setup.is_heir() => return None,
            Err(ProgressError::Taken) => {}
            Err(error) => {
                setup.common.status.change(|now| now.is_broken = true);
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::error!(endpoint, %error, "it cannot be read what an endpoint was told; it is told nothing yet");
                }
            }
        }
        sleep(RETRY).await;
    }
}
