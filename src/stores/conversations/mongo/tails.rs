//! What is remembered of the last messages of conversations, and of the ids that were made. When it is
//! forgotten, nothing is kept wrongly; at worst a message that was kept in spite of a failure is told to
//! nobody before they read the history.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync;
use uuid::Uuid;

use crate::model::conversation::{ConversationId, MessageId};
use crate::stores::conversations::order::id_after;

/// How many conversations are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(16_383);
/// How many messages of a conversation may be in doubt.
const UNCONFIRMED: usize = 64;

/// The last message of a conversation, which is counted.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// Nil: there is none.
    pub(super) id: Uuid,
    pub(super) seq: i64,
}

/// The end of a conversation's history.
#[derive(Debug, Default)]
pub(super) struct End {
    /// `None`: it has to be read.
    pub(super) tail: Option<Tail>,
    /// Messages that may have been kept, though their senders were told that it failed; oldest first.
    unconfirmed: VecDeque<MessageId>,
}

impl End {
    /// Nobody knows whether this message was kept.
    pub(super) fn doubts(&mut self, message: MessageId) {
        self.tail = None;
        if self.unconfirmed.len() == UNCONFIRMED {
            self.unconfirmed.pop_front();
        }
        self.unconfirmed.push_back(message);
    }

    /// Those up to this one that nobody knows of, which are then known.
    pub(super) fn settle(&mut self, last: MessageId) -> Vec<MessageId> {
        let mut settled = Vec::new();
        self.unconfirmed.retain(|id| {
            let is_later = *id > last;
            settled.extend((!is_later).then_some(*id));
            is_later
        });
        settled
    }
}

type Place = Arc<sync::Mutex<End>>;

/// The ends of histories. Who has the place of one is alone in keeping messages there on this node.
#[derive(Debug)]
pub(super) struct Tails(Mutex<LruCache<ConversationId, Place>>);

impl Tails {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }

    /// The place of a conversation.
    pub(super) fn of(&self, conversation: &ConversationId) -> Place {
        let mut tails = self.0.lock();
        tails
            .get_or_insert_ref(conversation, Place::default)
            .clone()
    }
}

/// The ids of messages: also those of several conversations ascend, as far as one node makes them.
#[derive(Debug, Default)]
pub(super) struct Ids(Mutex<Uuid>);

impl Ids {
    /// One that is greater than all before, and than `last`, which another node may have made by
    /// a clock that is ahead: then it is so in that conversation only.
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
