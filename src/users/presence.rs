//! Who is online: from the first of a user's connections, to any node, until the grace after the
//! last. This service decides when that changed and who is sent it; how it looks is each dialect's
//! [`Renderer`], which must not come back here: it runs while the user's changes are held in order.

use std::sync::Arc;
use std::time::Duration;

use super::{Member, User, Users};
use crate::cluster::{Cluster, PresenceChange};
use crate::config::{Config, PresenceAudience};
use crate::connection::{Connection, Drain};
use crate::model::{Dialect, UserId};
use crate::stores::conversations::ConversationStores;
use crate::stores::drivers::redis::RedisError;

/// How the clients of one dialect are sent who is online.
#[derive(Debug, Clone, Copy)]
pub struct Renderer {
    /// Whose clients it is for.
    pub dialect: Dialect,
    /// Who is sent a change.
    pub audience: Audience,
    /// Sends a change to these connections, in the words of the dialect.
    pub send: fn(&PresenceChange, &[Arc<Connection>]),
}

/// Who is sent that a user came online or went offline, and whose presence a new connection is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The user's peers; while few users are connected, everyone (setting `presence_audience`).
    Peers,
    /// Those who share a chat with the user.
    ChatPartners,
}

/// The presence of all users.
pub struct Presence {
    users: Arc<Users>,
    stores: ConversationStores,
    drain: Drain,
    renderers: Vec<Renderer>,
    /// Whether any connection here is subscribed to a chat; without one, no partners are looked up.
    has_chats: Box<dyn Fn() -> bool + Send + Sync>,
}

impl std::fmt::Debug for Presence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presence")
            .field("renderers", &self.renderers)
            .finish_non_exhaustive()
    }
}

