//! The ways to those whom it concerns: a conversation's events to its subscribers, notifications to
//! single users. Each is rendered once for all connections with the same view. In which order changes
//! go out is decided in `follow`.

use std::collections::BTreeSet;
use std::sync::Arc;

use smallvec::SmallVec;

use super::render::RenderedEvents;
use super::subscriptions::Followed;
use super::{ConversationGuard, Conversations};
use crate::cluster::{ConversationMessage, UserMessage};
use crate::connection::Connection;
use crate::connection::rooms::{Lagging, To};
use crate::model::UserId;
use crate::model::conversation::{
    ConversationDialect, ConversationEvent, ConversationId, LoggedEvent, MessageId, NumberedEvent,
    ParticipantsChange, Role, UserNotification, View,
};

/// What was sent to the subscribers on this node.
#[must_use]
#[derive(Debug, Default)]
pub(super) struct Delivery {
    messages: Vec<Reached>,
    lagging: Lagging,
}

/// Whom a message reached.
#[derive(Debug)]
struct Reached {
    message: MessageId,
    sender: UserId,
    users: Vec<UserId>,
}

impl Delivery {
    /// An event that these users were sent.
    fn of(event: &ConversationEvent, users: BTreeSet<&UserId>, lagging: Lagging) -> Self {
        let mut messages = Vec::new();
        if let ConversationEvent::Sent { message, .. } = event {
            let others = users.into_iter().filter(|user| **user != message.sender);
            messages.push(Reached {
                message: message.id,
                sender: message.sender.clone(),
                users: others.cloned().collect(),
            });
        }
        Self { messages, lagging }
    }

    /// Adds what was sent after it.
    pub(super) fn add(&mut self, other: Self) {
        self.messages.extend(other.messages);
        let lagging = std::mem::take(&mut self.lagging);
        self.lagging = lagging.and(other.lagging);
    }
}

impl ConversationGuard {
    /// Sends an event that is not in the log to the subscribers on every node.
    pub(super) async fn publish(&self, event: &ConversationEvent, to: To<'_>) -> Lagging {
        self.send_everywhere(event, to).await
    }

    /// Sends such an event to the subscribers on this node.
    pub(super) async fn publish_local(&self, event: &ConversationEvent, to: To<'_>) -> Lagging {
        self.send_local(event, to).await
    }

    /// Publishes a change that this node has stored: to the other nodes, and to those whom it concerns
    /// here once all changes before it are published here. Then unlocks the conversation, notes whom
    /// messages reached, and waits for subscribers that lag.
    pub(super) async fn publish_change(mut self, change: NumberedEvent) {
        let (conversations, id) = (self.conversations().clone(), self.id().clone());
        let number = change.number;
        conversations.send_change_to_nodes(&id, &change);
        let delivery = self.receive(change).await;
        let is_behind = self.is_behind(number);
        drop(self);
        conversations.finish(&id, delivery).await;
        if is_behind {
            conversations.close_gap(&id, number).await;
        }
    }

    /// Sends a change to those whom it concerns here.
    pub(super) async fn send_logged(&mut self, event: LoggedEvent) -> Delivery {
        match event {
            LoggedEvent::Event(event) => self.send_event(&event).await,
            LoggedEvent::Created {
                participants,
                change,
                invited,
                by,
            } => {
                let mut told = self.notify_all_invited(invited, by.as_ref(), &change).await;
                told.add(self.announce_created(participants, change).await);
                told
            }
            LoggedEvent::Added {
                user,
                change,
                is_ignored,
                ..
            } => {
                let users = self.participants();
                if !is_ignored {
                    self.begin_chats(&[user], &users).await;
                }
                self.notify_here(&users, &UserNotification::Added(change))
                    .await
            }
            LoggedEvent::Ended {
                user,
                change,
                is_ignored,
            } => {
                let mut users = self.participants();
                if !is_ignored {
                    self.end_chats(&user, &users).await;
                    users.push(user);
                }
                self.notify_here(&users, &UserNotification::Removed(change))
                    .await
            }
            LoggedEvent::Invited { user, by, change } => {
                let added = UserNotification::Added(change);
                self.notify_invited(&user, by.as_ref(), &added).await
            }
            LoggedEvent::Uninvited { user, by, change } => {
                let ended = UserNotification::Removed(change);
                self.notify_invited(&user, by.as_ref(), &ended).await
            }
            LoggedEvent::RoleChanged { .. } | LoggedEvent::Nothing => Delivery::default(),
        }
    }

    /// The participants after the last change, as far as they are known.
    pub(super) fn participants(&self) -> Vec<UserId> {
        let followed = self.local.followed.as_ref();
        let participants = followed.and_then(Followed::participants);
        participants.map_or_else(Vec::new, |all| all.keys().cloned().collect())
    }

    async fn send_event(&self, event: &ConversationEvent) -> Delivery {
        let lagging = self.send_local(event, To::Everyone).await;
        Delivery::of(event, self.users(), lagging)
    }

    async fn announce_created(
        &mut self,
        participants: Vec<(UserId, Role)>,
        change: ParticipantsChange,
    ) -> Delivery {
        let users: Vec<_> = participants.into_iter().map(|(user, _)| user).collect();
        self.begin_chats(&users, &users).await;
        let created = UserNotification::Created(change);
        self.notify_here(&users, &created).await
    }

