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

impl Webhooks {
    /// Begins to tell the endpoints of the settings what happens from now on, or goes on where it was.
    ///
    /// # Errors
    /// It cannot be kept what was told, or no requests can be made.
    pub(crate) fn start(config: &Config, audit: &Audit) -> Result<Self, WebhooksError> {
        let (stop, stopped) = watch::channel(false);
        let endpoints = config.endpoints();
        let mut tellers = Vec::with_capacity(endpoints.len());
        if endpoints.is_empty() {
            return Ok(Self { stop, tellers });
        }
        let now = endpoint::now();
        let file = Arc::new(ProgressFile::open(&config.data_dir)?);
        for endpoint in endpoints {
            let (timeout, allows_private) =
                (config.webhook_timeout, config.webhook_private_networks);
            let setup = Setup {
                client: Client::new(&endpoint, timeout, allows_private)?,
                wanted: endpoint.events,
                name: endpoint.name,
                max_age: config.webhook_max_age,
                node: config.node_name.as_str().into(),
                audit: audit.clone(),
                file: file.clone(),
                now,
            };
            tellers.push(tokio::spawn(endpoint::tell(setup, stopped.clone())));
        }
        Ok(Self { stop, tellers })
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
