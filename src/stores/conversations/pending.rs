//! The store of pending participants: names that nobody had when they were added.

use std::fmt::Debug;

use async_trait::async_trait;

use super::error::StoreError;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, Logged, Participant};

/// Stores which participants are pending, until somebody is known by the name.
#[async_trait]
pub(crate) trait PendingStore: Debug + Send + Sync {
    /// The conversations in which a name is a pending participant.
    async fn pending_in(&self, name: &UserId) -> Result<Vec<ConversationId>, StoreError>;

    /// Those of these names that are pending participants anywhere.
    async fn pending_among(&self, names: &[UserId]) -> Result<Vec<UserId>, StoreError>;

    /// Puts a user in the place of a pending participant, with their role and their content key; what was
    /// sent since these were added is unread. If the user is an active participant already, the pending
    /// one is removed. `None`: there is no such pending participant.
    async fn claim(
        &self,
        id: &ConversationId,
        pending: &UserId,
        user: &UserId,
    ) -> Result<Option<Logged<Participant>>, StoreError>;
}
