//! Which messages of a user went to whom lately, so that nobody else can say that they arrived or were read.
//!
//! Owns how long and how many are remembered. Nothing here knows what a message or a receipt is made of.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ahash::RandomState;
use dashmap::DashMap;
use smallvec::SmallVec;

use crate::limits::Memory;
use crate::model::UserId;

/// How long a message is remembered after it was relayed last.
const MAX_AGE: Duration = Duration::from_secs(600);
/// The most of one sender: the oldest are forgotten first.
const MAX_OF_SENDER: usize = 8_192;
/// The most of all senders: of more, those of senders who have many are remembered.
const MAX_OF_ALL: usize = 131_072;
/// The most receivers of one message that are remembered.
const MAX_RECIPIENTS: usize = 1_024;
/// What one receiver of a message takes, about.
const BYTES: usize = 128;

/// What is known of a message that somebody says they received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// They did.
    Right,
    /// It went to others.
    Wrong,
    /// It is not remembered whom it went to.
    Unknown,
}

/// The messages that were relayed lately, by or to users of this node.
#[derive(Debug)]
pub(crate) struct RelayedMessages {
    senders: DashMap<UserId, Lately, RandomState>,
    /// Receivers that are remembered, of all messages.
    count: AtomicUsize,
    hasher: RandomState,
    memory: Arc<Memory>,
}

/// The messages of one sender, by the hash of their ids, which is random in each process.
#[derive(Debug, Default)]
struct Lately {
    messages: HashMap<u64, Message, RandomState>,
    /// In the order in which they were relayed, each with when that was when it was put here.
    order: VecDeque<(Instant, u64)>,
    count: usize,
}

#[derive(Debug)]
struct Message {
    last: Instant,
    recipients: SmallVec<[u64; 1]>,
    /// There were more than are remembered.
    has_others: bool,
}

impl RelayedMessages {
    /// None yet. What they take counts in `memory`.
    pub(super) fn new(memory: &Arc<Memory>) -> Self {
        Self {
            senders: DashMap::default(),
            count: AtomicUsize::new(0),
            hasher: RandomState::new(),
            memory: memory.clone(),
        }
    }

    /// Remembers that a message, or a part of it, is relayed.
    pub(crate) fn note(&self, sender: &UserId, recipient: &UserId, message: &str) {
        let (message, recipient) = (self.hash(message), self.hash(recipient.as_str()));
        let mut lately = self.senders.entry(sender.clone()).or_default();
        let before = lately.count;
        let now = Instant::now();
        if lately.renew(message, recipient, now) {
            return;
        }
        lately.forget_until(now, MAX_OF_SENDER - 1);
        let is_full = self.count.load(Ordering::Relaxed) >= MAX_OF_ALL || self.memory.is_scarce();
        if is_full {
            let one_less = lately.count.saturating_sub(1);
            lately.forget_until(now, one_less);
        }
        let has_room = !is_full || lately.count < before;
        lately.note(message, recipient, now, has_room);
        self.recount(before, lately.count);
    }

    /// Whether somebody received a message of a sender.
    pub(crate) fn receiver(&self, sender: &UserId, message: &str, who: &UserId) -> Receiver {
        let Some(lately) = self.senders.get(sender) else {
            return Receiver::Unknown;
        };
        let message = lately.messages.get(&self.hash(message));
        let message = message.filter(|message| message.last.elapsed() < MAX_AGE);
        match message {
            None => Receiver::Unknown,
            Some(message) if message.recipients.contains(&self.hash(who.as_str())) => {
                Receiver::Right
            }
            Some(message) if message.has_others => Receiver::Unknown,
            Some(_) => Receiver::Wrong,
        }
    }

    /// Forgets what is too old. To be called from time to time.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.senders.retain(|_, lately| {
            let before = lately.count;
            lately.forget_until(now, MAX_OF_SENDER);
            self.recount(before, lately.count);
            lately.count > 0
        });
    }

    fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(text)
    }

    fn recount(&self, before: usize, after: usize) {
        self.count.fetch_add(after, Ordering::Relaxed);
        self.count.fetch_sub(before, Ordering::Relaxed);
        self.memory.recount(before * BYTES, after * BYTES);
    }
}

impl Lately {
    /// A message is relayed again; whether its receiver is remembered.
    fn renew(&mut self, message: u64, recipient: u64, now: Instant) -> bool {
        let Some(known) = self.messages.get_mut(&message) else {
            return false;
        };
        known.last = now;
        known.recipients.contains(&recipient)
    }

    /// Remembers one more receiver of a message, if there is room for one.
    fn note(&mut self, message: u64, recipient: u64, now: Instant, has_room: bool) {
        if let Some(known) = self.messages.get_mut(&message) {
            if !has_room || known.recipients.len() >= MAX_RECIPIENTS {
                known.has_others = true;
                return;
            }
            known.recipients.push(recipient);
            self.count += 1;
        } else if has_room {
            let known = Message {
                last: now,
                recipients: SmallVec::from_buf([recipient]),
                has_others: false,
            };
            self.messages.insert(message, known);
            self.order.push_back((now, message));
            self.count += 1;
        }
    }

