//! Events of a conversation as they are written for other nodes. What users wrote is passed on byte
//! for byte.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::conversations::{ConversationEvent, ParticipantsChanged, UserNotification};
use crate::model::conversation::{
    Body, ConversationId, Delivered, Emoji, Message, MessageId, Reaction, ReactionId, Read, TempId,
};
use crate::model::{Identity, UserId};
use crate::payload::OwnedValue;

/// A [`ConversationEvent`] as it is written.
#[derive(Debug, Serialize, Deserialize)]
pub enum EventMessage {
    /// [`ConversationEvent::Sent`]
    Sent {
        /// The message.
        message: WireMessage,
        /// Whose it is.
        sender: Identity,
    },
    /// [`ConversationEvent::Edited`]
    Edited(WireMessage),
    /// [`ConversationEvent::Deleted`]
    Deleted(WireMessage),
    /// [`ConversationEvent::Reacted`]
    Reacted {
        /// The reaction.
        reaction: WireReaction,
        /// Whose it is.
        user: Identity,
    },
    /// [`ConversationEvent::Unreacted`]
    Unreacted(WireReaction),
    /// [`ConversationEvent::Typing`]
    Typing {
        /// On which connection.
        connection: Uuid,
        /// Who.
        user: Identity,
        /// For how many milliseconds; 0 when they stopped.
        lasts: u64,
    },
    /// [`ConversationEvent::Entered`]
    Entered(Identity),
    /// [`ConversationEvent::Left`]
    Left {
        /// Who.
        user: UserId,
        /// When they were last.
        at: u64,
    },
}

/// A [`Message`].
#[derive(Debug, Serialize, Deserialize)]
pub struct WireMessage {
    id: MessageId,
    conversation: ConversationId,
    sender: UserId,
    temp_id: Option<TempId>,
    key_number: Option<i64>,
    created_at: u64,
    edited_at: Option<u64>,
    deleted_at: Option<u64>,
    content: Option<WireValue>,
    media: Option<WireValue>,
}

/// A [`Reaction`].
#[derive(Debug, Serialize, Deserialize)]
pub struct WireReaction {
    id: ReactionId,
    message: MessageId,
    conversation: ConversationId,
    user: UserId,
    emoji: Emoji,
    created_at: u64,
}

/// The parts of a [`OwnedValue`].
#[derive(Serialize, Deserialize)]
struct WireValue {
    text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Bytes>,
}

impl std::fmt::Debug for WireValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WireValue")
    }
}

impl From<&OwnedValue> for WireValue {
    fn from(value: &OwnedValue) -> Self {
        let (text, attachments) = value.to_parts();
        Self {
            text: text.into_owned(),
            attachments,
        }
    }
}

impl WireValue {
    fn read(self) -> Option<OwnedValue> {
        OwnedValue::from_parts(self.text, self.attachments)
    }
}

impl From<&Message> for WireMessage {
    fn from(message: &Message) -> Self {
        Self {
            id: message.id,
            conversation: message.conversation.clone(),
            sender: message.sender.clone(),
            temp_id: message.temp_id.clone(),
            key_number: message.key_number,
            created_at: message.created_at,
            edited_at: message.edited_at,
            deleted_at: message.deleted_at(),
            content: message.content().map(WireValue::from),
            media: message.media().map(WireValue::from),
        }
    }
}

impl WireMessage {
    /// The message. `None`: a value in it cannot be read.
    pub fn read(self) -> Option<Message> {
        let read = |value: Option<WireValue>| match value {
            None => Some(None),
            Some(value) => value.read().map(Some),
        };
        let body = match self.deleted_at {
            Some(at) => Body::Deleted { at },
            None => Body::Whole {
                content: read(self.content)?,
                media: read(self.media)?,
            },
        };
        Some(Message {
            id: self.id,
            conversation: self.conversation,
            sender: self.sender,
            temp_id: self.temp_id,
            key_number: self.key_number,
            created_at: self.created_at,
            edited_at: self.edited_at,
            body,
        })
    }
}

impl From<&Reaction> for WireReaction {
    fn from(reaction: &Reaction) -> Self {
        Self {
            id: reaction.id,
            message: reaction.message,
            conversation: reaction.conversation.clone(),
            user: reaction.user.clone(),
            emoji: reaction.emoji.clone(),
            created_at: reaction.created_at,
        }
    }
}

impl From<WireReaction> for Reaction {
    fn from(reaction: WireReaction) -> Self {
        Self {
            id: reaction.id,
            message: reaction.message,
            conversation: reaction.conversation,
            user: reaction.user,
            emoji: reaction.emoji,
            created_at: reaction.created_at,
        }
    }
}

