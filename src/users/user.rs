//! One user of this server: their connections, limits, peers, and what others know of their presence;
//! and a connection as one of its user, whom each of the two knows by the other.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};
use smallvec::SmallVec;
use tokio::sync::Semaphore;

use super::blocker_set::Blockers;
use super::cache::CachedIdentity;
use super::limits::UserLimits;
use super::peer_set::PeerSet;
use super::told::Told;
use super::transfers::Transfers;
use super::typing::Typing;
use crate::audit::Source;
use crate::cluster::Cluster;
use crate::config::LiveConfig;
use crate::connection::Connection;
use crate::limits::{Account, Memory};
use crate::model::{Identity, UserId};

/// How many requests of one user may read from the stores at the same time; others wait.
const MAX_CONCURRENT_READS: usize = 2;

/// The connections of one user at one moment.
pub(crate) type Connections = SmallVec<[Arc<Connection>; 2]>;

/// The same, each with its user.
pub(crate) type Members = SmallVec<[Arc<Member>; 2]>;

/// One user, shared by all their connections.
#[derive(Debug)]
pub(crate) struct User {
    /// The user's id.
    pub(crate) id: UserId,
    pub(super) name: Mutex<Arc<str>>,
    /// What this user may do, over all connections. Who is only sent something needs none.
    limits: OnceLock<Box<UserLimits>>,
    config: LiveConfig,
    cluster: Option<Arc<Cluster>>,
    /// What this user holds of the server's memory.
    pub(crate) account: Arc<Account>,
    /// Files that this user is sending. Few users ever do.
    transfers: OnceLock<Box<Mutex<Transfers>>>,
    pub(super) peers: Mutex<PeerSet>,
    pub(super) blockers: Mutex<Blockers>,
    pub(super) connected: Mutex<Connected>,
    /// Permits to read from the stores, so that one user's requests do not hold up those of others.
    reads: OnceLock<Arc<Semaphore>>,
    pub(super) suspended: AtomicBool,
    pub(super) cached_identity: Mutex<Option<Box<CachedIdentity>>>,
    /// The presence epoch that was published, 0 when the user is offline.
    announced: AtomicU64,
    registered: AtomicBool,
    /// Held while a change of this user's presence is published, so that changes stay in order.
    pub(super) publishing: tokio::sync::Mutex<()>,
}

/// The connections of a user to this server, and when there was one last.
#[derive(Debug, Default)]
pub(super) struct Connected {
    pub(super) members: Members,
    /// `None` while there is a connection, and before there was one.
    pub(super) last_seen: Option<LastSeen>,
}

/// When a user's last connection closed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastSeen {
    /// On the monotonic clock.
    pub(crate) at: Instant,
    /// On the wall clock.
    pub(crate) time: jiff::Timestamp,
}

impl LastSeen {
    pub(super) fn now() -> Self {
        Self {
            at: Instant::now(),
            time: jiff::Timestamp::now(),
        }
    }
}

impl User {
    /// A user without connections, named by their id.
    pub(super) fn new(
        id: &UserId,
        config: &LiveConfig,
        memory: &Arc<Memory>,
        cluster: Option<&Arc<Cluster>>,
    ) -> Self {
        Self {
            transfers: OnceLock::new(),
            account: Account::new(memory),
            id: id.clone(),
            name: Mutex::new(id.as_name()),
            limits: OnceLock::new(),
            config: config.clone(),
            cluster: cluster.cloned(),
            peers: Mutex::default(),
            blockers: Mutex::default(),
            connected: Mutex::default(),
            reads: OnceLock::new(),
            suspended: AtomicBool::new(false),
            cached_identity: Mutex::default(),
            announced: AtomicU64::new(0),
            registered: AtomicBool::new(false),
            publishing: tokio::sync::Mutex::default(),
        }
    }

    /// The name that the newest connection gave.
    pub(crate) fn name(&self) -> Arc<str> {
        self.name.lock().clone()
    }

