//! Every user that is connected here, and a bounded number of those who were: their connections,
//! limits, peers and presence. It must not know what is told to whom; that is `presence`.

mod administration;
mod cache;
mod delivery;
mod limits;
mod member;
mod peers;
mod presence;
mod presence_sync;
mod registration;
mod registry;
mod transfers;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use dashmap::DashMap;
use lru::LruCache;
use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::Semaphore;

use crate::cluster::Cluster;
use crate::config::Config;
use crate::connection::Connection;
use crate::model::{Identity, TokenUser, UserId};
pub use administration::{change_user, disconnect_here, disconnect_user};
use cache::CachedIdentity;
pub use delivery::Receivers;
pub use limits::{UserLimit, UserLimits};
pub use member::Member;
use peers::Peers;
pub use presence::{Audience, Presence, Renderer};
pub use presence_sync::PresenceSync;
pub use registration::Registration;
pub use registry::NotAdded;
pub use transfers::{Progress, Transfers};

/// How many users that are away are remembered, with their peers and unfinished transfers.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// How many requests of one user may read from the stores at the same time; others wait.
const READS_AT_ONCE: usize = 2;

/// The connections of one user at one moment.
pub type Connections = SmallVec<[Arc<Connection>; 2]>;

/// The same, each with what is known of its user.
pub type Members = SmallVec<[Arc<Member>; 2]>;

/// One user, shared by all their connections.
#[derive(Debug)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    name: Mutex<Arc<str>>,
    /// What this user may do, over all connections.
    pub limits: UserLimits,
    /// Files that this user is sending.
    pub transfers: Mutex<Transfers>,
    peers: Mutex<Peers>,
    presence: Mutex<Connected>,
    /// Turns at reading from the stores. Over all that one user asks for at once, others come first.
    pub(crate) reads: Semaphore,
    suspended: AtomicBool,
    cached_identity: Mutex<Option<Box<CachedIdentity>>>,
    announced: AtomicBool,
    /// Other nodes know that the user is here.
    noted: AtomicBool,
    /// Whoever tells others that this user came or went has it, so that they are told in order.
    pub(crate) telling: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Connected {
    members: Members,
    left: Option<Left>,
}

/// When a user's last connection closed.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    /// On a clock that only goes on.
    pub at: Instant,
    /// For people.
    pub time: jiff::Timestamp,
}

impl User {
    /// The name that the newest connection gave.
    pub fn name(&self) -> Arc<str> {
        self.name.lock().clone()
    }

    /// All connections of this user here.
    pub fn connections(&self) -> Connections {
        let connected = self.presence.lock();
        let members = connected.members.iter();
        members.map(|member| member.connection.clone()).collect()
    }

    /// All connections of this user here, each with what is known of its user.
    pub fn members(&self) -> Members {
        self.presence.lock().members.clone()
    }

    /// Whether the user has a connection here.
    pub fn is_connected(&self) -> bool {
        !self.presence.lock().members.is_empty()
    }

    /// When the last connection closed, while there is none.
    pub fn left(&self) -> Option<Left> {
        self.presence.lock().left
    }

    /// The users that this one knows.
    pub fn peers(&self) -> Vec<UserId> {
        self.peers.lock().all()
    }

    /// Whether others were told last that this user is online.
    pub fn is_announced(&self) -> bool {
        self.announced.load(Ordering::Acquire)
    }

    /// Others are told so now.
    pub(crate) fn announce(&self, online: bool) {
        self.announced.store(online, Ordering::Release);
    }

    /// Whether other nodes know that the user is here.
    pub fn is_noted(&self) -> bool {
        self.noted.load(Ordering::Acquire)
    }

    /// They know so now.
    pub(crate) fn note(&self, here: bool) {
        self.noted.store(here, Ordering::Release);
    }

    fn knows(&self, other: &UserId) -> bool {
        self.peers.lock().knows(other)
    }
}

/// All users known here.
#[derive(Debug)]
pub struct Users {
    known: DashMap<UserId, Arc<User>>,
    away: Mutex<LruCache<UserId, ()>>,
    connected: AtomicUsize,
    config: Arc<Config>,
    cluster: Option<Arc<Cluster>>,
}

impl Users {
    /// Nobody yet.
    pub fn new(config: Arc<Config>, cluster: Option<Arc<Cluster>>) -> Self {
        Self {
            known: DashMap::new(),
            away: Mutex::new(LruCache::new(REMEMBERED)),
            connected: AtomicUsize::new(0),
            config,
            cluster,
        }
    }

    /// A user by id, who may be away.
    pub fn get(&self, id: &str) -> Option<Arc<User>> {
        self.known.get(id).map(|user| user.clone())
    }

    /// All users that are known.
    pub fn all(&self) -> Vec<Arc<User>> {
        self.known.iter().map(|user| user.clone()).collect()
    }

    /// The connections of a user; none for one who is away or unknown.
    pub fn connections(&self, id: &str) -> Connections {
        self.known
            .get(id)
            .map(|user| user.connections())
            .unwrap_or_default()
    }

    /// The same, each with what is known of the user.
    pub fn members(&self, id: &str) -> Members {
        self.known
            .get(id)
            .map(|user| user.members())
            .unwrap_or_default()
    }

