//! What nodes say to each other, and how it is written. A node of another release may not know all
//! of it: what it does not know it leaves out, and every field that was added later has a default.

mod facts;
#[cfg(test)]
mod golden;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use facts::{Said, Told};

use crate::model::conversation::ConversationId;
use crate::model::{DisconnectReason, NodeId, UserId};
use crate::payload::EncodedEvent;

/// A message from one node: its id, so that it needs not be read by who said it, and the rest.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) from: NodeId,
    pub(super) question: Option<u64>,
    pub(super) body: Body,
}

#[derive(Serialize)]
struct Outgoing<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<u64>,
    body: &'a Body,
}

#[derive(Deserialize)]
struct Incoming {
    /// Names a question, of which an answer is expected.
    #[serde(default)]
    question: Option<u64>,
    body: Body,
}

impl Envelope {
    /// Writes a message. `None`: it cannot be written.
    pub(super) fn write(from: NodeId, question: Option<u64>, body: &Body) -> Option<Vec<u8>> {
        let mut message = from.as_bytes().to_vec();
        let mut serializer = rmp_serde::Serializer::new(&mut message).with_struct_map();
        let outgoing = Outgoing { question, body };
        outgoing.serialize(&mut serializer).ok()?;
        Some(message)
    }

    /// Who wrote a message.
    pub(super) fn sender(message: &[u8]) -> Option<NodeId> {
        message.first_chunk().copied().map(NodeId::from_bytes)
    }

    /// Reads a message. `None`: it is not known here what it says.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let from = Self::sender(message)?;
        let Incoming { question, body } = rmp_serde::from_slice(message.get(16..)?).ok()?;
        Some(Self {
            from,
            question,
            body,
        })
    }
}

/// What a message says.
#[derive(Debug, Serialize, Deserialize)]
pub enum Body {
    // To a user's connections.
    /// An event for them.
    Event {
        /// Who sent it.
        sender: UserId,
        /// The event.
        event: EncodedEvent,
        /// How many bytes the sender's node wants to hear of when they were taken; 0 of none.
        #[serde(default)]
        credit: usize,
    },
    /// Something that happened in a conversation.
    Notice {
        /// Where.
        conversation: ConversationId,
        /// What.
        notice: Told,
    },
    /// They take part in a conversation from now on.
    PutIn(ConversationId),
    /// They are to be closed. The answer is how many there were.
    Disconnect(DisconnectReason),
    /// They did things on another node that count against their limits.
    Spent(Spent),

    // To a session.
    /// An event for members.
    SessionEvent {
        /// The change of the session that it tells of; nothing when there is none.
        revision: Option<u64>,
        /// What it is the newest state of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        newest: Option<String>,
        /// For whom.
        to: SessionMembers,
        /// The event.
        event: EncodedEvent,
    },
    /// A member is on a connection of this node now.
    Moved {
        /// Who.
        user: UserId,
        /// The change of the session that did it.
        revision: u64,
    },

    // To a conversation.
    /// Something that happened.
    Fact(Said),
    /// Who takes part was changed.
    Participants,
    /// Who is subscribed there? The answer is their ids.
    WhoIsHere,

    // To all nodes.
    /// A user came or went.
    Presence(Change),
    /// A user was changed.
    UserChanged {
        /// Who.
        user: UserId,
        /// Whether they are suspended.
        suspended: bool,
    },
    /// A node stops in good order.
    Leaving,

    // To one node.
    /// An answer to its question.
    Answer {
        /// The question.
        question: u64,
        /// The answer.
        answer: Answer,
    },
    /// A user's connections took so many bytes of what it sent.
    Taken {
        /// Who.
        user: UserId,
        /// How many.
        bytes: usize,
    },
}

/// A user came or went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Change {
    /// Who.
    pub user: UserId,
    /// Under which name.
    pub name: Arc<str>,
    /// Whether they came.
    pub online: bool,
    /// Names this coming.
    pub coming: u64,
    /// When, in milliseconds since the epoch: of one who went, when their last connection closed.
    pub at: u64,
}

/// What counts against the limits of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Spent {
    /// Messages.
    Messages(u32),
    /// Bytes of file chunks.
    FileBytes(u32),
}

/// Whom in a session an event is for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum SessionMembers {
    /// All.
    Everyone,
    /// One.
    Member(UserId),
}

/// What is answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Answer {
    /// How many.
    Count(u64),
    /// Who.
    Users(Vec<UserId>),
}
