//! The messages between nodes, by topic, as they are written.
//!
//! Nodes of different releases run side by side: a node skips messages and fields that it does not
//! know, every field that was added later has a default, and the written names stay (`rename`).

mod backend;
#[cfg(test)]
mod golden;
mod revocation;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use backend::{
    AdminSession, BackendMessage, EndedConnection, ListedConnection, NodeStats, Publication,
    PublishTarget, Reached, Watched,
};
pub(crate) use revocation::RevocationMessage;

use super::topic::{AllNodes, Topic};
use crate::model::conversation::{
    ChangeNumber, ConversationEvent, ConversationId, Extra, NumberedEvent, UserNotification, wire,
};
use crate::model::session::SessionId;
use crate::model::{DisconnectReason, Identity, NodeId, UserId};
use crate::payload::EncodedEvent;

/// A message, and what it can be about.
pub(crate) trait Message: Serialize + DeserializeOwned {
    /// What it is published to.
    type Topic: Clone + Into<Topic>;
}

impl Message for UserMessage {
    type Topic = UserId;
}

impl Message for SessionMessage {
    type Topic = SessionId;
}

impl Message for ConversationMessage {
    type Topic = ConversationId;
}

impl Message for AllNodesMessage {
    type Topic = AllNodes;
}

impl Message for NodeMessage {
    type Topic = NodeId;
}

/// To the nodes that a user is connected to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum UserMessage {
    /// An event for the user's connections.
    Event {
        /// Who sent it.
        sender: UserId,
        /// The event.
        event: EncodedEvent,
        /// How many bytes to confirm when they are consumed; 0: none.
        #[serde(default)]
        credit: usize,
        /// What it is about, where the nodes that receive it have to know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<About>,
    },
    /// Something of a conversation that concerns the user.
    #[serde(rename = "Notice")]
    Notification {
        /// The conversation.
        conversation: ConversationId,
        /// What happened.
        #[serde(rename = "notice")]
        notification: UserNotification,
    },
    /// Who participates in a conversation of the user was changed. The answer is sent when their
    /// connections have received it.
    ParticipantsChanged {
        /// The conversation.
        conversation: ConversationId,
        /// The change.
        number: ChangeNumber,
        /// What the client of who made it says beside, which no log has.
        #[serde(default, with = "wire::extra", skip_serializing_if = "Extra::is_empty")]
        extra: Extra,
    },
    /// Close the user's connections. The answer is how many there were.
    Disconnect(DisconnectReason),
    /// What the user did on another node, which counts against their limits.
    Spent(Spent),
    /// Somebody has blocked the user, or does not any more. The answer is sent when that holds.
    Blocked {
        /// Who.
        by: UserId,
        /// Whether they do now.
        is_blocked: bool,
    },
    /// How many of the user's connections have handed over something that is not handled yet? The answer is a number.
    CountBusy,
    /// On how many connections does the user type to somebody? The answer is a number.
    CountTyping {
        /// To whom.
        to: UserId,
    },
}

/// What an event from one user to another is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum About {
    /// It is a message with this id, or a part of one.
    Message(String),
    /// It says that a message of the receiver, with this id, reached the sender or was read.
    Receipt(String),
}

impl UserMessage {
    /// Who sent it: events of one sender are handled in their order.
    pub(super) fn sender(&self) -> Option<&UserId> {
        match self {
            Self::Event { sender, .. } => Some(sender),
            Self::Notification { .. }
            | Self::ParticipantsChanged { .. }
            | Self::Disconnect(_)
            | Self::Spent(_)
            | Self::Blocked { .. }
            | Self::CountBusy
            | Self::CountTyping { .. } => None,
        }
    }
}

/// To the nodes that members of a session are connected to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum SessionMessage {
    /// An event for members.
    #[serde(rename = "SessionEvent")]
    Event {
        /// The change of the session that it reports, if it reports one.
        revision: Option<u64>,
        /// What it is the newest state of; older states that arrive later are dropped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        newest: Option<String>,
        /// For whom.
        to: SessionMembers,
        /// The event.
        event: EncodedEvent,
        /// Of an event about typing, who types or does not any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        typing: Option<Typing>,
    },
    /// How many of a member's connections have handed over something that is not handled yet? The answer is a number.
    CountBusy {
        /// Whose.
        user: UserId,
    },
    /// A member is on some connections no more.
    #[serde(rename = "Moved")]
    Displaced {
        /// Who.
        user: UserId,
        /// The change of the session by which that is so.
        revision: u64,
        /// Which; `None`, from an earlier release, which knows one for each member: all that it joined on before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connections: Option<Vec<Uuid>>,
    },
}

