//! What other nodes had to tell and are not there to tell: this one does, as their heir, up to the end of what they have
//! stored, or until they are back.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::endpoint::{self, Common, Setup};
use super::mongo::Cursors;
use super::progress::ProgressError;
use super::store::Store;

/// How often it is looked for nodes that are gone.
const INTERVAL: Duration = Duration::from_secs(5);

/// What an endpoint is told for others with.
pub(super) struct Heir {
    pub(super) cursors: Cursors,
    /// As for its own facts.
    pub(super) common: Common,
}

/// Tells an endpoint what other nodes do not, until `stop` says so.
pub(super) async fn tell_for_others(heir: Heir, stop: watch::Receiver<bool>) {
    let mut stopped = stop.clone();
    let mut telling = JoinSet::new();
    let mut is_failing = false;
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            () = sleep(INTERVAL) => {}
        }
        while telling.try_join_next().is_some() {}
        match heir.find().await {
            Ok(found) => {
                is_failing = false;
                for setup in found {
                    telling.spawn(endpoint::tell(setup, stop.clone()));
                }
            }
            Err(error) if std::mem::replace(&mut is_failing, true) => {
                tracing::debug!(%error, "it is still not known what other nodes do not tell");
            }
            Err(error) => {
                let endpoint = &heir.common.status.name;
                tracing::warn!(endpoint, %error, "it cannot be read what other nodes do not tell an endpoint");
            }
        }
    }
    while telling.join_next().await.is_some() {}
}

impl Heir {
    /// What is to be told now for others. Which server does, is decided when it begins.
    async fn find(&self) -> Result<Vec<Setup>, ProgressError> {
        let nodes = self.cursors.abandoned(&self.common.status.name).await?;
        let setups = nodes.into_iter().map(|node| {
            // Nobody asks an heir to tell something again.
            let (_, replays) = mpsc::channel(1);
            let store = Store::Database(self.cursors.of_node(&node));
            self.common.setup(store, node.as_str().into(), replays)
        });
        Ok(setups.collect())
    }
}
