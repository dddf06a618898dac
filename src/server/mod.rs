//! The composition root: puts a relay together from its configuration and starts it. The binary
//! and the tests start it the same way.

mod audit_records;
mod error;
mod lifecycle;
mod logging;
mod node;
mod upkeep;

pub use audit_records::AuditRecords;
pub use error::Error;
pub use lifecycle::run;
pub use logging::init_logging;

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socketioxide::{ParserConfig, SocketIo, SocketIoBuilder, TransportType};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::audit::{Audit, AuditOptions, MongoStore, SqliteStore};
use crate::auth::{Authenticator, Verifier};
use crate::cluster::{Cluster, Receiver};
use crate::config::{Config, Secret, Transport};
use crate::connection::{self, Drain, SocketIoEdge, deadlines, edge};
use crate::conversations::Conversations;
use crate::dialects::Dispatcher;
use crate::limits::{AddressLimits, AddressSlots};
use crate::model::clock::SystemClock;
use crate::sessions::Sessions;
use crate::stores::conversations::{ConversationStores, MongoConversations, SqliteConversations};
use crate::stores::drivers::mongo::Mongo;
use crate::stores::sessions::{
    HistoryLimits, MemoryStore, RedisStore, SessionLimits, SessionStore,
};
use crate::transport::{BeforeWrite, FlowLimits, GuardedListener, LinkLimits, Links, PeerLink};
use crate::users::{Administration, Presence, Users};
use crate::{dialects, http};
use error::StartError;

/// A running relay.
#[derive(Debug)]
struct Server {
    address: SocketAddr,
    app: Arc<App>,
    links: Arc<Links>,
    tasks: Vec<JoinHandle<()>>,
    /// Has the listener closed.
    enough: Arc<Notify>,
}

impl Server {
    /// Opens the stores, listens and serves. `secret` verifies HS256 tokens.
    async fn start(config: Config, secret: Option<Secret>) -> Result<Self, StartError> {
        let config = Arc::new(config);
        let verifier = Verifier::new(&config, secret.as_ref()).await?;
        let (audit, stores) = open_stores(&config).await?;
        let (cluster, receiver) = Cluster::new(&config, Arc::new(SystemClock))?.unzip();
        let app = Arc::new(app(&config, verifier, audit, stores, cluster));

        let wanted = SocketAddr::new(config.host, config.port);
        let tcp = TcpListener::bind(wanted)
            .await
            .map_err(|error| StartError::Listen(wanted, error))?;
        let address = tcp
            .local_addr()
            .map_err(|error| StartError::Listen(wanted, error))?;
        let links = Arc::new(Links::default());
        let enough = Arc::new(Notify::new());
        let listener = listener(tcp, &links, &app, enough.clone());

        let (library, io) = socket_io(&config).build_with_inner_svc(http::fallback());
        let services = connection::Services {
            open: app.connections.clone(),
            audit: app.audit.clone(),
            config: config.clone(),
            flow_limits: FlowLimits::from(&*config),
            closer: edge::polling_closer(library.clone()),
            node: app.node.clone(),
        };
        connection::mount(&io, Dispatcher::new(&app), services);
        let edge = SocketIoEdge::new(
            library,
            app.connections.clone(),
            config.clone(),
            app.drain.clone(),
            app.node.clone(),
        );
        let service = http::router(&app, edge).into_make_service_with_connect_info::<PeerLink>();

        let mut tasks = join_cluster(&app, receiver).await;
        tasks.extend([
            tokio::spawn(links.clone().enforce_deadlines()),
            tokio::spawn(deadlines::watch(app.connections.clone())),
            tokio::spawn(upkeep::end_sessions(app.clone())),
            tokio::spawn(upkeep::sweep(app.clone())),
            tokio::spawn(async move {
                // It serves until it is stopped; errors of single connections stay with them.
                let _ = axum::serve(listener, service).await;
            }),
        ]);
        Ok(Self {
            address,
            app,
            links,
            tasks,
            enough,
        })
    }

