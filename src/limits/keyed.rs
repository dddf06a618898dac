//! How often something may be done from an address, which is counted by its blocks.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, InsufficientCapacity, Quota};

use super::Action;
use super::block::{Block, WIDE};
use crate::config::Config;

/// The rate of an action, for each address.
#[derive(Debug)]
pub(super) struct AddressRate(Option<Limiters>);

#[derive(Debug)]
struct Limiters {
    narrow: DefaultKeyedRateLimiter<Block>,
    wide: DefaultKeyedRateLimiter<Block>,
}

impl AddressRate {
    /// Nothing of it is used yet. With `rate_limits` off everything is allowed.
    pub(super) fn new(config: &Config, action: Action) -> Self {
        let limiters = || {
            let narrow = action.quota(config);
            Limiters {
                narrow: DefaultKeyedRateLimiter::keyed(narrow),
                wide: DefaultKeyedRateLimiter::keyed(widened(narrow)),
            }
        };
        Self(config.rate_limits.then(limiters))
    }

    /// Counts one; whether it is allowed.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        let Some(Limiters { narrow, wide }) = &self.0 else {
            return true;
        };
        narrow.check_key(&Block::narrow(address)).is_ok()
            && Block::wide(address).is_none_or(|block| wide.check_key(&block).is_ok())
    }

    /// Waits until `amount` is allowed, and counts it. More than the burst counts as the burst.
    pub(super) async fn wait_for(&self, address: IpAddr, amount: NonZeroU32) {
        let Some(Limiters { narrow, wide }) = &self.0 else {
            return;
        };
        wait_for(narrow, &Block::narrow(address), amount).await;
        if let Some(block) = Block::wide(address) {
            wait_for(wide, &block, amount).await;
        }
    }

    /// Frees the memory of addresses that have used nothing of late.
    pub(super) fn sweep(&self) {
        if let Some(Limiters { narrow, wide }) = &self.0 {
            narrow.retain_recent();
            wide.retain_recent();
        }
    }
}

async fn wait_for(limiter: &DefaultKeyedRateLimiter<Block>, block: &Block, amount: NonZeroU32) {
    // Being told that the amount is over the burst is the only error.
    if let Err(InsufficientCapacity(burst)) = limiter.until_key_n_ready(block, amount).await
        && let Some(burst) = NonZeroU32::new(burst)
    {
        let _ = limiter.until_key_n_ready(block, burst).await;
    }
}

/// The quota of a wide block.
fn widened(narrow: Quota) -> Quota {
    let burst = narrow
        .burst_size()
        .saturating_mul(NonZeroU32::MIN.saturating_add(WIDE - 1));
    let interval = narrow.replenish_interval() / WIDE;
    // A rate's interval is never that short.
    Quota::with_period(interval)
        .unwrap_or(narrow)
        .allow_burst(burst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Rate;

    #[test]
    fn a_subnet_may_as_much_as_one_address_and_a_site_as_some() {
        let two = NonZeroU32::MIN.saturating_add(1);
        let rate = AddressRate::new(
            &Config {
                join_rate: Rate::per_minute(1),
                join_burst: two,
                ..Config::default()
            },
            Action::Joins,
        );
        let allows = |text: String| rate.allows(text.parse().expect("an address"));
        for client in 0..8 {
            assert!((0..2).all(|n| allows(format!("2001:db8:0:{client}::{n}"))));
            assert!(!allows(format!("2001:db8:0:{client}::9")));
        }
        assert!(!allows("2001:db8:0:9::1".into()));
        assert!(allows("2001:db8:1::1".into()) && allows("::ffff:192.0.2.1".into()));
        assert!(allows("192.0.2.1".into()) && !allows("::ffff:192.0.2.1".into()));
    }
}
