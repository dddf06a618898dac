//! Messages, receipts and reactions: the stored records, and the requests to a store. Times are
//! milliseconds since the epoch. What users write is [`OwnedValue`]: opaque, and not in any `Debug`.

use serde::{Deserialize, Serialize};

use super::{
    ChangeNumber, ConversationId, Emoji, Extra, MessageId, ReactionId, ReceiptCursor, TempId,
};
use crate::model::UserId;
use crate::payload::{Opaque, OwnedValue};

/// A reaction to a message. Serialized, it is as nodes write it for each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reaction {
    /// Its id.
    pub(crate) id: ReactionId,
    /// The message.
    pub(crate) message: MessageId,
    /// Its conversation.
    pub(crate) conversation: ConversationId,
    /// Who reacts.
    pub(crate) user: UserId,
    /// The emoji.
    pub(crate) emoji: Emoji,
    /// When.
    pub(crate) created_at: u64,
}

/// The most messages that are marked as read at once.
pub(crate) const MAX_READ: usize = 500;

/// Which messages somebody has read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ReadMessages {
    /// These, as far as they are others' and of the conversation.
    These(Vec<MessageId>),
    /// All of the conversation that count as unread.
    All,
}

/// Messages that were read for the first time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// When.
    pub(crate) at: u64,
    /// By their senders, each message in the order of the history.
    pub(crate) messages: Vec<(UserId, Vec<MessageId>)>,
    /// Those of them that were not delivered before, each with its sender, in the order of the history.
    pub(crate) delivered: Vec<(MessageId, UserId)>,
    /// The change by which the last of them was sent.
    pub(crate) newest: ChangeNumber,
}

impl Read {
    /// All of them, in the order of the history.
    pub(crate) fn all(&self) -> Vec<MessageId> {
        let mut all: Vec<_> = self
            .messages
            .iter()
            .flat_map(|(_, ids)| ids)
            .copied()
            .collect();
        all.sort_unstable();
        all
    }
}

/// Messages that were delivered to a user for the first time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// When.
    pub(crate) at: u64,
    /// Each with its sender, in the order of the history.
    pub(crate) messages: Vec<(MessageId, UserId)>,
    /// There are more undelivered messages: repeat the request.
    pub(crate) more: bool,
}

/// A message to append.
#[derive(Debug, Clone)]
pub(crate) struct NewMessage {
    /// Its conversation.
    pub(crate) conversation: ConversationId,
    /// Its sender.
    pub(crate) sender: UserId,
    /// Its content.
    pub(crate) content: Option<OwnedValue>,
    /// What is attached to it (protocol, `chat`).
    pub(crate) media: Option<OwnedValue>,
    /// Which content key it is encrypted with (protocol, `feed`).
    pub(crate) key_number: Option<i64>,
    /// The id that its sender has given it.
    pub(crate) temp_id: Option<TempId>,
    /// What else its sender says of it.
    pub(crate) extra: Extra,
}

impl NewMessage {
    /// The message as it is once it is stored under an id.
    pub(crate) fn stored(&self, id: MessageId, created_at: u64) -> Message {
        Message {
            id,
            conversation: self.conversation.clone(),
            sender: self.sender.clone(),
            temp_id: self.temp_id.clone(),
            key_number: self.key_number,
            created_at,
            edited_at: None,
            body: Body::Whole {
                content: self.content.clone(),
                media: self.media.clone(),
                extra: self.extra.clone(),
            },
        }
    }
}

/// A stored message.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// Its id.
    pub(crate) id: MessageId,
    /// Its conversation.
    pub(crate) conversation: ConversationId,
    /// Its sender.
    pub(crate) sender: UserId,
    /// The id that its sender has given it.
    pub(crate) temp_id: Option<TempId>,
    /// Which content key it is encrypted with.
    pub(crate) key_number: Option<i64>,
    /// When it was stored, by the clock.
    pub(crate) created_at: u64,
    /// When it was edited last.
    pub(crate) edited_at: Option<u64>,
    /// Its content, or that it was deleted.
    pub(crate) body: Body,
}

/// The content of a message, unless it was deleted.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// It was not deleted.
    Whole {
        /// The content.
        content: Option<OwnedValue>,
        /// What is attached to it.
        media: Option<OwnedValue>,
        /// What else its sender says of it.
        extra: Extra,
    },
    /// It was deleted, with its content.
    Deleted {
        /// When it was deleted.
        at: u64,
    },
}

impl Message {
    /// Its content, unless it was deleted.
    pub(crate) fn content(&self) -> Option<&OwnedValue> {
        match &self.body {
            Body::Whole { content, .. } => content.as_ref(),
            Body::Deleted { .. } => None,
        }
    }

    /// What is attached to it, unless it was deleted.
    pub(crate) fn media(&self) -> Option<&OwnedValue> {
        match &self.body {
            Body::Whole { media, .. } => media.as_ref(),
            Body::Deleted { .. } => None,
        }
    }

    /// What else its sender says of it, unless it was deleted.
    pub(crate) fn extra(&self) -> Option<&Extra> {
        match &self.body {
            Body::Whole { extra, .. } => Some(extra),
            Body::Deleted { .. } => None,
        }
    }

