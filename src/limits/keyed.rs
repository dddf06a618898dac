//! How often something may be done from an address, which is counted by its blocks.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ahash::RandomState;
use dashmap::DashMap;

use super::block::{Block, WIDE};
use super::quota::{Meter, Quota};
use super::{Action, LONGEST_WAIT, quota_of};
use crate::config::LiveConfig;

/// The rate of an action, for each address.
#[derive(Debug)]
pub(super) struct AddressRate {
    config: LiveConfig,
    action: Action,
    used: DashMap<Block, Meter, RandomState>,
}

impl AddressRate {
    /// Nothing of it is used yet. With `rate_limits` off everything is allowed.
    pub(super) fn new(config: &LiveConfig, action: Action) -> Self {
        Self {
            config: config.clone(),
            action,
            used: DashMap::default(),
        }
    }

    /// Counts one; whether it is allowed.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        let Some(narrow) = quota_of(&self.config, self.action) else {
            return true;
        };
        let allows = |block, quota: Quota| self.take(block, &quota, NonZeroU32::MIN).is_ok();
        allows(Block::narrow(address), narrow)
            && Block::wide(address).is_none_or(|block| allows(block, widened(&narrow)))
    }

    fn take(&self, block: Block, quota: &Quota, amount: NonZeroU32) -> Result<(), Duration> {
        if let Some(known) = self.used.get(&block) {
            return known.take(quota, amount);
        }
        self.used.entry(block).or_default().take(quota, amount)
    }

    /// Waits until `amount` is allowed, and counts it. More than the burst counts as the burst.
    pub(super) async fn wait_for(&self, address: IpAddr, amount: NonZeroU32) {
        self.wait_in(Block::narrow(address), amount, |quota| quota)
            .await;
        if let Some(block) = Block::wide(address) {
            self.wait_in(block, amount, |quota| widened(&quota)).await;
        }
    }

    async fn wait_in(&self, block: Block, amount: NonZeroU32, of: fn(Quota) -> Quota) {
        while let Some(quota) = quota_of(&self.config, self.action)
            && let Err(wait) = self.take(block, &of(quota), amount)
        {
            tokio::time::sleep(wait.min(LONGEST_WAIT)).await;
        }
    }

    /// Frees the memory of addresses that have used nothing of late.
    pub(super) fn sweep(&self) {
        self.used.retain(|_, used| !used.is_unused());
    }
}

/// The quota of a wide block.
fn widened(narrow: &Quota) -> Quota {
    let burst = narrow
        .burst()
        .saturating_mul(NonZeroU32::MIN.saturating_add(WIDE - 1));
    Quota::new(narrow.interval() / WIDE, burst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Rate};

    #[test]
    fn a_subnet_may_as_much_as_one_address_and_a_site_as_some() {
        let two = NonZeroU32::MIN.saturating_add(1);
        let rate = AddressRate::new(
            &LiveConfig::new(Config {
                join_rate: Rate::per_minute(1),
                join_burst: two,
                ..Config::default()
            }),
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
