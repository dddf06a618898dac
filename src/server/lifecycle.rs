//! A server's life from its start to its orderly end: signals, and the drain within a deadline.

use std::time::Duration;

use rand::RngExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::config::{Config, Secret};
use crate::connection::Close;
use crate::model::DisconnectReason;
use crate::server::{Server, StartError, node};

/// How often the drain looks whether it is done.
const POLL: Duration = Duration::from_millis(20);
/// For how many looks no request must be seen.
const QUIET: u32 = 10;
/// Clients that are sent away are spread over this time each, so that they do not all reconnect
/// elsewhere at once.
const SPREAD_PER_CLIENT: Duration = Duration::from_millis(2);

/// How long a client that is sent away may take to fetch what was sent to it before.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Why a server did not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(#[from] std::io::Error),
}

/// Serves until SIGTERM or SIGINT, then drains. A second signal ends the process at once.
pub async fn run(config: Config, secret: Option<Secret>) -> Result<(), RunError> {
    let mut signals = Signals::new()?;
    let drain_timeout = config.drain_timeout;
    let server = Server::start(config, secret).await?;
    tracing::info!("listening on http://{}", server.address());
    signals.next().await;
    tracing::info!("stopping: clients are sent away, then queues are written");
    tokio::select! {
        () = server.shutdown(drain_timeout) => {}
        () = signals.next() => {
            tracing::warn!("stopped at once by a second signal");
            std::process::exit(1);
        }
    }
    tracing::info!("stopped");
    Ok(())
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

impl Server {
    /// Sends all clients away so that they reconnect elsewhere, writes what is queued, and stops,
    /// within `deadline`, also when clients are stalled.
    pub async fn shutdown(self, deadline: Duration) {
        let end = Instant::now() + deadline;
        self.app.drain();
        // Stalled clients must leave time for the queues.
        let _ = timeout(deadline / 2, self.send_clients_away(deadline / 4)).await;
        self.stop_listening();
        let _ = timeout(deadline / 8, self.no_requests()).await;
        self.links.close_all(DisconnectReason::ServerShutdown);
        let _ = timeout(deadline / 8, self.no_clients()).await;
        let _ = timeout(deadline / 8, node::leave(&self.app)).await;
        self.stop_tasks();
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

    async fn send_clients_away(&self, longest: Duration) {
        let clients = self.app.connections.all();
        let spread = longest.min(SPREAD_PER_CLIENT * clients.len() as u32);
        for connection in clients {
            let wait = spread.mul_f64(rand::rng().random::<f64>());
            let app = self.app.clone();
            tokio::spawn(async move {
                sleep(wait).await;
                let patience = FLUSH_TIMEOUT.min(longest);
                let _ = timeout(patience, app.part_from(&connection)).await;
                connection.close(Close::Reconnect, DisconnectReason::ServerShutdown);
            });
        }
        self.no_clients().await;
    }

    /// What a proxy has posted it does not send again, so it must be answered: also what comes by
    /// connections that the proxy has kept, until none has come for a while.
    async fn no_requests(&self) {
        let mut quiet = 0;
        while quiet < QUIET {
            quiet = match self.links.are_busy() {
                true => 0,
                false => quiet + 1,
            };
            sleep(POLL).await;
        }
    }

    async fn no_clients(&self) {
        while self.app.connections.count() > 0 {
            sleep(POLL).await;
        }
    }
}