    /// Where it listens.
    fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening. What is connected is still served.
    fn stop_listening(&self) {
        self.enough.notify_one();
    }

    /// Stops serving and watching.
    fn stop_tasks(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// In MongoDB, or else in the data folder. The audit's spool is there in both cases.
async fn open_stores(config: &Config) -> Result<(Audit, ConversationStores), StartError> {
    let (folder, options) = (&config.data_dir, AuditOptions::from(config));
    let clock = Arc::new(SystemClock);
    let Some(uri) = &config.mongodb_uri else {
        let audit = Audit::start(SqliteStore::open(folder)?, folder, options)?;
        let conversations = SqliteConversations::open(folder, clock)?;
        return Ok((audit, ConversationStores::of(Arc::new(conversations))));
    };
    let mongo = Mongo::open(uri).await?;
    let audit = Audit::start(MongoStore::new(&mongo), folder, options)?;
    let conversations = MongoConversations::new(&mongo, clock);
    let stores = ConversationStores::of(Arc::new(conversations));
    if let Err(error) = stores.health.check().await {
        tracing::error!(%error, "MongoDB is not ready; starting without it");
    }
    Ok((audit, stores))
}

/// Joins the other servers, if there may be some. Redis is waited for for a moment: clients that
/// come before it is there are not known to the others.
async fn join_cluster(app: &Arc<App>, receiver: Option<Receiver>) -> Vec<JoinHandle<()>> {
    const TIMEOUT: Duration = Duration::from_secs(2);
    let Some((cluster, receiver)) = app.cluster.clone().zip(receiver) else {
        return Vec::new();
    };
    let dispatcher = node::Dispatcher::new(app.clone());
    let tasks = vec![
        tokio::spawn(receiver.run(dispatcher)),
        tokio::spawn(node::run(app.clone(), cluster.clone())),
    ];
    let joined = async {
        // An error cannot be: the sender is in `cluster`.
        let _ = cluster
            .connections()
            .wait_for(|number| number % 2 == 1)
            .await;
        cluster.bus().flush().await;
    };
    if tokio::time::timeout(TIMEOUT, joined).await.is_err() {
        tracing::error!("Redis is not ready; starting without it");
    }
    tasks
}

fn app(
    config: &Arc<Config>,
    verifier: Verifier,
    audit: Audit,
    stores: ConversationStores,
    cluster: Option<Arc<Cluster>>,
) -> App {
    let users = Arc::new(Users::new(config.clone(), cluster.clone()));
    let limits = Arc::new(AddressLimits::new(config));
    let auth = Authenticator::new(
        verifier,
        limits.clone(),
        users.clone(),
        stores.users.clone(),
    );
    let conversations = Conversations::new(
        stores.clone(),
        Arc::new(SystemClock),
        config.clone(),
        users.clone(),
        audit.clone(),
        cluster.clone(),
        dialects::renderers(),
    );
    let administration = Administration::new(users.clone(), stores.users.clone(), audit.clone());
    let conversations = Arc::new(conversations);
    let drain = Drain::default();
    let chats = conversations.clone();
    let presence = Presence::new(
        users.clone(),
        stores.users,
        stores.conversations,
        drain.clone(),
        dialects::presence_renderers(),
        move || chats.has_chats(),
    );
    App {
        auth: Arc::new(auth),
        users,
        connections: Arc::default(),
        conversations,
        sessions: Arc::new(sessions(config, cluster.clone())),
        limits,
        slots: AddressSlots::new(config.max_connections_per_ip),
        presence: Arc::new(presence),
        administration,
        audit,
        node: config.node_name.as_str().into(),
        cluster,
        started: Instant::now(),
        drain,
        config: config.clone(),
    }
}

/// In Redis, or else in memory.
fn sessions(config: &Config, cluster: Option<Arc<Cluster>>) -> Sessions {
    let clock = Arc::new(SystemClock);
    let limits = SessionLimits::from(config);
    let store: Arc<dyn SessionStore> = match &cluster {
        Some(cluster) => Arc::new(RedisStore::new(
            cluster.redis().clone(),
            limits,
            clock.clone(),
        )),
        None => Arc::new(MemoryStore::new(limits, clock.clone())),
    };
    Sessions::new(store, clock, config.max_sessions_per_connection, cluster)
}

/// A client may hold a few TCP connections for one Socket.IO connection: polling uses two, and an
/// upgrade one more.
const TCP_PER_CONNECTION: u32 = 4;

fn listener(
    tcp: TcpListener,
    links: &Arc<Links>,
    app: &Arc<App>,
    enough: Arc<Notify>,
) -> GuardedListener {
    let config = &app.config;
    // What a client received must be in the audit even after a kill.
    let audit = app.audit.clone();
    let slots = AddressSlots::new(
        config
            .max_connections_per_ip
            .saturating_mul(TCP_PER_CONNECTION),
    );
    let proxies = config.trusted_proxies.clone();
    GuardedListener::new(
        tcp,
        links.clone(),
        LinkLimits::from(&**config),
        slots,
        move |peer| !proxies.iter().any(|network| network.contains(&peer)),
        BeforeWrite::new(move || audit.secure()),
        enough,
    )
}

/// The library with its limits. Those it has by default are too wide or too narrow.
fn socket_io(config: &Config) -> SocketIoBuilder {
    let parser = ParserConfig::common()
        .max_incoming_binaries(config.max_attachments)
        .max_incoming_binary_buf_size(config.max_event_bytes);
    let builder = SocketIo::builder()
        .with_parser(parser)
        .ping_interval(config.ping_interval)
        .ping_timeout(config.ping_timeout)
        .connect_timeout(config.connect_timeout)
        .upgrade_timeout(config.upgrade_timeout)
        .max_payload(config.max_event_bytes as u64)
        .ws_max_message_size(config.max_event_bytes)
        .ws_max_frame_size(config.max_event_bytes)
        .ws_read_buffer_size(WS_READ_BUFFER)
        .max_buffer_size(FlowLimits::from(config).max_frames());
    match (
        config.transports.contains(&Transport::Websocket),
        config.transports.contains(&Transport::Polling),
    ) {
        (true, false) => builder.transports([TransportType::Websocket]),
        (false, true) => builder.transports([TransportType::Polling]),
        _ => builder,
    }
}

/// Bytes that the library reads at once from each WebSocket, which keeps a buffer of this size; the
/// stream below it reads further when more is coming.
const WS_READ_BUFFER: usize = 1024;

impl From<&Config> for AuditOptions {
    fn from(config: &Config) -> Self {
        Self {
            capacity: NonZeroUsize::new(config.audit_queue).unwrap_or(NonZeroUsize::MIN),
            retention_days: NonZeroU32::new(config.audit_retention_days),
            spool_limit: config.audit_spool_max_bytes,
            spool_full: config.audit_spool_full,
        }
    }
}

impl From<&Config> for SessionLimits {
    fn from(config: &Config) -> Self {
        Self {
            sessions: config.max_sessions,
            members: config.session_max_members,
            history: HistoryLimits {
                messages: config.session_history_messages,
                bytes: config.session_history_bytes,
            },
            memory: config.sessions_memory,
            reserved_timeout: config.session_reserved_timeout,
            idle_timeout: config.session_idle_timeout,
            max_idle: config.session_max_idle,
            rejoin_grace: config.session_rejoin_grace,
        }
    }
}

impl From<&Config> for LinkLimits {
    fn from(config: &Config) -> Self {
        Self {
            handshake_timeout: config.connect_timeout,
            keep_alive: 3 * config.ping_interval,
            handshake_max_bytes: config.handshake_max_bytes,
            write_deadline: config.write_deadline,
            min_drain_rate: config.min_drain_rate,
            heartbeat: config.ping_timeout / 2,
        }
    }
}

impl From<&Config> for FlowLimits {
    fn from(config: &Config) -> Self {
        Self {
            receiver_budget: config.receiver_budget,
            sender_budget: config.sender_budget,
            max_event: config.max_event_bytes.max(config.session_history_bytes),
        }
    }
}
