//! Builds the services of a server from its configuration: the stores, the audit, and what uses them.
//! It must not listen, nor start anything but what writes to the stores.

use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::time::Instant;

use super::error::StartError;
use super::machine;
use crate::app::App;
use crate::audit::{Audit, AuditOptions, MongoStore, RepeatLimits, SqliteStore, default_max_bytes};
use crate::auth::{Authenticator, Verifier};
use crate::backend::Backend;
use crate::cluster::Cluster;
use crate::config::{Config, Live, LiveConfig};
use crate::connection::{Drain, OpenConnections, Places};
use crate::conversations::{Blocking, Conversations};
use crate::dialects;
use crate::limits::{AddressLimits, Memory};
use crate::model::clock::SystemClock;
use crate::model::conversation::ConversationDialect;
use crate::reloads::Reloads;
use crate::revocations::{Revocations, RevokedTokens};
use crate::sessions::Sessions;
use crate::stores::ApplicationUsers;
use crate::stores::conversations::{ConversationStores, MongoConversations, SqliteConversations};
use crate::stores::drivers::mongo::Mongo;
use crate::stores::sessions::{
    HistoryLimits, MemoryStore, RedisStore, SessionLimits, SessionStore,
};
use crate::surroundings::Surroundings;
use crate::users::{Administration, Presence, Users};
use crate::webhooks::Webhooks;

/// Opens the audit and the stores of conversations, and begins to tell the endpoints of the backend what the audit has.
pub(super) async fn open_stores(
    config: &Config,
) -> Result<(Audit, Webhooks, ConversationStores), StartError> {
    let (audit, stores, mongo) = open(config).await?;
    let webhooks = Webhooks::start(config, &audit, mongo.as_ref())?;
    Ok((audit, webhooks, stores))
}

/// Opens the audit and the stores of conversations: in MongoDB, or else in the data folder. The spool
/// of the audit is in the data folder in both cases.
async fn open(config: &Config) -> Result<(Audit, ConversationStores, Option<Mongo>), StartError> {
    let (folder, options) = (&config.data_dir, AuditOptions::from(config));
    let clock = Arc::new(SystemClock);
    let Some(uri) = &config.mongodb_uri else {
        let audit = Audit::start(SqliteStore::open(folder)?, folder, options)?;
        let conversations = SqliteConversations::open(folder, clock)?;
        return Ok((audit, ConversationStores::of(Arc::new(conversations)), None));
    };
    let mongo = Mongo::open(uri, &config.mongodb_prefix).await?;
    let mut records = MongoStore::new(&mongo);
    if let Err(error) = records.prepare().await {
        // While it is away, records wait in the spool.
        StartError::of_collection(&error)?;
    }
    let audit = Audit::start(records, folder, options)?;
    let are_shown = ConversationDialect::are_in(&config.dialects);
    let conversations = MongoConversations::new(&mongo, clock, are_shown);
    let conversations = Arc::new(conversations);
    let stores = ConversationStores::of(conversations.clone()).shared(conversations);
    let stores = stores.beside(ApplicationUsers::of(config, &mongo));
    if let Err(error) = stores.health.check().await {
        StartError::of_store(&error)?;
        tracing::error!(%error, "MongoDB is not ready; starting without it");
    }
    Ok((audit, stores, Some(mongo)))
}

