//! What an endpoint is to be told next.
//!
//! Owns the order of each subject, how many requests there are at a time, and when something is tried again. It does
//! no I/O and has no clock.

mod joining;

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use super::fact::{Fact, FactId};
use super::progress::Dead;
use super::schedule::{MAX_RETRY_AFTER, pause};

/// The most facts that are held of one endpoint; further ones stay where they are, in the audit.
pub(super) const WINDOW: usize = 1_024;
/// The most requests at a time.
const AT_ONCE: usize = 8;
/// After so many failures in a row, an endpoint is tried with one request at a time.
const FAILURES: u32 = 20;

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was taken.
    Delivered,
    /// Another status, and how long the endpoint wants to be left alone.
    Status(u16, Option<Duration>),
    /// No answer in time.
    Timeout,
    /// It could not be reached, or broke off.
    Connection,
    /// Its name has no address that it may have.
    AddressRefused,
}

/// The words for outcomes, in their order.
pub(super) const OUTCOMES: [&str; 5] = [
    "delivered",
    "status",
    "timeout",
    "connection",
    "address_refused",
];

impl Outcome {
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Delivered => 0,
            Self::Status(..) => 1,
            Self::Timeout => 2,
            Self::Connection => 3,
            Self::AddressRefused => 4,
        }
    }

    /// The word in metrics and in what is told of dead facts.
    pub(crate) const fn as_str(self) -> &'static str {
        OUTCOMES[self.index()]
    }

    /// The status of an answer that was not 2xx.
    pub(crate) const fn status(self) -> Option<u16> {
        match self {
            Self::Status(status, _) => Some(status),
            _ => None,
        }
    }
}

struct Held {
    fact: Fact,
    /// Earlier ones that it stands for.
    joined: Vec<FactId>,
    failed: u32,
    last: Option<Outcome>,
    due: Instant,
    is_sent: bool,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This is to be sent.
    Send(Fact),
    /// Nothing before then, or before a request ends.
    Wait(Option<Instant>),
}

/// The facts that an endpoint is to be told.
#[derive(Default)]
pub(super) struct Queue {
    held: BTreeMap<FactId, Held>,
    /// How many others they stand for.
    joined: usize,
    /// Within which time undelivered messages of one recipient are joined.
    window: Duration,
    sent: usize,
    /// Failures in a row.
    failures: u32,
    paused_until: Option<Instant>,
}

impl Queue {
    /// Holds a fact, unless it does already.
    pub(super) fn push(&mut self, fact: Fact, now: Instant, now_ms: u64) -> bool {
        if self.held.contains_key(&fact.id) || self.is_joined(fact.id) {
            return false;
        }
        let Some((fact, due)) = self.join(fact, now, now_ms) else {
            return true;
        };
        let held = Held {
            joined: Vec::new(),
            failed: 0,
            last: None,
            due,
            is_sent: false,
            fact,
        };
        self.held.insert(held.fact.id, held);
        true
    }

    /// Whether it holds as many as it should.
    pub(super) fn is_full(&self) -> bool {
        self.len() >= WINDOW
    }

    /// The next to be sent, which counts as sent from now on.
    pub(super) fn next(&mut self, now: Instant) -> Next {
        match self.find(now) {
            Ok(id) => match self.held.get_mut(&id) {
                Some(held) => {
                    held.is_sent = true;
                    self.sent += 1;
                    Next::Send(held.fact.clone())
                }
                None => Next::Wait(None),
            },
            Err(at) => Next::Wait(at),
        }
    }

    /// When there is something to be sent, unless a request has to end before.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        self.find(now).map_or_else(|at| at, |_| Some(now))
    }

    /// Which is to be sent now.
    ///
    /// # Errors
    /// None before then, or before a request ends.
    fn find(&self, now: Instant) -> Result<FactId, Option<Instant>> {
        let is_probing = self.failures >= FAILURES;
        if self.sent >= if is_probing { 1 } else { AT_ONCE } {
            return Err(None);
        }
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Err(Some(until));
        }
        let mut subjects = HashSet::new();
        let mut earliest: Option<Instant> = None;
        for (id, held) in &self.held {
            if !subjects.insert(&held.fact.subject) || held.is_sent {
                continue;
            }
            if held.due <= now {
                return Ok(*id);
            }
            earliest = Some(earliest.map_or(held.due, |earliest| earliest.min(held.due)));
            if is_probing {
                break;
            }
        }
        Err(earliest)
    }

    /// Those that are held, in their order.
    pub(super) fn ids(&self) -> impl Iterator<Item = FactId> {
        self.held.values().flat_map(Held::ids)
    }

    /// An attempt has ended. Returns which facts were taken by it, and are not held any more.
    pub(super) fn ended(
        &mut self,
        id: FactId,
        outcome: Outcome,
        now: Instant,
        chance: f64,
    ) -> Vec<FactId> {
        self.sent = self.sent.saturating_sub(1);
        if outcome == Outcome::Delivered {
            let taken = self.remove(&[id]);
            self.recover(now);
            return taken.iter().flat_map(Held::ids).collect();
        }
        self.failures = self.failures.saturating_add(1);
        if let Outcome::Status(_, Some(wanted)) = outcome {
            self.paused_until = Some(now + wanted.min(MAX_RETRY_AFTER));
        }
        if let Some(held) = self.held.get_mut(&id) {
            held.is_sent = false;
            held.failed += 1;
            held.last = Some(outcome);
            held.due = now + pause(held.failed, chance);
        }
        Vec::new()
    }

    fn remove(&mut self, ids: &[FactId]) -> Vec<Held> {
        let removed: Vec<_> = ids.iter().filter_map(|id| self.held.remove(id)).collect();
        let joined: usize = removed.iter().map(|held| held.joined.len()).sum();
        self.joined = self.joined.saturating_sub(joined);
        removed
    }

    /// It answers again: if it did not at all, what waits for another attempt waits no longer.
    fn recover(&mut self, now: Instant) {
        let was_probing = self.failures >= FAILURES;
        self.failures = 0;
        self.paused_until = None;
        if was_probing {
            self.held
                .values_mut()
                .for_each(|held| held.due = held.due.min(now));
        }
    }

    /// How many are held.
    pub(super) fn len(&self) -> usize {
        self.held.len() + self.joined
    }

    /// Gives up those that have been due since before this time, in milliseconds since 1970, and are not being sent.
    pub(super) fn give_up(&mut self, before_ms: u64) -> Vec<Dead> {
        let too_old = self
            .held
            .iter()
            .take_while(|(id, _)| id.at_ms() < before_ms);
        let too_old = too_old.filter(|(_, held)| !held.is_sent && held.fact.since_ms < before_ms);
        let ids: Vec<_> = too_old.map(|(id, _)| *id).collect();
        let removed = self.remove(&ids);
        let dead = removed.iter().flat_map(|held| {
            held.ids().map(|id| Dead {
                id,
                kind: held.fact.kind,
                subject: held.fact.subject.clone(),
                outcome: held.last.map(Outcome::as_str),
            })
        });
        dead.collect()
    }

    /// Since when the oldest of them has been due, in milliseconds since 1970.
    pub(super) fn oldest_ms(&self) -> Option<u64> {
        self.held.values().map(|held| held.fact.since_ms).min()
    }
}

#[cfg(test)]
mod tests;
