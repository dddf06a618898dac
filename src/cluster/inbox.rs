//! What was heard and waits to be handled: for each topic in the order in which it came, and bounded.
//! What takes long on one topic holds up no other.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use dashmap::DashMap;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::Topic;
use super::wire::{Body, Envelope};
use crate::model::{NodeId, UserId};

/// Who handles what was heard.
pub trait Hearer: Send + Sync {
    /// Handles a message.
    fn hear(&self, heard: Heard) -> BoxFuture<'_, ()>;

    /// More was heard of a topic than may wait. Whoever needs it here has missed something.
    fn missed(&self, topic: &Topic);
}

/// A message that another node sent.
#[derive(Debug)]
pub struct Heard {
    /// What it is about.
    pub topic: Topic,
    /// Who sent it.
    pub from: NodeId,
    /// Names a question, which is to be answered.
    pub question: Option<u64>,
    /// What it says.
    pub body: Body,
}

/// What waits, by topic.
pub(super) struct Inboxes {
    me: NodeId,
    hearer: OnceLock<Arc<dyn Hearer>>,
    waiting: DashMap<(Topic, Lane), Queue>,
    hasher: RandomState,
    most_bytes: usize,
}

/// Part of a topic that many messages come to: what concerns one user has one order.
type Lane = u8;

/// It is there as long as somebody handles what is in it.
#[derive(Default)]
struct Queue {
    messages: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Inboxes {
    pub(super) fn new(me: NodeId, most_bytes: usize) -> Self {
        Self {
            me,
            hearer: OnceLock::new(),
            waiting: DashMap::new(),
            hasher: RandomState::new(),
            most_bytes,
        }
    }

    /// Sets who handles; once, when the server is put together.
    pub(super) fn set_hearer(&self, hearer: Arc<dyn Hearer>) {
        // A second time does not come.
        let _ = self.hearer.set(hearer);
    }

    /// A message was heard. What this node said itself is nothing new.
    pub(super) fn push(self: &Arc<Self>, topic: Topic, message: Vec<u8>) {
        let Some(hearer) = self.hearer.get() else {
            return;
        };
        if Envelope::sender(&message) == Some(self.me) {
            return;
        }
        let lane = match topic {
            Topic::Everyone => self.lane_of(&message),
            _ => 0,
        };
        let key = (topic, lane);
        let mut is_new = false;
        let mut queue = self.waiting.entry(key.clone()).or_insert_with(|| {
            is_new = true;
            Queue::default()
        });
        if queue.bytes > self.most_bytes {
            drop(queue);
            return hearer.missed(&key.0);
        }
        queue.bytes += message.len();
        queue.messages.push_back(message);
        drop(queue);
        if is_new {
            let (inboxes, hearer) = (self.clone(), hearer.clone());
            tokio::spawn(async move { inboxes.drain(&key, &*hearer).await });
        }
    }

    /// Whether nothing of a topic waits or is being handled.
    pub(super) fn is_quiet(&self, topic: &Topic) -> bool {
        !self.waiting.contains_key(&(topic.clone(), 0))
    }

    fn lane_of(&self, message: &[u8]) -> Lane {
        let user: Option<UserId> = match Envelope::read(message).map(|envelope| envelope.body) {
            Some(Body::Presence(change)) => Some(change.user),
            Some(Body::UserChanged { user, .. }) => Some(user),
            _ => None,
        };
        user.map_or(0, |user| self.hasher.hash_one(user) as Lane)
    }

    async fn drain(&self, key: &(Topic, Lane), hearer: &dyn Hearer) {
        while let Some(message) = self.next(key) {
            tokio::task::consume_budget().await;
            let Some(heard) = Self::read(&key.0, &message) else {
                continue;
            };
            if AssertUnwindSafe(hearer.hear(heard))
                .catch_unwind()
                .await
                .is_err()
            {
                tracing::error!("what another node said could not be handled: a panic");
            }
        }
    }

    /// The next message; without one the queue ends.
    fn next(&self, key: &(Topic, Lane)) -> Option<Vec<u8>> {
        let mut next = None;
        self.waiting.remove_if_mut(key, |_, queue| {
            next = queue.messages.pop_front();
            queue.bytes -= next.as_ref().map_or(0, Vec::len);
            next.is_none()
        });
        next
    }

    fn read(topic: &Topic, message: &[u8]) -> Option<Heard> {
        let Some(envelope) = Envelope::read(message) else {
            // What is wrong with it is not said: that could be what a user wrote.
            tracing::warn!("a node said something that is not known here");
            return None;
        };
        Some(Heard {
            topic: topic.clone(),
            from: envelope.from,
            question: envelope.question,
            body: envelope.body,
        })
    }
}

impl std::fmt::Debug for Inboxes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inboxes")
            .field("topics", &self.waiting.len())
            .finish_non_exhaustive()
    }
}
