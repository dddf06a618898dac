//! What operators can ask of an endpoint: what waits for it, whether it answers, and how often it was asked.
//!
//! Owns numbers and times. Whoever reads them holds nobody up.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::queue::{OUTCOMES, Outcome};
use crate::metrics::{Counter, Counters, Histogram};
use crate::model::FactTypes;
use crate::model::clock::{Clock as _, SystemClock};

/// The bounds of a request's time, in seconds.
const SLOW: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0];

/// An endpoint, as operators see it.
#[derive(Debug)]
pub(crate) struct Status {
    /// Its name.
    pub(crate) name: String,
    /// What it is told of.
    pub(crate) events: FactTypes,
    /// Those of all its settings, one after the other.
    pub(super) counts: Arc<Counts>,
}

/// What was counted of an endpoint, and how it is.
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) attempts: Counters<{ OUTCOMES.len() }>,
    pub(super) duration: Histogram,
    pub(super) lost: Counter,
    now: Mutex<Now>,
}

/// How it is now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Now {
    /// Facts that wait, as far as they were counted.
    pub(crate) pending: u64,
    /// Since when the oldest of them waits, in milliseconds since 1970.
    pub(crate) oldest: Option<u64>,
    /// Facts that were given up, of those that are remembered.
    pub(crate) dead: u64,
    /// It wants to be told nothing any more.
    pub(crate) is_disabled: bool,
    /// It cannot be read what it is to be told, or not noted what it was told.
    pub(crate) is_broken: bool,
    /// When it took something the last time.
    pub(crate) succeeded: Option<u64>,
    /// When it did not, and what it was.
    pub(crate) failed: Option<(u64, Outcome)>,
}

impl Now {
    /// Whether it did not take what it was told last.
    pub(crate) fn is_failing(&self) -> bool {
        let failed = self.failed.map(|(at, _)| at);
        failed.is_some() && failed >= self.succeeded
    }
}

impl Status {
    pub(super) fn of(name: &str, events: FactTypes) -> Self {
        Self {
            name: name.to_owned(),
            events,
            counts: Arc::new(Counts {
                attempts: Counters::new(),
                duration: Histogram::new(SLOW),
                lost: Counter::new(),
                now: Mutex::default(),
            }),
        }
    }

    /// The same endpoint, told of these.
    pub(super) fn with(&self, events: FactTypes) -> Self {
        Self {
            name: self.name.clone(),
            events,
            counts: self.counts.clone(),
        }
    }

    /// How it is now.
    pub(crate) fn now(&self) -> Now {
        *self.counts.now.lock()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Now)) {
        change(&mut self.counts.now.lock());
    }

    /// A request took so long.
    pub(super) fn attempted(&self, outcome: Outcome, took: Duration) {
        self.counts.attempts.at(outcome.index()).inc();
        self.counts.duration.observe(took);
    }

    /// A fact was taken, or not.
    pub(super) fn ended(&self, outcome: Outcome) {
        let at = SystemClock.now_ms();
        self.change(|now| match outcome {
            Outcome::Delivered => now.succeeded = Some(at),
            failed => now.failed = Some((at, failed)),
        });
    }
}
