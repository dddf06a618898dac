//! Limits: how often an action is allowed, how many failures and open slots an address may have,
//! and which address a client is counted by. The caller decides what happens beyond a limit (an
//! error, a drop, a wait). Nothing here knows users, events or other nodes: `users` shares the
//! limits of one user between nodes.

pub(crate) mod address;
mod failures;
mod slots;

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, InsufficientCapacity, Quota};

pub(crate) use failures::Failures;
pub(crate) use slots::{AddressSlot, AddressSlots};

use crate::config::{Config, Rate};

/// What a client may do only so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Messages, edits, reactions and key exchanges: for each user over all their connections, for
    /// each connection of a guest.
    Messages,
    /// Typing, presence and receipts, for each connection.
    Signals,
    /// Joins and reservations, for each address.
    Joins,
    /// Bytes of file chunks, for each user over all their connections.
    FileBytes,
    /// Failed authentications, and apart from them wrong session keys and passwords, for each
    /// address.
    FailedAuth,
}

impl Action {
    /// The rate and the burst that the settings allow.
    pub(crate) fn quota(self, config: &Config) -> Quota {
        match self {
            Self::Messages => quota(config.message_rate, config.message_burst),
            Self::Signals => quota(config.signal_rate, config.signal_burst),
            Self::Joins => quota(config.join_rate, config.join_burst),
            Self::FileBytes => Quota::per_second(config.file_rate).allow_burst(config.file_burst),
            Self::FailedAuth => quota(config.failed_auth_rate, config.failed_auth_rate.count()),
        }
    }
}

fn quota(rate: Rate, burst: NonZeroU32) -> Quota {
    // A rate's interval is never zero, which is the only thing refused here.
    Quota::with_period(rate.interval())
        .unwrap_or(Quota::per_second(burst))
        .allow_burst(burst)
}

/// Counts one action of one user or one connection. With `rate_limits` off everything is allowed.
#[derive(Debug)]
pub(crate) struct Limit {
    limiter: Option<DefaultDirectRateLimiter>,
}

impl Limit {
    /// A limit of which nothing is used yet.
    pub(crate) fn new(config: &Config, action: Action) -> Self {
        let limiter = || DefaultDirectRateLimiter::direct(action.quota(config));
        Self {
            limiter: config.rate_limits.then(limiter),
        }
    }

    /// Whether anything is limited at all.
    pub(crate) fn is_limited(&self) -> bool {
        self.limiter.is_some()
    }

    /// Counts one; whether it is allowed.
    pub(crate) fn allows(&self) -> bool {
        self.limiter
            .as_ref()
            .is_none_or(|limiter| limiter.check().is_ok())
    }

    /// Counts `amount` if it is allowed as a whole; whether it is. More than the burst never is.
    pub(crate) fn allows_all(&self, amount: NonZeroU32) -> bool {
        self.limiter
            .as_ref()
            .is_none_or(|limiter| matches!(limiter.check_n(amount), Ok(Ok(()))))
    }

    /// Waits until `amount` is allowed, and counts it. More than the burst counts as the burst.
    pub(crate) async fn wait_for(&self, amount: NonZeroU32) {
        let Some(limiter) = &self.limiter else {
            return;
        };
        // Being told that the amount is over the burst is the only error.
        if let Err(InsufficientCapacity(burst)) = limiter.until_n_ready(amount).await
            && let Some(burst) = NonZeroU32::new(burst)
        {
            let _ = limiter.until_n_ready(burst).await;
        }
    }
}

/// The limits of IP addresses.
#[derive(Debug)]
pub(crate) struct AddressLimits {
    joins: Option<DefaultKeyedRateLimiter<IpAddr>>,
    /// Failed authentications.
    pub(crate) authentication: Failures,
    /// Wrong keys and passwords of sessions.
    pub(crate) session_keys: Failures,
}

impl AddressLimits {
    /// Limits of which no address has used anything yet.
    pub(crate) fn new(config: &Config) -> Self {
        let joins = || DefaultKeyedRateLimiter::keyed(Action::Joins.quota(config));
        Self {
            joins: config.rate_limits.then(joins),
            authentication: Failures::new(config),
            session_keys: Failures::new(config),
        }
    }

    /// Counts a join or a reservation; whether it is allowed.
    pub(crate) fn allows_join(&self, address: IpAddr) -> bool {
        self.joins
            .as_ref()
            .is_none_or(|limiter| limiter.check_key(&address).is_ok())
    }

    /// Frees the memory of addresses whose limits are unused again. To be called from time to time.
    pub(crate) fn sweep(&self) {
        if let Some(joins) = &self.joins {
            joins.retain_recent();
        }
        self.authentication.sweep();
        self.session_keys.sweep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const fn nonzero(number: u32) -> NonZeroU32 {
        match NonZeroU32::new(number) {
            Some(number) => number,
            None => NonZeroU32::MIN,
        }
    }

    #[test]
    fn every_action_has_the_rate_and_the_burst_of_its_settings() {
        let config = Config {
            message_rate: Rate::per_second(1),
            message_burst: nonzero(11),
            signal_rate: Rate::per_second(2),
            signal_burst: nonzero(12),
            join_rate: Rate::per_second(4),
            join_burst: nonzero(13),
            file_rate: nonzero(1000),
            file_burst: nonzero(14),
            failed_auth_rate: Rate::per_minute(30),
            ..Config::default()
        };
        let expected = [
            (Action::Messages, Duration::from_secs(1), 11),
            (Action::Signals, Duration::from_millis(500), 12),
            (Action::Joins, Duration::from_millis(250), 13),
            (Action::FileBytes, Duration::from_millis(1), 14),
            (Action::FailedAuth, Duration::from_secs(2), 30),
        ];
        for (action, interval, burst) in expected {
            let quota = action.quota(&config);
            assert_eq!(quota.replenish_interval(), interval, "{action:?}");
            assert_eq!(quota.burst_size().get(), burst, "{action:?}");
        }
    }

    #[test]
    fn the_burst_is_allowed_and_then_no_more() {
        let config = Config {
            message_rate: Rate::per_minute(1),
            message_burst: nonzero(3),
            ..Config::default()
        };
        let limit = Limit::new(&config, Action::Messages);
        assert!(!limit.allows_all(nonzero(4)), "more than the burst");
        assert!(limit.allows_all(nonzero(2)) && !limit.allows_all(nonzero(2)));
        assert!(limit.allows() && !limit.allows());
    }

    #[test]
    fn everything_is_allowed_without_rate_limits() {
        let config = Config {
            rate_limits: false,
            message_burst: nonzero(1),
            ..Config::default()
        };
        let limit = Limit::new(&config, Action::Messages);
        assert!((0..10).all(|_| limit.allows()) && !limit.is_limited());
    }
}
