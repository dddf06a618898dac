//! What happens in a conversation, for those whom it concerns: events for its subscribers, and
//! notifications for single users. They have no words: each dialect renders them. Serialized, they are
//! as nodes write them for each other: the names of variants and fields must stay.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ChangeNumber, Description, Extra, Message, MessageId, Reaction, Role, wire};
use crate::model::{Identity, UserId};

/// What the subscribers of a conversation receive.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum ConversationEvent {
    /// A message was stored.
    Sent {
        /// The message.
        #[serde(with = "wire::message")]
        message: Message,
        /// Its sender.
        sender: Identity,
    },
    /// What a message says was changed.
    Edited(#[serde(with = "wire::message")] Message),
    /// What a message said was deleted.
    Deleted(#[serde(with = "wire::message")] Message),
    /// A reaction was added.
    Reacted {
        /// The reaction.
        reaction: Reaction,
        /// Whose it is.
        user: Identity,
        /// What else their client says of it.
        #[serde(default, with = "wire::extra", skip_serializing_if = "Extra::is_empty")]
        extra: Extra,
    },
    /// A reaction was removed.
    Unreacted {
        /// The reaction.
        #[serde(flatten)]
        reaction: Reaction,
        /// What else the client of its user says of that.
        #[serde(default, with = "wire::extra", skip_serializing_if = "Extra::is_empty")]
        extra: Extra,
    },
    /// Someone types, or stopped.
    Typing {
        /// The id of the connection on which they type.
        #[serde(rename = "connection")]
        typist: Uuid,
        /// Who.
        user: Identity,
        /// For how long, unless it is renewed; `None` when they stopped.
        #[serde(with = "wire::milliseconds")]
        lasts: Option<Duration>,
        /// What else their client says of it.
        #[serde(default, with = "wire::extra", skip_serializing_if = "Extra::is_empty")]
        extra: Extra,
    },
    /// A user is subscribed by `conversation` who was not.
    Entered(Identity),
    /// A user is not subscribed by `conversation` any more.
    Left {
        /// Who.
        user: UserId,
        /// When they were last, in milliseconds since the epoch.
        at: u64,
    },
}

impl ConversationEvent {
    /// Who caused it; of what becomes of a message, whose that is.
    pub(crate) fn sender(&self) -> Option<&UserId> {
        match self {
            Self::Sent { message, .. } | Self::Edited(message) | Self::Deleted(message) => {
                Some(&message.sender)
            }
            Self::Reacted { reaction, .. } | Self::Unreacted { reaction, .. } => {
                Some(&reaction.user)
            }
            Self::Typing { user, .. } | Self::Entered(user) => Some(&user.user),
            Self::Left { user, .. } => Some(user),
        }
    }
}

/// A change of a conversation in the words of nobody yet, but with the names that clients see. Nodes
/// publish it for each other as a shortcut: whoever misses one reads the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NumberedEvent {
    /// The number of the change.
    pub(crate) number: ChangeNumber,
    /// What those receive whom it concerns.
    pub(crate) event: LoggedEvent,
}

impl NumberedEvent {
    /// The same with what the client of who made the change says beside.
    pub(crate) fn saying(self, said: Extra) -> Self {
        Self {
            event: self.event.saying(said),
            ..self
        }
    }
}

