//! Who is online: from the first of a user's connections, to any node, until the grace after the
//! last. This service decides when that changed and who is sent it; how it looks is each dialect's
//! [`PresenceRenderer`], which must not call this service: it may run under the lock that keeps a
//! user's changes in order.

mod audience;
mod hidden;
mod recorded;
mod sharing;
mod sync;
mod turned;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use audience::ToldEveryone;
pub(crate) use audience::{Audience, PresenceRenderer};

use super::user::Left;
use super::{User, Users};
use crate::audit::Audit;
use crate::cluster::{Cluster, PresenceChange};
use crate::config::{Config, Taken};
use crate::connection::Drain;
use crate::stores::conversations::{ConversationStore, UserStore};
use crate::stores::drivers::redis::RedisError;

/// The presence of all users.
pub(crate) struct Presence {
    users: Arc<Users>,
    user_store: Arc<dyn UserStore>,
    conversation_store: Arc<dyn ConversationStore>,
    drain: Drain,
    audit: Audit,
    renderers: Vec<PresenceRenderer>,
    /// How many subscriptions to chats there are here; without one, no partners are looked up.
    chats: Arc<AtomicUsize>,
    everyone: ToldEveryone,
}

impl std::fmt::Debug for Presence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presence")
            .field("renderers", &self.renderers)
            .finish_non_exhaustive()
    }
}

impl Presence {
    /// Presence of these users, for the clients of the dialects that have a renderer.
    pub(crate) fn new(
        users: Arc<Users>,
        user_store: Arc<dyn UserStore>,
        conversation_store: Arc<dyn ConversationStore>,
        drain: Drain,
        audit: Audit,
        renderers: Vec<PresenceRenderer>,
    ) -> Self {
        Self {
            users,
            user_store,
            conversation_store,
            drain,
            audit,
            renderers,
            chats: Arc::default(),
            everyone: ToldEveryone::default(),
        }
    }

    /// How many subscriptions to chats there are here, for who subscribes to count.
    pub(crate) fn chats(&self) -> &Arc<AtomicUsize> {
        &self.chats
    }

    /// The users whose presence it is.
    pub(crate) fn users(&self) -> &Arc<Users> {
        &self.users
    }

    /// The shutdown of the server.
    pub(crate) fn drain(&self) -> &Drain {
        &self.drain
    }

    fn config(&self) -> Taken<Config> {
        self.users.config.now()
    }

    fn cluster(&self) -> Option<&Cluster> {
        self.users.cluster.as_deref()
    }

    /// A connection of the user was added.
    pub(crate) async fn connected(&self, user: &User) {
        self.publish_if_changed(user, true).await;
    }

    /// The last connection of the user was removed: that is published after the grace, unless the
    /// user has connected again by then.
    pub(crate) fn disconnected(self: &Arc<Self>, user: &Arc<User>) {
        let Some(grace) = self.offline_grace() else {
            return;
        };
        let at = Instant::now() + grace;
        if user.leaves_at(at) {
            let (presence, user) = (self.clone(), user.clone());
            self.drain
                .spawn(async move { presence.await_offline(&user, at).await });
        }
    }

    /// Publishes then that a user is offline. One task waits for a user, however often they come and go meanwhile.
    async fn await_offline(&self, user: &User, mut at: Instant) {
        loop {
            let grace = at.saturating_duration_since(Instant::now());
            self.drain.sleep(grace).await;
            let left = user.has_left(at, self.drain.has_begun());
            if self.offline_grace().is_none() {
                return;
            }
            match left {
                Left::Not => return,
                Left::Until(later) => at = later,
                Left::Offline => return self.publish_if_changed(user, false).await,
            }
        }
    }

    /// How long a user without connections is still shown as online; `None`: until another node
    /// publishes the change.
    fn offline_grace(&self) -> Option<Duration> {
        match (self.drain.has_begun(), self.cluster()) {
            // They reconnect to another node, which publishes the change if they do not.
            (true, Some(_)) => None,
            // Nobody reconnects to a server that stops.
            (true, None) => Some(Duration::ZERO),
            (false, _) => Some(self.config().offline_grace),
        }
    }

    /// Publishes whether a user is online, if that is as expected and not published yet.
    async fn publish_if_changed(&self, user: &User, expected: bool) {
        let _publishing = user.publishing.lock().await;
        let online = user.is_connected();
        if online == expected && user.is_announced() != online {
            // In a box: most users who connect were here shortly before.
            Box::pin(self.publish(user, online)).await;
        }
    }

