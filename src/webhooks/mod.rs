//! Webhooks: backends are told what happens, by signed requests to the endpoints that they name; never content.
//!
//! Owns what is told of a record of the audit (`facts`), how far each endpoint was told (`progress`), and the requests
//! (`client`). What happened is read from the audit, so an endpoint that is away costs nobody anything: it must not
//! hold up what is relayed, nor know a connection, a conversation or an event of clients.

mod client;
mod control;
pub(crate) mod described;
mod endpoint;
mod fact;
mod facts;
mod metrics;
mod notes;
mod online;
mod progress;
mod queue;
mod reports;
mod schedule;
mod signature;
mod source;
mod sqlite;
mod status;
mod store;

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::audit::Audit;
use crate::config::Config;
use crate::model::FactType;
use crate::stores::drivers::sqlite::OpenError;
use client::Client;
use control::Replay;
use endpoint::Setup;
use sqlite::ProgressFile;
use store::Store;

pub(crate) use control::{AskError, Tried};
pub(crate) use fact::{FactId, TEST};
pub(crate) use progress::{DeadFact, Selection};
pub(crate) use status::Status;

/// How many may wait to have something told again.
const MOST_ASKED: usize = 4;

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
    tellers: Mutex<Vec<JoinHandle<()>>>,
    known: Vec<Known>,
    /// Will have who was online when the last process was killed.
    left: Mutex<Option<oneshot::Receiver<Vec<String>>>>,
}

/// What is known of an endpoint beside who tells it.
#[derive(Debug)]
struct Known {
    status: Arc<Status>,
    client: Client,
    store: Store,
    replays: mpsc::Sender<Replay>,
    /// Taken by who tries it.
    trying: Turn<()>,
    node: Arc<str>,
}

impl Webhooks {
    /// Begins to tell the endpoints of the settings what happens from now on, or goes on where it was.
    ///
    /// # Errors
    /// It cannot be kept what was told, or no requests can be made.
    pub(crate) fn start(config: &Config, audit: &Audit) -> Result<Self, WebhooksError> {
        let (stop, stopped) = watch::channel(false);
        let endpoints = config.endpoints();
        let (mut known, mut tellers) = (Vec::new(), Vec::new());
        let now = endpoint::now();
        let store = match endpoints.is_empty() {
            true => None,
            false => Some(Store::of(ProgressFile::open(&config.data_dir)?)),
        };
        for (endpoint, store) in endpoints.iter().zip(store.iter().cycle()) {
            let (timeout, allows_private) =
                (config.webhook_timeout, config.webhook_private_networks);
            let (replays, asked) = mpsc::channel(MOST_ASKED);
            let one = Known {
                status: Arc::new(Status::of(&endpoint.name, endpoint.events)),
                client: Client::new(endpoint, timeout, allows_private)?,
                store: store.clone(),
                replays,
                trying: Turn::default(),
                node: config.node_name.as_str().into(),
            };
            let setup = Setup {
                status: one.status.clone(),
                client: one.client.clone(),
                store: store.clone(),
                replays: asked,
                max_age: config.webhook_max_age,
                coalesce: config.webhook_coalesce,
                node: one.node.clone(),
                audit: audit.clone(),
                now,
            };
            known.push(one);
            tellers.push(tokio::spawn(endpoint::tell(setup, stopped.clone())));
        }
        let left = store
            .filter(|_| config.redis_url.is_none() && config.webhooks_want(FactType::UserOffline));
        let left = left.map(|store| {
            let (left, receiver) = oneshot::channel();
            let setup = online::Setup {
                audit: audit.clone(),
                node: config.node_name.as_str().into(),
                store,
                now,
                left,
            };
            tellers.push(tokio::spawn(online::follow(setup, stopped.clone())));
            receiver
        });
        Ok(Self {
            stop,
            tellers: Mutex::new(tellers),
            known,
            left: Mutex::new(left),
        })
    }

    /// Waits until it is known who was online when the last process ended, of those who were not said to be offline.
    /// Answers once; with nobody where others say so, or an endpoint does not want to know.
    pub(crate) async fn who_was_left(&self) -> Vec<String> {
        let left = self.left.lock().take();
        match left {
            // Without an answer, it could not be read, which the log says.
            Some(left) => left.await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// Ends the requests, and has it kept what was told. What was not is told after the next start.
    pub(crate) async fn stop(&self) {
        // Without an endpoint, nobody hears it.
        let _ = self.stop.send(true);
        let tellers = std::mem::take(&mut *self.tellers.lock());
        for teller in tellers {
            if let Err(error) = teller.await {
                tracing::error!(%error, "telling an endpoint did not come to an end");
            }
        }
    }
}