    /// The connections of all users.
    pub fn all_members(&self) -> Vec<Arc<Member>> {
        let users = self.known.iter();
        users.flat_map(|user| user.members()).collect()
    }

    /// Whether others were told last that a user is online.
    pub fn is_announced(&self, id: &str) -> bool {
        self.known.get(id).is_some_and(|user| user.is_announced())
    }

    /// How many connections a user has.
    pub fn connection_count(&self, id: &str) -> usize {
        self.known
            .get(id)
            .map_or(0, |user| user.presence.lock().members.len())
    }

    /// How many users are connected here.
    pub fn connected(&self) -> usize {
        self.connected.load(Ordering::Relaxed)
    }

    /// How many users are connected to any node.
    pub fn connected_to_cluster(&self) -> usize {
        let cluster = self.cluster.as_ref();
        self.connected() + cluster.map_or(0, |cluster| cluster.users_on_other_nodes())
    }

    /// The user with this id, made when not known.
    fn known_or_fresh(&self, id: &UserId) -> Arc<User> {
        self.known
            .entry(id.clone())
            .or_insert_with(|| self.fresh(id))
            .clone()
    }

    /// A user who acts without a connection; remembered within the bound of those who are away.
    pub fn get_or_create(&self, id: &UserId) -> Arc<User> {
        let user = self.known_or_fresh(id);
        if !user.is_connected() {
            self.remember(id);
        }
        user
    }

    /// Notes that a user was changed, and whether they are suspended now. From then on no connection
    /// is added to one who is.
    pub fn changed(&self, id: &UserId, suspended: bool) {
        let user = self.get_or_create(id);
        user.suspended.store(suspended, Ordering::SeqCst);
        *user.cached_identity.lock() = None;
    }

    /// The user as the store has them, if it said so lately of one who is active and whose token
    /// told the same.
    pub fn cached_identity(&self, token: &TokenUser) -> Option<Identity> {
        let user = self.get(token.id.as_str())?;
        let cached_identity = user.cached_identity.lock().as_ref()?.of(token);
        cached_identity.filter(|_| !user.suspended.load(Ordering::SeqCst))
    }

    /// The store said this of an active user.
    pub fn cache_identity(&self, token: TokenUser, identity: &Identity) {
        let user = self.get_or_create(&token.id);
        let cached_identity = CachedIdentity::new(token, identity.clone());
        *user.cached_identity.lock() = Some(Box::new(cached_identity));
    }

    /// Whether a user is known here to be suspended.
    pub fn is_suspended(&self, id: &UserId) -> bool {
        let user = self.known.get(id);
        user.is_some_and(|user| user.suspended.load(Ordering::SeqCst))
    }

    /// A user who sent something on another node is a peer of one who is here.
    pub fn add_remote_peer(&self, sender: &UserId, user: &UserId) {
        if let Some(user) = self.get(user.as_str()) {
            // The other server has noted it.
            self.add_peer_local(&user, sender);
        }
    }

    /// Makes two users peers of each other. One who is not known here becomes so, within the
    /// bound of those remembered, so that they are peers when they come.
    pub fn add_peer(&self, user: &User, other: &UserId) {
        if self.add_peer_local(user, other)
            && let Some(cluster) = &self.cluster
        {
            cluster.add_peer(&user.id, other, self.config.presence_peers_limit);
        }
    }

    /// Whom a user knows from other servers are their peers here, too.
    pub async fn load_peers(&self, user: &User) {
        if let Some(cluster) = &self.cluster {
            for peer in cluster.peers(&user.id).await {
                self.add_peer_local(user, &peer);
            }
        }
    }

    /// `true`: they did not know each other here.
    fn add_peer_local(&self, user: &User, other: &UserId) -> bool {
        if user.id == *other || user.knows(other) {
            return false;
        }
        let most = self.config.presence_peers_limit;
        user.peers.lock().add(other.clone(), most);
        let other = self.known_or_fresh(other);
        other.peers.lock().add(user.id.clone(), most);
        if !other.is_connected() {
            self.remember(&other.id);
        }
        true
    }

    /// Keeps a user who is away among those remembered, and forgets the one away longest.
    fn remember(&self, id: &UserId) {
        let forgotten = self.away.lock().push(id.clone(), ());
        if let Some((forgotten, ())) = forgotten.filter(|(forgotten, ())| forgotten != id) {
            self.known
                .remove_if(&forgotten, |_, user| !user.is_connected());
        }
    }

    fn fresh(&self, id: &UserId) -> Arc<User> {
        Arc::new(User {
            id: id.clone(),
            name: Mutex::new(id.shared().clone()),
            limits: UserLimits::new(&self.config, id, self.cluster.as_ref()),
            transfers: Mutex::default(),
            peers: Mutex::default(),
            presence: Mutex::default(),
            reads: Semaphore::new(READS_AT_ONCE),
            suspended: AtomicBool::new(false),
            cached_identity: Mutex::default(),
            announced: AtomicBool::new(false),
            noted: AtomicBool::new(false),
            telling: tokio::sync::Mutex::default(),
        })
    }
}