/// The services, built from what was opened before.
pub(super) fn app(
    config: &LiveConfig,
    reloads: Reloads,
    verifier: Verifier,
    (audit, webhooks, stores, cluster): (Audit, Webhooks, ConversationStores, Option<Arc<Cluster>>),
) -> Result<App, StartError> {
    let memory = Memory::new(machine::memory_budget(&config.now()));
    let users = users(config, &memory, &stores, cluster.clone());
    let limits = Arc::new(AddressLimits::new(config, &memory));
    let drain = Drain::default();
    let presence = Arc::new(presence(&users, &stores, &drain, audit.clone()));
    let conversations = Arc::new(Conversations::new(
        stores.clone(),
        Arc::new(SystemClock),
        config.clone(),
        presence.clone(),
        audit.clone(),
        cluster.clone(),
        dialects::renderers(),
    ));
    let revoked = Arc::new(RevokedTokens::new(Arc::new(SystemClock)));
    let auth = Authenticator::new(
        verifier,
        limits.clone(),
        users.clone(),
        conversations.clone(),
        stores.application.clone(),
        (revoked.clone(), config.clone()),
    );
    let session_limits = Live::new(SessionLimits::from(&*config.now()));
    let sessions = Arc::new(sessions(config, &session_limits, &memory, cluster.clone()));
    let connections: Arc<OpenConnections> = Arc::default();
    let shared = (config.clone(), audit.clone(), cluster.clone());
    let backend = Backend::new(
        &users,
        &conversations,
        &sessions,
        &connections,
        shared.clone(),
        dialects::events_received,
    );
    let revocations = stores.revocations.clone();
    let revocations = Revocations::new(revoked, revocations, &connections, shared);
    let revocations = revocations.map_err(StartError::Revocations)?;
    Ok(App {
        backend,
        revocations: Arc::new(revocations),
        blocking: Blocking::new(presence.clone(), conversations.clone()),
        auth: Arc::new(auth),
        users,
        connections,
        conversations,
        sessions,
        session_limits,
        reloads,
        memory: memory.clone(),
        limits: limits.clone(),
        places: Arc::new(Places::new(config, limits.clone())),
        administration: Administration::new(presence.clone(), stores.users, audit.clone()),
        presence,
        audit,
        webhooks,
        node: config.now().node_name.as_str().into(),
        cluster,
        started: Instant::now(),
        drain,
        surroundings: Surroundings::default(),
        config: config.clone(),
    })
}

/// Everybody who is connected.
fn users(
    config: &LiveConfig,
    memory: &Arc<Memory>,
    stores: &ConversationStores,
    cluster: Option<Arc<Cluster>>,
) -> Arc<Users> {
    let blocks = stores.blocks.clone();
    Arc::new(Users::new(config.clone(), memory.clone(), blocks, cluster))
}

/// Who is online.
fn presence(
    users: &Arc<Users>,
    stores: &ConversationStores,
    drain: &Drain,
    audit: Audit,
) -> Presence {
    Presence::new(
        users.clone(),
        stores.users.clone(),
        stores.conversations.clone(),
        drain.clone(),
        audit,
        dialects::presence_renderers(),
    )
}

/// Ad-hoc sessions: in Redis, or else in memory.
fn sessions(
    config: &LiveConfig,
    limits: &Live<SessionLimits>,
    memory: &Arc<Memory>,
    cluster: Option<Arc<Cluster>>,
) -> Sessions {
    let (clock, limits) = (Arc::new(SystemClock), limits.clone());
    let store: Arc<dyn SessionStore> = match &cluster {
        Some(cluster) => Arc::new(RedisStore::new(
            cluster.redis().clone(),
            limits,
            clock.clone(),
        )),
        None => Arc::new(MemoryStore::new(limits, memory.clone(), clock.clone())),
    };
    Sessions::new(store, clock, config.clone(), cluster)
}

impl From<&Config> for AuditOptions {
    fn from(config: &Config) -> Self {
        Self {
            capacity: NonZeroUsize::new(config.audit_queue).unwrap_or(NonZeroUsize::MIN),
            retention_days: NonZeroU32::new(config.audit_retention_days),
            max_bytes: match config.audit_max_bytes {
                Some(bytes) => NonZeroU64::new(bytes),
                None => {
                    let embedded = config.mongodb_uri.is_none();
                    Some(default_max_bytes(embedded.then_some(&config.data_dir)))
                }
            },
            spool_limit: config.audit_spool_max_bytes,
            spool_full: config.audit_spool_full,
            repeats: RepeatLimits {
                refusals_per_ip: config.audit_refusals_per_ip,
                events_per_ip: config.audit_events_per_ip,
                refusals_per_user: config.audit_refusals_per_user,
                events_per_user: config.audit_events_per_user,
                file_parts_per_user: config.audit_file_parts_per_user,
            },
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
