//! Limits: how often an action is allowed, how many failures and open slots an address may have,
//! how much memory clients may make the server hold, and which address a client is counted by. The caller decides what happens beyond a limit (an
//! error, a drop, a wait). Nothing here knows users, events or other nodes: `users` shares the
//! limits of one user between nodes.

pub(crate) mod address;
mod block;
mod failures;
pub(crate) mod forwarded;
mod keyed;
mod memory;
mod pace;
pub(crate) mod proxied;
mod quota;
mod slots;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use block::{Block, WIDE};
pub(crate) use failures::{Failures, GUESS_DELAY};
use keyed::AddressRate;
pub(crate) use memory::{ALWAYS, Account, Accounts, Fixed, Held, Kept, Memory};
use pace::Pace;
use quota::{Meter, Quota};
pub(crate) use slots::{AddressSlot, AddressSlots};

use crate::config::{Config, LiveConfig, Rate};
use crate::metrics::refusals;

/// What a client may do only so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Messages, edits, reactions and key exchanges: for each user over all their connections, for
    /// each connection of a guest.
    Messages,
    /// Messages beyond that which are waited for instead of being refused, likewise.
    SlowedMessages,
    /// Questions beyond the rate of receipts that are waited for instead of being refused, for each connection.
    SlowedQuestions,
    /// Typing and presence, for each connection.
    Signals,
    /// Receipts, for each connection.
    Receipts,
    /// Requests that open a connection, for each address.
    Handshakes,
    /// Reservations, and joins that make a session, for each address.
    Joins,
    /// Joining and leaving: for each user over all their connections, for each connection of a guest. Over
    /// it, a client waits.
    Subscriptions,
    /// Sessions that are made, for each address.
    NewSessions,
    /// Bytes of file chunks, for each user over all their connections.
    FileBytes,
    /// Bytes of what is stored of messages, for each user over all their connections and requests.
    StoredBytes,
    /// Conversations that are made, for each user.
    NewConversations,
    /// Participants that are added, for each user.
    NewParticipants,
    /// Messages that requests pass over by their offset, for each user.
    Offsets,
    /// Bytes that the relay sends and writes for an event beyond what it is, histories and lists of keys: for
    /// each user, for each address of guests, and for each session. Over it they wait.
    Output,
    /// What is refused: requests for each address, events for each connection.
    Refusals,
    /// Targets that a backend publishes to, for each token.
    Publications,
    /// Failed authentications, for each address and each user; wrong keys and passwords of each session, for
    /// each address.
    FailedAuth,
}

impl Action {
    /// The rate and the burst that the settings allow.
    fn quota(self, config: &Config) -> Quota {
        match self {
            Self::Messages => quota(config.message_rate, config.message_burst),
            Self::SlowedMessages => {
                let half = NonZeroU32::new(config.message_burst.get() / 2);
                let interval = config.message_rate.interval() * 10;
                spaced(interval, half.unwrap_or(NonZeroU32::MIN))
            }
            Self::SlowedQuestions => {
                spaced(config.signal_rate.interval() * 10, config.signal_burst)
            }
            Self::Signals | Self::Receipts => quota(config.signal_rate, config.signal_burst),
            Self::Handshakes => quota(config.handshake_rate, config.handshake_burst),
            Self::Joins => quota(config.join_rate, config.join_burst),
            Self::Subscriptions => quota(config.subscription_rate, config.subscription_burst),
            Self::NewSessions => {
                let most = NonZeroU32::new(config.max_sessions_per_ip).unwrap_or(NonZeroU32::MIN);
                let interval = config.session_idle_timeout / most.get();
                // Where it is zero, any number may be made.
                Quota::new(interval, most)
            }
            Self::FileBytes => Quota::per_second(config.file_rate, config.file_burst),
            Self::StoredBytes => daily(config.stored_bytes_per_day),
            Self::NewConversations => daily(config.conversations_per_day),
            Self::NewParticipants => daily(config.participants_per_day),
            Self::Offsets => Quota::per_second(config.offset_rate, config.offset_burst),
            Self::Output => Quota::per_second(config.output_rate, config.output_burst),
            Self::Refusals => quota(config.refusal_rate, config.refusal_burst),
            Self::Publications => quota(config.publish_rate, config.publish_burst),
            Self::FailedAuth => quota(config.failed_auth_rate, config.failed_auth_rate.count()),
        }
    }
}

fn quota(rate: Rate, burst: NonZeroU32) -> Quota {
    spaced(rate.interval(), burst)
}

fn spaced(interval: Duration, burst: NonZeroU32) -> Quota {
    Quota::new(interval, burst)
}

/// So many in a day, which may come at once.
fn daily(count: NonZeroU32) -> Quota {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    Quota::new(DAY / count.get(), count)
}

