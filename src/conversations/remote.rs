//! Messages of other nodes about conversations.

use std::sync::Arc;
use std::time::Duration;

use super::{ConversationEvent, Conversations};
use crate::cluster::{Answer, ConversationMessage, EventMessage, NotificationMessage};
use crate::model::UserId;
use crate::model::conversation::{ConversationId, Reaction};

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
                guard.forget_members();
                guard.check_members().await;
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
        notification: NotificationMessage,
    ) {
        // A sender knows of no delivery before the answer that the message is stored.
        self.settled(id).await;
        notification.notify(user, |notification| self.notify_local(id, notification));
    }

    /// A user became a participant, by a change on another node.
    pub(crate) async fn auto_join_received(self: &Arc<Self>, id: &ConversationId, user: &UserId) {
        // That they are a participant may not have been received yet.
        self.lock(id).await.forget_members();
        self.auto_join(id, user).await;
    }

    async fn event_received(self: &Arc<Self>, id: &ConversationId, event: EventMessage) {
        match event {
            EventMessage::Sent { message, sender } => {
                if let Some(message) = message.read() {
                    self.publish_sent_local(message, &sender).await;
                }
            }
            EventMessage::Edited(message) => {
                if let Some(message) = message.read() {
                    let event = ConversationEvent::Edited(&message);
                    self.publish_local(id, &event).await;
                }
            }
            EventMessage::Deleted(message) => {
                if let Some(message) = message.read() {
                    let event = ConversationEvent::Deleted(&message);
                    self.publish_local(id, &event).await;
                }
            }
            EventMessage::Reacted { reaction, user } => {
                let (reaction, user) = (&Reaction::from(reaction), &user);
                let event = ConversationEvent::Reacted { reaction, user };
                self.publish_local(id, &event).await;
            }
            EventMessage::Unreacted(reaction) => {
                let event = ConversationEvent::Unreacted(&reaction.into());
                self.publish_local(id, &event).await;
            }
            EventMessage::Typing {
                connection,
                user,
                lasts,
            } => {
                let lasts = (lasts > 0).then(|| Duration::from_millis(lasts));
                self.set_typing_remote(id, connection, &user, lasts).await;
            }
            EventMessage::Entered(user) => {
                let (but, user) = (None, &user);
                let event = ConversationEvent::Entered { but, user };
                self.publish_local(id, &event).await;
            }
            EventMessage::Left { user, at } => {
                let event = ConversationEvent::Left { user: &user, at };
                self.publish_local(id, &event).await;
            }
        }
    }
}
