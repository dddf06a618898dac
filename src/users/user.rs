//! One user of this server: their connections, limits, peers, and what others know of their presence;
//! and a connection as one of its user, whom each of the two knows by the other.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use jiff::Timestamp;
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
    pub(super) last_seen: Option<Timestamp>,
    /// When the user is shown as offline, unless there is a connection by then.
    offline_at: Option<Instant>,
    /// Until when a task waits for that, if one does.
    awaited_until: Option<Instant>,
}

/// What becomes of a user whose connections had all closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// They are back, or somebody else waits.
    Not,
    /// They were back meanwhile, and may be shown as offline then.
    Until(Instant),
    /// They are to be shown as offline.
    Offline,
}

impl Connected {
    /// There is a connection again.
    pub(super) fn is_back(&mut self) {
        self.last_seen = None;
        self.offline_at = None;
    }

    /// Whether a task is to wait until then: none does that waits no longer.
    fn is_to_await(&mut self, at: Instant) -> bool {
        let is_first = self.awaited_until.is_none_or(|until| until > at);
        if is_first {
            self.awaited_until = Some(at);
        }
        is_first
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
    pub(crate) fn last_seen(&self) -> Option<Timestamp> {
        self.connected.lock().last_seen
    }

    /// Without a connection, the user is shown as offline then. `true`: no task waits for it yet.
    pub(super) fn leaves_at(&self, at: Instant) -> bool {
        let mut connected = self.connected.lock();
        connected.offline_at = Some(at);
        connected.is_to_await(at)
    }

    /// A task has waited until then: what it does now.
    pub(super) fn has_left(&self, waited: Instant, at_once: bool) -> Left {
        let mut connected = self.connected.lock();
        connected.awaited_until.take_if(|until| *until == waited);
        match connected
            .offline_at
            .filter(|_| connected.last_seen.is_some())
        {
            None => Left::Not,
            Some(at) if at_once || at <= Instant::now() => Left::Offline,
            Some(at) if connected.is_to_await(at) => Left::Until(at),
            Some(_) => Left::Not,
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Config;

    fn leave(user: &User, at: Instant) -> bool {
        user.connected.lock().last_seen = Some(Timestamp::now());
        user.leaves_at(at)
    }

    #[test]
    fn one_task_waits_for_a_user_who_comes_and_goes() {
        let id = UserId::parse("ann").unwrap();
        let user = User::new(&id, &Config::default().into(), &Memory::new(1 << 20), None);
        let now = Instant::now();
        let (first, later) = (now, now + Duration::from_secs(3600));
        assert!(leave(&user, first));
        user.connected.lock().is_back();
        assert!(!leave(&user, later), "the first waits");
        assert_eq!(user.has_left(first, false), Left::Until(later));
        assert!(!leave(&user, later), "it waits on");
        assert!(leave(&user, first), "another one waits less long");
        assert_eq!(user.has_left(first, false), Left::Offline);
        user.connected.lock().is_back();
        assert_eq!(user.has_left(later, true), Left::Not);
        assert!(leave(&user, later), "nobody waits any more");
        assert_eq!(user.has_left(later, true), Left::Offline);
    }
}