/// Counts one action of one user or one connection, by the settings in effect. With `rate_limits` off everything is
/// allowed.
#[derive(Debug)]
pub(crate) struct Limit {
    config: LiveConfig,
    action: Action,
    used: Meter,
}

/// Who waits longer looks again meanwhile: the settings may have changed.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

impl Limit {
    /// A limit of which nothing is used yet.
    pub(crate) fn new(config: &LiveConfig, action: Action) -> Self {
        Self {
            config: config.clone(),
            action,
            used: Meter::default(),
        }
    }

    /// `None`: everything is allowed.
    fn quota(&self) -> Option<Quota> {
        quota_of(&self.config, self.action)
    }

    /// How many may be done at once. `None`: any number.
    pub(crate) fn burst(&self) -> Option<NonZeroU32> {
        Some(self.quota()?.burst())
    }

    /// Counts one; whether it is allowed.
    pub(crate) fn allows(&self) -> bool {
        self.takes(NonZeroU32::MIN)
    }

    fn takes(&self, amount: NonZeroU32) -> bool {
        let quota = self.quota();
        quota.is_none_or(|quota| self.used.take(&quota, amount).is_ok())
    }

    /// Counts as many as something costs if they are allowed as a whole; whether they are. More than the burst count as the
    /// burst.
    pub(crate) fn allows_cost(&self, cost: usize) -> bool {
        nonzero(cost).is_none_or(|cost| self.takes(cost))
    }

    /// Counts `amount` if it is allowed as a whole; whether it is. More than the burst never is.
    pub(crate) fn allows_all(&self, amount: NonZeroU32) -> bool {
        self.quota()
            .is_none_or(|quota| amount <= quota.burst() && self.used.take(&quota, amount).is_ok())
    }

    /// Waits until bytes are allowed, and counts them, likewise.
    pub(crate) async fn wait_for_bytes(&self, bytes: usize) {
        if let Some(bytes) = nonzero(bytes) {
            self.wait_for(bytes).await;
        }
    }

    /// Waits until `amount` is allowed, and counts it. More than the burst counts as the burst.
    pub(crate) async fn wait_for(&self, amount: NonZeroU32) {
        while let Some(quota) = self.quota()
            && let Err(wait) = self.used.take(&quota, amount)
        {
            tokio::time::sleep(wait.min(LONGEST_WAIT)).await;
        }
    }
}

/// What the settings in effect allow of an action. `None`: everything.
fn quota_of(config: &LiveConfig, action: Action) -> Option<Quota> {
    let config = config.now();
    config.rate_limits.then(|| action.quota(&config))
}

/// So many bytes, as a limit counts them.
fn nonzero(bytes: usize) -> Option<NonZeroU32> {
    NonZeroU32::new(u32::try_from(bytes).unwrap_or(u32::MAX))
}

/// The limits of IP addresses.
#[derive(Debug)]
pub(crate) struct AddressLimits {
    joins: AddressRate,
    /// Sessions that are made.
    sessions: AddressRate,
    /// Handshakes: requests that open a connection.
    handshakes: AddressRate,
    /// What guests make the relay send.
    output: AddressRate,
    /// Requests that are refused.
    pub(crate) refusals: Pace,
    /// Failed authentications.
    pub(crate) authentication: Failures,
    /// Wrong keys and passwords of sessions.
    pub(crate) session_keys: Failures,
    /// What those hold of the server's memory who are no users.
    pub(crate) accounts: Accounts,
}

impl AddressLimits {
    /// Limits of which no address has used anything yet.
    pub(crate) fn new(config: &LiveConfig, memory: &Arc<Memory>) -> Self {
        Self {
            accounts: Accounts::new(memory),
            joins: AddressRate::new(config, Action::Joins),
            sessions: AddressRate::new(config, Action::NewSessions),
            handshakes: AddressRate::new(config, Action::Handshakes),
            output: AddressRate::new(config, Action::Output),
            refusals: Pace::new(config, Action::Refusals),
            authentication: Failures::new(config),
            session_keys: Failures::new(config),
        }
    }

    /// Counts a reservation, or a join that makes a session; whether it is allowed.
    pub(crate) fn allows_join(&self, address: IpAddr) -> bool {
        let allows = self.joins.allows(address);
        count_unless(allows, refusals::Limit::Join)
    }

    /// Counts a session that is made; whether it may be.
    pub(crate) fn allows_session(&self, address: IpAddr) -> bool {
        let allows = self.sessions.allows(address);
        count_unless(allows, refusals::Limit::Join)
    }

    /// Counts a request that opens a connection; whether it is allowed.
    pub(crate) fn allows_handshake(&self, address: IpAddr) -> bool {
        self.handshakes.allows(address)
    }

