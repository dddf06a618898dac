//! What is remembered of the last messages of conversations, of the ids that were made, and of messages
//! that may have been kept. Nothing is wrong when it is forgotten.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync;
use uuid::Uuid;

use crate::conversations::order::id_after;
use crate::conversations::{ConversationId, NewMessage, TempId};
use crate::identity::UserId;

/// How many are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(16_383);

/// The last message of a conversation, which is counted.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// Nil: there is none.
    pub(super) id: Uuid,
    pub(super) seq: i64,
}

type Place = Arc<sync::Mutex<Option<Tail>>>;

/// The last messages. Who has the place of one is alone in keeping messages there on this node.
#[derive(Debug)]
pub(super) struct Tails(Mutex<LruCache<ConversationId, Place>>);

impl Tails {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }

    /// The place of a conversation. `None` in it: it has to be read.
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

/// Messages of which nobody knows whether they were kept: their senders were told that it failed.
#[derive(Debug)]
pub(super) struct Unconfirmed(Mutex<LruCache<(ConversationId, UserId, TempId), ()>>);

impl Unconfirmed {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }

    /// Nobody knows of this one.
    pub(super) fn add(&self, new: &NewMessage) {
        if let Some(name) = name(new) {
            self.0.lock().put(name, ());
        }
    }

    /// Whether this is one. It is none any more.
    pub(super) fn take(&self, new: &NewMessage) -> bool {
        name(new).is_some_and(|name| self.0.lock().pop(&name).is_some())
    }
}

fn name(new: &NewMessage) -> Option<(ConversationId, UserId, TempId)> {
    let temp_id = new.temp_id.clone()?;
    Some((new.conversation.clone(), new.sender.clone(), temp_id))
}
