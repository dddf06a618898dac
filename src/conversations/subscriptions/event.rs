//! What happened in a conversation, for those who are told of it. It has no event names: each
//! dialect has a [`Teller`] that says it in its own shape.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::{ConversationGuard, Conversations, View};
use crate::connection::Connection;
use crate::connection::rooms::Lagging;
use crate::model::conversation::{ConversationId, Delivered, Message, MessageId, Reaction, Read};
use crate::model::{Identity, UserId};
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
    Created(&'a Participation<'a>),
    /// Someone takes part from now on: to all who do.
    Added(&'a Participation<'a>),
    /// Someone does not take part any more: to them, and to all who do.
    Removed(&'a Participation<'a>),
    /// A connection was taken out of a conversation.
    PutOut {
        /// The connection.
        connection: &'a Arc<Connection>,
        /// How it saw the conversation.
        view: View,
    },
}

/// Who came to take part in a conversation or ceased to.
#[derive(Debug)]
pub struct Participation<'a> {
    /// Who is told.
    pub told: &'a [UserId],
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
        for<'a> fn(&'a ConversationGuard<'_>, &'a ConversationEvent<'_>) -> BoxFuture<'a, Lagging>,
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
