//! The lifecycle of a server: from its start to a graceful shutdown within a deadline.

use std::time::Duration;

use rand::RngExt;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::service_manager::ServiceManager;
use super::signals::Signals;
use super::traces::Traces;
use super::{Error, ReadSources, Server, in_effect, node};
use crate::config::{Config, Secret};
use crate::model::DisconnectReason;

/// How often the shutdown checks whether a step is done.
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// For how many consecutive checks no request may be in progress.
const QUIET_CHECKS: u32 = 10;
/// Disconnects are spread over this time for each client, so that clients do not all reconnect to
/// other nodes at once.
const SPREAD_PER_CLIENT: Duration = Duration::from_millis(2);

/// How long a client may take to receive what was sent to it before it is disconnected.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Runs a server until SIGTERM, SIGINT or SIGQUIT, then drains it within `drain_timeout`. A second one of
/// them ends the drain at once. `secret` verifies tokens signed with HS256; see [`Config::needs_jwt_secret`].
///
/// # Errors
/// When it cannot start, or a second signal came.
pub async fn run(
    config: Config,
    secret: Option<Secret>,
    sources: ReadSources,
) -> Result<(), Error> {
    let Signals {
        mut hangup,
        mut stop,
    } = Signals::new()?;
    in_effect::log(&config);
    let traces = Traces::start(&config.node_name);
    let mut server = tokio::select! {
        server = Server::start(config, secret) => server?,
        signal = stop.next() => {
            tracing::info!(signal, "stopped before it was started");
            return Ok(());
        }
    };
    let scheme = server.identity.as_ref().map_or("http", |_| "https");
    tracing::info!("listening on {scheme}://{}", server.address());
    if let Some(address) = server.internal_address() {
        tracing::info!("operators are served on http://{address}");
    }
    let manager = ServiceManager::of_environment();
    manager.ready();
    let signal = tokio::select! {
        signal = stop.next() => signal,
        () = server.keep_reloading(&mut hangup, &sources, &manager) => return Ok(()),
    };
    tracing::info!(
        signal,
        "stopping: clients are disconnected, then queues are written"
    );
    manager.stopping();
    let drain_timeout = server.app.config.now().drain_timeout;
    let end = Instant::now() + drain_timeout;
    let stopping = async {
        server.shutdown(drain_timeout).await;
        traces
            .stop(end.saturating_duration_since(Instant::now()))
            .await;
    };
    tokio::select! {
        () = stopping => {}
        _ = stop.next() => return Err(Error::interrupted()),
    }
    tracing::info!("stopped");
    Ok(())
}

impl Server {
    /// Disconnects all clients so that they reconnect to other nodes, writes what is queued, and stops,
    /// within `deadline`, also when clients are stalled.
    async fn shutdown(mut self, deadline: Duration) {
        let end = Instant::now() + deadline;
        self.app.drain.begin();
        // Who asked for a reload is told that there is none.
        self.reloads.close();
        while self.reloads.try_recv().is_ok() {}
        // Stalled clients must leave time for the queues.
        let _ = timeout(deadline / 2, self.disconnect_clients(deadline / 4)).await;
        self.stop_listening();
        let _ = timeout(deadline / 8, self.no_requests()).await;
        self.links.close_all(DisconnectReason::ServerShutdown);
        let _ = timeout(deadline / 8, self.no_clients()).await;
        // What is left to do of clients that are gone: the rest of what they had sent, and who was seen last when.
        let _ = timeout(deadline / 8, self.app.drain.finished()).await;
        let _ = timeout(deadline / 8, node::shut_down(&self.app)).await;
        self.stop_tasks();
        self.app.auth.end_minute();
        let webhooks = timeout(deadline / 8, self.app.webhooks.stop()).await;
        if webhooks.is_err() {
            tracing::warn!(
                "stopped before it was noted what endpoints were told; some are told twice"
            );
        }
        // A store that does not answer must leave time for the audit.
        let half = Instant::now() + end.saturating_duration_since(Instant::now()) / 2;
        self.close_conversations(half).await;
        let audit = self.app.audit.clone();
        let written = tokio::task::spawn_blocking(move || audit.close(end.into_std())).await;
        if !matches!(written, Ok(true)) {
            tracing::error!("stopped before all audit records were stored; they stay in the spool");
        }
    }

    async fn close_conversations(&self, end: Instant) {
        let closed = timeout_at(end, self.app.conversations.stores().health.close()).await;
        if !matches!(closed, Ok(Ok(()))) {
            tracing::error!("stopped before the store of conversations was closed");
        }
    }

    async fn disconnect_clients(&self, limit: Duration) {
        let connections = &self.app.connections;
        let drains = connections.drain(FLUSH_TIMEOUT.min(limit), DisconnectReason::ServerShutdown);
        let clients = u32::try_from(drains.len()).unwrap_or(u32::MAX);
        let spread = limit.min(SPREAD_PER_CLIENT.saturating_mul(clients));
        for drained in drains {
            let wait = spread.mul_f64(rand::rng().random::<f64>());
            tokio::spawn(async move {
                sleep(wait).await;
                drained.await;
            });
        }
        self.no_clients().await;
    }

    /// Waits until no request was in progress for a while. A proxy does not repeat a request that it has
    /// sent over a connection it holds open, so all of these must be answered.
    async fn no_requests(&self) {
        let mut quiet = 0;
        while quiet < QUIET_CHECKS {
            quiet = match self.links.are_busy() {
                true => 0,
                false => quiet + 1,
            };
            sleep(POLL_INTERVAL).await;
        }
    }

    async fn no_clients(&self) {
        while self.app.connections.count() > 0 {
            sleep(POLL_INTERVAL).await;
        }
    }
}
