//! What an endpoint is, and how far it was told when it begins to be told.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use uuid::Uuid;

use super::RETRY;
use crate::audit::Audit;
use crate::webhooks::client::Client;
use crate::webhooks::progress::{Progress, ProgressError, Selection};
use crate::webhooks::source::Reads;
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
    /// This process has not told it anything yet.
    pub(in crate::webhooks) is_first: bool,
}

/// What is asked of who tells an endpoint.
pub(in crate::webhooks) struct Replay {
    pub(in crate::webhooks) selection: Selection,
    /// Receives how many facts wait again.
    pub(in crate::webhooks) answer: oneshot::Sender<Result<u64, ProgressError>>,
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

    /// What is read of the audit.
    pub(super) fn reads(&self) -> Reads {
        match (self.is_heir(), self.common.is_first) {
            (true, _) => Reads::Others,
            (false, true) => Reads::Own,
            (false, false) => Reads::OwnAgain,
        }
    }

    /// The same, after it was told something.
    pub(super) fn again(mut self) -> Self {
        self.common.is_first = false;
        self
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