    /// Waits until a guest may have so many bytes sent, and counts them.
    pub(crate) async fn wait_for_output(&self, address: IpAddr, bytes: usize) {
        if let Some(bytes) = nonzero(bytes) {
            self.output.wait_for(address, bytes).await;
        }
    }

    /// Frees the memory of addresses whose limits are unused again. To be called from time to time.
    pub(crate) fn sweep(&self) {
        self.joins.sweep();
        self.sessions.sweep();
        self.handshakes.sweep();
        self.output.sweep();
        self.refusals.sweep();
        self.authentication.sweep();
        self.session_keys.sweep();
        self.accounts.sweep();
    }
}

/// Counts what is over a limit, and says whether it is not.
fn count_unless(allows: bool, limit: refusals::Limit) -> bool {
    if !allows {
        refusals::limited(limit);
    }
    allows
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

    #[test]
    fn every_action_has_the_rate_and_the_burst_of_its_settings() {
        let config = Config {
            message_rate: Rate::per_second(1),
            message_burst: nonzero(11),
            signal_rate: Rate::per_second(2),
            signal_burst: nonzero(12),
            handshake_rate: Rate::per_second(5),
            handshake_burst: nonzero(15),
            join_rate: Rate::per_second(4),
            join_burst: nonzero(13),
            subscription_rate: Rate::per_second(10),
            subscription_burst: nonzero(18),
            file_rate: nonzero(1000),
            file_burst: nonzero(14),
            refusal_rate: Rate::per_second(8),
            refusal_burst: nonzero(17),
            failed_auth_rate: Rate::per_minute(30),
            max_sessions_per_ip: 20,
            session_idle_timeout: Duration::from_secs(40),
            stored_bytes_per_day: nonzero(864_000),
            conversations_per_day: nonzero(24),
            participants_per_day: nonzero(48),
            offset_rate: nonzero(10),
            offset_burst: nonzero(16),
            publish_rate: Rate::per_second(20),
            publish_burst: nonzero(1_001),
            ..Config::default()
        };
        let expected = [
            (Action::Messages, Duration::from_secs(1), 11),
            (Action::Signals, Duration::from_millis(500), 12),
            (Action::Handshakes, Duration::from_millis(200), 15),
            (Action::Joins, Duration::from_millis(250), 13),
            (Action::Subscriptions, Duration::from_millis(100), 18),
            (Action::FileBytes, Duration::from_millis(1), 14),
            (Action::Refusals, Duration::from_millis(125), 17),
            (Action::FailedAuth, Duration::from_secs(2), 30),
            (Action::NewSessions, Duration::from_secs(2), 20),
            (Action::StoredBytes, Duration::from_millis(100), 864_000),
            (Action::NewConversations, Duration::from_secs(3600), 24),
            (Action::NewParticipants, Duration::from_secs(1800), 48),
            (Action::Offsets, Duration::from_millis(100), 16),
            (Action::Publications, Duration::from_millis(50), 1_001),
        ];
        for (action, interval, burst) in expected {
            let quota = action.quota(&config);
            assert_eq!(quota.interval(), interval, "{action:?}");
            assert_eq!(quota.burst().get(), burst, "{action:?}");
        }
    }

    #[test]
    fn the_burst_is_allowed_and_then_no_more() {
        let config = Config {
            message_rate: Rate::per_minute(1),
            message_burst: nonzero(3),
            ..Config::default()
        };
        let limit = Limit::new(&config.into(), Action::Messages);
        assert!(!limit.allows_all(nonzero(4)), "more than the burst");
        assert!(limit.allows_all(nonzero(2)) && !limit.allows_all(nonzero(2)));
        assert!(limit.allows() && !limit.allows());
    }

    #[test]
    fn other_settings_hold_from_the_next_one_on() {
        let config = |burst| Config {
            message_rate: Rate::per_minute(1),
            message_burst: nonzero(burst),
            ..Config::default()
        };
        let live = LiveConfig::new(config(1));
        let limit = Limit::new(&live, Action::Messages);
        assert!(limit.allows() && !limit.allows());
        live.replace(config(3));
        assert!(limit.allows() && limit.allows() && !limit.allows());
        live.replace(Config {
            rate_limits: false,
            ..config(1)
        });
        assert!(limit.allows());
    }

    #[test]
    fn everything_is_allowed_without_rate_limits() {
        let config = Config {
            rate_limits: false,
            message_burst: nonzero(1),
            ..Config::default()
        };
        let limit = Limit::new(&config.into(), Action::Messages);
        assert!((0..10).all(|_| limit.allows()) && limit.burst().is_none());
    }
}
