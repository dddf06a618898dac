//! What one user may do over all their connections, on all nodes. The rates are `limits::Action`'s.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::cluster::{Cluster, Spent, UserMessage};
use crate::config::LiveConfig;
use crate::limits::{Action, Limit};
use crate::model::UserId;

/// The limits of one user.
#[derive(Debug)]
pub(crate) struct UserLimits {
    /// [`Action::Messages`]
    pub(crate) messages: UserLimit,
    /// [`Action::SlowedMessages`], on this node.
    pub(crate) slowed_messages: Limit,
    /// [`Action::Subscriptions`]
    pub(crate) subscriptions: UserLimit,
    /// [`Action::FileBytes`]
    pub(crate) file_bytes: UserLimit,
    /// [`Action::StoredBytes`]
    pub(crate) stored_bytes: UserLimit,
    /// [`Action::NewConversations`]
    conversations: UserLimit,
    /// [`Action::NewParticipants`]
    participants: UserLimit,
    /// [`Action::Offsets`]
    pub(crate) offsets: UserLimit,
    /// [`Action::Output`], on this node.
    pub(crate) output: Limit,
}

impl UserLimits {
    /// Limits of which nothing is used yet.
    pub(crate) fn new(config: &LiveConfig, user: &UserId, cluster: Option<&Arc<Cluster>>) -> Self {
        let limit = |action, spent| UserLimit::new(config, action, user, cluster, spent);
        Self {
            messages: limit(Action::Messages, Spent::Messages),
            slowed_messages: Limit::new(config, Action::SlowedMessages),
            subscriptions: limit(Action::Subscriptions, Spent::Subscriptions),
            file_bytes: limit(Action::FileBytes, Spent::FileBytes),
            stored_bytes: limit(Action::StoredBytes, Spent::StoredBytes),
            conversations: limit(Action::NewConversations, Spent::Conversations),
            participants: limit(Action::NewParticipants, Spent::Participants),
            offsets: limit(Action::Offsets, Spent::Offsets),
            output: Limit::new(config, Action::Output),
        }
    }

    /// Counts a new conversation with so many participants, beside the message that it counts as; whether it may be
    /// made. It costs as many messages more as the store could keep instead of them.
    pub(crate) fn allows_conversation(&self, participants: usize) -> bool {
        /// Participants that cost as much as a message.
        const PER_MESSAGE: usize = 10;
        self.messages.allows_cost(participants / PER_MESSAGE)
            && self.conversations.allows()
            && self.participants.allows_cost(participants)
    }

    /// Counts a participant that is added; whether it may be.
    pub(crate) fn allows_participant(&self) -> bool {
        self.messages.allows() && self.participants.allows()
    }

    /// Counts what the user did on another node.
    pub(crate) fn charge(&self, spent: Spent) {
        match spent {
            Spent::Messages(count) => self.messages.charge(count),
            Spent::Subscriptions(count) => self.subscriptions.charge(count),
            Spent::FileBytes(bytes) => self.file_bytes.charge(bytes),
            Spent::StoredBytes(bytes) => self.stored_bytes.charge(bytes),
            Spent::Conversations(count) => self.conversations.charge(count),
            Spent::Participants(count) => self.participants.charge(count),
            Spent::Offsets(count) => self.offsets.charge(count),
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
    /// What was done here and is not published yet.
    unpublished: AtomicU32,
    /// What was done on other nodes and is not counted yet.
    owed: AtomicU32,
}

impl UserLimit {
    fn new(
        config: &LiveConfig,
        action: Action,
        user: &UserId,
        cluster: Option<&Arc<Cluster>>,
        spent: fn(u32) -> Spent,
    ) -> Self {
        let shared = |cluster: &Arc<Cluster>| {
            Box::new(Shared {
                cluster: cluster.clone(),
                user: user.clone(),
                spent,
                unpublished: AtomicU32::new(0),
                owed: AtomicU32::new(0),
            })
        };
        Self {
            limit: Limit::new(config, action),
            shared: cluster.map(shared),
        }
    }

    /// Counts one; whether it is allowed.
    pub(crate) fn allows(&self) -> bool {
        self.allows_cost(1)
    }

    /// Counts as many as something costs; whether they are allowed. More than the burst counts as the burst.
    pub(crate) fn allows_cost(&self, cost: usize) -> bool {
        let Some(shared) = &self.shared else {
            return self.limit.allows_cost(cost);
        };
        let cost = NonZeroU32::new(u32::try_from(cost).unwrap_or(u32::MAX));
        let Some((cost, burst)) = cost.zip(self.limit.burst()) else {
            return true;
        };
        let cost = cost.min(burst);
        shared.pay(&self.limit);
        let allowed = self.limit.allows_all(cost);
        if allowed {
            shared.spend(cost.get(), burst);
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
        if let Some(burst) = self.limit.burst() {
            shared.spend(amount.get(), burst);
        }
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
    fn spend(&self, amount: u32, burst: NonZeroU32) {
        let share = (burst.get() / 10).max(1);
        let unpublished = self.unpublished.fetch_add(amount, Ordering::Relaxed);
        if unpublished.saturating_add(amount) >= share {
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
