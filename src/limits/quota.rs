//! How often something may be done, and counting it: what was counted is kept as the time at which all of it would be
//! done at the rate, so that a rate that changes holds from the next one on.

use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One in each interval, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    /// In nanoseconds.
    interval: u64,
    burst: NonZeroU32,
}

impl Quota {
    /// One in each interval; of no length: any number.
    pub(super) fn new(interval: Duration, burst: NonZeroU32) -> Self {
        let interval = nanoseconds(interval);
        Self { interval, burst }
    }

    /// So many in a second.
    pub(super) fn per_second(count: NonZeroU32, burst: NonZeroU32) -> Self {
        let interval = 1_000_000_000 / u64::from(count.get());
        Self { interval, burst }
    }

    /// How many may be done at once.
    pub(crate) const fn burst(&self) -> NonZeroU32 {
        self.burst
    }

    /// The time after which one more is allowed.
    pub(super) const fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval)
    }

    /// The time after which as many are allowed as may be done at once.
    pub(super) fn window(&self) -> Duration {
        Duration::from_nanos(self.cost(self.burst))
    }

    /// The time after which so many are allowed, in nanoseconds.
    fn cost(&self, amount: NonZeroU32) -> u64 {
        let cost = self.interval.saturating_mul(u64::from(amount.get()));
        cost.min(LONGEST)
    }
}

/// What was counted of one thing.
#[derive(Debug, Default)]
pub(super) struct Meter(AtomicU64);

/// Longer times count as this one, which leaves room to add to a clock.
const LONGEST: u64 = u64::MAX / 4;

impl Meter {
    /// Counts `amount`, of more than the burst as many as that, if it is allowed as a whole.
    ///
    /// # Errors
    /// It is not yet: how long it takes until it may be.
    pub(super) fn take(&self, quota: &Quota, amount: NonZeroU32) -> Result<(), Duration> {
        let now = now();
        let full = now + quota.cost(quota.burst);
        let cost = quota.cost(amount.min(quota.burst));
        let mut done_at = self.0.load(Ordering::Relaxed);
        if done_at > full {
            // By a quota that was larger more was counted than this one ever has: it is used up now, and not for longer.
            done_at = self.0.fetch_min(full, Ordering::Relaxed).min(full);
        }
        loop {
            let next = done_at.max(now) + cost;
            if next > full {
                return Err(Duration::from_nanos(next - full));
            }
            match self
                .0
                .compare_exchange_weak(done_at, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(other) => done_at = other,
            }
        }
    }

    /// Whether nothing counts any more.
    pub(super) fn is_unused(&self) -> bool {
        self.0.load(Ordering::Relaxed) <= now()
    }
}

/// Nanoseconds since this was asked first.
fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    nanoseconds(START.elapsed())
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).map_or(LONGEST, |time| time.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn nonzero(number: u32) -> NonZeroU32 {
        match NonZeroU32::new(number) {
            Some(number) => number,
            None => NonZeroU32::MIN,
        }
    }

    fn hourly(burst: u32) -> Quota {
        Quota::new(Duration::from_secs(3600), nonzero(burst))
    }

    #[test]
    fn so_many_may_be_done_at_once_and_the_rest_waits() {
        let meter = Meter::default();
        assert!(meter.is_unused());
        assert_eq!(meter.take(&hourly(3), nonzero(2)), Ok(()));
        let wait = meter.take(&hourly(3), nonzero(2)).unwrap_err();
        assert!(wait > Duration::from_secs(3500) && wait <= Duration::from_secs(3600));
        assert_eq!(meter.take(&hourly(3), nonzero(1)), Ok(()));
        assert!(!meter.is_unused());
    }

    #[test]
    fn more_than_the_burst_counts_as_the_burst() {
        let meter = Meter::default();
        assert_eq!(meter.take(&hourly(3), nonzero(1000)), Ok(()));
        assert!(meter.take(&hourly(3), nonzero(1)).is_err());
    }

    #[test]
    fn a_quota_that_changes_holds_from_the_next_on() {
        let meter = Meter::default();
        meter.take(&hourly(3), nonzero(3)).unwrap();
        assert!(meter.take(&hourly(3), nonzero(1)).is_err());
        assert_eq!(meter.take(&hourly(9), nonzero(6)), Ok(()));
        let quick = Quota::per_second(nonzero(10), nonzero(1));
        let wait = meter.take(&quick, nonzero(1)).unwrap_err();
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
        let since = Instant::now();
        while meter.take(&quick, nonzero(1)).is_err() {
            assert!(
                since.elapsed() < Duration::from_secs(20),
                "it never is allowed"
            );
            std::thread::yield_now();
        }
    }

    #[test]
    fn times_that_are_too_long_for_a_clock_are_counted() {
        let longest = Quota::new(Duration::MAX, nonzero(u32::MAX));
        let meter = Meter::default();
        assert_eq!(meter.take(&longest, nonzero(u32::MAX)), Ok(()));
        assert!(meter.take(&longest, nonzero(1)).is_err());
        let none = Quota::new(Duration::ZERO, nonzero(1));
        assert_eq!(Meter::default().take(&none, nonzero(7)), Ok(()));
    }
}
