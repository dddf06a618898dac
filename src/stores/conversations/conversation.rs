//! The store of the conversations themselves, and of which user is in which.

use std::fmt::Debug;

use async_trait::async_trait;

use super::error::StoreError;
use crate::model::UserId;
use crate::model::conversation::{
    ChangedBy, Conversation, ConversationId, Created, DescriptionChange, History, ListCursor,
    ListPage, Listed, Logged, NewConversation,
};

/// Stores conversations.
#[async_trait]
pub(crate) trait ConversationStore: Debug + Send + Sync {
    /// Creates a conversation with its first participants: its first change.
    ///
    /// # Errors
    /// [`StoreError::ConversationExists`]
    async fn create(
        &self,
        new: &NewConversation,
        by: &ChangedBy,
    ) -> Result<Logged<Created>, StoreError>;

    /// Sets which messages those see who are added from now on. A user must be an admin of the
    /// conversation to do so.
    ///
    /// # Errors
    /// [`StoreError::NoConversation`], [`StoreError::NotParticipant`], [`StoreError::NotAdmin`]
    async fn set_history(
        &self,
        id: &ConversationId,
        history: History,
        by: &ChangedBy,
    ) -> Result<Conversation, StoreError>;

    /// Changes the title or the picture. A user must be an admin of the conversation to do so.
    ///
    /// # Errors
    /// [`StoreError::NoConversation`], [`StoreError::NotParticipant`], [`StoreError::NotAdmin`]
    async fn describe(
        &self,
        id: &ConversationId,
        change: &DescriptionChange,
        by: &ChangedBy,
    ) -> Result<Logged<Conversation>, StoreError>;

    /// A conversation, whoever asks.
    async fn find(&self, id: &ConversationId) -> Result<Option<Conversation>, StoreError>;

    /// At most `limit` conversations of which a user is an active participant, the one with the
    /// newest message first; behind a cursor, as they were when that list began.
    async fn list_for(
        &self,
        user: &UserId,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<ListPage, StoreError>;

    /// One conversation, as it is in that list. `None`: the user is not an active participant.
    async fn find_for(
        &self,
        id: &ConversationId,
        user: &UserId,
    ) -> Result<Option<Listed>, StoreError>;

    /// Of how many conversations a user is an active participant.
    async fn count_for(&self, user: &UserId) -> Result<u64, StoreError>;

    /// The conversation without a title of which a user is an active participant, and beside whom only this other user is
    /// one, looks like one, or is invited. Of several the one with the newest message.
    async fn between(
        &self,
        user: &UserId,
        other: &UserId,
    ) -> Result<Option<ConversationId>, StoreError>;

    /// All other active participants of this user's conversations, each once, in no order.
    async fn partners_of(&self, user: &UserId) -> Result<Vec<UserId>, StoreError>;
}
