//! The store of reactions to messages.

use std::fmt::Debug;

use async_trait::async_trait;

use super::error::StoreError;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, Emoji, Logged, MessageId, Reaction, ReactionId};

/// The most reactions, and the most receipts, that are read of a part of a history.
pub(crate) const MAX_MARKS: usize = 2_000;

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

    /// The reactions to these messages of a conversation, whoever asks: by message, and of one the oldest first. At
    /// most [`MAX_MARKS`].
    async fn of_messages(
        &self,
        conversation: &ConversationId,
        messages: &[MessageId],
    ) -> Result<Vec<Reaction>, StoreError>;

    /// Removes a user's own reaction. One that they have removed before is not there any more, and nothing is changed.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotFoundOrForbidden`]
    async fn remove(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        reaction: ReactionId,
        user: &UserId,
    ) -> Result<Logged<()>, StoreError>;
}
