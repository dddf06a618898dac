//! The store of participants.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::error::StoreError;
use crate::model::UserId;
use crate::model::conversation::{Added, ConversationId, Ending, NewParticipant, Participant};

/// The names of a conversation's active participants.
pub(crate) type ParticipantNames = (ConversationId, Vec<Arc<str>>);

/// Stores who participates in conversations. Who may manage participants, the caller decides.
#[async_trait]
pub(crate) trait ParticipantStore: Debug + Send + Sync {
    /// All present and former participants, by the time when they were added last; of those added
    /// at the same time by id.
    async fn list(&self, id: &ConversationId) -> Result<Vec<Participant>, StoreError>;

    /// Adds a participant, who may be a former one. Messages sent until then count neither as
    /// unread nor as undelivered for them.
    ///
    /// # Errors
    /// [`StoreError::NoConversation`]
    async fn add(&self, id: &ConversationId, new: &NewParticipant) -> Result<Added, StoreError>;

    /// Ends a user's participation. `None`: they were not an active participant.
    async fn end(
        &self,
        id: &ConversationId,
        user: &UserId,
        ending: Ending,
    ) -> Result<Option<Participant>, StoreError>;

    /// For each of these conversations the names of its active participants, by their ids; the id
    /// for an unknown user. Each conversation once, in no order; none without active participants.
    async fn names_in(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<ParticipantNames>, StoreError>;
}