/// A member types on a connection, or does not any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Typing {
    /// Who.
    pub(crate) user: UserId,
    /// On which.
    pub(crate) connection: Uuid,
    /// Whether they do.
    pub(crate) is_typing: bool,
}

/// To the nodes that someone is subscribed to a conversation on.
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are events, which a box would only cost an allocation"
)]
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ConversationMessage {
    /// Something that happened.
    #[serde(rename = "Fact")]
    Event(ConversationEvent),
    /// A change that was stored.
    Change(NumberedEvent),
    /// The number of a change that was stored: it may not have been received.
    Newest(ChangeNumber),
    /// A user follows it no longer on the node that sends this.
    Unfollowed {
        /// Who.
        user: UserId,
        /// Since when, in milliseconds since the epoch.
        at: u64,
    },
    /// Who is subscribed? The answer is their ids.
    #[serde(rename = "WhoIsHere")]
    ListSubscribers,
    /// How many connections are in the room `conversation`, but for those of some users? The answer is a number.
    CountOthers {
        /// Whose do not count.
        except: Vec<UserId>,
    },
}

/// To all nodes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum AllNodesMessage {
    /// A user came online or went offline.
    Presence(PresenceChange),
    /// A user's record was changed.
    UserChanged {
        /// Who.
        user: UserId,
        /// Whether they are suspended.
        suspended: bool,
    },
    /// A user has another name or picture, on all their connections.
    UserRenamed(Identity),
    /// A token has shown the JSON type of a user's id.
    UserIdType {
        /// Who.
        user: UserId,
        /// Whether it is a number there.
        is_number: bool,
    },
    /// What a backend has all nodes do.
    Backend(BackendMessage),
    /// What was done to a revocation of tokens. The answer says how many connections were closed.
    Revocation(RevocationMessage),
    /// The node that sends this shuts down gracefully.
    #[serde(rename = "Leaving")]
    ShuttingDown,
}

impl AllNodesMessage {
    /// Whom it concerns: messages about one user are handled in their order.
    pub(super) fn user(&self) -> Option<&UserId> {
        match self {
            Self::Presence(change) => Some(&change.user),
            Self::UserChanged { user, .. } | Self::UserIdType { user, .. } => Some(user),
            Self::UserRenamed(identity) => Some(&identity.user),
            Self::Backend(_) | Self::Revocation(_) | Self::ShuttingDown => None,
        }
    }
}

/// To one node.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum NodeMessage {
    /// An answer to its question.
    Answer {
        /// The question.
        question: u64,
        /// The answer.
        answer: Answer,
    },
    /// A user's connections consumed bytes that it sent.
    #[serde(rename = "Taken")]
    Consumed {
        /// Who.
        user: UserId,
        /// How many.
        bytes: usize,
    },
}

/// A user came online or went offline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PresenceChange {
    /// Who.
    pub(crate) user: UserId,
    /// Their name.
    pub(crate) name: Arc<str>,
    /// Whether they are online now.
    pub(crate) online: bool,
    /// Identifies this period of being online.
    #[serde(rename = "coming")]
    pub(crate) presence_epoch: u64,
    /// When, in milliseconds since the epoch: of one who went offline, when their last connection
    /// closed.
    pub(crate) at: u64,
}

/// What counts against the limits of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Spent {
    /// Messages.
    Messages(u32),
    /// Bytes of file chunks.
    FileBytes(u32),
    /// Bytes of what is stored of messages.
    StoredBytes(u32),
    /// Conversations that were made.
    Conversations(u32),
    /// Participants that were added.
    Participants(u32),
    /// Messages that were passed over by an offset.
    Offsets(u32),
    /// Joins and leaves.
    Subscriptions(u32),
}

/// Which members of a session an event is for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum SessionMembers {
    /// All.
    #[serde(rename = "Everyone")]
    All,
    /// One.
    Member(UserId),
}

/// The answer to a question.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// How many.
    Count(u64),
    /// Who.
    Users(Vec<UserId>),
    /// How many connections an event of a backend was handed to.
    Reached(Reached),
    /// How many, of each.
    Counts(Vec<u64>),
    /// Connections.
    Connections(Vec<ListedConnection>),
    /// The counts of a node.
    Stats(NodeStats),
    /// Its connections.
    Watched(Watched),
    /// The session of an administrator, if there is one.
    AdminSession(Option<AdminSession>),
}

impl Answer {
    /// How many; 0 for any other answer.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::Count(count) => *count,
            _ => 0,
        }
    }
}
