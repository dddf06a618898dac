//! What a client sends that is of no event: heartbeats, empty fragments and the like. Each costs as much as a small
//! event, so a client may send only so many, by whatever transport.

use parking_lot::Mutex;

use super::clock::now_ms;

/// How many in a second, and how many at once.
const RATE: u64 = 20;
const BURST: u64 = 100;

/// Counts those of one connection.
#[derive(Debug, Default)]
pub(super) struct Controls(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    count: u64,
    /// Until when what the rate allows is taken off, in `now_ms` time.
    since: u64,
}

impl Controls {
    /// Counts so many; whether they are allowed.
    pub(super) fn allow(&self, count: u32) -> bool {
        self.allow_at(count, now_ms())
    }

    fn allow_at(&self, count: u32, now: u64) -> bool {
        let mut counted = self.0.lock();
        let over = now.saturating_sub(counted.since) * RATE / 1000;
        counted.since += over * 1000 / RATE;
        counted.count = counted.count.saturating_sub(over) + u64::from(count);
        counted.count <= BURST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_is_allowed_and_then_the_rate() {
        let controls = Controls::default();
        let now = 1_000_000;
        assert!(controls.allow_at(BURST as u32 - 1, now) && controls.allow_at(1, now));
        assert!(controls.allow_at(RATE as u32, now + 1000));
        assert!(!controls.allow_at(1, now + 1000));
        let controls = Controls::default();
        assert!(controls.allow_at(BURST as u32, now));
        let mut each_in_turn = (1..=100).map(|n| controls.allow_at(1, now + n * 1000 / RATE));
        assert!(each_in_turn.all(|allowed| allowed));
    }
}
