//! The clocks, and the formats of time in the protocol.
//!
//! The wall clock may jump: it is for what others read, for what outlives this process, and for what
//! is a date by nature, such as the end of a token. How long something lasts is measured by the other
//! one, here or with [`Instant`].

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::LazyLock;
use std::time::{Instant, SystemTime};

/// The source of time for everything that expires. Tests use one of their own.
pub(crate) trait Clock: Debug + Send + Sync {
    /// Milliseconds since the epoch, by the wall clock.
    fn now_ms(&self) -> u64;

    /// Milliseconds since some moment of this process, by the clock that never jumps.
    fn steady_ms(&self) -> u64;
}

/// The clock of the system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        since_epoch().as_millis() as u64
    }

    fn steady_ms(&self) -> u64 {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed().as_millis() as u64
    }
}

/// A clock that tests set.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct ManualClock {
    wall: std::sync::atomic::AtomicU64,
    steady: std::sync::atomic::AtomicU64,
}

#[cfg(test)]
impl ManualClock {
    /// At some time in the past.
    pub(crate) fn new() -> Self {
        Self {
            wall: 1_700_000_000_000.into(),
            steady: 0.into(),
        }
    }

    /// Sets the wall clock, and lets no time pass.
    pub(crate) fn set(&self, now: u64) {
        self.wall.store(now, std::sync::atomic::Ordering::Relaxed);
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, ms: u64) {
        self.wall
            .fetch_add(ms, std::sync::atomic::Ordering::Relaxed);
        self.steady
            .fetch_add(ms, std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(test)]
impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.wall.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn steady_ms(&self) -> u64 {
        self.steady.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// A system clock before the epoch counts as the epoch.
fn since_epoch() -> std::time::Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

/// Now, as ISO 8601 in UTC with milliseconds: `2025-01-31T12:00:00.000Z`.
pub(crate) fn now_iso() -> String {
    thread_local! {
        /// The last second of which a time was written, and what its times begin with: of a busy second there are many.
        static SECOND: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
    }
    let now = since_epoch();
    SECOND.with_borrow_mut(|(second, begin)| {
        if *second != now.as_secs() {
            let mut text = iso_ms(now.as_secs().saturating_mul(1000));
            text.truncate("2025-01-31T12:00:00.".len());
            (*second, *begin) = (now.as_secs(), text);
        }
        let mut text = String::with_capacity("2025-01-31T12:00:00.000Z".len());
        text.push_str(begin);
        let ms = now.subsec_millis();
        let digits = [ms / 100, ms / 10 % 10, ms % 10];
        text.extend(digits.map(|digit| char::from(b'0' + digit as u8)));
        text.push('Z');
        text
    })
}

/// A time, written the same way.
pub(crate) fn iso(time: jiff::Timestamp) -> String {
    format!("{time:.3}")
}

/// A time in milliseconds since the epoch, written the same way.
pub(crate) fn iso_ms(ms: u64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms.min(i64::MAX as u64) as i64);
    iso(time.unwrap_or(jiff::Timestamp::MAX))
}

/// Now, in microseconds since the epoch.
pub(crate) fn now_us() -> u64 {
    u64::try_from(since_epoch().as_micros()).unwrap_or(u64::MAX)
}

/// Now, in whole seconds since the epoch, as tokens count.
pub(crate) fn now_seconds() -> u64 {
    since_epoch().as_secs()
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_have_milliseconds_always() {
        for _ in 0..1000 {
            let now = super::now_iso();
            assert_eq!(now.len(), "2025-01-31T12:00:00.000Z".len(), "{now}");
            assert!(now.ends_with('Z') && now.as_bytes()[19] == b'.', "{now}");
        }
        // Over the end of a second, too.
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_millis(1100) {
            let before = jiff::Timestamp::now().as_millisecond();
            let now: jiff::Timestamp = super::now_iso().parse().unwrap();
            let after = jiff::Timestamp::now().as_millisecond();
            assert!((before..=after).contains(&now.as_millisecond()), "{now}");
        }
    }
}
