//! Who may be subscribed: the participants, cached for a few seconds, and the eviction of those who
//! are none any more.

use std::sync::Arc;

use super::ConversationGuard;
use crate::connection::Connection;
use crate::conversations::UserNotification;
use crate::model::UserId;
use crate::model::conversation::{Role, Shape};
use crate::stores::conversations::StoreError;

impl ConversationGuard {
    /// The role of a participant.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], or the store fails.
    pub async fn role_of(&mut self, user: &UserId) -> Result<Role, StoreError> {
        let role = match self.local.role_of(user) {
            Some(role) => role,
            None => {
                self.read_members().await?;
                self.local.role_of(user).flatten()
            }
        };
        role.ok_or(StoreError::NotParticipant)
    }

    /// Evicts former participants. When the store does not answer, the last known participants
    /// stay subscribed.
    pub async fn check_members(&mut self) {
        if !self.local.knows_members()
            && let Err(error) = self.read_members().await
        {
            tracing::warn!(%error, "who takes part in a conversation could not be read");
        }
    }

    /// The participants have to be read again.
    pub fn forget_members(&mut self) {
        self.local.forget_members();
    }

    async fn read_members(&mut self) -> Result<(), StoreError> {
        let stores = self.conversations().stores();
        let participants = stores.participants.list(self.id()).await?;
        for former in self.local.set_members(&participants) {
            self.evict(&former.connection, &former.user).await;
        }
        Ok(())
    }

    /// Ends the subscription of a former participant's connection; it and others are notified.
    pub(in crate::conversations) async fn evict(
        &mut self,
        connection: &Arc<Connection>,
        user: &UserId,
    ) {
        self.stop_typing(connection).await;
        let Some(view) = self.unsubscribe(connection) else {
            return;
        };
        let notification = UserNotification::Evicted { connection, view };
        let conversations = self.conversations().clone();
        conversations.notify_local(self.id(), &notification);
        if view.shape == Shape::Conversation {
            self.exited(user, Some(conversations.now_ms())).await;
        }
    }
}
