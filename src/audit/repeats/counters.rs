//! Counts by key in memory of a fixed size, without a lock.
//!
//! Keys that fall together are counted together, so a count may be too high, and never is too low.
//! Which do is random in each process.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};

const LEN: usize = 8_192;

/// The counts.
pub(super) struct Counters {
    counts: Box<[AtomicU32]>,
    hasher: RandomState,
}

impl Counters {
    /// All zero.
    pub(super) fn new() -> Self {
        Self {
            counts: (0..LEN).map(|_| AtomicU32::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Counts one more of a key; how many there are now.
    pub(super) fn add(&self, key: &impl Hash) -> u32 {
        let position = self.hasher.hash_one(key) as usize % LEN;
        // It is there, and a minute is too short for it to wrap around.
        self.counts.get(position).map_or(0, |count| {
            count.fetch_add(1, Ordering::Relaxed).saturating_add(1)
        })
    }

    /// All zero again.
    pub(super) fn reset(&self) {
        self.counts
            .iter()
            .for_each(|count| count.store(0, Ordering::Relaxed));
    }
}
