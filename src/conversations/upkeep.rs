//! What makes sure that no change of this node stays unnoticed: the numbers of what changed are sent to
//! other nodes once a second, and where storing seemed to fail, the log is looked at. It must not know
//! what a change is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use super::Conversations;
use crate::cluster::ConversationMessage;
use crate::model::conversation::{ChangeNumber, ConversationId};

/// How often other nodes are sent the numbers of what changed.
const INTERVAL: Duration = Duration::from_secs(1);

/// The conversations that were changed on this node since other nodes were sent their numbers.
#[derive(Debug, Default)]
pub(super) struct ChangedHere(Mutex<HashMap<ConversationId, ChangeNumber>>);

impl ChangedHere {
    /// A change was published.
    pub(super) fn note(&self, id: &ConversationId, number: ChangeNumber) {
        let mut numbers = self.0.lock();
        let newest = numbers.entry(id.clone()).or_default();
        *newest = number.max(*newest);
    }

    fn take(&self) -> HashMap<ConversationId, ChangeNumber> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// Conversations in which something may be stored that was not published: storing it seemed to fail.
#[derive(Debug, Default)]
pub(super) struct Unsure(Mutex<HashSet<ConversationId>>);

impl Conversations {
    /// Looks at the log of a conversation within a second, and until that succeeds.
    pub(super) fn check_later(&self, id: &ConversationId) {
        self.unsure.0.lock().insert(id.clone());
    }

    /// Notices changes that were not published, for ever.
    pub(crate) async fn keep_up(self: Arc<Self>) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for (id, number) in self.changed.take() {
                self.send_to_nodes(&id, &ConversationMessage::Newest(number));
            }
            self.check_unsure().await;
        }
    }

    async fn check_unsure(self: &Arc<Self>) {
        let unsure = std::mem::take(&mut *self.unsure.0.lock());
        for id in unsure {
            if self.catch_up(&id).await.is_err() {
                self.check_later(&id);
            }
        }
    }
}