impl Presence {
    /// Presence of these users, for the dialects of these renderers.
    pub fn new(
        users: Arc<Users>,
        stores: ConversationStores,
        drain: Drain,
        renderers: Vec<Renderer>,
        has_chats: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            users,
            stores,
            drain,
            renderers,
            has_chats: Box::new(has_chats),
        }
    }

    pub(super) fn users(&self) -> &Arc<Users> {
        &self.users
    }

    fn config(&self) -> &Config {
        &self.users.config
    }

    fn cluster(&self) -> Option<&Cluster> {
        self.users.cluster.as_deref()
    }

    /// A connection of the user was added.
    pub async fn connected(&self, user: &User) {
        self.publish_if_changed(user, true).await;
    }

    /// The last connection of the user was removed: that is published after the grace, unless the
    /// user has connected again by then.
    pub fn disconnected(self: &Arc<Self>, user: &Arc<User>) {
        let grace = match (self.drain.has_begun(), self.cluster()) {
            // They reconnect to another node, which publishes it if they do not.
            (true, Some(_)) => return,
            // Nobody reconnects to a server that stops.
            (true, None) => Duration::ZERO,
            (false, _) => self.config().offline_grace,
        };
        let (presence, user) = (self.clone(), user.clone());
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            // One who connected and left again was last seen later, and has a later task like this.
            let last_seen = user.left();
            if last_seen.is_some_and(|last_seen| last_seen.at.elapsed() >= grace) {
                presence.publish_if_changed(&user, false).await;
            }
        });
    }

    /// Publishes whether a user is online, if that is as expected and not published yet.
    async fn publish_if_changed(&self, user: &User, expected: bool) {
        let _publishing = user.telling.lock().await;
        let online = user.is_connected();
        if online != expected || user.is_announced() == online {
            return;
        }
        let change = PresenceChange::of(user, online);
        let is_change = match self.cluster() {
            Some(cluster) => register(cluster, user, &change).await,
            None => true,
        };
        user.announce(online);
        if is_change {
            self.send_to_audience(&change).await;
            self.save_last_seen(&change).await;
        }
    }

    /// Another node published a change.
    pub async fn received(&self, change: &PresenceChange) {
        let Some(user) = self.users.get(change.user.as_str()) else {
            return self.send_to_audience(change).await;
        };
        let _publishing = user.telling.lock().await;
        match (change.online || !user.is_connected(), self.cluster()) {
            (false, Some(cluster)) => {
                // The other node did not know that the user is connected here, too.
                register(cluster, &user, &PresenceChange::of(&user, true)).await;
            }
            _ => self.send_to_audience(change).await,
        }
    }

    /// Registers a user's presence again after Redis was away. Returns the change that other nodes
    /// are to receive once they are connected again: none if they had received it before, even if
    /// Redis has `forgotten` it meanwhile.
    pub async fn renew(&self, user: &User, forgotten: bool) -> Option<PresenceChange> {
        let cluster = self.cluster()?;
        let _publishing = user.telling.lock().await;
        let change = PresenceChange::of(user, user.is_connected());
        let was_registered = user.is_noted();
        // The newest change is still to be published; or there is nothing to take back.
        if change.online != user.is_announced() || !(change.online || was_registered) {
            return None;
        }
        let is_change = update(cluster, &change, true).await.ok()?;
        user.note(change.online);
        self.save_last_seen(&change).await;
        let is_known = forgotten && was_registered == change.online;
        (is_change && !is_known).then_some(change)
    }

    /// Publishes a change that other nodes could not receive before, if it still holds.
    pub async fn publish_later(&self, change: &PresenceChange) {
        let user = self.users.get(change.user.as_str());
        let (Some(cluster), Some(user)) = (self.cluster(), user) else {
            return;
        };
        let _publishing = user.telling.lock().await;
        let is_online = async || {
            let users = std::slice::from_ref(&change.user);
            !cluster.online(users).await.is_empty()
        };
        if user.is_announced() == change.online && (change.online || !is_online().await) {
            cluster.publish_presence(change);
        }
    }

    /// Stores when a user who went offline was online last.
    pub async fn save_last_seen(&self, change: &PresenceChange) {
        if change.online {
            return;
        }
        if let Err(error) = self
            .stores
            .users
            .record_last_seen(&change.user, change.at)
            .await
        {
            tracing::debug!(%error, "when a user was seen last was not noted");
        }
    }

    /// Drops what has been needed only for a while of the connections older than this.
    pub fn sweep(&self, age: Duration) {
        for member in self.users.all_members() {
            if member.connection.age() > age {
                member.presence_sync().forget_epochs();
            }
        }
    }

    /// Sends a new connection of the user who of their audience is online already, each user once.
    pub async fn sync(&self, member: &Member) {
        let (connection, user) = (&member.connection, &member.user);
        let dialect = connection.dialect();
        if let Some(renderer) = self.renderers.iter().find(|one| one.dialect == dialect) {
            member.presence_sync().begin();
            let others = match renderer.audience {
                Audience::Peers => {
                    self.users.load_peers(user).await;
                    user.peers()
                }
                Audience::ChatPartners => self.chat_partners(&user.id).await,
            };
            let send =
                |change: &PresenceChange| (renderer.send)(change, std::slice::from_ref(connection));
            match self.cluster_if_up() {
                Some(cluster) => sync_with_cluster(cluster, &others, member, send).await,
                None => self.sync_local(&others, member, send).await,
            }
        }
        member.presence_sync().end();
    }

    /// The same as far as it is known to this node alone.
    async fn sync_local(&self, others: &[UserId], member: &Member, send: impl Fn(&PresenceChange)) {
        for user in others {
            let Some(user) = self.users.get(user.as_str()) else {
                continue;
            };
            // A change of this user was sent to this connection, or will be after this.
            let _publishing = user.telling.lock().await;
            if user.is_announced() && !member.presence_sync().was_sent_online(&user.id) {
                send(&PresenceChange::of(&user, true));
            }
        }
    }

    /// Sends a change to all connections here that it concerns.
    async fn send_to_audience(&self, change: &PresenceChange) {
        for renderer in &self.renderers {
            let receivers = self.receivers(renderer, change).await;
            if !receivers.is_empty() {
                (renderer.send)(change, &receivers);
            }
        }
    }

    /// The connections that a change is to be sent to.
    async fn receivers(
        &self,
        renderer: &Renderer,
        change: &PresenceChange,
    ) -> Vec<Arc<Connection>> {
        let mut receivers = match renderer.audience {
            Audience::Peers if self.is_for_everyone() => self.users.all_members(),
            Audience::Peers => {
                let user = self.users.get(change.user.as_str());
                self.members_of(&user.map_or_else(Vec::new, |user| user.peers()))
            }
            Audience::ChatPartners if (self.has_chats)() => {
                self.members_of(&self.chat_partners(&change.user).await)
            }
            Audience::ChatPartners => Vec::new(),
        };
        receivers.retain(|member| {
            member.connection.dialect() == renderer.dialect
                && member.user.id != change.user
                && member.presence_sync().accepts_change(
                    &change.user,
                    change.online,
                    change.presence_epoch,
                )
        });
        let receivers = receivers.into_iter();
        receivers.map(|member| member.connection.clone()).collect()
    }

    fn is_for_everyone(&self) -> bool {
        match self.config().presence_audience {
            PresenceAudience::Everyone => true,
            PresenceAudience::Peers => false,
            PresenceAudience::Auto => {
                self.users.connected_to_cluster() <= self.config().presence_everyone_limit
            }
        }
    }

    fn members_of(&self, users: &[UserId]) -> Vec<Arc<Member>> {
        let members = |user: &UserId| self.users.members(user.as_str());
        users.iter().flat_map(members).collect()
    }

    /// Those who share a chat with a user; nobody when they cannot be read.
    async fn chat_partners(&self, user: &UserId) -> Vec<UserId> {
        let partners = self.stores.conversations.partners_of(user).await;
        partners.unwrap_or_else(|error| {
            tracing::warn!(%error, "whom to tell who is online could not be read");
            Vec::new()
        })
    }

    fn cluster_if_up(&self) -> Option<&Cluster> {
        self.cluster().filter(|cluster| cluster.redis().is_up())
    }
}

