//! Counts what failed from each address, in windows of a fixed length, so that guessing is slow.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use dashmap::DashMap;

use super::Action;
use super::block::{Block, WIDE};
use crate::config::Config;

/// The failures of each address.
#[derive(Debug)]
pub(crate) struct Failures {
    counted: DashMap<Block, Window>,
    /// How many there may be in a window, and its length; `None` any number.
    allowed: Option<(u32, Duration)>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    since: Instant,
    count: u32,
}

impl Failures {
    /// No failures yet; as many are allowed as [`Action::FailedAuth`] says.
    pub(super) fn new(config: &Config) -> Self {
        let quota = Action::FailedAuth.quota(config);
        let allowed = || (quota.burst_size().get(), quota.burst_size_replenished_in());
        Self {
            counted: DashMap::new(),
            allowed: config.rate_limits.then(allowed),
        }
    }

    /// Whether an address may still try.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        let Some((max, length)) = self.allowed else {
            return true;
        };
        let is_below = |block: Block, max: u32| {
            let window = self.counted.get(&block);
            window.is_none_or(|window| window.count < max || window.since.elapsed() >= length)
        };
        is_below(Block::narrow(address), max)
            && Block::wide(address).is_none_or(|wide| is_below(wide, max.saturating_mul(WIDE)))
    }

    /// Counts a failure.
    pub(crate) fn count(&self, address: IpAddr) {
        let Some((_, length)) = self.allowed else {
            return;
        };
        for block in [Some(Block::narrow(address)), Block::wide(address)] {
            let Some(block) = block else {
                continue;
            };
            let new = Window {
                since: Instant::now(),
                count: 0,
            };
            let mut window = self.counted.entry(block).or_insert(new);
            if window.since.elapsed() >= length {
                *window = new;
            }
            window.count += 1;
        }
    }

    /// Drops the windows that are over.
    pub(super) fn sweep(&self) {
        if let Some((_, length)) = self.allowed {
            self.counted
                .retain(|_, window| window.since.elapsed() < length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Rate;
    use std::net::Ipv4Addr;

    #[test]
    fn an_address_may_fail_so_often_and_others_still_may() {
        let config = Config {
            failed_auth_rate: Rate::per_minute(2),
            ..Config::default()
        };
        let failures = Failures::new(&config);
        let (guesser, other) = (Ipv4Addr::LOCALHOST.into(), Ipv4Addr::UNSPECIFIED.into());
        for _ in 0..2 {
            assert!(failures.allows(guesser));
            failures.count(guesser);
        }
        assert!(!failures.allows(guesser) && failures.allows(other));
        failures.sweep();
        assert!(!failures.allows(guesser), "the window is not over");
    }

    #[test]
    fn a_window_ends() {
        let failures = Failures {
            counted: DashMap::new(),
            allowed: Some((1, Duration::ZERO)),
        };
        let address = Ipv4Addr::LOCALHOST.into();
        failures.count(address);
        assert!(failures.allows(address));
        failures.sweep();
        assert!(failures.counted.is_empty());
    }
}