impl From<&ConversationEvent<'_>> for EventMessage {
    fn from(event: &ConversationEvent<'_>) -> Self {
        match event {
            ConversationEvent::Sent { message, sender } => Self::Sent {
                message: (*message).into(),
                sender: (*sender).clone(),
            },
            ConversationEvent::Edited(message) => Self::Edited((*message).into()),
            ConversationEvent::Deleted(message) => Self::Deleted((*message).into()),
            ConversationEvent::Reacted { reaction, user } => Self::Reacted {
                reaction: (*reaction).into(),
                user: (*user).clone(),
            },
            ConversationEvent::Unreacted(reaction) => Self::Unreacted((*reaction).into()),
            ConversationEvent::Typing {
                typist,
                user,
                lasts,
                ..
            } => Self::Typing {
                connection: *typist,
                user: (*user).clone(),
                lasts: lasts.map_or(0, |lasts| lasts.as_millis() as u64),
            },
            ConversationEvent::Entered { user, .. } => Self::Entered((*user).clone()),
            ConversationEvent::Left { user, at } => Self::Left {
                user: (*user).clone(),
                at: *at,
            },
        }
    }
}

/// A [`UserNotification`] to one user as it is written.
#[derive(Debug, Serialize, Deserialize)]
pub enum NotificationMessage {
    /// [`UserNotification::Delivered`]
    Delivered {
        /// To whom.
        to: Vec<UserId>,
        /// When.
        at: u64,
        /// The messages, all of which are the user's.
        messages: Vec<MessageId>,
    },
    /// [`UserNotification::Read`]
    Read {
        /// Who.
        reader: UserId,
        /// When.
        at: u64,
        /// The messages, all of which are the user's.
        messages: Vec<MessageId>,
    },
    /// [`UserNotification::Created`]
    Created(WireParticipation),
    /// [`UserNotification::Added`]
    Added(WireParticipation),
    /// [`UserNotification::Removed`]
    Removed(WireParticipation),
}

/// A [`ParticipantsChanged`] without its receivers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WireParticipation {
    names: Vec<Arc<str>>,
    by: String,
    key_number: Option<i64>,
}

impl WireParticipation {
    fn new(participation: &ParticipantsChanged<'_>) -> Self {
        Self {
            names: participation.names.to_vec(),
            by: participation.by.to_owned(),
            key_number: participation.key_number,
        }
    }

    /// What these users are sent.
    pub fn to<'a>(&'a self, receivers: &'a [UserId]) -> ParticipantsChanged<'a> {
        ParticipantsChanged {
            to: receivers,
            names: &self.names,
            by: &self.by,
            key_number: self.key_number,
        }
    }
}

impl NotificationMessage {
    /// What each receiver of a notification is sent.
    pub fn for_each_user(notification: &UserNotification<'_>) -> Vec<(UserId, Self)> {
        match notification {
            UserNotification::Delivered { to, at, messages } => {
                let mut by_sender: HashMap<&UserId, Vec<MessageId>> = HashMap::new();
                for (message, sender) in *messages {
                    by_sender.entry(sender).or_default().push(*message);
                }
                let message = |(sender, messages): (&UserId, _)| {
                    let (to, at) = (to.to_vec(), *at);
                    (sender.clone(), Self::Delivered { to, at, messages })
                };
                by_sender.into_iter().map(message).collect()
            }
            UserNotification::Read { reader, read } => {
                let message = |(sender, messages): &(UserId, Vec<MessageId>)| {
                    let read = Self::Read {
                        reader: (*reader).clone(),
                        at: read.at,
                        messages: messages.clone(),
                    };
                    (sender.clone(), read)
                };
                read.messages.iter().map(message).collect()
            }
            UserNotification::Created(who) => Self::participation(who, Self::Created),
            UserNotification::Added(who) => Self::participation(who, Self::Added),
            UserNotification::Removed(who) => Self::participation(who, Self::Removed),
            UserNotification::Evicted { .. } => Vec::new(),
        }
    }

    fn participation(
        who: &ParticipantsChanged<'_>,
        message: impl Fn(WireParticipation) -> Self,
    ) -> Vec<(UserId, Self)> {
        let wire = WireParticipation::new(who);
        let receivers = who.to.iter();
        receivers
            .map(|user| (user.clone(), message(wire.clone())))
            .collect()
    }

    /// Calls `notify` with what this user is notified of.
    pub fn notify(self, user: &UserId, notify: impl FnOnce(&UserNotification<'_>)) {
        let receivers = std::slice::from_ref(user);
        match self {
            Self::Delivered { to, at, messages } => {
                let messages = messages.into_iter().map(|message| (message, user.clone()));
                let delivered = Delivered {
                    at,
                    messages: messages.collect(),
                    more: false,
                };
                notify(&UserNotification::delivered(&to, &delivered));
            }
            Self::Read {
                reader,
                at,
                messages,
            } => {
                let messages = vec![(user.clone(), messages)];
                let read = Read { at, messages };
                notify(&UserNotification::Read {
                    reader: &reader,
                    read: &read,
                });
            }
            Self::Created(who) => notify(&UserNotification::Created(&who.to(receivers))),
            Self::Added(who) => notify(&UserNotification::Added(&who.to(receivers))),
            Self::Removed(who) => notify(&UserNotification::Removed(&who.to(receivers))),
        }
    }
}
