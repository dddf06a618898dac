//! How long something took, as counts of how many took at most so long. No lock: what is read while it is counted may
//! have an observation in its sum and not yet in its buckets.

use std::time::Duration;

use super::counter::{Counter, Counters};

/// The bounds of what is done in a moment, in seconds.
pub(crate) const FAST: &[f64] = &[
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0,
];
/// The bounds of what lasts for as long as somebody stays, in seconds.
pub(super) const LONG: &[f64] = &[1.0, 10.0, 60.0, 300.0, 1_800.0, 7_200.0, 28_800.0, 86_400.0];

/// The most buckets, with the one that has no bound.
const MAX_BUCKETS: usize = FAST.len() + 1;

/// Times, by bounds.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// In seconds, rising.
    bounds: &'static [f64],
    buckets: Counters<MAX_BUCKETS>,
    nanoseconds: Counter,
}

impl Histogram {
    /// Nothing has been observed yet.
    pub(crate) const fn new(bounds: &'static [f64]) -> Self {
        assert!(bounds.len() < MAX_BUCKETS, "as many buckets as there are");
        Self {
            bounds,
            buckets: Counters::new(),
            nanoseconds: Counter::new(),
        }
    }

    /// For what is done in a moment.
    pub(crate) const fn fast() -> Self {
        Self::new(FAST)
    }

    /// Something took so long.
    pub(crate) fn observe(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        let bucket = self.bounds.iter().position(|bound| seconds <= *bound);
        self.buckets.at(bucket.unwrap_or(self.bounds.len())).inc();
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.add(nanoseconds);
    }

    /// What was observed.
    pub(super) fn read(&self) -> Observed {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(self.buckets.values()).collect();
        Observed {
            sum: Duration::from_nanos(self.nanoseconds.get()).as_secs_f64(),
            count: buckets.iter().map(|(_, count)| count).sum(),
            buckets,
        }
    }
}

/// What a histogram has observed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observed {
    /// In seconds.
    pub(super) sum: f64,
    pub(super) count: u64,
    /// How many took at most so many seconds, and more than the bound before.
    pub(super) buckets: Vec<(f64, u64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_exactly_a_bound_is_within_it_and_nothing_is_beyond_all() {
        let histogram = Histogram::fast();
        for micros in [0, 250, 251, 10_000_000, 10_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let observed = histogram.read();
        let filled: Vec<_> = observed.buckets.iter().filter(|(_, n)| *n > 0).collect();
        let expected = [(0.000_25, 2), (0.000_5, 1), (10.0, 1), (f64::INFINITY, 1)];
        assert_eq!(filled, expected.iter().collect::<Vec<_>>());
        assert_eq!((observed.count, observed.buckets.len()), (5, 16));
        assert!((observed.sum - 20.000_502).abs() < 1e-9, "{}", observed.sum);
    }
}
