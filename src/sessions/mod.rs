//! Ad-hoc sessions: who is in them, their histories and keys.
//!
//! Owns which connections of this server are members of which session; what all servers share is in
//! the store. It must not know any event: `dialects::session` has their names and payloads.

mod local;
mod membership;
mod publish;
mod remote;
mod session;
mod typing;
mod typists;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ahash::RandomState;
use dashmap::DashMap;
use smallvec::SmallVec;
use tokio::sync::Mutex;
use tokio::time::timeout;
use uuid::Uuid;

pub(crate) use local::LocalMember;
pub(crate) use membership::Entered;
pub(crate) use publish::SessionUpdate;
pub(crate) use session::Session;

use crate::cluster::Cluster;
use crate::config::LiveConfig;
use crate::connection::Connection;
use crate::model::UserId;
use crate::model::clock::Clock;
use crate::model::session::{
    AuthKey, ChatMode, Maker, Message, ReserveError, Returning, SessionId, Summary,
};
use crate::stores::sessions::SessionStore;
use local::LocalState;

/// How long the store may take to say how many sessions there are: `/health` answers at once.
const COUNT_TIMEOUT: Duration = Duration::from_millis(25);
/// Of how many sessions that a connection has left it is remembered.
const MAX_LEFT: usize = 16;

/// All sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    store: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    /// Sessions that have members on this server, or that are being worked on.
    local: DashMap<SessionId, Arc<Mutex<LocalState>>>,
    /// The sessions of each connection to this server.
    memberships: DashMap<Uuid, SmallVec<[SessionId; 1]>, RandomState>,
    /// What each connection to this server has left, and as whom: the newest few.
    left: DashMap<Uuid, VecDeque<(SessionId, UserId)>, RandomState>,
    config: LiveConfig,
    cluster: Option<Arc<Cluster>>,
    /// How many there were at the last count.
    counted: AtomicUsize,
}

impl Sessions {
    /// The sessions in this store, which the nodes of `cluster` share.
    pub(crate) fn new(
        store: Arc<dyn SessionStore>,
        clock: Arc<dyn Clock>,
        config: LiveConfig,
        cluster: Option<Arc<Cluster>>,
    ) -> Self {
        Self {
            store,
            clock,
            local: DashMap::new(),
            memberships: DashMap::default(),
            left: DashMap::default(),
            config,
            cluster,
            counted: AtomicUsize::new(0),
        }
    }

    /// Now, in milliseconds since the epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// How many sessions there are, or were when the store said so last: it is not waited for.
    pub(crate) async fn count(&self) -> usize {
        match timeout(COUNT_TIMEOUT, self.store.count()).await {
            Ok(count) => {
                self.counted.store(count, Ordering::Relaxed);
                count
            }
            Err(_) => self.counted.load(Ordering::Relaxed),
        }
    }

    /// How many sessions of each mode servers share, or did when the store said so last. `None`: they share none.
    pub(crate) async fn count_shared(&self) -> Option<[u64; ChatMode::ALL.len()]> {
        self.store.count_shared().await
    }

    /// Whether a session has another member than the author of a message, or the one whom it is for.
    pub(crate) async fn has_receiver(&self, id: &SessionId, message: &Message) -> bool {
        let members = self.store.members(id).await.members;
        members.iter().any(|member| message.may_go_to(&member.user))
    }

    /// Counts of all sessions.
    pub(crate) async fn summaries(&self) -> Vec<Summary> {
        self.store.summaries().await
    }

    /// Reserves a session for `maker`.
    ///
    /// # Errors
    /// It exists, or there is no room for it.
    pub(crate) async fn reserve(
        &self,
        id: &SessionId,
        key: AuthKey<'_>,
        mode: ChatMode,
        maker: Maker<'_>,
    ) -> Result<(), ReserveError> {
        self.store.reserve(id, key, mode, maker).await
    }

    /// A session, which need not exist.
    pub(crate) async fn lock(&self, id: &SessionId) -> Session<'_> {
        let local = self.local.entry(id.clone());
        let local = local
            .or_insert_with(|| LocalState::new(&self.config))
            .clone();
        Session::lock(self, id, local).await
    }

    /// A session that has members on this server.
    pub(crate) async fn lock_local(&self, id: &SessionId) -> Option<Session<'_>> {
        let local = self.local.get(id)?.clone();
        Some(Session::lock(self, id, local).await)
    }

    /// A session that this connection is a member of.
    pub(crate) async fn lock_joined(
        &self,
        id: &SessionId,
        connection: &Connection,
    ) -> Option<Session<'_>> {
        // A connection that is not a member never waits for the lock.
        let is_member = self.is_member(id, connection.id.uuid());
        let local = self.local.get(id).filter(|_| is_member)?.clone();
        let session = Session::lock(self, id, local).await;
        session.member_on(connection).is_some().then_some(session)
    }

    /// The sessions that have members on this server.
    pub(crate) fn all_local(&self) -> Vec<SessionId> {
        self.local.iter().map(|entry| entry.key().clone()).collect()
    }

    /// The sessions that a connection is a member of.
    pub(crate) fn joined_by(&self, connection: &Connection) -> Vec<SessionId> {
        let joined = self.memberships.get(&connection.id.uuid());
        joined.map_or_else(Vec::new, |joined| joined.to_vec())
    }

    /// Whether a connection to this server is a member of a session.
    pub(crate) fn is_member(&self, id: &SessionId, connection: Uuid) -> bool {
        let joined = self.memberships.get(&connection);
        joined.is_some_and(|joined| joined.contains(id))
    }

    /// Whether this member has left a session on this connection.
    pub(crate) fn has_left(&self, id: &SessionId, user: &UserId, connection: &Connection) -> bool {
        let left = self.left.get(&connection.id.uuid());
        left.is_some_and(|left| {
            left.iter()
                .any(|(session, member)| (session, member) == (id, user))
        })
    }

    /// Notes that a member has left a session on this connection.
    fn note_left_on(&self, id: &SessionId, user: &UserId, connection: &Connection) {
        let mut left = self.left.entry(connection.id.uuid()).or_default();
        left.retain(|(session, member)| (session, member) != (id, user));
        if left.len() >= MAX_LEFT {
            left.pop_front();
        }
        left.push_back((id.clone(), user.clone()));
    }

    /// A connection has ended, and is in no session any more.
    pub(crate) fn forget(&self, connection: &Connection) {
        self.left.remove(&connection.id.uuid());
    }

    /// Notes that a member of a session was disconnected, or left.
    pub(crate) async fn note_left(&self, id: &SessionId, who: Returning<'_>) {
        self.store.note_left(id, who).await;
    }

    /// Whether a member of a session was disconnected, or left, moments ago, who may be this one.
    pub(crate) async fn left_lately(&self, id: &SessionId, who: Returning<'_>) -> bool {
        self.store.left_lately(id, who).await
    }

    /// Ends the sessions that were not used for too long; the connections to this server that were
    /// in them.
    pub(crate) async fn end_expired(&self) -> Vec<Arc<Connection>> {
        let mut members = Vec::new();
        for id in self.store.expired(&self.all_local()).await {
            let mut session = self.lock(&id).await;
            if self.store.end_expired(&id).await {
                members.extend(session.remove_all());
            }
        }
        members
    }
}
