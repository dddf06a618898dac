//! What happened in a conversation, and the ways to those whom it concerns. It has no event names: each
//! dialect has a [`Teller`] that says it in its own shape.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Serialize;
use uuid::Uuid;

use super::{ConversationGuard, Conversations};
use crate::cluster::{ConversationMessage, NotificationMessage, UserMessage};
use crate::connection::Connection;
use crate::connection::rooms::{Lagging, To};
use crate::model::conversation::{
    ClientId, ConversationId, Delivered, Message, MessageId, Reaction, Read, Shape, View,
};
use crate::model::{Identity, UserId};
use crate::payload::FrameSizes;
use crate::users::Users;

/// Something that all who are subscribed are told.
#[derive(Debug)]
pub enum ConversationEvent<'a> {
    /// A message was kept.
    Sent {
        /// The message.
        message: &'a Message,
        /// Whose it is.
        sender: &'a Identity,
    },
    /// What a message says was changed.
    Edited(&'a Message),
    /// What a message said was deleted.
    Deleted(&'a Message),
    /// Someone reacted.
    Reacted {
        /// The reaction.
        reaction: &'a Reaction,
        /// Whose it is.
        user: &'a Identity,
    },
    /// A reaction was taken back.
    Unreacted(&'a Reaction),
    /// Someone types, or ceased to.
    Typing {
        /// The connection on which they do (its id).
        typist: Uuid,
        /// The same, if it is on this server: it is not told.
        but: Option<&'a Connection>,
        /// Who.
        user: &'a Identity,
        /// For how long, unless they say so again; `None` when they ceased to.
        lasts: Option<Duration>,
    },
    /// Someone is subscribed in the shape `conversation` who was not.
    Entered {
        /// The connection on which they are, if it is on this server: it is not told.
        but: Option<&'a Connection>,
        /// Who.
        user: &'a Identity,
    },
    /// Someone is not subscribed any more in the shape `conversation`.
    Left {
        /// Who.
        user: &'a UserId,
        /// When they were last, in milliseconds since the epoch.
        at: u64,
    },
}

/// Something that certain users are told, wherever they are connected.
#[derive(Debug)]
pub enum UserNotification<'a> {
    /// Messages reached someone for the first time: to their senders.
    Delivered {
        /// Whom they reached.
        to: &'a [UserId],
        /// When, in milliseconds since the epoch.
        at: u64,
        /// The messages, each with its sender.
        messages: &'a [(MessageId, UserId)],
    },
    /// Someone read messages: to their senders.
    Read {
        /// Who.
        reader: &'a UserId,
        /// What.
        read: &'a Read,
    },
    /// A conversation was made: to those who take part.
    Created(&'a ParticipantsChanged<'a>),
    /// Someone takes part from now on: to all who do.
    Added(&'a ParticipantsChanged<'a>),
    /// Someone does not take part any more: to them, and to all who do.
    Removed(&'a ParticipantsChanged<'a>),
    /// A connection was taken out of a conversation.
    Evicted {
        /// The connection.
        connection: &'a Arc<Connection>,
        /// How it saw the conversation.
        view: View,
    },
}

/// Who came to take part in a conversation or ceased to.
#[derive(Debug)]
pub struct ParticipantsChanged<'a> {
    /// Who is notified.
    pub to: &'a [UserId],
    /// The names of those whom it is about.
    pub names: &'a [Arc<str>],
    /// The name of who did it.
    pub by: &'a str,
    /// Which content key goes with it.
    pub key_number: Option<i64>,
}

/// How one dialect says what happened.
#[derive(Debug, Clone, Copy)]
pub struct Teller {
    /// To those who are subscribed in its shape.
    pub room:
        for<'a> fn(&'a ConversationGuard, &'a ConversationEvent<'_>) -> BoxFuture<'a, Lagging>,
    /// To single users.
    pub people: fn(&Users, &Conversations, &ConversationId, &UserNotification<'_>),
}

impl<'a> UserNotification<'a> {
    /// What a store says was delivered to one user.
    pub fn delivered(to: &'a [UserId], delivered: &'a Delivered) -> Self {
        Self::Delivered {
            to,
            at: delivered.at,
            messages: &delivered.messages,
        }
    }
}

impl ConversationGuard {
    /// Sends an event to all who are subscribed, on every node.
    pub(super) async fn publish(&self, event: &ConversationEvent<'_>) -> Lagging {
        let lagging = self.publish_local(event).await;
        let conversations = self.conversations();
        if conversations.cluster.is_some() {
            let message = ConversationMessage::Event(event.into());
            conversations.send(self.id(), &message);
        }
        lagging
    }

    /// The same, which then unlocks the conversation and waits for those that lag.
    pub(super) async fn publish_and_wait(self, event: &ConversationEvent<'_>) {
        let lagging = self.publish(event).await;
        let rate = self.conversations().config.room_min_rate;
        drop(self);
        lagging.wait_at_rate(rate).await;
    }

    /// Sends an event to all who are subscribed on this node.
    pub(super) async fn publish_local(&self, event: &ConversationEvent<'_>) -> Lagging {
        let mut lagging = Lagging::default();
        for teller in self.conversations().tellers.get().into_iter().flatten() {
            lagging = lagging.and((teller.room)(self, event).await);
        }
        lagging
    }

    /// Sends an event to those who see this shape, with a payload that names the conversation as they
    /// do, and which becomes frames of these sizes.
    pub async fn send_sized<'s, T: Serialize + Sync>(
        &'s self,
        shape: Shape,
        to: To<'_>,
        event: &'static str,
        frames: &FrameSizes,
        payload: impl Fn(ClientId<'s>) -> T,
    ) -> Lagging {
        let mut lagging = Lagging::default();
        for (view, room) in self.local.rooms(shape) {
            let payload = payload(self.id().as_client(view.id));
            lagging = lagging.and(room.send_sized(to, event, &payload, frames).await);
        }
        lagging
    }

    /// Ends the typing on a connection of this node, and notifies others if somebody did.
    pub(super) async fn stop_typing(&mut self, connection: &Connection) {
        if let Some(user) = self.unset_typing(connection.id.uuid()) {
            let event = ConversationEvent::Typing {
                typist: connection.id.uuid(),
                but: Some(connection),
                user: &user,
                lasts: None,
            };
            // So small that nobody has to be waited for.
            let _ = self.publish(&event).await;
        }
    }
}

impl Conversations {
    /// Sends a message to the nodes that somebody is subscribed on.
    pub(super) fn send(&self, id: &ConversationId, message: &ConversationMessage) {
        if let Some(cluster) = &self.cluster {
            let _ = cluster.bus().publish(id, message);
        }
    }

    /// Notifies users on every node.
    pub(super) fn notify(&self, id: &ConversationId, notification: &UserNotification<'_>) {
        self.notify_local(id, notification);
        let Some(cluster) = &self.cluster else {
            return;
        };
        for (user, notification) in NotificationMessage::for_each_user(notification) {
            let message = UserMessage::Notification {
                conversation: id.clone(),
                notification,
            };
            let _ = cluster.bus().publish(&user, &message);
        }
    }

    /// Notifies those of them who are connected to this node.
    pub(super) fn notify_local(&self, id: &ConversationId, notification: &UserNotification<'_>) {
        for teller in self.tellers.get().into_iter().flatten() {
            (teller.people)(&self.users, self, id, notification);
        }
    }
}
