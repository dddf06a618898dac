//! Whom users have blocked: the list of each, and what follows from a change of it at once, on every node. It must not
//! tell who is blocked.

use std::sync::Arc;

use super::{Actor, Conversations};
use crate::audit::{AuditText, Event};
use crate::cluster::UserMessage;
use crate::model::{Block, MAX_BLOCKED, Refusal, UserId};
use crate::stores::conversations::BlockStore;
use crate::users::Presence;

/// The block lists of all users.
pub(crate) struct Blocking {
    store: Arc<dyn BlockStore>,
    presence: Arc<Presence>,
    conversations: Arc<Conversations>,
}

impl Blocking {
    /// The lists in the store of these conversations, which say whose presence is hidden from whom.
    pub(crate) fn new(presence: Arc<Presence>, conversations: Arc<Conversations>) -> Self {
        Self {
            store: conversations.stores().blocks.clone(),
            presence,
            conversations,
        }
    }

    /// The store of the lists.
    pub(crate) fn store(&self) -> &dyn BlockStore {
        self.store.as_ref()
    }

    /// A user blocks another one; since when, and whether they had not before.
    ///
    /// # Errors
    /// [`Why::BlockListFull`](crate::model::Why::BlockListFull), it is the user themselves, or the store fails.
    pub(crate) async fn block(
        &self,
        actor: Actor<'_>,
        other: &UserId,
    ) -> Result<(Block, bool), Refusal> {
        let user = &actor.identity.user;
        if user == other {
            return Err(Refusal::unusable("id"));
        }
        let (block, is_new) = self.store.block(user, other, MAX_BLOCKED).await?;
        if is_new {
            let recipient = AuditText::new(other.as_str());
            let event = Event::UserBlocked { recipient };
            actor.record(&self.conversations.audit, event);
        }
        // Also when it was stored before: a node may not have been told.
        self.publish(other, user, true).await;
        Ok((block, is_new))
    }

    /// A user blocks another one no longer; since when they did. `None`: they did not.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn unblock(
        &self,
        actor: Actor<'_>,
        other: &UserId,
    ) -> Result<Option<Block>, Refusal> {
        let user = &actor.identity.user;
        let removed = self.store.unblock(user, other).await?;
        if removed.is_some() {
            let recipient = AuditText::new(other.as_str());
            let event = Event::UserUnblocked { recipient };
            actor.record(&self.conversations.audit, event);
        }
        // Also when it was removed before: a node may not have been told.
        self.publish(other, user, false).await;
        Ok(removed)
    }

    /// It holds on every node when this returns, but for those that do not answer in time.
    async fn publish(&self, user: &UserId, by: &UserId, is_blocked: bool) {
        self.apply(user, by, is_blocked).await;
        if let Some(cluster) = &self.conversations.cluster {
            let by = by.clone();
            let message = UserMessage::Blocked { by, is_blocked };
            cluster.ask(user, &message).await;
        }
    }

    /// A user is blocked by another one from now on, or is not any more; on this node.
    pub(crate) async fn apply(&self, user: &UserId, by: &UserId, is_blocked: bool) {
        if !self.presence.set_blocked(user, by, is_blocked).await {
            return;
        }
        let rooms = self.conversations.show_in_rooms(user, by, !is_blocked);
        if let Err(error) = rooms.await {
            tracing::warn!(%error, "who is in a conversation was not shown to one who is not blocked any more");
        }
    }
}
