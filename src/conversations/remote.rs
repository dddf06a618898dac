//! Messages of other nodes about conversations.

use std::sync::Arc;

use super::Conversations;
use crate::cluster::{Answer, ConversationMessage};
use crate::connection::rooms::To;
use crate::model::UserId;
use crate::model::conversation::{ConversationEvent, ConversationId, UserNotification};

impl Conversations {
    /// A message of another node about a conversation; the answer to it.
    pub(crate) async fn received(
        self: &Arc<Self>,
        id: &ConversationId,
        message: ConversationMessage,
    ) -> Option<Answer> {
        match message {
            ConversationMessage::Event(event) => {
                self.event_received(id, event).await;
                None
            }
            ConversationMessage::ParticipantsChanged => {
                let mut guard = self.lock(id).await;
                guard.forget_participants();
                guard.check_participants().await;
                None
            }
            ConversationMessage::ListSubscribers => {
                let guard = self.lock(id).await;
                let users = guard.users().into_iter().cloned().collect();
                Some(Answer::Users(users))
            }
        }
    }

    /// Something that another node notifies a user of.
    pub(crate) async fn notification_received(
        &self,
        id: &ConversationId,
        user: &UserId,
        notification: &UserNotification,
    ) {
        // A sender knows of no delivery before the answer that the message is stored.
        self.settled(id).await;
        self.notify_local(id, std::slice::from_ref(user), notification);
    }

    /// A user became a participant, by a change on another node.
    pub(crate) async fn auto_join_received(self: &Arc<Self>, id: &ConversationId, user: &UserId) {
        // That they are a participant may not have been received yet.
        self.lock(id).await.forget_participants();
        self.auto_join(id, user).await;
    }

    async fn event_received(self: &Arc<Self>, id: &ConversationId, event: ConversationEvent) {
        match event {
            ConversationEvent::Sent { message, sender } => {
                self.publish_sent_local(message, sender).await;
            }
            ConversationEvent::Typing {
                typist,
                user,
                lasts,
            } => self.set_typing_remote(id, typist, user, lasts).await,
            event => self.publish_received(id, &event).await,
        }
    }

    /// Publishes an event of another node to the subscribers of this one.
    pub(crate) async fn publish_received(
        self: &Arc<Self>,
        id: &ConversationId,
        event: &ConversationEvent,
    ) {
        let mut guard = self.lock(id).await;
        let lagging = guard.publish_local(event, To::Everyone).await;
        guard.unlock_and_wait(lagging).await;
    }
}
