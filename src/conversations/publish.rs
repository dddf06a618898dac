//! The ways to those whom it concerns: a conversation's events to its subscribers, notifications to
//! single users. Events go out in the order in which the conversation was locked, and to participants
//! only; each is rendered once for all connections with the same view.

use smallvec::SmallVec;

use super::render::RenderedEvents;
use super::{ConversationGuard, Conversations};
use crate::cluster::{ConversationMessage, UserMessage};
use crate::connection::Connection;
use crate::connection::rooms::{Lagging, To};
use crate::model::UserId;
use crate::model::conversation::{
    ConversationDialect, ConversationEvent, ConversationId, IdType, UserNotification, View,
};

impl ConversationGuard {
    /// Sends an event to the subscribers on every node, after evicting former participants.
    pub(super) async fn publish(&mut self, event: &ConversationEvent, to: To<'_>) -> Lagging {
        self.check_participants().await;
        self.send_everywhere(event, to).await
    }

    /// Sends an event to all subscribers, then unlocks the conversation and waits for those that lag.
    pub(super) async fn publish_and_wait(mut self, event: ConversationEvent) {
        let lagging = self.publish(&event, To::Everyone).await;
        self.unlock_and_wait(lagging).await;
    }

    /// Sends an event to the subscribers on this node, after evicting former participants.
    pub(super) async fn publish_local(&mut self, event: &ConversationEvent, to: To<'_>) -> Lagging {
        self.check_participants().await;
        self.send_local(event, to).await
    }

    /// Unlocks the conversation, and waits for subscribers no longer than the setting `room_min_rate`
    /// allows.
    pub(super) async fn unlock_and_wait(self, lagging: Lagging) {
        let rate = self.conversations().config.room_min_rate;
        drop(self);
        lagging.wait_at_rate(rate).await;
    }

    /// Ends the subscription of a former participant's connection. It is notified, and so are the
    /// others, who are participants: the caller has just read who is.
    pub(super) async fn evict(&mut self, connection: &Connection, user: &UserId) {
        let Some(view) = self.unsubscribe(connection) else {
            return;
        };
        if let Some(stopped) = self.end_typing(connection) {
            // So small that nobody has to be waited for.
            let _ = self.send_everywhere(&stopped, To::Everyone).await;
        }
        let renderer = self.conversations().renderers.of(view.dialect);
        send(connection, &renderer.evicted(self.id().as_client(view.id)));
        if view.dialect == ConversationDialect::Conversation {
            let at = self.conversations().now_ms();
            if let Some(left) = self.exited(user, Some(at)).await {
                let _ = self.send_local(&left, To::Everyone).await;
            }
        }
    }

    async fn send_everywhere(&self, event: &ConversationEvent, to: To<'_>) -> Lagging {
        let lagging = self.send_local(event, to).await;
        let conversations = self.conversations();
        if conversations.cluster.is_some() {
            let message = ConversationMessage::Event(event.clone());
            conversations.send_to_nodes(self.id(), &message);
        }
        lagging
    }

    async fn send_local(&self, event: &ConversationEvent, to: To<'_>) -> Lagging {
        let renderers = self.conversations().renderers;
        let mut lagging = Lagging::default();
        for (view, room) in self.local.rooms() {
            let id = self.id().as_client(view.id);
            for rendered in renderers.of(view.dialect).event(event, id) {
                let (name, payload) = (rendered.name, &rendered.payload);
                let sent = room.send_sized(to, name, payload, &rendered.frames);
                lagging = lagging.and(sent.await);
            }
        }
        lagging
    }
}

impl Conversations {
    /// Sends a message to the nodes that somebody is subscribed on.
    pub(super) fn send_to_nodes(&self, id: &ConversationId, message: &ConversationMessage) {
        if let Some(cluster) = &self.cluster {
            let _ = cluster.bus().publish(id, message);
        }
    }

    /// Notifies users of what happened in a conversation, on every node.
    pub(super) fn notify(
        &self,
        id: &ConversationId,
        users: &[UserId],
        notification: &UserNotification,
    ) {
        self.notify_local(id, users, notification);
        let Some(cluster) = &self.cluster else {
            return;
        };
        let message = UserMessage::Notification {
            conversation: id.clone(),
            notification: notification.clone(),
        };
        for user in users {
            let _ = cluster.bus().publish(user, &message);
        }
    }

    /// The same for their connections to this node.
    pub(super) fn notify_local(
        &self,
        id: &ConversationId,
        users: &[UserId],
        notification: &UserNotification,
    ) {
        let mut rendered: SmallVec<[(View, RenderedEvents<'_>); 2]> = SmallVec::new();
        let users = users.iter();
        for connection in users.flat_map(|user| self.users.connections(user.as_str())) {
            let Some(dialect) = ConversationDialect::of(connection.dialect()) else {
                continue;
            };
            let subscribed = self.view_of(&connection, id);
            let view = View {
                dialect,
                id: subscribed.map_or(IdType::Text, |view| view.id),
            };
            let at = match rendered.iter().position(|(other, _)| *other == view) {
                Some(at) => at,
                None => {
                    let renderer = self.renderers.of(dialect);
                    let events = renderer.notification(notification, id.as_client(view.id));
                    rendered.push((view, events));
                    rendered.len() - 1
                }
            };
            send(&connection, &rendered[at].1);
        }
    }
}

fn send(connection: &Connection, events: &RenderedEvents<'_>) {
    for event in events {
        connection.send_sized(event.name, &event.payload, &event.frames);
    }
}
