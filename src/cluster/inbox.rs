//! Messages that have arrived and wait to be handled: a bounded queue for each topic, in the order of
//! arrival, so that slow handling of one topic delays no other.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use dashmap::DashMap;

use super::Topic;
use super::envelope::Envelope;
use super::message::AllNodesMessage;

/// What waits, by topic.
pub(super) struct Inboxes {
    queues: DashMap<Key, Queue>,
    hasher: RandomState,
    /// Per queue. One message more is accepted.
    max_bytes: usize,
}

/// A topic, and which part of it: the topic of all nodes has many messages, of which only those about
/// one user need an order.
pub(super) type Key = (Topic, Lane);
type Lane = u8;

/// Exists as long as a task handles what is in it.
#[derive(Default)]
struct Queue {
    messages: VecDeque<Queued>,
    bytes: usize,
}

/// A message that waits.
pub(super) enum Queued {
    /// As it arrived.
    Encoded(Vec<u8>),
    /// One to all nodes, which had to be read to find its lane, and its size in bytes.
    AllNodes(Envelope<AllNodesMessage>, usize),
}

impl Queued {
    fn size(&self) -> usize {
        match self {
            Self::Encoded(bytes) => bytes.len(),
            Self::AllNodes(_, size) => *size,
        }
    }
}

/// What became of a message.
pub(super) enum Pushed {
    /// It waits for the task that handles this queue.
    Waits,
    /// A task has to handle this queue from now on.
    First(Key),
    /// The queue of this topic is full, and the message is dropped.
    Full(Topic),
}

impl Inboxes {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            queues: DashMap::new(),
            hasher: RandomState::new(),
            max_bytes,
        }
    }

    /// Queues a message.
    pub(super) fn push(&self, topic: Topic, message: Queued) -> Pushed {
        let lane = match &message {
            Queued::AllNodes(envelope, _) => self.lane(&envelope.message),
            Queued::Encoded(_) => 0,
        };
        let key = (topic, lane);
        let mut is_new = false;
        let mut queue = self.queues.entry(key.clone()).or_insert_with(|| {
            is_new = true;
            Queue::default()
        });
        if queue.bytes > self.max_bytes {
            return Pushed::Full(key.0);
        }
        queue.bytes += message.size();
        queue.messages.push_back(message);
        match is_new {
            true => Pushed::First(key),
            false => Pushed::Waits,
        }
    }

    /// The next message of a queue; without one the queue ends.
    pub(super) fn next(&self, key: &Key) -> Option<Queued> {
        let mut next = None;
        self.queues.remove_if_mut(key, |_, queue| {
            next = queue.messages.pop_front();
            queue.bytes -= next.as_ref().map_or(0, Queued::size);
            next.is_none()
        });
        next
    }

    /// Whether nothing of a topic waits or is being handled.
    pub(super) fn is_idle(&self, topic: &Topic) -> bool {
        !self.queues.contains_key(&(topic.clone(), 0))
    }

    fn lane(&self, message: &AllNodesMessage) -> Lane {
        let user = message.user();
        user.map_or(0, |user| self.hasher.hash_one(user) as Lane)
    }
}

impl std::fmt::Debug for Inboxes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inboxes")
            .field("topics", &self.queues.len())
            .finish_non_exhaustive()
    }
}
