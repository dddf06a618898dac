//! Which messages reached whom, and which were read.

use std::sync::Arc;

use super::{Actor, Conversations, Stored, UserNotification};
use crate::audit::{AuditText, Event};
use crate::model::UserId;
use crate::model::conversation::{ConversationId, MAX_PAGE, Message, MessageId, PageLimit};
use crate::stores::conversations::StoreError;

impl Conversations {
    /// Notes that a user has read these messages. Their senders are notified of those that are read
    /// for the first time.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], or the store fails.
    pub async fn mark_read(
        self: &Arc<Self>,
        actor: Actor<'_>,
        conversation: &ConversationId,
        messages: &[MessageId],
    ) -> Result<Stored<()>, StoreError> {
        let reader = actor.identity.user.clone();
        let receipts = &self.stores().receipts;
        let read = receipts.mark_read(conversation, &reader, messages).await?;
        let count = read.messages.iter().map(|(_, ids)| ids.len() as u64).sum();
        if count > 0 {
            let conversation_id = AuditText::new(conversation.as_str());
            let event = Event::MessageRead {
                conversation_id,
                count,
            };
            actor.record(&self.audit, event);
        }
        let (conversations, conversation) = (self.clone(), conversation.clone());
        let rest = async move {
            let notification = UserNotification::Read {
                reader: &reader,
                read: &read,
            };
            conversations.notify(&conversation, &notification);
        };
        Ok(Stored::new((), rest))
    }

    /// Notes that a message reached these users, and notifies its sender. The message is published
    /// already: when this fails, it counts as delivered at the next join.
    pub(super) async fn note_delivered(&self, message: &Message, users: &[UserId]) {
        if users.is_empty() {
            return;
        }
        let at = self.now_ms();
        let receipts = &self.stores().receipts;
        let reached = receipts.mark_delivered_to(&message.conversation, message.id, users);
        match reached.await {
            Ok(reached) if reached.is_empty() => {}
            Ok(reached) => {
                let notification = UserNotification::Delivered {
                    to: &reached,
                    at,
                    messages: &[(message.id, message.sender.clone())],
                };
                self.notify(&message.conversation, &notification);
            }
            Err(error) => tracing::warn!(%error, "that a message was delivered was not noted"),
        }
    }

    /// Notes that everything sent while a user was away has reached them, and notifies the senders.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], or the store fails.
    pub(super) async fn mark_all_delivered(
        &self,
        conversation: &ConversationId,
        user: &UserId,
    ) -> Result<(), StoreError> {
        let Some(limit) = PageLimit::new(MAX_PAGE.into()) else {
            return Ok(());
        };
        loop {
            let delivered = self
                .stores()
                .receipts
                .mark_delivered(conversation, user, limit);
            let delivered = delivered.await?;
            if !delivered.messages.is_empty() {
                // A sender knows of no delivery before the answer that the message is stored.
                self.settled(conversation).await;
                let to = std::slice::from_ref(user);
                let notification = UserNotification::delivered(to, &delivered);
                self.notify(conversation, &notification);
            }
            if !delivered.more {
                return Ok(());
            }
        }
    }
}