    /// Forgets what is too old, and then the oldest until so many receivers are left.
    fn forget_until(&mut self, now: Instant, left: usize) {
        // Each is put back at most once.
        for _ in 0..2 * self.order.len() {
            let Some((at, oldest)) = self.order.front().copied() else {
                return;
            };
            let last = self
                .messages
                .get(&oldest)
                .map_or(at, |message| message.last);
            if last > at {
                self.order.pop_front();
                self.order.push_back((last, oldest));
                continue;
            }
            if now.duration_since(at) < MAX_AGE && self.count <= left {
                return;
            }
            self.order.pop_front();
            if let Some(forgotten) = self.messages.remove(&oldest) {
                self.count -= forgotten.recipients.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::parse(name).expect("an id")
    }

    fn nothing() -> RelayedMessages {
        RelayedMessages::new(&Memory::new(1 << 30))
    }

    #[test]
    fn only_who_received_a_message_is_its_receiver() {
        let relayed = nothing();
        let [ann, bo, eve] = ["ann", "bo", "eve"].map(user);
        relayed.note(&ann, &bo, "m1");
        relayed.note(&ann, &bo, "m1");
        let is = |message, who| relayed.receiver(&ann, message, who);
        assert_eq!(
            (is("m1", &bo), is("m1", &eve)),
            (Receiver::Right, Receiver::Wrong)
        );
        assert_eq!(is("m2", &eve), Receiver::Unknown);
        assert_eq!(relayed.receiver(&bo, "m1", &eve), Receiver::Unknown);
        relayed.note(&ann, &eve, "m1");
        assert_eq!(
            (is("m1", &bo), is("m1", &eve)),
            (Receiver::Right, Receiver::Right)
        );
        assert_eq!(relayed.memory.held(), 2 * BYTES);
    }

    #[test]
    fn a_sender_forgets_the_oldest_and_nobody_elses() {
        let relayed = nothing();
        let [ann, bo, eve] = ["ann", "bo", "eve"].map(user);
        relayed.note(&bo, &ann, "m");
        relayed.note(&ann, &bo, "again and again");
        for number in 0..MAX_OF_SENDER + 9 {
            relayed.note(&ann, &bo, &number.to_string());
            relayed.note(&ann, &bo, "again and again");
        }
        let is = |sender, message| relayed.receiver(sender, message, &eve);
        assert_eq!(is(&ann, "0"), Receiver::Unknown);
        let newest = (MAX_OF_SENDER + 8).to_string();
        for known in ["100", "again and again", &newest] {
            assert_eq!(is(&ann, known), Receiver::Wrong, "{known}");
        }
        assert_eq!(is(&bo, "m"), Receiver::Wrong);
        assert_eq!(relayed.count.load(Ordering::Relaxed), MAX_OF_SENDER + 1);
    }

    #[test]
    fn what_is_old_is_forgotten_and_its_memory_free() {
        let relayed = nothing();
        let [ann, bo] = ["ann", "bo"].map(user);
        for number in 0..10 {
            relayed.note(&ann, &bo, &number.to_string());
        }
        let later = Instant::now() + MAX_AGE;
        let mut lately = relayed.senders.get_mut(&ann).expect("messages");
        assert!(lately.renew(relayed.hash("9"), relayed.hash("bo"), later));
        lately.forget_until(later, MAX_OF_SENDER);
        assert_eq!(
            (lately.count, lately.messages.len(), lately.order.len()),
            (1, 1, 1)
        );
        lately.forget_until(later + MAX_AGE, MAX_OF_SENDER);
        relayed.recount(10, 0);
        drop(lately);
        relayed.sweep();
        assert_eq!((relayed.senders.len(), relayed.memory.held()), (0, 0));
    }

    #[test]
    fn who_may_have_received_it_is_not_said_to_be_wrong() {
        let relayed = nothing();
        let [ann, eve] = ["ann", "eve"].map(user);
        for number in 0..=MAX_RECIPIENTS {
            relayed.note(&ann, &user(&format!("user-{number}")), "m");
        }
        assert_eq!(
            relayed.receiver(&ann, "m", &user("user-9")),
            Receiver::Right
        );
        assert_eq!(relayed.receiver(&ann, "m", &eve), Receiver::Unknown);
    }

    #[test]
    fn all_together_are_bounded_and_scarce_memory_is_not_used() {
        let relayed = nothing();
        let bo = user("bo");
        for sender in 0..20 {
            let sender = user(&format!("user-{sender}"));
            for number in 0..MAX_OF_SENDER {
                relayed.note(&sender, &bo, &number.to_string());
            }
        }
        let count = relayed.count.load(Ordering::Relaxed);
        assert!(count <= MAX_OF_ALL + 20, "{count}");
        let relayed = RelayedMessages::new(&Memory::new(0));
        let _held = relayed.memory.hold(1);
        relayed.note(&user("ann"), &bo, "m");
        assert_eq!(relayed.count.load(Ordering::Relaxed), 0);
    }
}
