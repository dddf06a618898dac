//! Rate limits. Each is one kind of thing a client may do only so often; what happens beyond it
//! (an error, a drop, a pause) is decided where it is asked. It must not know events.

pub mod address;
mod slots;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota};
pub use slots::{AddressSlot, AddressSlots};

use crate::cluster::{Body, Cluster, Spent, Topic};
use crate::config::{Config, Rate};
use crate::model::UserId;

/// Counts how often one thing is done, for one user or one connection. Without a limiter
/// everything is allowed.
#[derive(Debug)]
pub struct Limit {
    limiter: Option<DefaultDirectRateLimiter>,
    shared: Option<Box<Shared>>,
}

/// A limit that holds over all nodes: each tells the others what was done on it whenever that comes
/// to a tenth of the burst. So a user of several nodes may do that much more for each further one.
#[derive(Debug)]
struct Shared {
    cluster: Arc<Cluster>,
    user: UserId,
    /// What is told.
    spent: fn(u32) -> Spent,
    /// How much is told at once.
    share: u32,
    untold: AtomicU32,
    /// What others did that does not count yet.
    owed: AtomicU32,
}

impl Shared {
    fn new(
        cluster: &Arc<Cluster>,
        user: &UserId,
        spent: fn(u32) -> Spent,
        burst: u32,
    ) -> Box<Self> {
        Box::new(Self {
            cluster: cluster.clone(),
            user: user.clone(),
            spent,
            share: (burst / 10).max(1),
            untold: AtomicU32::new(0),
            owed: AtomicU32::new(0),
        })
    }

    fn did(&self, amount: u32) {
        let untold = self.untold.fetch_add(amount, Ordering::Relaxed);
        if untold.saturating_add(amount) >= self.share {
            let amount = self.untold.swap(0, Ordering::Relaxed);
            if amount > 0 {
                let topic = Topic::User(self.user.clone());
                let body = Body::Spent((self.spent)(amount));
                let _ = self.cluster.bus().post(&topic, &body);
            }
        }
    }
}

impl Limit {
    fn new(config: &Config, quota: Quota) -> Self {
        let limiter = || DefaultDirectRateLimiter::direct(quota);
        Self {
            limiter: config.rate_limits.then(limiter),
            shared: None,
        }
    }

    /// The same, held over all nodes.
    fn shared(self, shared: Option<Box<Shared>>) -> Self {
        let shared = shared.filter(|_| self.limiter.is_some());
        Self { shared, ..self }
    }

    /// Counts one; whether it is allowed.
    pub fn allows(&self) -> bool {
        let Some(limiter) = &self.limiter else {
            return true;
        };
        self.pay(limiter);
        let allowed = limiter.check().is_ok();
        if allowed && let Some(shared) = &self.shared {
            shared.did(1);
        }
        allowed
    }

    /// Waits until `amount` is allowed. More than the burst counts as the burst.
    pub async fn wait_for(&self, amount: usize) {
        let (Some(limiter), Some(amount)) = (
            &self.limiter,
            NonZeroU32::new(amount.min(u32::MAX as usize) as u32),
        ) else {
            return;
        };
        self.pay(limiter);
        // Being told that the amount is over the burst is the only error.
        if let Err(governor::InsufficientCapacity(burst)) = limiter.until_n_ready(amount).await
            && let Some(burst) = NonZeroU32::new(burst)
        {
            let _ = limiter.until_n_ready(burst).await;
        }
        if let Some(shared) = &self.shared {
            shared.did(amount.get());
        }
    }

    /// Counts what was done on another node.
    pub fn charge(&self, amount: u32) {
        if let (Some(limiter), Some(shared)) = (&self.limiter, &self.shared) {
            let add = |owed: u32| Some(owed.saturating_add(amount));
            // It always is some.
            let _ = shared
                .owed
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
            self.pay(limiter);
        }
    }

    /// Counts what others did, as far as there is room for it.
    fn pay(&self, limiter: &DefaultDirectRateLimiter) {
        let Some(shared) = &self.shared else {
            return;
        };
        let mut owed = shared.owed.swap(0, Ordering::Relaxed);
        let mut part = owed;
        while let Some(amount) = NonZeroU32::new(part.min(owed)) {
            match limiter.check_n(amount) {
                Ok(Ok(())) => owed -= amount.get(),
                // There is no room for as much, or never: for half of it, perhaps.
                Ok(Err(_)) | Err(_) => part = amount.get() / 2,
            }
        }
        shared.owed.fetch_add(owed, Ordering::Relaxed);
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
    /// Fresh limits of this user.
    pub fn new(config: &Config, user: &UserId, cluster: Option<&Arc<Cluster>>) -> Self {
        let shared = |spent, burst: NonZeroU32| {
            cluster.map(|cluster| Shared::new(cluster, user, spent, burst.get()))
        };
        let file_rate = Quota::per_second(config.file_rate).allow_burst(config.file_burst);
        Self {
            messages: messages(config).shared(shared(Spent::Messages, config.message_burst)),
            file_bytes: Limit::new(config, file_rate)
                .shared(shared(Spent::FileBytes, config.file_burst)),
        }
    }

    /// Counts what the user did on another node.
    pub fn charge(&self, spent: Spent) {
        match spent {
            Spent::Messages(count) => self.messages.charge(count),
            Spent::FileBytes(bytes) => self.file_bytes.charge(bytes),
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
    Limit::new(
        config,
        quota(config.message_rate, config.message_burst.get()),
    )
}

/// The limit of one connection for typing, presence and receipts.
pub fn signals(config: &Config) -> Limit {
    Limit::new(config, quota(config.signal_rate, config.signal_burst.get()))
}

fn quota(rate: Rate, burst: u32) -> Quota {
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    // A rate's interval is never zero, which is the only thing refused here.
    Quota::with_period(rate.interval())
        .unwrap_or(Quota::per_second(burst))
        .allow_burst(burst)
}