/// What those receive whom a change concerns.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum LoggedEvent {
    /// All subscribers receive an event.
    Event(ConversationEvent),
    /// The conversation was created.
    Created {
        /// Its first participants, without those who are ignored or invited.
        participants: Vec<(UserId, Role)>,
        /// What they are notified of.
        change: ParticipantsChange,
        /// Those who are invited, with their names.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        invited: Vec<(UserId, Arc<str>)>,
        /// The user who created it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<UserId>,
    },
    /// A user became a participant, and receives what follows.
    Added {
        /// Who.
        user: UserId,
        /// As what.
        role: Role,
        /// What the participants are notified of.
        change: ParticipantsChange,
        /// Who is no participant any more, since the user took their place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_place_of: Option<UserId>,
        /// Only others take them for a participant: they are not told, and receive nothing.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_ignored: bool,
    },
    /// A participant has another role now. Nobody is notified.
    RoleChanged {
        /// Who.
        user: UserId,
        /// Which.
        role: Role,
    },
    /// Participants were given a new content key.
    KeyRotated {
        /// Its number.
        key_number: i64,
    },
    /// The conversation has another title or picture.
    Described(Described),
    /// A user is no participant any more, and receives nothing that follows.
    Ended {
        /// Who.
        user: UserId,
        /// What the participants, and they, are notified of.
        change: ParticipantsChange,
        /// Only others took them for a participant: they are not told.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_ignored: bool,
    },
    /// A user was invited: nobody else is notified.
    Invited {
        /// Who.
        user: UserId,
        /// By whom, if it was a user.
        by: Option<UserId>,
        /// What they are notified of.
        change: ParticipantsChange,
    },
    /// A user is not invited any more: nobody else is notified.
    Uninvited {
        /// Who.
        user: UserId,
        /// Who did it, if it was a user.
        by: Option<UserId>,
        /// What they are notified of.
        change: ParticipantsChange,
    },
    /// There is no event for it; or the message was deleted since, which follows.
    Nothing,
}

impl LoggedEvent {
    /// The same with what the client of who did it says beside, where those are told who take part. Who is only invited
    /// is told nothing of it.
    pub(crate) fn saying(mut self, said: Extra) -> Self {
        match &mut self {
            Self::Event(
                ConversationEvent::Reacted { extra, .. }
                | ConversationEvent::Unreacted { extra, .. },
            )
            | Self::Described(Described { extra, .. })
            | Self::Created {
                change: ParticipantsChange { extra, .. },
                ..
            }
            | Self::Added {
                change: ParticipantsChange { extra, .. },
                ..
            } => *extra = said,
            _ => {}
        }
        self
    }

    /// Whether the participants are notified of it, or are others after it.
    pub(crate) const fn is_of_participants(&self) -> bool {
        matches!(
            self,
            Self::Created { .. }
                | Self::Added { .. }
                | Self::RoleChanged { .. }
                | Self::KeyRotated { .. }
                | Self::Described(_)
                | Self::Ended { .. }
                | Self::Invited { .. }
                | Self::Uninvited { .. }
        )
    }
}

/// What a user receives, wherever they are connected.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum UserNotification {
    /// Messages of theirs reached others for the first time.
    Delivered {
        /// Whom they reached.
        to: Vec<UserId>,
        /// When, in milliseconds since the epoch.
        at: u64,
        /// The messages, in the order of the history.
        messages: Vec<MessageId>,
    },
    /// Someone read messages of theirs for the first time.
    Read {
        /// Who.
        reader: UserId,
        /// When, in milliseconds since the epoch.
        at: u64,
        /// The messages, in the order of the history.
        messages: Vec<MessageId>,
    },
    /// They have read messages of others for the first time, on another connection.
    ReadElsewhere {
        /// They themselves.
        reader: UserId,
        /// When, in milliseconds since the epoch.
        at: u64,
        /// The messages, in the order of the history.
        messages: Vec<MessageId>,
        /// The change by which the last of these was sent.
        newest: ChangeNumber,
    },
    /// A conversation was created of which they are a participant.
    Created(ParticipantsChange),
    /// A participant was added to a conversation of theirs.
    Added(ParticipantsChange),
    /// A participant was removed from a conversation of theirs, or they were.
    Removed(ParticipantsChange),
    /// A conversation of theirs has another title or picture.
    Described(Described),
    /// A conversation of theirs has a new content key.
    KeyRotated {
        /// Its number.
        key_number: i64,
    },
}

/// Who became a participant or ceased to be one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ParticipantsChange {
    /// Their names.
    pub(crate) names: Vec<Arc<str>>,
    /// The name of who did it.
    pub(crate) by: Arc<str>,
    /// The number of the content key that goes with it.
    pub(crate) key_number: Option<i64>,
    /// What else the client of who did it says of it.
    #[serde(default, with = "wire::extra", skip_serializing_if = "Extra::is_empty")]
    pub(crate) extra: Extra,
}

/// How a conversation is called and shown from now on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Described {
    /// As it is after the change.
    #[serde(flatten)]
    pub(crate) now: Description,
    /// What else the client of who changed it says of it.
    #[serde(default, with = "wire::extra", skip_serializing_if = "Extra::is_empty")]
    pub(crate) extra: Extra,
}
