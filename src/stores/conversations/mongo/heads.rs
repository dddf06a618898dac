//! The ends of the logs of recently used conversations, and the last id. Losing them corrupts nothing:
//! they are read again.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync;
use uuid::Uuid;

use crate::model::conversation::{ConversationEvent, ConversationId, LoggedEvent, NumberedEvent};
use crate::stores::conversations::order::id_after;

/// Maximum number of cached conversations.
const MAX_CONVERSATIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(16_383);

/// The end of a conversation's log. Its tail is applied.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    /// The last number.
    pub(super) number: i64,
    /// How many messages there are.
    pub(super) messages: i64,
    /// The id of the last message; nil if there is none.
    pub(super) last_message: Uuid,
    /// Whether the conversation has a document.
    pub(super) exists: bool,
    /// Whether that has the number: those of another program do not.
    pub(super) is_stored: bool,
}

impl Head {
    /// The head after a change of another node. `None`: it has to be read.
    fn followed_by(self, change: &NumberedEvent) -> Option<Self> {
        let number = i64::try_from(change.number.get()).ok()?;
        if number <= self.number {
            return Some(self);
        }
        let is_next = number == self.number + 1 && self.exists && self.is_stored;
        let mut next = Self { number, ..self };
        match &change.event {
            LoggedEvent::Event(ConversationEvent::Sent { message, .. }) => {
                next.messages += 1;
                next.last_message = *message.id.uuid();
            }
            LoggedEvent::Nothing => return None,
            _ => {}
        }
        is_next.then_some(next)
    }
}

/// A place in the cache. `None`: the head has to be read.
pub(super) type CachedHead = Arc<sync::Mutex<Option<Head>>>;

/// The heads. While a task holds the lock of one, no other task of this node changes the conversation.
#[derive(Debug)]
pub(super) struct HeadCache(Mutex<LruCache<ConversationId, CachedHead>>);

impl HeadCache {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(MAX_CONVERSATIONS)))
    }

    /// The head of a conversation.
    pub(super) fn of(&self, conversation: &ConversationId) -> CachedHead {
        let mut heads = self.0.lock();
        heads.get_or_insert_ref(conversation, Arc::default).clone()
    }

    /// Another node has made a change: a head that is cached is that, or has to be read. Where it is in
    /// use, that is found when this node makes a change.
    pub(super) fn follow(&self, conversation: &ConversationId, change: &NumberedEvent) {
        let Some(cached) = self.0.lock().peek(conversation).cloned() else {
            return;
        };
        let Ok(mut cached) = cached.try_lock() else {
            return;
        };
        if let Some(head) = cached.take() {
            *cached = head.followed_by(change);
        }
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
