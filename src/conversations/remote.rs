//! What other nodes say happened in a conversation.

use std::sync::Arc;
use std::time::Duration;

use super::{ConversationEvent, Conversations};
use crate::cluster::{Answer, Body, Said};
use crate::model::UserId;
use crate::model::conversation::{ConversationId, Reaction};

impl Conversations {
    /// A message of another node about a conversation; the answer to it.
    pub(crate) async fn received(
        self: &Arc<Self>,
        id: &ConversationId,
        body: Body,
    ) -> Option<Answer> {
        match body {
            Body::Fact(event) => {
                self.event_received(id, event).await;
                None
            }
            Body::Participants => {
                let mut guard = self.lock(id).await;
                guard.forget_members();
                guard.check_members().await;
                None
            }
            Body::WhoIsHere => {
                let guard = self.lock(id).await;
                let users = guard.users().into_iter().cloned().collect();
                Some(Answer::Users(users))
            }
            _ => None,
        }
    }

    /// A message of another node about a user's conversations; the answer to it.
    pub(crate) async fn received_for_user(
        self: &Arc<Self>,
        user: &UserId,
        body: Body,
    ) -> Option<Answer> {
        match body {
            Body::Notice {
                conversation,
                notice,
            } => {
                // A sender knows of no delivery before the answer that the message is stored.
                self.settled(&conversation).await;
                notice.tell(user, |notice| self.notify_local(&conversation, notice));
                None
            }
            Body::PutIn(conversation) => {
                // That they are a participant may not have been received yet.
                self.lock(&conversation).await.forget_members();
                self.auto_join(&conversation, user).await;
                Some(Answer::Count(1))
            }
            _ => None,
        }
    }

    async fn event_received(self: &Arc<Self>, id: &ConversationId, event: Said) {
        match event {
            Said::Sent { message, sender } => {
                if let Some(message) = message.read() {
                    self.publish_sent_local(message, &sender).await;
                }
            }
            Said::Edited(message) => {
                if let Some(message) = message.read() {
                    let event = ConversationEvent::Edited(&message);
                    self.publish_local(id, &event).await;
                }
            }
            Said::Deleted(message) => {
                if let Some(message) = message.read() {
                    let event = ConversationEvent::Deleted(&message);
                    self.publish_local(id, &event).await;
                }
            }
            Said::Reacted { reaction, user } => {
                let (reaction, user) = (&Reaction::from(reaction), &user);
                let event = ConversationEvent::Reacted { reaction, user };
                self.publish_local(id, &event).await;
            }
            Said::Unreacted(reaction) => {
                let event = ConversationEvent::Unreacted(&reaction.into());
                self.publish_local(id, &event).await;
            }
            Said::Typing {
                connection,
                user,
                lasts,
            } => {
                let lasts = (lasts > 0).then(|| Duration::from_millis(lasts));
                self.set_typing_remote(id, connection, &user, lasts).await;
            }
            Said::Entered(user) => {
                let (but, user) = (None, &user);
                let event = ConversationEvent::Entered { but, user };
                self.publish_local(id, &event).await;
            }
            Said::Left { user, at } => {
                let event = ConversationEvent::Left { user: &user, at };
                self.publish_local(id, &event).await;
            }
        }
    }
}
