//! The last message of recently used conversations, and the last id. Losing them corrupts
//! nothing: at worst, a message that was stored in spite of an error is not published, and its
//! readers find it in the history.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync;
use uuid::Uuid;

use crate::model::conversation::{ConversationId, MessageId};
use crate::stores::conversations::order::id_after;

/// Maximum number of cached conversations.
const MAX_CONVERSATIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(16_383);
/// Maximum number of unconfirmed messages of a conversation.
const MAX_UNCONFIRMED: usize = 64;

/// The last message of a conversation, which is counted.
#[derive(Debug, Default)]
pub(super) struct LastMessage {
    /// Nil: there is none.
    pub(super) id: Uuid,
    pub(super) seq: i64,
}

/// The end of a conversation's history.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// `None`: it has to be read.
    pub(super) last: Option<LastMessage>,
    /// Messages that may have been stored, although their senders got an error; oldest first.
    unconfirmed: VecDeque<MessageId>,
}

impl Sequence {
    /// It is unknown whether this message was stored.
    pub(super) fn mark_unconfirmed(&mut self, message: MessageId) {
        self.last = None;
        if self.unconfirmed.len() == MAX_UNCONFIRMED {
            self.unconfirmed.pop_front();
        }
        self.unconfirmed.push_back(message);
    }

    /// Takes the unconfirmed messages up to this one, for the caller to look up.
    pub(super) fn take_unconfirmed(&mut self, last: MessageId) -> Vec<MessageId> {
        let mut taken = Vec::new();
        self.unconfirmed.retain(|id| {
            let is_later = *id > last;
            taken.extend((!is_later).then_some(*id));
            is_later
        });
        taken
    }
}

/// The ends of histories. While a task holds the lock of one, no other task of this node appends
/// there.
#[derive(Debug)]
pub(super) struct SequenceCache(Mutex<LruCache<ConversationId, Arc<sync::Mutex<Sequence>>>>);

impl SequenceCache {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(MAX_CONVERSATIONS)))
    }

    /// The end of a conversation's history.
    pub(super) fn of(&self, conversation: &ConversationId) -> Arc<sync::Mutex<Sequence>> {
        let mut sequences = self.0.lock();
        sequences
            .get_or_insert_ref(conversation, Arc::default)
            .clone()
    }
}

/// The ids of messages: those of several conversations ascend as well, as far as one node makes them.
#[derive(Debug, Default)]
pub(super) struct Ids(Mutex<Uuid>);

impl Ids {
    /// An id that is greater than all before, and than `last`. If another node created `last`
    /// with a clock that is ahead, the id ascends in that conversation only.
    pub(super) fn after(&self, last: &Uuid, now_ms: u64) -> Uuid {
        let mut own = self.0.lock();
        let next = id_after(&own, now_ms);
        if next > *last {
            *own = next;
            return next;
        }
        id_after(last, now_ms)
    }
}