    /// What this user may do, over all connections.
    pub(crate) fn limits(&self) -> &UserLimits {
        let made = || UserLimits::new(&self.config, &self.id, self.cluster.as_ref());
        self.limits.get_or_init(|| Box::new(made()))
    }

    /// The files that this user is sending, locked.
    pub(super) fn transfers(&self) -> MutexGuard<'_, Transfers> {
        let made = || Box::new(Mutex::new(Transfers::of(&self.account)));
        self.transfers.get_or_init(made).lock()
    }

    /// Permits to read from the stores.
    pub(crate) fn reads(&self) -> Arc<Semaphore> {
        let made = || Arc::new(Semaphore::new(MAX_CONCURRENT_READS));
        self.reads.get_or_init(made).clone()
    }

    /// All connections of this user to this server.
    pub(crate) fn connections(&self) -> Connections {
        let connected = self.connected.lock();
        let members = connected.members.iter();
        members.map(|member| member.connection.clone()).collect()
    }

    /// The same, each with its user.
    pub(crate) fn members(&self) -> Members {
        self.connected.lock().members.clone()
    }

    /// Whether the user has a connection to this server.
    pub(crate) fn is_connected(&self) -> bool {
        !self.connected.lock().members.is_empty()
    }

    /// When the last connection closed; `None` while there is one.
    pub(crate) fn last_seen(&self) -> Option<LastSeen> {
        self.connected.lock().last_seen
    }

    /// The users that this one shared a room or an event with.
    pub(crate) fn peers(&self) -> Vec<UserId> {
        self.peers.lock().all()
    }

    /// Whether the last change of presence that was published is that this user is online.
    pub(crate) fn is_announced(&self) -> bool {
        self.presence_epoch().is_some()
    }

    /// The presence epoch that was published; `None`: that the user is offline.
    pub(super) fn presence_epoch(&self) -> Option<u64> {
        Some(self.announced.load(Ordering::Acquire)).filter(|epoch| *epoch != 0)
    }

    pub(super) fn set_announced(&self, epoch: Option<u64>) {
        self.announced.store(epoch.unwrap_or(0), Ordering::Release);
    }

    /// Whether Redis has this user as online on this node.
    pub(crate) fn is_registered(&self) -> bool {
        self.registered.load(Ordering::Acquire)
    }

    pub(crate) fn set_registered(&self, online: bool) {
        self.registered.store(online, Ordering::Release);
    }
}

/// A connection and the user that it belongs to.
#[derive(Debug)]
pub(crate) struct Member {
    /// The user, shared by all their connections.
    pub(crate) user: Arc<User>,
    identity: Mutex<Arc<Identity>>,
    /// The connection.
    pub(crate) connection: Arc<Connection>,
    /// Since when.
    pub(super) registered: Instant,
    source: Arc<Source>,
    told: Mutex<Told>,
    /// Whom the connection has told that its user is typing.
    pub(crate) typing: Typing,
}

impl Member {
    pub(super) fn new(user: Arc<User>, identity: Identity, connection: Arc<Connection>) -> Self {
        connection.flow().charge_to(user.account.clone());
        let told = Mutex::new(Told::of(&user.account));
        Self {
            source: connection.identify(&identity),
            user,
            identity: Mutex::new(Arc::new(identity)),
            connection,
            registered: Instant::now(),
            told,
            typing: Typing::default(),
        }
    }

    /// The user as this connection's token described them, or as they are called since.
    pub(crate) fn identity(&self) -> Arc<Identity> {
        self.identity.lock().clone()
    }

    /// From now on the user is called so on this connection.
    pub(super) fn set_identity(&self, identity: &Arc<Identity>) {
        self.identity.lock().clone_from(identity);
    }

    /// How records name the user on this connection.
    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Whom this connection was told is online, locked.
    pub(super) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock()
    }
}
