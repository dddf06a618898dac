//! What is in the audit behind that which an endpoint can be handed: counted, so that it is known how much waits, and how
//! much of it is gone when it is read. It holds no fact.

use uuid::Uuid;

/// Facts that were counted and not read yet.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    counted_to: Uuid,
    facts: u64,
}

impl Ahead {
    /// The last record that was counted.
    pub(super) const fn counted_to(&self) -> Uuid {
        self.counted_to
    }

    /// How many facts there are.
    pub(super) const fn facts(&self) -> u64 {
        self.facts
    }

    /// The next record gives so many.
    pub(super) fn count(&mut self, record: Uuid, facts: u64) {
        self.counted_to = record;
        self.facts += facts;
    }

    /// The next record was read, and gave so many. Returns how many are gone that had been counted.
    pub(super) fn read(&mut self, record: Uuid, facts: u64) -> u64 {
        if record > self.counted_to {
            return self.all_read();
        }
        self.facts = self.facts.saturating_sub(facts);
        match record == self.counted_to {
            true => self.all_read(),
            false => 0,
        }
    }

    /// There is no further record. Returns how many are gone that had been counted.
    pub(super) fn all_read(&mut self) -> u64 {
        std::mem::take(&mut self.facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn what_was_counted_and_is_not_there_when_it_is_read_is_gone() {
        let mut ahead = Ahead::default();
        assert_eq!(ahead.read(id(1), 3), 0, "it was not counted");
        for (record, facts) in [(2, 1), (3, 2), (4, 4), (5, 8)] {
            ahead.count(id(record), facts);
        }
        assert_eq!((ahead.facts(), ahead.counted_to()), (15, id(5)));
        assert_eq!((ahead.read(id(2), 1), ahead.facts()), (0, 14));
        // Of 3 and 4 nothing is left.
        assert_eq!((ahead.read(id(5), 8), ahead.facts()), (6, 0));
        ahead.count(id(6), 5);
        assert_eq!(ahead.read(id(7), 1), 5);
        ahead.count(id(8), 2);
        assert_eq!(ahead.all_read(), 2);
    }
}
