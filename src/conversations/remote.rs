//! Messages of other nodes about conversations.

use std::sync::Arc;

use super::{Conversations, Typing};
use crate::cluster::{Answer, ConversationMessage};
use crate::connection::rooms::To;
use crate::model::UserId;
use crate::model::conversation::{
    ConversationDialect, ConversationEvent, ConversationId, UserNotification,
};

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
            ConversationMessage::Change(change) => {
                self.change_received(id, change).await;
                None
            }
            ConversationMessage::Newest(number) => {
                self.change_noticed(id, number).await;
                None
            }
            ConversationMessage::Unfollowed { user, at } => {
                self.follower_left(id, &user, at).await;
                None
            }
            ConversationMessage::ListSubscribers => {
                let guard = self.lock(id).await;
                let users = guard.users().into_iter().cloned().collect();
                Some(Answer::Users(users))
            }
            ConversationMessage::CountOthers { except } => {
                let guard = self.lock(id).await;
                let dialect = ConversationDialect::Conversation;
                let count = guard.count_except(dialect, &except);
                Some(Answer::Count(count as u64))
            }
        }
    }

    /// Something that another node notifies a user of.
    pub(crate) async fn notification_received(
        self: &Arc<Self>,
        id: &ConversationId,
        user: &UserId,
        notification: &UserNotification,
    ) {
        // A sender knows of no delivery before the answer that the message is stored.
        self.settled(id).await;
        if let UserNotification::ReadElsewhere { newest, .. } = notification {
            // Nobody is told that they have read what they do not know yet.
            self.close_gap(id, *newest).await;
        }
        // It is for the node of whoever caused it to wait.
        let users = std::slice::from_ref(user);
        let _ = self.notify_local(id, users, notification, None).await;
    }

    async fn event_received(self: &Arc<Self>, id: &ConversationId, event: ConversationEvent) {
        match event {
            ConversationEvent::Typing {
                typist,
                user,
                lasts,
                extra,
            } => {
                let typing = Typing { lasts, extra };
                self.set_typing_remote(id, typist, user, typing).await;
            }
            event => self.publish_received(id, &event).await,
        }
    }

    /// Publishes an event of another node to the subscribers of this one.
    pub(crate) async fn publish_received(
        self: &Arc<Self>,
        id: &ConversationId,
        event: &ConversationEvent,
    ) {
        let guard = self.lock(id).await;
        // So small that nobody has to be waited for.
        let _ = guard.publish_local(event, To::Everyone).await;
    }
}
