//! Rate limits. Each is one kind of thing a client may do only so often; what happens beyond it
//! (an error, a drop, a pause) is decided where it is asked. It must not know events.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota};

use crate::config::{Config, Rate};

/// Counts how often one thing is done, for one user or one connection. Without a limiter
/// everything is allowed.
#[derive(Debug)]
pub struct Limit(Option<DefaultDirectRateLimiter>);

impl Limit {
    fn new(config: &Config, rate: Rate, burst: u32) -> Self {
        Self(
            config
                .rate_limits
                .then(|| DefaultDirectRateLimiter::direct(quota(rate, burst))),
        )
    }

    /// Counts one; whether it is allowed.
    pub fn allows(&self) -> bool {
        self.0
            .as_ref()
            .is_none_or(|limiter| limiter.check().is_ok())
    }

    /// Waits until `amount` is allowed. More than the burst counts as the burst.
    pub async fn wait_for(&self, amount: usize) {
        let (Some(limiter), Some(amount)) = (
            &self.0,
            NonZeroU32::new(amount.min(u32::MAX as usize) as u32),
        ) else {
            return;
        };
        // Being told that the amount is over the burst is the only error.
        if let Err(governor::InsufficientCapacity(burst)) = limiter.until_n_ready(amount).await
            && let Some(burst) = NonZeroU32::new(burst)
        {
            let _ = limiter.until_n_ready(burst).await;
        }
    }
}

/// What one user may do, over all their connections.
#[derive(Debug)]
pub struct UserLimits {
    /// Messages, edits, reactions, key exchanges.
    pub messages: Limit,
    /// Bytes of file chunks.
    pub file_bytes: Limit,
}

impl UserLimits {
    /// Fresh limits.
    pub fn new(config: &Config) -> Self {
        let file_rate = Quota::per_second(config.file_rate).allow_burst(config.file_burst);
        Self {
            messages: messages(config),
            file_bytes: Limit(
                config
                    .rate_limits
                    .then(|| DefaultDirectRateLimiter::direct(file_rate)),
            ),
        }
    }
}

/// Limits per IP address.
#[derive(Debug)]
pub struct AddressLimits {
    joins: Option<DefaultKeyedRateLimiter<IpAddr>>,
    /// Failed authentications.
    pub authentication: Failures,
    /// Wrong keys and passwords of sessions.
    pub session_keys: Failures,
}

/// Counts what failed from each address.
#[derive(Debug)]
pub struct Failures {
    counted: DashMap<IpAddr, Counted>,
    /// How many there may be in which time; `None` any number.
    allowed: Option<(u32, Duration)>,
}

#[derive(Debug, Clone, Copy)]
struct Counted {
    since: Instant,
    count: u32,
}

impl Failures {
    fn new(config: &Config) -> Self {
        let rate = config.failed_auth_rate;
        let allowed = || (rate.count().get(), rate.period().duration());
        Self {
            counted: DashMap::new(),
            allowed: config.rate_limits.then(allowed),
        }
    }

    /// Whether an address may still try.
    pub fn allows(&self, address: IpAddr) -> bool {
        let Some((most, period)) = self.allowed else {
            return true;
        };
        self.counted
            .get(&address)
            .is_none_or(|failures| failures.count < most || failures.since.elapsed() >= period)
    }

    /// Counts a failure.
    pub fn count(&self, address: IpAddr) {
        let Some((_, period)) = self.allowed else {
            return;
        };
        let fresh = Counted {
            since: Instant::now(),
            count: 0,
        };
        let mut failures = self.counted.entry(address).or_insert(fresh);
        if failures.since.elapsed() >= period {
            *failures = fresh;
        }
        failures.count += 1;
    }

    fn sweep(&self) {
        if let Some((_, period)) = self.allowed {
            self.counted
                .retain(|_, failures| failures.since.elapsed() < period);
        }
    }
}

impl AddressLimits {
    /// Fresh limits.
    pub fn new(config: &Config) -> Self {
        let joins =
            || DefaultKeyedRateLimiter::keyed(quota(config.join_rate, config.join_burst.get()));
        Self {
            joins: config.rate_limits.then(joins),
            authentication: Failures::new(config),
            session_keys: Failures::new(config),
        }
    }

    /// Counts a join or a reservation; whether it is allowed.
    pub fn allows_join(&self, address: IpAddr) -> bool {
        self.joins
            .as_ref()
            .is_none_or(|limiter| limiter.check_key(&address).is_ok())
    }

    /// Forgets addresses that have done nothing for a while. To be called now and then.
    pub fn sweep(&self) {
        if let Some(joins) = &self.joins {
            joins.retain_recent();
        }
        self.authentication.sweep();
        self.session_keys.sweep();
    }
}

/// The limit of one user, or of one guest's connection, for messages.
pub fn messages(config: &Config) -> Limit {
    Limit::new(config, config.message_rate, config.message_burst.get())
}

/// The limit of one connection for typing, presence and receipts.
pub fn signals(config: &Config) -> Limit {
    Limit::new(config, config.signal_rate, config.signal_burst.get())
}

fn quota(rate: Rate, burst: u32) -> Quota {
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    // A rate's interval is never zero, which is the only thing refused here.
    Quota::with_period(rate.interval())
        .unwrap_or(Quota::per_second(burst))
        .allow_burst(burst)
}