    async fn publish(&self, user: &User, online: bool) {
        let change = change_of(user, online);
        let is_change = match self.cluster() {
            Some(cluster) => register(cluster, user, &change).await,
            None => true,
        };
        user.set_announced(online.then_some(change.presence_epoch));
        if is_change {
            self.record(&change);
            self.send_to_audience(&change).await;
            self.save_last_seen(&change).await;
        }
    }

    /// Another node published a change.
    pub(crate) async fn received(&self, change: &PresenceChange) {
        let Some(user) = self.users.get(change.user.as_str()) else {
            return self.send_to_audience(change).await;
        };
        let _publishing = user.publishing.lock().await;
        if !change.online
            && user.is_connected()
            && let Some(cluster) = self.cluster()
        {
            // The other node did not know that the user is connected here, too.
            register(cluster, &user, &change_of(&user, true)).await;
        } else {
            self.send_to_audience(change).await;
        }
    }

    /// Registers a user's presence again after Redis was away. Returns the change that other nodes
    /// are to receive once they are connected again: none if they had received it before, even if
    /// Redis has `forgotten` it meanwhile.
    pub(crate) async fn renew(&self, user: &User, forgotten: bool) -> Option<PresenceChange> {
        let cluster = self.cluster()?;
        let _publishing = user.publishing.lock().await;
        let change = change_of(user, user.is_connected());
        let was_registered = user.is_registered();
        // The newest change is still to be published; or there is nothing to take back.
        if change.online != user.is_announced() || !(change.online || was_registered) {
            return None;
        }
        let is_change = update(cluster, &change, true).await.ok()?;
        user.set_registered(change.online);
        self.save_last_seen(&change).await;
        let is_known = forgotten && was_registered == change.online;
        (is_change && !is_known).then_some(change)
    }

    /// Publishes a change that other nodes could not receive before, if it still holds.
    pub(crate) async fn publish_later(&self, change: &PresenceChange) {
        let user = self.users.get(change.user.as_str());
        let (Some(cluster), Some(user)) = (self.cluster(), user) else {
            return;
        };
        let _publishing = user.publishing.lock().await;
        let is_online = async || {
            let users = std::slice::from_ref(&change.user);
            !cluster.online(users).await.is_empty()
        };
        if user.is_announced() == change.online && (change.online || !is_online().await) {
            cluster.publish_presence(change);
        }
    }

    /// Has Redis know how a user is called who is online on this node.
    pub(super) async fn register_name(&self, user: &User) {
        let _publishing = user.publishing.lock().await;
        if let Some(cluster) = self.cluster()
            && user.is_announced()
            && user.is_registered()
            && let Err(error) = update(cluster, &change_of(user, true), true).await
        {
            tracing::debug!(%error, "other servers were not sent how a user is called");
        }
    }

    /// Stores when a user who went offline was online last.
    pub(crate) async fn save_last_seen(&self, change: &PresenceChange) {
        if change.online {
            return;
        }
        let saved = self.user_store.record_last_seen(&change.user, change.at);
        if let Err(error) = saved.await {
            tracing::debug!(%error, "when a user was seen last was not noted");
        }
    }
}

/// Registers a change in Redis, and publishes it if it is one over all nodes. Returns whether it is;
/// without Redis that is not known, and no other node receives it.
async fn register(cluster: &Cluster, user: &User, change: &PresenceChange) -> bool {
    match update(cluster, change, false).await {
        Ok(is_change) => {
            user.set_registered(change.online);
            is_change
        }
        Err(error) => {
            tracing::debug!(%error, "other servers were not sent that a user came online or went offline");
            true
        }
    }
}

async fn update(
    cluster: &Cluster,
    change: &PresenceChange,
    silently: bool,
) -> Result<bool, RedisError> {
    match change.online {
        true => cluster.came_online(change, silently).await,
        false => {
            cluster
                .went_offline(cluster.node_id(), change, false, silently)
                .await
        }
    }
}

fn to_ms(time: jiff::Timestamp) -> u64 {
    time.as_millisecond().unsigned_abs()
}

/// A change of a user who is connected here, or was.
fn change_of(user: &User, online: bool) -> PresenceChange {
    let last_seen = user.last_seen().filter(|_| !online);
    let time = last_seen.unwrap_or_else(jiff::Timestamp::now);
    PresenceChange {
        user: user.id.clone(),
        name: user.name(),
        online,
        presence_epoch: rand::random(),
        at: to_ms(time),
    }
}
