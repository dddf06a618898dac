//! How many records of one class each actor may still have in this minute.

use std::sync::atomic::{AtomicU32, Ordering};

use super::class::Actor;
use super::counters::Counters;
use crate::limits::{Block, WIDE};

/// How many times as much as one address all of them together may.
pub(super) const ALL: u32 = 50;

/// The budget of each actor.
pub(super) struct Budget {
    max: u32,
    actors: Counters,
    /// Wide blocks of addresses.
    sites: Counters,
    /// All addresses.
    all: AtomicU32,
}

impl Budget {
    /// `max` for each actor.
    pub(super) fn new(max: u32) -> Self {
        Self {
            max,
            actors: Counters::new(),
            sites: Counters::new(),
            all: AtomicU32::new(0),
        }
    }

    /// Counts a record; whether it is within the actor's budget.
    pub(super) fn allows(&self, actor: &Actor<'_>) -> bool {
        match actor {
            Actor::User(user) => self.actors.add(user) <= self.max,
            Actor::Address(None) => self.actors.add(&()) <= self.max,
            Actor::Address(Some(address)) => {
                let wide = Block::wide(*address);
                self.actors.add(&Block::narrow(*address)) <= self.max
                    && wide.is_none_or(|site| self.sites.add(&site) <= self.of_many(WIDE))
                    && self.all.fetch_add(1, Ordering::Relaxed) < self.of_many(ALL)
            }
        }
    }

    fn of_many(&self, addresses: u32) -> u32 {
        self.max.saturating_mul(addresses)
    }

    /// Nothing of it is used any more.
    pub(super) fn reset(&self) {
        self.actors.reset();
        self.sites.reset();
        self.all.store(0, Ordering::Relaxed);
    }
}
