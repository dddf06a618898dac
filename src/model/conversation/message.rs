//! Messages, what was received of them, and reactions: the records that are kept, and what is asked
//! of a store. Times are milliseconds since the epoch. What users write is [`OwnedValue`]: never looked
//! into, and not in any `Debug`.

use super::{ConversationId, Emoji, MessageId, ReactionId, TempId};
use crate::model::UserId;
use crate::payload::OwnedValue;

/// A reaction to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// Its id.
    pub id: ReactionId,
    /// The message.
    pub message: MessageId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Who reacts.
    pub user: UserId,
    /// With what.
    pub emoji: Emoji,
    /// When.
    pub created_at: u64,
}

/// What came of a reaction.
#[derive(Debug)]
pub struct Reacted {
    /// The reaction.
    pub reaction: Reaction,
    /// The user had reacted so before, and nothing was changed.
    pub repeated: bool,
}

/// What one user has received of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The message.
    pub message: MessageId,
    /// Who received it.
    pub user: UserId,
    /// When it reached them.
    pub delivered_at: u64,
    /// When they read it.
    pub read_at: Option<u64>,
}

/// Messages that were read for the first time.
#[derive(Debug, PartialEq, Eq)]
pub struct Read {
    /// When.
    pub at: u64,
    /// By their senders, each message in the order of the history.
    pub messages: Vec<(UserId, Vec<MessageId>)>,
}

/// Messages that someone received for the first time.
#[derive(Debug, PartialEq, Eq)]
pub struct Delivered {
    /// When.
    pub at: u64,
    /// Each with its sender, in the order of the history.
    pub messages: Vec<(MessageId, UserId)>,
    /// There are more: ask again.
    pub more: bool,
}

/// A message to keep.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Where.
    pub conversation: ConversationId,
    /// Whose.
    pub sender: UserId,
    /// What it says.
    pub content: Option<OwnedValue>,
    /// What is attached to it (protocol, `chat`).
    pub media: Option<OwnedValue>,
    /// Which content key it is encrypted with (protocol, `feed`).
    pub key_number: Option<i64>,
    /// What its sender calls it.
    pub temp_id: Option<TempId>,
}

/// A message, as it is kept.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Where it was sent.
    pub conversation: ConversationId,
    /// Who sent it.
    pub sender: UserId,
    /// What its sender calls it.
    pub temp_id: Option<TempId>,
    /// Which content key it is encrypted with.
    pub key_number: Option<i64>,
    /// When it was kept: the time in its id.
    pub created_at: u64,
    /// When it was edited last.
    pub edited_at: Option<u64>,
    /// What is left of it.
    pub body: Body,
}

/// What is left of a message.
#[derive(Debug, Clone)]
pub enum Body {
    /// All of it.
    Whole {
        /// What it says.
        content: Option<OwnedValue>,
        /// What is attached to it.
        media: Option<OwnedValue>,
    },
    /// Nothing but that there was one.
    Deleted {
        /// When it was deleted.
        at: u64,
    },
}

impl Message {
    /// What it says, unless that was deleted.
    pub fn content(&self) -> Option<&OwnedValue> {
        match &self.body {
            Body::Whole { content, .. } => content.as_ref(),
            Body::Deleted { .. } => None,
        }
    }

    /// What is attached to it, unless that was deleted.
    pub fn media(&self) -> Option<&OwnedValue> {
        match &self.body {
            Body::Whole { media, .. } => media.as_ref(),
            Body::Deleted { .. } => None,
        }
    }

    /// About how many bytes its content and media take together, as JSON text and attachments.
    pub fn size(&self) -> usize {
        let kept = [self.content(), self.media()].into_iter().flatten();
        kept.map(|kept| kept.as_opaque().total_size()).sum()
    }

    /// When it was deleted, if it was.
    pub fn deleted_at(&self) -> Option<u64> {
        match self.body {
            Body::Whole { .. } => None,
            Body::Deleted { at } => Some(at),
        }
    }
}

/// What came of a message.
#[derive(Debug)]
pub struct Appended {
    /// As it is kept.
    pub message: Message,
    /// Its sender had sent it before, and nothing was changed.
    pub repeated: bool,
    /// Messages before it, oldest first, that were kept although it seemed to fail: nobody was told
    /// of them.
    pub before: Vec<Message>,
}

/// What came of a deletion.
#[derive(Debug)]
pub struct Deleted {
    /// What is left.
    pub message: Message,
    /// It was deleted before, and nothing was changed.
    pub repeated: bool,
}

/// An edit.
#[derive(Debug, Clone)]
pub struct Edit {
    /// What it now says.
    pub content: OwnedValue,
    /// Which content key that is encrypted with. `None` leaves the number.
    pub key_number: Option<i64>,
}

/// The most messages that are read at once (protocol, REST).
pub const MAX_PAGE: u16 = 200;

/// How many messages to read: 1 to 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit(u16);

impl PageLimit {
    /// The most bytes ([`Message::size`]) of messages that are read at once, however many they may
    /// be; one message is always read.
    pub const MAX_BYTES: usize = 8 * 1024 * 1024;

    /// `None`: it is not 1 to 200.
    pub fn new(limit: u64) -> Option<Self> {
        let limit = u16::try_from(limit).ok()?;
        (1..=MAX_PAGE).contains(&limit).then_some(Self(limit))
    }

    /// The number.
    pub fn get(self) -> usize {
        self.0.into()
    }
}

/// Which part of a history: what comes after one message and before another. With `after` the
/// oldest of these, else the newest.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window {
    /// Later than this one, which need not exist.
    pub after: Option<MessageId>,
    /// Earlier than this one, which need not exist.
    pub before: Option<MessageId>,
}

/// A part of a history.
#[derive(Debug)]
pub struct Page {
    /// Oldest first.
    pub messages: Vec<Message>,
    /// There are more in the window.
    pub more: bool,
}

/// A part of a history, and how much there is.
#[derive(Debug)]
pub struct Slice {
    /// Oldest first. Fewer than were asked for when these are large: the next one's position is
    /// after as many as came.
    pub messages: Vec<Message>,
    /// Messages in all.
    pub total: u64,
}
