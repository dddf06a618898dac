//! What happened in a conversation, as it is written for other nodes. What users wrote goes as the
//! bytes it is.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::conversations::{Fact, Notice, Participation};
use crate::model::conversation::{
    Body, ConversationId, Delivered, Emoji, Message, MessageId, Reaction, ReactionId, Read, TempId,
};
use crate::model::{Identity, UserId};
use crate::payload::Kept;

/// A [`Fact`] that is written.
#[derive(Debug, Serialize, Deserialize)]
pub enum Said {
    /// [`Fact::Sent`]
    Sent {
        /// The message.
        message: WireMessage,
        /// Whose it is.
        sender: Identity,
    },
    /// [`Fact::Edited`]
    Edited(WireMessage),
    /// [`Fact::Deleted`]
    Deleted(WireMessage),
    /// [`Fact::Reacted`]
    Reacted {
        /// The reaction.
        reaction: WireReaction,
        /// Whose it is.
        user: Identity,
    },
    /// [`Fact::Unreacted`]
    Unreacted(WireReaction),
    /// [`Fact::Typing`]
    Typing {
        /// On which connection.
        connection: Uuid,
        /// Who.
        user: Identity,
        /// For how many milliseconds; 0 when they ceased to.
        lasts: u64,
    },
    /// [`Fact::Entered`]
    Entered(Identity),
    /// [`Fact::Left`]
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
    content: Option<WireKept>,
    media: Option<WireKept>,
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

/// The parts of a [`Kept`].
#[derive(Serialize, Deserialize)]
struct WireKept {
    text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Bytes>,
}

impl std::fmt::Debug for WireKept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WireKept")
    }
}

impl From<&Kept> for WireKept {
    fn from(kept: &Kept) -> Self {
        let (text, attachments) = kept.to_parts();
        Self {
            text: text.into_owned(),
            attachments,
        }
    }
}

impl WireKept {
    fn read(self) -> Option<Kept> {
        Kept::from_parts(self.text, self.attachments)
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
            content: message.content().map(WireKept::from),
            media: message.media().map(WireKept::from),
        }
    }
}

impl WireMessage {
    /// The message. `None`: what it says is not what was written.
    pub fn read(self) -> Option<Message> {
        let read = |kept: Option<WireKept>| match kept {
            None => Some(None),
            Some(kept) => kept.read().map(Some),
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

impl From<&Fact<'_>> for Said {
    fn from(fact: &Fact<'_>) -> Self {
        match fact {
            Fact::Sent { message, sender } => Self::Sent {
                message: (*message).into(),
                sender: (*sender).clone(),
            },
            Fact::Edited(message) => Self::Edited((*message).into()),
            Fact::Deleted(message) => Self::Deleted((*message).into()),
            Fact::Reacted { reaction, user } => Self::Reacted {
                reaction: (*reaction).into(),
                user: (*user).clone(),
            },
            Fact::Unreacted(reaction) => Self::Unreacted((*reaction).into()),
            Fact::Typing {
                typist,
                user,
                lasts,
                ..
            } => Self::Typing {
                connection: *typist,
                user: (*user).clone(),
                lasts: lasts.map_or(0, |lasts| lasts.as_millis() as u64),
            },
            Fact::Entered { user, .. } => Self::Entered((*user).clone()),
            Fact::Left { user, at } => Self::Left {
                user: (*user).clone(),
                at: *at,
            },
        }
    }
}

/// A [`Notice`] to one user that is written.
#[derive(Debug, Serialize, Deserialize)]
pub enum Told {
    /// [`Notice::Delivered`]
    Delivered {
        /// Whom they reached.
        to: Vec<UserId>,
        /// When.
        at: u64,
        /// The messages, all of which are the user's.
        messages: Vec<MessageId>,
    },
    /// [`Notice::Read`]
    Read {
        /// Who.
        reader: UserId,
        /// When.
        at: u64,
        /// The messages, all of which are the user's.
        messages: Vec<MessageId>,
    },
    /// [`Notice::Created`]
    Created(WireParticipation),
    /// [`Notice::Added`]
    Added(WireParticipation),
    /// [`Notice::Removed`]
    Removed(WireParticipation),
}

/// A [`Participation`] without those who are told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WireParticipation {
    names: Vec<Arc<str>>,
    by: String,
    key_number: Option<i64>,
}

impl WireParticipation {
    fn new(participation: &Participation<'_>) -> Self {
        Self {
            names: participation.names.to_vec(),
            by: participation.by.to_owned(),
            key_number: participation.key_number,
        }
    }

    /// What these users are told.
    pub fn to<'a>(&'a self, told: &'a [UserId]) -> Participation<'a> {
        Participation {
            told,
            names: &self.names,
            by: &self.by,
            key_number: self.key_number,
        }
    }
}

impl Told {
    /// What each of the users whom a notice is for is told.
    pub fn to_each(notice: &Notice<'_>) -> Vec<(UserId, Self)> {
        match notice {
            Notice::Delivered { to, at, messages } => {
                let mut by_sender: HashMap<&UserId, Vec<MessageId>> = HashMap::new();
                for (message, sender) in *messages {
                    by_sender.entry(sender).or_default().push(*message);
                }
                let told = |(sender, messages): (&UserId, _)| {
                    let (to, at) = (to.to_vec(), *at);
                    (sender.clone(), Self::Delivered { to, at, messages })
                };
                by_sender.into_iter().map(told).collect()
            }
            Notice::Read { reader, read } => {
                let told = |(sender, messages): &(UserId, Vec<MessageId>)| {
                    let told = Self::Read {
                        reader: (*reader).clone(),
                        at: read.at,
                        messages: messages.clone(),
                    };
                    (sender.clone(), told)
                };
                read.messages.iter().map(told).collect()
            }
            Notice::Created(who) => Self::participation(who, Self::Created),
            Notice::Added(who) => Self::participation(who, Self::Added),
            Notice::Removed(who) => Self::participation(who, Self::Removed),
            Notice::PutOut { .. } => Vec::new(),
        }
    }

    fn participation(
        who: &Participation<'_>,
        told: impl Fn(WireParticipation) -> Self,
    ) -> Vec<(UserId, Self)> {
        let wire = WireParticipation::new(who);
        let to = who.told.iter();
        to.map(|user| (user.clone(), told(wire.clone()))).collect()
    }

    /// Tells this user.
    pub fn tell(self, user: &UserId, notify: impl FnOnce(&Notice<'_>)) {
        let told = std::slice::from_ref(user);
        match self {
            Self::Delivered { to, at, messages } => {
                let messages = messages.into_iter().map(|message| (message, user.clone()));
                let delivered = Delivered {
                    at,
                    messages: messages.collect(),
                    more: false,
                };
                notify(&Notice::delivered(&to, &delivered));
            }
            Self::Read {
                reader,
                at,
                messages,
            } => {
                let messages = vec![(user.clone(), messages)];
                let read = Read { at, messages };
                notify(&Notice::Read {
                    reader: &reader,
                    read: &read,
                });
            }
            Self::Created(who) => notify(&Notice::Created(&who.to(told))),
            Self::Added(who) => notify(&Notice::Added(&who.to(told))),
            Self::Removed(who) => notify(&Notice::Removed(&who.to(told))),
        }
    }
}
