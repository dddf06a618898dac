//! Numbers that are counted where something happens: one relaxed operation on one atomic, and no lock.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// How often something has happened.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Nothing has happened yet.
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// It happened once more.
    pub(crate) fn inc(&self) {
        self.add(1);
    }

    /// It happened so many times more.
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// How often it has happened.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many of something there are.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicI64);

impl Gauge {
    /// There are none.
    pub(crate) const fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    /// So many more, or less.
    pub(crate) fn add(&self, count: i64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// How many there are.
    pub(crate) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One counter for each value of a closed list, by its position there.
#[derive(Debug)]
pub(crate) struct Counters<const N: usize>([Counter; N]);

impl<const N: usize> Counters<N> {
    /// Nothing has happened yet.
    pub(crate) const fn new() -> Self {
        Self([const { Counter::new() }; N])
    }

    /// The counter of the value at this position.
    pub(crate) fn at(&self, position: usize) -> &Counter {
        // A position is one of the list that the size was taken from.
        static BEYOND: Counter = Counter::new();
        debug_assert!(position < N, "a value that is not in its list");
        self.0.get(position).unwrap_or(&BEYOND)
    }

    /// All of them, in the order of the list.
    pub(crate) fn values(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(Counter::get)
    }
}
