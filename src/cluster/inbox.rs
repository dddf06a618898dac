//! Messages that have arrived and wait to be handled: a bounded queue for each topic, in the order of
//! arrival but for what concerns different users, so that slow handling of one delays no other.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use dashmap::DashMap;
use smallvec::SmallVec;

use super::Topic;
use super::envelope::Envelope;
use super::message::{AllNodesMessage, UserMessage};

/// What waits, by topic.
pub(super) struct Inboxes {
    queues: DashMap<Topic, Queue>,
    hasher: RandomState,
    /// Per topic, but for all nodes per lane. One message more is accepted.
    max_bytes: usize,
}

/// A topic, and which part of it: of the topic of all nodes only messages about one user need an order, of that of a
/// user only events of one sender.
pub(super) type Key = (Topic, Lane);
type Lane = u8;

/// Exists as long as it has lanes.
#[derive(Default)]
struct Queue {
    lanes: SmallVec<[(Lane, Waiting); 1]>,
    bytes: usize,
}

/// Exists as long as a task handles what is in it.
#[derive(Default)]
struct Waiting {
    messages: VecDeque<Queued>,
    bytes: usize,
}

/// A message that waits.
pub(super) enum Queued {
    /// As it arrived.
    Encoded(Vec<u8>),
    /// One to all nodes, which had to be read to find its lane, and its size in bytes.
    AllNodes(Envelope<AllNodesMessage>, usize),
    /// One to a user, likewise.
    User(Envelope<UserMessage>, usize),
}

impl Queued {
    fn size(&self) -> usize {
        match self {
            Self::Encoded(bytes) => bytes.len(),
            Self::AllNodes(_, size) | Self::User(_, size) => *size,
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
        let lane = self.lane(&message);
        let mut queue = self.queues.entry(topic.clone()).or_default();
        let at = queue.lanes.iter().position(|(other, _)| *other == lane);
        let bytes = match (&topic, at) {
            (Topic::AllNodes, at) => at.map_or(0, |at| queue.lanes[at].1.bytes),
            _ => queue.bytes,
        };
        if bytes > self.max_bytes {
            return Pushed::Full(topic);
        }
        queue.bytes += message.size();
        let is_new = at.is_none();
        if is_new {
            queue.lanes.push((lane, Waiting::default()));
        }
        let at = at.unwrap_or(queue.lanes.len() - 1);
        let waiting = &mut queue.lanes[at].1;
        waiting.bytes += message.size();
        waiting.messages.push_back(message);
        match is_new {
            true => Pushed::First((topic, lane)),
            false => Pushed::Waits,
        }
    }

    /// The next message of a queue; without one the queue ends.
    pub(super) fn next(&self, (topic, lane): &Key) -> Option<Queued> {
        let mut next = None;
        self.queues.remove_if_mut(topic, |_, queue| {
            let Some(at) = queue.lanes.iter().position(|(other, _)| other == lane) else {
                return false;
            };
            let waiting = &mut queue.lanes[at].1;
            next = waiting.messages.pop_front();
            let size = next.as_ref().map_or(0, Queued::size);
            waiting.bytes -= size;
            queue.bytes -= size;
            if next.is_none() {
                queue.lanes.swap_remove(at);
            }
            queue.lanes.is_empty()
        });
        next
    }

    /// Whether nothing of a topic waits or is being handled.
    pub(super) fn is_idle(&self, topic: &Topic) -> bool {
        !self.queues.contains_key(topic)
    }

    fn lane(&self, message: &Queued) -> Lane {
        let user = match message {
            // They wait for nothing that is done for somebody else.
            Queued::AllNodes(envelope, _)
                if matches!(envelope.message, AllNodesMessage::Revocation(_)) =>
            {
                return Lane::MAX;
            }
            Queued::AllNodes(envelope, _) => envelope.message.user(),
            Queued::User(envelope, _) => envelope.message.sender(),
            Queued::Encoded(_) => None,
        };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NodeId, UserId};
    use crate::payload::EncodedEvent;

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn event(sender: &str, size: usize) -> Queued {
        let message = UserMessage::Event {
            sender: user(sender),
            event: EncodedEvent::new("event", &1).unwrap(),
            credit: 0,
            about: None,
        };
        let envelope = Envelope {
            from: NodeId::random(),
            question: None,
            said_at: None,
            trace: None,
            message,
        };
        Queued::User(envelope, size)
    }

    fn senders() -> (Inboxes, [String; 2]) {
        let inboxes = Inboxes::new(100);
        let lane = |name: &str| inboxes.lane(&event(name, 0));
        let mut names = (0..).map(|number| format!("u{number}"));
        let ann = names.next().unwrap();
        // Few have the same lane.
        let bo = names.find(|name| lane(name) != lane(&ann)).unwrap();
        (inboxes, [ann, bo])
    }

    #[test]
    fn events_of_one_sender_wait_for_each_other_and_for_no_others() {
        let (inboxes, [ann, bo]) = senders();
        let topic = Topic::User(user("receiver"));
        let push = |name: &str, size| inboxes.push(topic.clone(), event(name, size));
        let Pushed::First(of_ann) = push(&ann, 1) else {
            panic!("nothing else is handled");
        };
        assert!(matches!(push(&ann, 2), Pushed::Waits));
        let Pushed::First(of_bo) = push(&bo, 3) else {
            panic!("only the other is handled");
        };
        let next = |key| inboxes.next(key).map(|message| message.size());
        assert_eq!((next(&of_bo), next(&of_bo)), (Some(3), None));
        assert_eq!((next(&of_ann), next(&of_ann)), (Some(1), Some(2)));
        assert!(!inboxes.is_idle(&topic), "the last one is being handled");
        assert_eq!(next(&of_ann), None);
        assert!(inboxes.is_idle(&topic));
    }

    #[test]
    fn what_waits_of_a_topic_is_bounded_however_many_send_it() {
        let (inboxes, [ann, bo]) = senders();
        let topic = Topic::User(user("receiver"));
        let push = |name: &str, size| inboxes.push(topic.clone(), event(name, size));
        assert!(matches!(push(&ann, 60), Pushed::First(_)));
        assert!(matches!(push(&bo, 60), Pushed::First(_)));
        assert!(matches!(push(&ann, 1), Pushed::Full(_)));
        assert!(matches!(push(&bo, 1), Pushed::Full(_)));
    }
}
