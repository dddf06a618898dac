//! Who may be subscribed: the participants, cached for a few seconds, and the eviction of those who
//! are none any more.

use super::ConversationGuard;
use crate::model::UserId;
use crate::model::conversation::Role;
use crate::stores::conversations::StoreError;

impl ConversationGuard {
    /// The role of a participant.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], or the store fails.
    pub(in crate::conversations) async fn role_of(
        &mut self,
        user: &UserId,
    ) -> Result<Role, StoreError> {
        if !self.local.knows_participants() {
            self.read_participants().await?;
        }
        self.local.role_of(user).ok_or(StoreError::NotParticipant)
    }

    /// Evicts former participants, if there are subscribers. When the store does not answer, the last
    /// known participants stay subscribed.
    pub(in crate::conversations) async fn check_participants(&mut self) {
        let is_needed = self.local.has_subscribers() && !self.local.knows_participants();
        if is_needed && let Err(error) = self.read_participants().await {
            tracing::warn!(%error, "the participants of a conversation could not be read");
        }
    }

    /// The participants have to be read again.
    pub(in crate::conversations) fn forget_participants(&mut self) {
        self.local.forget_participants();
    }

    async fn read_participants(&mut self) -> Result<(), StoreError> {
        let stores = self.conversations().stores();
        let participants = stores.participants.list(self.id()).await?;
        for former in self.local.set_participants(&participants) {
            self.evict(&former.connection, &former.identity.user).await;
        }
        Ok(())
    }
}
