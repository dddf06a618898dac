//! Users: everyone with a connection to this server, and a bounded number of those who had one, with
//! their connections, limits, peers and presence; and the delivery of events to a user, on any node.
//! It must know neither the names nor the payloads of events.

mod administration;
mod blocker_set;
mod blockers;
mod cache;
mod delivery;
mod id_types;
mod limits;
mod peer_set;
mod peers;
mod presence;
mod registration;
mod registry;
mod relayed;
mod renaming;
mod telling;
mod told;
mod transfers;
mod transfers_elsewhere;
mod typing;
mod typing_elsewhere;
mod user;
mod yielding;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ahash::RandomState;
use dashmap::DashMap;
use lru::LruCache;
use parking_lot::Mutex;

pub(crate) use administration::Administration;
pub(crate) use delivery::Receivers;
pub(crate) use presence::{Audience, Presence, PresenceRenderer};
pub(crate) use registration::Registration;
pub(crate) use relayed::Receiver;
pub(crate) use transfers::{Chunk, FileNames, Progress};
pub(crate) use user::{Connections, Member, Members, User};

use crate::cluster::Cluster;
use crate::config::LiveConfig;
use crate::connection::{Connection, ConnectionId};
use crate::limits::Memory;
use crate::model::UserId;
use crate::stores::conversations::BlockStore;
use relayed::RelayedMessages;

/// How many users without connections are kept, with their peers and unfinished transfers.
const MAX_OFFLINE_USERS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// The users of this server.
#[derive(Debug)]
pub(crate) struct Users {
    known: DashMap<UserId, Arc<User>, RandomState>,
    /// The connections of all users.
    members: DashMap<ConnectionId, Arc<Member>, RandomState>,
    /// The connections that were told that a user is online, wherever they are.
    watching: DashMap<UserId, HashSet<ConnectionId>>,
    /// Users without connections, the one offline longest first.
    offline: Mutex<LruCache<UserId, ()>>,
    connected: AtomicUsize,
    /// What they sent each other lately.
    pub(crate) relayed: RelayedMessages,
    blocks: Arc<dyn BlockStore>,
    /// Of some who are connected it was not read who blocks them.
    lacks_blockers: AtomicBool,
    hasher: RandomState,
    memory: Arc<Memory>,
    config: LiveConfig,
    cluster: Option<Arc<Cluster>>,
}

impl Users {
    /// Without any user. What they make the server hold counts in `memory`; whom they block is in `blocks`.
    pub(crate) fn new(
        config: LiveConfig,
        memory: Arc<Memory>,
        blocks: Arc<dyn BlockStore>,
        cluster: Option<Arc<Cluster>>,
    ) -> Self {
        Self {
            known: DashMap::default(),
            members: DashMap::default(),
            watching: DashMap::new(),
            offline: Mutex::new(LruCache::new(MAX_OFFLINE_USERS)),
            connected: AtomicUsize::new(0),
            relayed: RelayedMessages::new(&memory),
            blocks,
            lacks_blockers: AtomicBool::new(false),
            hasher: RandomState::new(),
            memory,
            config,
            cluster,
        }
    }

    /// A user by id, with or without connections.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<User>> {
        self.known.get(id).map(|user| user.clone())
    }

    /// The user with this id, created when unknown; without connections, within the bound of offline
    /// users.
    pub(crate) fn get_or_create(&self, id: &UserId) -> Arc<User> {
        let user = self.insert(id);
        if !user.is_connected() {
            self.retain_offline(id);
        }
        user
    }

    /// All users that are known, with or without connections.
    pub(crate) fn all(&self) -> Vec<Arc<User>> {
        self.known.iter().map(|user| user.clone()).collect()
    }

    /// The connections of a user to this server.
    pub(crate) fn connections(&self, id: &str) -> Connections {
        self.known
            .get(id)
            .map(|user| user.connections())
            .unwrap_or_default()
    }

    /// The same, each with its user.
    pub(crate) fn members(&self, id: &str) -> Members {
        self.known
            .get(id)
            .map(|user| user.members())
            .unwrap_or_default()
    }

    /// The connections of all users, each with its user.
    pub(crate) fn all_members(&self) -> Vec<Arc<Member>> {
        self.members.iter().map(|member| member.clone()).collect()
    }

    /// A connection of a user.
    pub(crate) fn connection(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        let member = self.members.get(&id);
        member.map(|member| member.connection.clone())
    }

    /// How many connections a user has to this server.
    pub(crate) fn connection_count(&self, id: &str) -> usize {
        self.known
            .get(id)
            .map_or(0, |user| user.connected.lock().members.len())
    }

    /// How many users are connected to this server.
    pub(crate) fn connected(&self) -> usize {
        self.connected.load(Ordering::Relaxed)
    }

    /// How many users are connected to any node.
    pub(crate) fn connected_to_cluster(&self) -> usize {
        let cluster = self.cluster.as_ref();
        self.connected() + cluster.map_or(0, |cluster| cluster.users_on_other_nodes())
    }

    /// Whether the last change of a user's presence that was published is that they are online.
    pub(crate) fn is_announced(&self, id: &str) -> bool {
        self.known.get(id).is_some_and(|user| user.is_announced())
    }

    /// The user with this id, created when unknown. The caller keeps one without connections within
    /// the bound.
    fn insert(&self, id: &UserId) -> Arc<User> {
        self.known
            .entry(id.clone())
            .or_insert_with(|| self.create(id))
            .clone()
    }

    fn create(&self, id: &UserId) -> Arc<User> {
        Arc::new(User::new(
            id,
            &self.config,
            &self.memory,
            self.cluster.as_ref(),
        ))
    }

    /// Makes a user the newest of those offline, and forgets the oldest beyond the bound.
    fn retain_offline(&self, id: &UserId) {
        let oldest = self.offline.lock().push(id.clone(), ());
        if let Some((oldest, ())) = oldest.filter(|(oldest, ())| oldest != id) {
            self.known
                .remove_if(&oldest, |_, user| !user.is_connected());
        }
    }
}
