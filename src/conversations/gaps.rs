//! What this node hears of changes, and what it does when one is missing: the log is read. What is done with
//! a change when it is its turn is in `follow`.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::{ConversationGuard, Conversations};
use crate::model::conversation::{ChangeNumber, ConversationId, NumberedEvent};
use crate::stores::conversations::StoreError;

/// How long a change that came ahead waits for those before it, until the log is read.
const GAP_TIMEOUT: Duration = Duration::from_millis(50);

/// The subscribers here have not received this change: how far they are.
pub(super) struct Gap {
    number: ChangeNumber,
    progress: watch::Receiver<ChangeNumber>,
}

impl ConversationGuard {
    /// What lies before this change, if the subscribers here have not received it.
    pub(super) fn gap(&mut self, number: ChangeNumber) -> Option<Gap> {
        if !self.is_behind(number) {
            return None;
        }
        let progress = self.local.followed.as_mut()?.progress();
        Some(Gap { number, progress })
    }
}

impl Conversations {
    /// What a store has done in a conversation. When it failed, it may have done it all the same: then
    /// the log is looked at later.
    pub(super) fn noted<T>(
        &self,
        id: &ConversationId,
        result: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if matches!(result, Err(StoreError::Failed(_))) {
            self.check_later(id);
        }
        result
    }

    /// A change was published by another node.
    pub(super) async fn change_received(
        self: &Arc<Self>,
        id: &ConversationId,
        change: NumberedEvent,
    ) {
        if let Some(log) = &self.stores().shared_log {
            log.heard(id, &change);
        }
        let number = change.number;
        let mut guard = self.lock(id).await;
        let delivery = guard.receive(change).await;
        self.close_gap_later(&mut guard, number);
        drop(guard);
        self.finish(id, delivery).await;
    }

    /// There is a change, which may have been received.
    pub(super) async fn change_noticed(
        self: &Arc<Self>,
        id: &ConversationId,
        number: ChangeNumber,
    ) {
        let mut guard = self.lock(id).await;
        self.close_gap_later(&mut guard, number);
    }

    /// Unless a change is received soon, the log is read.
    fn close_gap_later(self: &Arc<Self>, guard: &mut ConversationGuard, number: ChangeNumber) {
        if !guard.is_behind(number) {
            return;
        }
        let Some(followed) = &mut guard.local.followed else {
            return;
        };
        if !std::mem::replace(&mut followed.is_being_closed, true) {
            let (conversations, id) = (self.clone(), guard.id().clone());
            self.presence.drain().spawn(async move {
                conversations.close_gap(&id, number).await;
                let mut guard = conversations.lock(&id).await;
                if let Some(followed) = &mut guard.local.followed {
                    followed.is_being_closed = false;
                }
            });
        }
    }

    /// Returns once the subscribers here have received a change, which is in the log: if it does not
    /// become its turn soon, the log is read.
    pub(super) async fn close_gap(self: &Arc<Self>, id: &ConversationId, number: ChangeNumber) {
        let gap = self.lock(id).await.gap(number);
        if let Some(gap) = gap {
            self.close(id, gap).await;
        }
    }

    /// The same for a gap that was seen.
    pub(super) async fn close(self: &Arc<Self>, id: &ConversationId, mut gap: Gap) {
        // An error means that nobody follows it any more.
        let arrival = gap.progress.wait_for(|last| *last >= gap.number);
        let has_arrived = timeout(GAP_TIMEOUT, arrival).await.is_ok();
        if !has_arrived && let Err(error) = self.catch_up(id).await {
            tracing::warn!(%error, "the log of a conversation could not be read");
            self.check_later(id);
        }
    }

    /// Sends the subscribers here everything that is in the log.
    ///
    /// # Errors
    /// The store fails.
    pub(super) async fn catch_up(self: &Arc<Self>, id: &ConversationId) -> Result<(), StoreError> {
        loop {
            let mut guard = self.lock(id).await;
            let (delivery, is_more) = guard.read_on().await?;
            drop(guard);
            self.finish(id, delivery).await;
            if !is_more {
                return Ok(());
            }
        }
    }
}
