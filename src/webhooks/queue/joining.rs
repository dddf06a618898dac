//! Undelivered messages of one recipient that are told as one fact: the last one, with the number of all.
//!
//! Which are joined follows from when they happened, so that after a kill the same are. A fact that was tried joins
//! nothing any more: it is the same in every attempt.

use std::time::{Duration, Instant};

use super::{Held, Queue};
use crate::model::FactType;
use crate::webhooks::fact::{Fact, FactId};

impl Queue {
    /// One that joins what happens to one recipient within this time.
    pub(in crate::webhooks) fn joining(window: Duration) -> Self {
        Self {
            window,
            ..Self::default()
        }
    }

    /// Joins a fact with the last one of its subject, if both are such. Else it returns the fact, and when it is due; what
    /// was held back of its subject is due, then, if something else comes behind it.
    pub(super) fn join(
        &mut self,
        mut fact: Fact,
        now: Instant,
        now_ms: u64,
    ) -> Option<(Fact, Instant)> {
        let window = self.window.as_millis() as u64;
        if window == 0 {
            return Some((fact, now));
        }
        let mut last = self.held.iter_mut().rev();
        let last = last.find(|(_, held)| held.fact.subject == fact.subject);
        if let Some((id, held)) = last {
            if held.takes(&fact, window) {
                let id = *id;
                let Some(mut held) = self.held.remove(&id) else {
                    return Some((fact, now));
                };
                self.joined += 1;
                held.joined.push(id);
                fact.count += held.fact.count;
                held.fact = fact;
                self.held.insert(held.fact.id, held);
                return None;
            }
            if held.failed == 0 {
                held.due = held.due.min(now);
            }
        }
        if fact.kind != FactType::MessageUndelivered {
            return Some((fact, now));
        }
        let left = (fact.since_ms + window).saturating_sub(now_ms);
        Some((fact, now + Duration::from_millis(left.min(window))))
    }

    /// Whether a fact is held as a part of another.
    pub(super) fn is_joined(&self, id: FactId) -> bool {
        self.joined > 0 && self.held.values().any(|held| held.joined.contains(&id))
    }
}

impl Held {
    fn takes(&self, fact: &Fact, window: u64) -> bool {
        let first = self.joined.first().unwrap_or(&self.fact.id).at_ms();
        let are_such = [&self.fact, fact]
            .into_iter()
            .all(|one| one.kind == FactType::MessageUndelivered && one.since_ms == one.id.at_ms());
        let is_untried = self.failed == 0 && !self.is_sent;
        let is_within = fact.id > self.fact.id && fact.id.at_ms() < first + window;
        are_such && is_untried && is_within
    }

    /// All facts that it stands for.
    pub(super) fn ids(&self) -> impl Iterator<Item = FactId> {
        self.joined.iter().copied().chain([self.fact.id])
    }
}