    /// Notifies those here who were invited, each of their own invitation.
    async fn notify_all_invited(
        &self,
        invited: Vec<(UserId, Arc<str>)>,
        by: Option<&UserId>,
        created: &ParticipantsChange,
    ) -> Delivery {
        let mut delivery = Delivery::default();
        for (user, name) in invited {
            let invitation = UserNotification::Added(ParticipantsChange {
                names: vec![name],
                ..created.clone()
            });
            delivery.add(self.notify_invited(&user, by, &invitation).await);
        }
        delivery
    }

    /// Notifies an invited user here of what somebody did whom they have not blocked.
    async fn notify_invited(
        &self,
        user: &UserId,
        by: Option<&UserId>,
        notification: &UserNotification,
    ) -> Delivery {
        let conversations = self.conversations();
        if conversations.users.connections(user.as_str()).is_empty() {
            return Delivery::default();
        }
        if let Some(by) = by {
            let blocked = conversations.stores().blocks.find(user, by).await;
            if !matches!(blocked, Ok(None)) {
                return Delivery::default();
            }
        }
        self.notify_here(std::slice::from_ref(user), notification)
            .await
    }

    async fn notify_here(&self, users: &[UserId], notification: &UserNotification) -> Delivery {
        let conversations = self.conversations();
        let lagging = conversations.notify_local(self.id(), users, notification);
        Delivery {
            lagging: lagging.await,
            ..Delivery::default()
        }
    }

    /// New participants are in the chats of their connections from now on, and all of it are told who is online.
    async fn begin_chats(&mut self, new: &[UserId], all: &[UserId]) {
        for user in new {
            self.join_chats(user).await;
        }
        let presence = &self.conversations().presence;
        presence.began_to_share(new, all).await;
    }

    /// Ends the subscriptions of a former participant; those who share no other chat with them are told that they went.
    pub(super) async fn end_chats(&mut self, user: &UserId, others: &[UserId]) {
        self.evict_all(user).await;
        let presence = &self.conversations().presence;
        presence.ceased_to_share(user, others).await;
    }

    async fn evict_all(&mut self, user: &UserId) {
        let connections = self.connections_of(user);
        for connection in &connections {
            self.evict(connection, user).await;
        }
        self.end_listed(user);
        if !connections.is_empty() {
            let (conversations, id) = (self.conversations().clone(), self.id().clone());
            let (user, at) = (user.clone(), conversations.now_ms());
            tokio::spawn(async move { conversations.unfollowed(&[id], &user, at).await });
        }
    }

    /// Ends the subscription of a former participant's connection. It is notified, and so are the
    /// others.
    async fn evict(&mut self, connection: &Connection, user: &UserId) {
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
        self.forget_listed(event);
        let hidden_from = self.hidden_from(event).await;
        if !hidden_from.is_empty() {
            return self.send_except(event, to, &hidden_from);
        }
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
    /// Notes whom messages reached, and waits for subscribers no longer than the setting
    /// `room_min_rate` allows.
    pub(super) async fn finish(&self, id: &ConversationId, delivery: Delivery) {
        let Delivery { messages, lagging } = delivery;
        for reached in messages {
            self.note_delivered(id, reached.message, reached.sender, &reached.users)
                .await;
        }
        lagging.wait_at_rate(self.config.room_min_rate).await;
    }

    fn send_change_to_nodes(&self, id: &ConversationId, change: &NumberedEvent) {
        if self.cluster.is_some() {
            self.send_to_nodes(id, &ConversationMessage::Change(change.clone()));
            self.changed.note(id, change.number);
        }
    }

    /// Sends a message to the nodes that somebody is subscribed on.
    pub(super) fn send_to_nodes(&self, id: &ConversationId, message: &ConversationMessage) {
        if let Some(cluster) = &self.cluster {
            let _ = cluster.bus().publish(id, message);
        }
    }

    /// Notifies a user of what happened in a conversation, on every node.
    pub(super) async fn notify(
        &self,
        id: &ConversationId,
        user: &UserId,
        notification: &UserNotification,
    ) {
        let local = self.notify_local(id, std::slice::from_ref(user), notification);
        // So small that nobody has to be waited for.
        let _ = local.await;
        let Some(cluster) = &self.cluster else {
            return;
        };
        let message = UserMessage::Notification {
            conversation: id.clone(),
            notification: notification.clone(),
        };
        let _ = cluster.bus().publish(user, &message);
    }

    /// Notifies users on their connections to this node.
    pub(super) async fn notify_local(
        &self,
        id: &ConversationId,
        users: &[UserId],
        notification: &UserNotification,
    ) -> Lagging {
        let id_type = self.id_type(id).await;
        let mut lagging = Lagging::default();
        let mut rendered: SmallVec<[(View, RenderedEvents<'_>); 2]> = SmallVec::new();
        let users = users.iter();
        for connection in users.flat_map(|user| self.users.connections(user.as_str())) {
            let Some(dialect) = ConversationDialect::of(connection.dialect()) else {
                continue;
            };
            let subscribed = self.view_of(&connection, id);
            let view = View {
                dialect,
                id: subscribed.map_or(id_type, |view| view.id),
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
            let events = &rendered[at].1;
            send(&connection, events);
            for event in events {
                lagging = lagging.or(Lagging::one(&connection, &event.frames));
            }
        }
        lagging
    }
}

pub(super) fn send(connection: &Connection, events: &RenderedEvents<'_>) {
    for event in events {
        connection.send_sized(event.name, &event.payload, &event.frames);
    }
}
