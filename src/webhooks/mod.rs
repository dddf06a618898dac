//! Webhooks: backends are told what happens, by signed requests to the endpoints that they name; never content.
//!
//! Owns what is told of a record of the audit (`facts`), how far each endpoint was told (`progress`), and the requests
//! (`client`). What happened is read from the audit, so an endpoint that is away costs nobody anything: it must not
//! hold up what is relayed, nor know a connection, a conversation or an event of clients.

mod client;
mod endpoint;
mod fact;
mod facts;
mod notes;
mod progress;
mod queue;
mod reports;
mod schedule;
mod signature;
mod source;
mod sqlite;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::audit::Audit;
use crate::config::Config;
use crate::stores::drivers::sqlite::OpenError;
use client::Client;
use endpoint::Setup;
use sqlite::ProgressFile;

/// Why nobody can be told anything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebhooksError {
    /// What was told cannot be kept.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// TLS cannot be used.
    #[error("requests cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// The endpoints that are being told.
#[derive(Debug)]
pub(crate) struct Webhooks {
    stop: watch::Sender<bool>,
    tellers: Vec<JoinHandle<()>>,
}

/// What is needed to tell the endpoints of some settings. Nobody is told anything yet.
pub(crate) struct Prepared(Vec<Setup>);

impl Webhooks {
    /// Begins to tell the endpoints of the settings what happens from now on, or goes on where it was.
    ///
    /// # Errors
    /// It cannot be kept what was told, or no requests can be made.
    pub(crate) fn start(config: &Config, audit: &Audit) -> Result<Self, WebhooksError> {
        Ok(Self::tell(Self::prepare(config, audit)?))
    }

    /// Makes what is needed to tell the endpoints of the settings.
    ///
    /// # Errors
    /// It cannot be kept what was told, or no requests can be made.
    pub(crate) fn prepare(config: &Config, audit: &Audit) -> Result<Prepared, WebhooksError> {
        let endpoints = config.endpoints();
        if endpoints.is_empty() {
            return Ok(Prepared(Vec::new()));
        }
        let now = endpoint::now();
        let file = Arc::new(ProgressFile::open(&config.data_dir)?);
        let setups = endpoints.into_iter().map(|endpoint| {
            let (timeout, allows_private) =
                (config.webhook_timeout, config.webhook_private_networks);
            Ok(Setup {
                client: Client::new(&endpoint, timeout, allows_private)?,
                wanted: endpoint.events,
                name: endpoint.name,
                max_age: config.webhook_max_age,
                node: config.node_name.as_str().into(),
                audit: audit.clone(),
                file: file.clone(),
                now,
            })
        });
        Ok(Prepared(setups.collect::<Result<_, WebhooksError>>()?))
    }

    fn tell(prepared: Prepared) -> Self {
        let (stop, stopped) = watch::channel(false);
        let tell = |setup| tokio::spawn(endpoint::tell(setup, stopped.clone()));
        let tellers = prepared.0.into_iter().map(tell).collect();
        Self { stop, tellers }
    }

    /// Tells these endpoints from now on, and no others. One that wanted to hear nothing any more is asked again.
    pub(crate) async fn follow(&mut self, prepared: Prepared) {
        // What those have told has to be known to the others.
        self.stop().await;
        *self = Self::tell(prepared);
    }

    /// Ends the requests, and has it kept what was told. What was not is told after the next start.
    pub(crate) async fn stop(&mut self) {
        // Without an endpoint, nobody hears it.
        let _ = self.stop.send(true);
        for teller in self.tellers.drain(..) {
            if let Err(error) = teller.await {
                tracing::error!(%error, "telling an endpoint did not come to an end");
            }
        }
    }
}
