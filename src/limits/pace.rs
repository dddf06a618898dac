//! How much later something is done for an address that asks too often for what it does not get.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use dashmap::DashMap;

use super::block::{Block, WIDE};
use super::{Action, quota_of};
use crate::config::LiveConfig;

/// The longest delay. Who is delayed longer is not counted any more.
const MAX_DELAY: Duration = Duration::from_secs(3);

/// The delays of each address.
#[derive(Debug)]
pub(crate) struct Pace {
    /// When all that was counted would be done at the rate.
    done_at: DashMap<Block, Instant>,
    config: LiveConfig,
    action: Action,
}

impl Pace {
    /// Nothing is counted yet; as many are done without delay as this action allows.
    pub(super) fn new(config: &LiveConfig, action: Action) -> Self {
        Self {
            done_at: DashMap::new(),
            config: config.clone(),
            action,
        }
    }

    /// Counts one; how long it is delayed.
    pub(crate) fn delay(&self, address: IpAddr) -> Duration {
        let Some(quota) = quota_of(&self.config, self.action) else {
            return Duration::ZERO;
        };
        let (interval, burst) = (quota.interval(), quota.window());
        let narrow = self.delay_of(Block::narrow(address), interval, burst);
        match Block::wide(address) {
            Some(wide) => narrow.max(self.delay_of(wide, interval / WIDE, burst)),
            None => narrow,
        }
    }

    fn delay_of(&self, block: Block, interval: Duration, burst: Duration) -> Duration {
        let now = Instant::now();
        let mut done_at = self.done_at.entry(block).or_insert(now);
        let next = (*done_at).max(now) + interval;
        let delay = next.saturating_duration_since(now).saturating_sub(burst);
        if delay <= MAX_DELAY {
            *done_at = next;
        }
        delay.min(MAX_DELAY)
    }

    /// Forgets addresses that are not delayed.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        self.done_at.retain(|_, done_at| *done_at > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Rate};
    use std::num::NonZeroU32;

    #[test]
    fn beyond_the_burst_each_is_delayed_longer_up_to_a_bound() {
        let config = Config {
            refusal_rate: Rate::per_second(1),
            refusal_burst: NonZeroU32::MIN,
            ..Config::default()
        };
        let pace = Pace::new(&config.into(), Action::Refusals);
        let [one, other] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
        let seconds = |address| pace.delay(address).as_secs_f64().round() as u64;
        let delays: Vec<_> = (0..6).map(|_| seconds(one)).collect();
        assert_eq!(delays, [0, 1, 2, 3, 3, 3]);
        assert_eq!(seconds(other), 0);
        pace.sweep();
        assert_eq!(pace.done_at.len(), 2);
    }

    #[test]
    fn without_limits_nothing_is_delayed() {
        let config = Config {
            rate_limits: false,
            refusal_burst: NonZeroU32::MIN,
            ..Config::default()
        };
        let pace = Pace::new(&config.into(), Action::Refusals);
        let address = IpAddr::from([192, 0, 2, 1]);
        assert!((0..1000).all(|_| pace.delay(address).is_zero()));
        assert!(pace.done_at.is_empty());
    }
}
