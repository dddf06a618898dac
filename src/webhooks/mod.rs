//! Webhooks: backends are told what happens, by signed requests to the endpoints that they name; never content.
//!
//! Owns what is told of a record of the audit (`facts`), how far each endpoint was told (`progress`), and the requests
//! (`client`). What happened is read from the audit, so an endpoint that is away costs nobody anything: it must not
//! hold up what is relayed, nor know a connection, a conversation or an event of clients.

mod ahead;
mod client;
mod control;
pub(crate) mod described;
mod endpoint;
mod fact;
mod facts;
mod heirs;
mod metrics;
mod mongo;
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
use uuid::Uuid;

use crate::audit::Audit;
use crate::config::{Config, Endpoint};
use crate::model::FactType;
use crate::stores::drivers::mongo::Mongo;
use crate::stores::drivers::sqlite::OpenError;
use client::Client;
use control::Replay;
use endpoint::Common;
use heirs::Heir;
use mongo::Cursors;
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
    /// Begins to tell the endpoints of the settings what happens from now on, or goes on where it was. It is kept in
    /// MongoDB how far that is, if records are there.
    ///
    /// # Errors
    /// It cannot be kept what was told, or no requests can be made.
    pub(crate) fn start(
        config: &Config,
        audit: &Audit,
        mongo: Option<&Mongo>,
    ) -> Result<Self, WebhooksError> {
        let (stop, stopped) = watch::channel(false);
        let mut starting = Starting {
            audit,
            node: config.node_name.as_str().into(),
            now: endpoint::now(),
            stopped,
            tellers: Vec::new(),
        };
        let endpoints = config.endpoints();
        // With Redis, the other servers know.
        let asks_who_was_left =
            config.redis_url.is_none() && config.webhooks_want(FactType::UserOffline);
        let file = match !endpoints.is_empty() && (mongo.is_none() || asks_who_was_left) {
            true => Some(Arc::new(ProgressFile::open(&config.data_dir)?)),
            false => None,
        };
        let store = match (mongo, &file) {
            (Some(mongo), _) => Some(Store::Database(Cursors::new(mongo, &starting.node))),
            (None, file) => file.clone().map(Store::File),
        };
        let mut known = Vec::with_capacity(endpoints.len());
        for (endpoint, store) in endpoints.iter().zip(store.iter().cycle()) {
            known.push(starting.begin(config, endpoint, &store.for_endpoint())?);
        }
        let left = file.filter(|_| asks_who_was_left);
        let left = left.map(|file| starting.follow_online(file));
        Ok(Self {
            stop,
            tellers: Mutex::new(starting.tellers),
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

/// What is begun with.
struct Starting<'a> {
    audit: &'a Audit,
    node: Arc<str>,
    now: Uuid,
    stopped: watch::Receiver<bool>,
    tellers: Vec<JoinHandle<()>>,
}

impl Starting<'_> {
    /// Begins to tell an endpoint.
    fn begin(
        &mut self,
        config: &Config,
        endpoint: &Endpoint,
        store: &Store,
    ) -> Result<Known, WebhooksError> {
        let (timeout, allows_private) = (config.webhook_timeout, config.webhook_private_networks);
        let common = Common {
            status: Arc::new(Status::of(&endpoint.name, endpoint.events)),
            client: Client::new(endpoint, timeout, allows_private)?,
            max_age: config.webhook_max_age,
            coalesce: config.webhook_coalesce,
            audit: self.audit.clone(),
            own_node: self.node.clone(),
            now: self.now,
        };
        let (replays, asked) = mpsc::channel(MOST_ASKED);
        let setup = common.setup(store.clone(), self.node.clone(), asked);
        let telling = endpoint::tell(setup, self.stopped.clone());
        self.tellers.push(tokio::spawn(telling));
        let known = Known {
            status: common.status.clone(),
            client: common.client.clone(),
            store: store.clone(),
            replays,
            trying: Turn::default(),
            node: self.node.clone(),
        };
        if let Store::Database(cursors) = store {
            let heir = Heir {
                cursors: cursors.clone(),
                common,
            };
            let telling = heirs::tell_for_others(heir, self.stopped.clone());
            self.tellers.push(tokio::spawn(telling));
        }
        Ok(known)
    }

    /// Begins to follow who is online. The answer will have who was.
    fn follow_online(&mut self, file: Arc<ProgressFile>) -> oneshot::Receiver<Vec<String>> {
        let (left, receiver) = oneshot::channel();
        let setup = online::Setup {
            audit: self.audit.clone(),
            node: self.node.clone(),
            file,
            now: self.now,
            left,
        };
        let following = online::follow(setup, self.stopped.clone());
        self.tellers.push(tokio::spawn(following));
        receiver
    }
}