    /// What users wrote of it, in the order in which every form of a message has it.
    pub(crate) fn values(&self) -> impl Iterator<Item = Opaque<'_>> {
        let values = [self.content(), self.media()].into_iter().flatten();
        let extra = self.extra().map(Extra::as_opaque);
        values.map(OwnedValue::as_opaque).chain(extra)
    }

    /// The approximate size in bytes of what users wrote of it, as JSON text and attachments.
    pub(crate) fn size(&self) -> usize {
        self.values().map(|value| value.total_size()).sum()
    }

    /// When it was deleted, if it was.
    pub(crate) fn deleted_at(&self) -> Option<u64> {
        match self.body {
            Body::Whole { .. } => None,
            Body::Deleted { at } => Some(at),
        }
    }
}

/// An edit.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    /// The new content.
    pub(crate) content: OwnedValue,
    /// Which content key that is encrypted with. `None` keeps the number.
    pub(crate) key_number: Option<i64>,
    /// What else its author says of it now; what they do not mention is kept.
    pub(crate) extra: Extra,
    /// How many bytes everything may have that is then said in the message.
    pub(crate) max_bytes: usize,
}

impl Edit {
    /// What else is said of a message after this edit. `None`: it is too much, or a part of the edit would be taken for
    /// one of the attachments that the message has already, or the other way round.
    pub(crate) fn extra_after(&self, before: &Message) -> Option<Extra> {
        let extra = match before.extra() {
            Some(extra) => extra.updated(&self.extra),
            None => self.extra.clone(),
        };
        let values = [Some(&self.content), before.media()].into_iter().flatten();
        let size = values.map(|value| value.as_opaque().total_size());
        let size = size.sum::<usize>() + extra.size();
        let fits = extra.fields().len() <= Extra::MAX_FIELDS && size <= self.max_bytes;
        let said = [self.content.as_opaque(), extra.as_opaque()];
        let is_clear = !said.iter().any(Opaque::has_attachments)
            || !said.iter().any(Opaque::reads_as_attachment);
        (fits && is_clear).then_some(extra)
    }

    /// Whether a message would have neither a content nor anything attached, when this is what else it says.
    pub(crate) fn leaves_nothing(&self, before: &Message, extra: &Extra) -> bool {
        let is_empty = self.content.as_opaque().is_blank();
        is_empty && before.media().is_none() && !extra.holds_something()
    }

    /// Whether a message was edited like this already, when it says this beside its content after it.
    pub(crate) fn is_done(&self, before: &Message, extra: &Extra) -> bool {
        before.edited_at.is_some()
            && self
                .key_number
                .is_none_or(|number| before.key_number == Some(number))
            && before.says(&self.content, extra)
    }
}

/// Maximum number of messages in one page (protocol, REST).
const MAX_PAGE: u16 = 200;

/// How many messages to read: 1 to 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageLimit(u16);

impl PageLimit {
    /// Maximum number of bytes ([`Message::size`]) of a page's messages; one message is always read.
    pub(crate) const MAX_BYTES: usize = 1024 * 1024;
    /// The largest page.
    pub(crate) const MAX: Self = Self(MAX_PAGE);

    /// `None`: not 1 to 200.
    pub(crate) fn new(limit: u64) -> Option<Self> {
        let limit = u16::try_from(limit).ok()?;
        (1..=MAX_PAGE).contains(&limit).then_some(Self(limit))
    }

    /// The number.
    pub(crate) fn get(self) -> usize {
        self.0.into()
    }
}

/// Which part of a history: the messages after one and before another. With `after` the oldest of
/// these come first, otherwise the newest.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Window {
    /// Later than this.
    pub(crate) after: Option<After>,
    /// Earlier than this one, which need not exist.
    pub(crate) before: Option<MessageId>,
}

/// What is known of one message and one user: as it is now, whenever that was noted. Receipts only grow,
/// so an older one is no harm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// The message.
    pub(crate) message: MessageId,
    /// Whom it reached.
    pub(crate) user: UserId,
    /// When, in milliseconds since the epoch.
    pub(crate) delivered_at: u64,
    /// When they read it, if they did.
    pub(crate) read_at: Option<u64>,
}

/// A part of the receipts of a conversation, in the order in which they were noted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ReceiptPage {
    /// The receipts. One that was noted twice may be there twice.
    pub(crate) receipts: Vec<Receipt>,
    /// How far they reach, for the next part.
    pub(crate) end: ReceiptCursor,
    /// There are more behind it.
    pub(crate) more: bool,
}

/// Behind what a part of a history begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// A message, which need not exist.
    Message(MessageId),
    /// A change, which must have been made.
    Change(ChangeNumber),
}

impl From<MessageId> for After {
    fn from(id: MessageId) -> Self {
        Self::Message(id)
    }
}

/// A page of a history.
#[derive(Debug)]
pub(crate) struct Page {
    /// Oldest first.
    pub(crate) messages: Vec<Message>,
    /// There are more in the window.
    pub(crate) more: bool,
    /// The change behind which the window begins: that by which the message `after` was sent.
    pub(crate) after: ChangeNumber,
    /// In a window without `before`, how far it reaches: to the change by which its last message was
    /// sent, or to the last change if there are no later messages.
    pub(crate) end: ChangeNumber,
    /// Up to this change something of the log may be gone.
    pub(crate) forgotten: ChangeNumber,
}

/// A page of a history by position, with the total.
#[derive(Debug)]
pub(crate) struct Slice {
    /// Oldest first. Fewer than requested if they are large: the next page begins after these.
    pub(crate) messages: Vec<Message>,
    /// The number of messages in the history.
    pub(crate) total: u64,
}
