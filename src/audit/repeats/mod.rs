//! Bounds what one address, or one user, can have recorded by doing the same again and again.
//!
//! Owns which records are bounded ([`class`]), how many of each actor there were in this minute
//! ([`counters`]), and what becomes of the rest: one record for each kind with how many there were
//! ([`summaries`]), when the minute or the server ends. It must not know how records are stored.
//!
//! What is relayed for a user is not bounded, and is not even looked up here, but for parts of files.

mod budget;
mod class;
mod counters;
mod summaries;

use parking_lot::Mutex;

use super::record::Record;
use budget::Budget;
use class::{Actor, Class};
use summaries::Summaries;

/// How many records one actor may have in a minute.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RepeatLimits {
    /// Refusals of an address that named no user.
    pub(crate) refusals_per_ip: u32,
    /// Anything else that such an address did.
    pub(crate) events_per_ip: u32,
    /// Refusals of a user.
    pub(crate) refusals_per_user: u32,
    /// Connects, disconnects, joins and leaves of a user.
    pub(crate) events_per_user: u32,
    /// Parts of files that a user sends.
    pub(crate) file_parts_per_user: u32,
}

/// The records of this minute that are bounded.
pub(super) struct Repeats {
    by_address: Bounded,
    by_user: Bounded,
    /// Of users: nobody else sends files.
    file_parts: Budget,
}

/// Those of one sort of actors. Neither sort takes the other's memory.
struct Bounded {
    refusals: Budget,
    events: Budget,
    summaries: Mutex<Summaries>,
}

impl Repeats {
    pub(super) fn new(limits: RepeatLimits) -> Self {
        Self {
            by_address: Bounded::new(limits.refusals_per_ip, limits.events_per_ip),
            by_user: Bounded::new(limits.refusals_per_user, limits.events_per_user),
            file_parts: Budget::new(limits.file_parts_per_user),
        }
    }

    /// Whether a record is to be stored. If not, it is counted for one that the end of the minute
    /// brings.
    pub(super) fn admits(&self, record: &Record) -> bool {
        let Some((actor, class)) = class::of(record) else {
            return true;
        };
        let bounded = match actor {
            Actor::Address(_) => &self.by_address,
            Actor::User(_) => &self.by_user,
        };
        let budget = match class {
            Class::Refusal => &bounded.refusals,
            Class::Event => &bounded.events,
            Class::FilePart => &self.file_parts,
        };
        budget.allows(&actor) || !bounded.summaries.lock().add(&actor, record)
    }

    /// Ends the minute; what it has counted.
    pub(super) fn end_minute(&self) -> Vec<Record> {
        self.end(Summaries::take)
    }

    /// Ends the last minute; what it has counted. From now on all records are stored.
    pub(super) fn close(&self) -> Vec<Record> {
        self.end(Summaries::close)
    }

    fn end(&self, end: impl Fn(&mut Summaries) -> Vec<Record>) -> Vec<Record> {
        self.file_parts.reset();
        let both = [&self.by_address, &self.by_user];
        both.into_iter()
            .flat_map(|bounded| {
                // Before what was counted is taken: what is counted in between is in the next minute.
                bounded.refusals.reset();
                bounded.events.reset();
                end(&mut bounded.summaries.lock())
            })
            .collect()
    }
}

impl Bounded {
    fn new(refusals: u32, events: u32) -> Self {
        Self {
            refusals: Budget::new(refusals),
            events: Budget::new(events),
            summaries: Mutex::default(),
        }
    }
}

#[cfg(test)]
mod tests;
