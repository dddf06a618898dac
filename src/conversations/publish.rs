//! The way of a conversation's events to its subscribers. Each is rendered once for all connections with the
//! same view. In which order changes go out is decided in `follow`; who else is told, in `notify`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::naming::Names;
use super::render::RenderedEvents;
use super::subscriptions::Followed;
use super::{Actor, ConversationGuard, Conversations};
use crate::cluster::ConversationMessage;
use crate::connection::Connection;
use crate::connection::rooms::{Lagging, To, of_conversation};
use crate::model::UserId;
use crate::model::conversation::{
    ConversationEvent, ConversationId, Extra, Logged, LoggedEvent, MessageId, NumberedEvent,
    ParticipantsChange, UserNotification,
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

    /// Something that is no message.
    pub(super) fn of_other(lagging: Lagging) -> Self {
        let messages = Vec::new();
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
        // Mostly one that was stored with it, and is about to be published.
        let gap = self.gap(number);
        drop(self);
        conversations.finish(&id, delivery).await;
        if let Some(gap) = gap {
            conversations.close(&id, gap).await;
        }
    }

    /// Sends a change to those whom it concerns here, but for those who do not see the message that it is about.
    pub(super) async fn send_logged(&mut self, event: LoggedEvent, blind: &[UserId]) -> Delivery {
        match event {
            LoggedEvent::Event(event) => self.send_event(&event, blind).await,
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
            } => self.send_added(user, change, is_ignored).await,
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
            LoggedEvent::KeyRotated { key_number } => {
                let rotated = UserNotification::KeyRotated { key_number };
                self.notify_all(&rotated).await
            }
            LoggedEvent::Described(now) => self.notify_all(&UserNotification::Described(now)).await,
            LoggedEvent::RoleChanged { .. } | LoggedEvent::Nothing => Delivery::default(),
        }
    }

    async fn send_added(
        &mut self,
        user: UserId,
        change: ParticipantsChange,
        is_ignored: bool,
    ) -> Delivery {
        let users = self.participants();
        if !is_ignored {
            self.begin_chats(&[user], &users).await;
        }
        self.notify_here(&users, &UserNotification::Added(change))
            .await
    }

    async fn notify_all(&self, notification: &UserNotification) -> Delivery {
        self.notify_here(&self.participants(), notification).await
    }

    /// The participants after the last change, as far as they are known.
    pub(super) fn participants(&self) -> Vec<UserId> {
        let followed = self.local.followed.as_ref();
        let participants = followed.and_then(Followed::participants);
        participants.map_or_else(Vec::new, |all| all.keys().cloned().collect())
    }

    /// The same without a list of their own. `None`: they are not known.
    pub(super) fn known_participants(&self) -> Option<impl Iterator<Item = &UserId>> {
        let followed = self.local.followed.as_ref();
        Some(followed.and_then(Followed::participants)?.keys())
    }

    async fn send_event(&self, event: &ConversationEvent, blind: &[UserId]) -> Delivery {
        if !blind.is_empty() {
            return Delivery::of_other(self.send_except(event, To::Everyone, blind));
        }
        let lagging = self.send_local(event, To::Everyone).await;
        Delivery::of(event, self.users(), lagging)
    }

    pub(super) async fn send_everywhere(&self, event: &ConversationEvent, to: To<'_>) -> Lagging {
        let lagging = self.send_local(event, to).await;
        let conversations = self.conversations();
        if conversations.cluster.is_some() {
            let message = ConversationMessage::Event(event.clone());
            conversations.send_to_nodes(self.id(), &message);
        }
        lagging
    }

    pub(super) async fn send_local(&self, event: &ConversationEvent, to: To<'_>) -> Lagging {
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
                let sent = room.send_sized(to, event.sender(), name, payload, &rendered.frames);
                lagging = lagging.and(sent);
            }
        }
        lagging
    }
}

impl ConversationGuard {
    /// Publishes what a store has logged for a user. What had been done before may never have been
    /// published, if its user got an error: then the log has it.
    pub(super) fn publish_logged<T>(
        self,
        actor: Actor<'_>,
        logged: Logged<T>,
    ) -> impl Future<Output = ()> + use<T> {
        self.publish_logged_saying(actor, logged, Extra::default())
    }

    /// The same with what the user's client says beside.
    pub(super) fn publish_logged_saying<T>(
        self,
        actor: Actor<'_>,
        logged: Logged<T>,
        extra: Extra,
    ) -> impl Future<Output = ()> + use<T> {
        let names = Names::of(actor.identity);
        let change = logged.change.map(|change| names.name_change(change));
        let change = change.map(|change| change.saying(extra));
        async move {
            if let Some(change) = change {
                return self.publish_change(change).await;
            }
            let (conversations, id) = (self.conversations().clone(), self.id().clone());
            let is_followed = self.local.followed.is_some();
            drop(self);
            if is_followed && let Err(error) = conversations.catch_up(&id).await {
                tracing::warn!(%error, "the log of a conversation could not be read");
            }
        }
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
        lagging.wait_at_rate(self.config.now().room_min_rate).await;
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
}

/// Sends one connection something of a conversation, behind what waits of it.
pub(super) fn send(connection: &Arc<Connection>, id: &ConversationId, events: &RenderedEvents<'_>) {
    let of = || of_conversation(id.as_str());
    for event in events {
        connection.send_behind(of, event.name, &event.payload, &event.frames);
    }
}
