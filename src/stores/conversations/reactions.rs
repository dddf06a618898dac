//! The store of reactions to messages.

use std::fmt::Debug;

use async_trait::async_trait;

use super::error::StoreError;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, Emoji, Logged, MessageId, Reaction, ReactionId};

/// Stores reactions.
#[async_trait]
pub(crate) trait ReactionStore: Debug + Send + Sync {
    /// Adds a reaction to a message that was not deleted. If the user has reacted with the same
    /// emoji before, that reaction is returned.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotFoundOrForbidden`]
    async fn add(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
        emoji: &Emoji,
    ) -> Result<Logged<Reaction>, StoreError>;

    /// Removes a user's own reaction, and returns it.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotFoundOrForbidden`]
    async fn remove(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        reaction: ReactionId,
        user: &UserId,
    ) -> Result<Logged<Reaction>, StoreError>;
}
