//! What one user may do over all their connections, on all nodes. The rates are `limits::Action`'s.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cluster::{Cluster, Spent, UserMessage};
use crate::config::Config;
use crate::limits::{Action, Limit};
use crate::model::UserId;

/// The limits of one user.
#[derive(Debug)]
pub(crate) struct UserLimits {
    /// [`Action::Messages`]
    pub(crate) messages: UserLimit,
    /// [`Action::FileBytes`]
    pub(crate) file_bytes: UserLimit,
}

impl UserLimits {
    /// Limits of which nothing is used yet.
    pub(crate) fn new(config: &Config, user: &UserId, cluster: Option<&Arc<Cluster>>) -> Self {
        let limit = |action, spent| UserLimit::new(config, action, user, cluster, spent);
        Self {
            messages: limit(Action::Messages, Spent::Messages),
            file_bytes: limit(Action::FileBytes, Spent::FileBytes),
        }
    }

    /// Counts what the user did on another node.
    pub(crate) fn charge(&self, spent: Spent) {
        match spent {
            Spent::Messages(count) => self.messages.charge(count),
            Spent::FileBytes(bytes) => self.file_bytes.charge(bytes),
        }
    }
}

/// The limit of one action of one user.
#[derive(Debug)]
pub(crate) struct UserLimit {
    limit: Limit,
    shared: Option<Box<Shared>>,
}

/// What makes a limit hold over all nodes: each publishes what was done on it whenever that comes to
/// a tenth of the burst. So a user of several nodes may do that much more for each further one.
#[derive(Debug)]
struct Shared {
    cluster: Arc<Cluster>,
    user: UserId,
    /// What is published.
    spent: fn(u32) -> Spent,
    /// From how much on it is published.
    share: u32,
    /// What was done here and is not published yet.
    unpublished: AtomicU32,
    /// What was done on other nodes and is not counted yet.
    owed: AtomicU32,
}

impl UserLimit {
    fn new(
        config: &Config,
        action: Action,
        user: &UserId,
        cluster: Option<&Arc<Cluster>>,
        spent: fn(u32) -> Spent,
    ) -> Self {
        let limit = Limit::new(config, action);
        let shared = |cluster: &Arc<Cluster>| {
            Box::new(Shared {
                cluster: cluster.clone(),
                user: user.clone(),
                spent,
                share: (action.quota(config).burst_size().get() / 10).max(1),
                unpublished: AtomicU32::new(0),
                owed: AtomicU32::new(0),
            })
        };
        let shared = cluster.filter(|_| limit.is_limited()).map(shared);
        Self { limit, shared }
    }

    /// Counts one; whether it is allowed.
    pub(crate) fn allows(&self) -> bool {
        let Some(shared) = &self.shared else {
            return self.limit.allows();
        };
        shared.pay(&self.limit);
        let allowed = self.limit.allows();
        if allowed {
            shared.spend(1);
        }
        allowed
    }

    /// Waits until `amount` is allowed, and counts it. More than the burst counts as the burst.
    pub(crate) async fn wait_for(&self, amount: usize) {
        let amount = u32::try_from(amount).unwrap_or(u32::MAX);
        let Some(amount) = NonZeroU32::new(amount) else {
            return;
        };
        let Some(shared) = &self.shared else {
            return self.limit.wait_for(amount).await;
        };
        shared.pay(&self.limit);
        self.limit.wait_for(amount).await;
        shared.spend(amount.get());
    }

    /// Counts what was done on another node.
    fn charge(&self, amount: u32) {
        if let Some(shared) = &self.shared {
            let add = |owed: u32| Some(owed.saturating_add(amount));
            // The closure never refuses.
            let _ = shared
                .owed
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
            shared.pay(&self.limit);
        }
    }
}

impl Shared {
    /// Notes what was done here, and publishes it when it has come to a share.
    fn spend(&self, amount: u32) {
        let unpublished = self.unpublished.fetch_add(amount, Ordering::Relaxed);
        if unpublished.saturating_add(amount) >= self.share {
            let amount = self.unpublished.swap(0, Ordering::Relaxed);
            if amount > 0 {
                let spent = UserMessage::Spent((self.spent)(amount));
                let _ = self.cluster.bus().publish(&self.user, &spent);
            }
        }
    }

    /// Counts what was done on other nodes, as far as the limit has room for it.
    fn pay(&self, limit: &Limit) {
        let mut owed = self.owed.swap(0, Ordering::Relaxed);
        let mut part = owed;
        while let Some(amount) = NonZeroU32::new(part.min(owed)) {
            match limit.allows_all(amount) {
                true => owed -= amount.get(),
                // There is no room for that much: half of it may fit.
                false => part = amount.get() / 2,
            }
        }
        self.owed.fetch_add(owed, Ordering::Relaxed);
    }
}