/// Sends a new connection who of these users is online on any node.
async fn sync_with_cluster(
    cluster: &Cluster,
    others: &[UserId],
    member: &Member,
    send: impl Fn(&PresenceChange),
) {
    for (user, online) in cluster.online(others).await {
        let mut presence_sync = member.presence_sync();
        if presence_sync.accepts_online(&user, online.presence_epoch) {
            let at = now_ms(jiff::Timestamp::now());
            // Under the lock, so that no change of this user is sent before.
            send(&PresenceChange {
                user,
                name: online.name,
                online: true,
                presence_epoch: online.presence_epoch,
                at,
            });
        }
    }
}

/// Registers a change in Redis, and publishes it if it is one over all nodes. Returns whether it is;
/// without Redis that is not known, and no other node receives it.
async fn register(cluster: &Cluster, user: &User, change: &PresenceChange) -> bool {
    match update(cluster, change, false).await {
        Ok(is_change) => {
            user.note(change.online);
            is_change
        }
        Err(error) => {
            tracing::debug!(%error, "other servers were not told that a user came or went");
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

fn now_ms(time: jiff::Timestamp) -> u64 {
    time.as_millisecond().unsigned_abs()
}

impl PresenceChange {
    /// A change of a user who is connected here, or was.
    fn of(user: &User, online: bool) -> Self {
        let last_seen = user.left().filter(|_| !online);
        let time = last_seen.map_or_else(jiff::Timestamp::now, |last_seen| last_seen.time);
        Self {
            user: user.id.clone(),
            name: user.name(),
            online,
            presence_epoch: rand::random(),
            at: now_ms(time),
        }
    }
}
