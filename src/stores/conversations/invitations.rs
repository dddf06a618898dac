//! The store of invitations: participants who are asked first.

use std::fmt::Debug;

use async_trait::async_trait;

use super::error::StoreError;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, Invitation, Logged, Participant};

/// Stores who is invited. They are added by the store of participants, which also ends an invitation.
#[async_trait]
pub(crate) trait InvitationStore: Debug + Send + Sync {
    /// At most `limit` invitations of a user, or the one to this conversation; the newest first, and none by whom
    /// they have blocked.
    async fn invitations_of(
        &self,
        user: &UserId,
        only: Option<&ConversationId>,
        limit: usize,
    ) -> Result<Vec<Invitation>, StoreError>;

    /// Makes a participant of a user who is invited, whoever did it, as one who is added then. An active participant
    /// stays one. `None`: they are neither.
    async fn accept(
        &self,
        id: &ConversationId,
        user: &UserId,
    ) -> Result<Option<Logged<Participant>>, StoreError>;
}
