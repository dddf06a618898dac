//! A server: built from its configuration (`assemble`), started here, and shut down (`lifecycle`). The
//! binary and the tests start it the same way. It must not know an event.

mod assemble;
mod audit_records;
mod derived;
mod error;
mod in_effect;
mod internal;
mod lifecycle;
mod listener;
mod log_writer;
mod logging;
mod machine;
mod node;
mod reload;
mod service_manager;
mod signals;
mod socket_io;
#[cfg(test)]
pub(crate) mod test_node;
mod tls;
mod token_check;
mod traces;
mod upkeep;

pub use audit_records::AuditRecords;
pub use error::Error;
pub use lifecycle::run;
pub use logging::{Log, init_logging};
pub use reload::ReadSources;
pub use token_check::{TokenReport, check_token};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::auth::Verifier;
use crate::cluster::{Cluster, Receiver};
use crate::config::{Config, Live, LiveConfig, Secret, TlsIdentity};
use crate::connection::{deadlines, pressure};
use crate::http::ClientFiles;
use crate::metrics::process;
use crate::model::clock::SystemClock;
use crate::reloads::{Reloads, Requests};
use crate::transport::{Links, serve};
use derived::Derived;
use error::StartError;

/// How long the start waits for what clients would miss.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

/// A running relay.
#[derive(Debug)]
struct Server {
    address: SocketAddr,
    /// Of the internal listener, which nothing here stops.
    internal: Option<SocketAddr>,
    app: Arc<App>,
    links: Arc<Links>,
    tasks: Vec<JoinHandle<()>>,
    derived: Derived,
    /// By what clients know it, if they speak TLS.
    identity: Option<Live<TlsIdentity>>,
    /// Those who ask for a reload.
    reloads: Requests,
    /// Stops the listener.
    stop_accepting: Arc<Notify>,
}

impl Server {
    /// Opens the stores, listens and serves. `secret` verifies HS256 tokens.
    async fn start(config: Config, secret: Option<Secret>) -> Result<Self, StartError> {
        let config = &config;
        let verifier = Verifier::new(config, secret.as_ref()).await?;
        let live = LiveConfig::new(config.clone());
        let identity = tls::read(&live)?;
        let client_files = ClientFiles::of(config).map_err(StartError::ClientFiles)?;
        let (audit, webhooks, stores) = assemble::open_stores(config).await?;
        let (cluster, receiver) = Cluster::new(config, Arc::new(SystemClock))?.unzip();
        let (ask, reloads) = Reloads::new();
        let services = (audit, webhooks, stores, cluster);
        let app = Arc::new(assemble::app(&live, ask, verifier, services)?);

        let unfinished = read_ahead(&app).await;

        let (tcp, address) = listener::bind(config).await?;
        let derived = Derived::of(&app, secret.as_ref(), client_files);
        let internal = internal::serve(&app, &derived).await?;
        let links = Arc::new(Links::new(machine::connections(), app.memory.clone()));
        let stop_accepting = Arc::new(Notify::new());
        let bounds = &derived.bounds;
        let front = (&bounds.links, identity.clone());
        let listener = listener::guard(tcp, &links, &app, front, stop_accepting.clone());
        let served = serve(listener, derived.served.clone(), bounds.requests.clone());

        let demands = node::Demands::new(derived.node.clone());
        let mut tasks = join_cluster(&app, receiver, demands).await;
        tasks.extend(keep_up(&app));
        tasks.push(tokio::spawn(links.clone().enforce_deadlines()));
        tasks.push(tokio::spawn(served));
        let renewal = identity.clone().map(|identity| tls::watch(identity, live));
        tasks.extend(renewal.map(tokio::spawn));
        tasks.extend(unfinished);
        Ok(Self {
            address,
            internal,
            app,
            links,
            tasks,
            derived,
            identity,
            reloads,
            stop_accepting,
        })
    }

    /// Where it listens.
    fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it serves operators, if it does that apart from clients.
    fn internal_address(&self) -> Option<SocketAddr> {
        self.internal
    }

    /// Stops listening. What is connected is still served.
    fn stop_listening(&self) {
        self.stop_accepting.notify_one();
    }

    /// Stops serving and watching.
    fn stop_tasks(&self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Reads what clients would miss, as far as the stores answer soon; what goes on with it.
async fn read_ahead(app: &Arc<App>) -> Option<JoinHandle<()>> {
    let mut id_types = tokio::spawn(upkeep::read_id_types(app.clone()));
    let read = tokio::time::timeout(STORE_TIMEOUT, &mut id_types).await;
    upkeep::read_revocations(app).await;
    read.is_err().then_some(id_types)
}

/// What services do by themselves.
fn keep_up(app: &Arc<App>) -> [JoinHandle<()>; 15] {
    let connections = app.connections.clone();
    [
        tokio::spawn(deadlines::watch(connections.clone())),
        tokio::spawn(pressure::watch(connections, app.memory.clone())),
        tokio::spawn(upkeep::end_sessions(app.clone())),
        tokio::spawn(upkeep::end_unadmitted(app.clone())),
        tokio::spawn(upkeep::sweep(app.clone())),
        tokio::spawn(upkeep::watch_store(app.clone())),
        tokio::spawn(upkeep::watch_application(app.clone())),
        tokio::spawn(upkeep::read_missing_blockers(app.clone())),
        tokio::spawn(upkeep::end_audit_minutes(app.clone())),
        tokio::spawn(upkeep::note_who_left(app.clone())),
        tokio::spawn(process::watch_delay()),
        tokio::spawn(app.conversations.clone().keep_up()),
        tokio::spawn(app.conversations.clone().watch_others()),
        tokio::spawn(app.conversations.clone().remove_old()),
        tokio::spawn(app.revocations.clone().keep_up()),
    ]
}

/// Joins the other servers, if there may be some. Waits a moment for Redis: clients that connect
/// before it is ready are unknown to the other servers.
async fn join_cluster(
    app: &Arc<App>,
    receiver: Option<Receiver>,
    demands: node::Demands,
) -> Vec<JoinHandle<()>> {
    const TIMEOUT: Duration = Duration::from_secs(2);
    let Some((cluster, receiver)) = app.cluster.clone().zip(receiver) else {
        return Vec::new();
    };
    let dispatcher = node::Dispatcher::new(app.clone());
    let tasks = vec![
        tokio::spawn(receiver.run(dispatcher)),
        tokio::spawn(node::run(app.clone(), cluster.clone(), demands)),
    ];
    let joined = async {
        // An error cannot be: the sender is in `cluster`.
        let _ = cluster
            .watch_connected()
            .wait_for(|is_connected| *is_connected)
            .await;
        cluster.bus().flush().await;
    };
    if tokio::time::timeout(TIMEOUT, joined).await.is_err() {
        tracing::error!("Redis is not ready; starting without it");
    }
    tasks
}
