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
mod tasks;
mod telling;

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::audit::Audit;
use crate::config::{Config, Endpoint};
use crate::model::FactType;
use crate::stores::drivers::mongo::Mongo;
use crate::stores::drivers::sqlite::OpenError;
use client::Client;
use endpoint::Common;
use sqlite::ProgressFile;
use store::Place;
use tasks::Tasks;
use telling::Telling;

pub(crate) use control::{AskError, Tried};
pub(crate) use fact::{FactId, TEST};
pub(crate) use progress::{DeadFact, Selection};
pub(crate) use status::Status;

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

/// The endpoints that are being told, those of the settings in effect.
pub(crate) struct Webhooks {
    audit: Audit,
    node: Arc<str>,
    place: Place,
    telling: Mutex<Arc<Telling>>,
    /// Who follows who is online.
    following: Mutex<Option<Arc<Tasks>>>,
    /// Will have who was online when the last process was killed.
    left: Mutex<Option<oneshot::Receiver<Vec<String>>>>,
}

/// What is needed to tell the endpoints of some settings. Nobody is told anything yet.
pub(crate) struct Prepared {
    endpoints: Vec<telling::Prepared>,
    /// Where it is kept who is online, if that is to be followed.
    online: Option<Arc<ProgressFile>>,
}

/// When endpoints begin to be told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begin {
    AtStart,
    AtReload,
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
        let webhooks = Self {
            audit: audit.clone(),
            node: config.node_name.as_str().into(),
            place: Place::of(config, mongo),
            telling: Mutex::default(),
            following: Mutex::default(),
            left: Mutex::default(),
        };
        let Prepared { endpoints, online } = webhooks.prepare_for(config, Begin::AtStart)?;
        *webhooks.telling.lock() = Arc::new(Telling::begin(endpoints));
        if let Some(file) = online {
            *webhooks.left.lock() = Some(webhooks.follow_online(file));
        }
        Ok(webhooks)
    }

    /// Makes what is needed to tell the endpoints of other settings.
    ///
    /// # Errors
    /// It cannot be kept what was told, or no requests can be made.
    pub(crate) fn prepare(&self, config: &Config) -> Result<Prepared, WebhooksError> {
        self.prepare_for(config, Begin::AtReload)
    }

    fn prepare_for(&self, config: &Config, begin: Begin) -> Result<Prepared, WebhooksError> {
        // With Redis, the other servers know.
        let asks_who_was_left =
            config.redis_url.is_none() && config.webhooks_want(FactType::UserOffline);
        let online = asks_who_was_left.then(|| self.place.file());
        let endpoints = config.endpoints();
        let endpoints = endpoints
            .iter()
            .map(|one| self.prepare_one(config, one, begin));
        Ok(Prepared {
            endpoints: endpoints.collect::<Result<_, _>>()?,
            online: online.transpose()?,
        })
    }

    fn prepare_one(
        &self,
        config: &Config,
        endpoint: &Endpoint,
        begin: Begin,
    ) -> Result<telling::Prepared, WebhooksError> {
        let telling = self.telling();
        let known = telling.find(&endpoint.name);
        let (timeout, allows_private) = (config.webhook_timeout, config.webhook_private_networks);
        let status = match known {
            Some(known) => known.status.with(endpoint.events),
            None => Status::of(&endpoint.name, endpoint.events),
        };
        let store = match known {
            Some(known) => known.store.clone(),
            None => self.place.store()?,
        };
        let common = Common {
            status: Arc::new(status),
            client: Client::new(endpoint, timeout, allows_private)?,
            max_age: config.webhook_max_age,
            coalesce: config.webhook_coalesce,
            audit: self.audit.clone(),
            own_node: self.node.clone(),
            now: endpoint::now(),
            is_first: begin == Begin::AtStart,
        };
        Ok(telling::Prepared { common, store })
    }

    /// Tells these endpoints from now on, and no others. One that wanted to hear nothing any more is asked again.
    pub(crate) async fn follow(&self, Prepared { endpoints, online }: Prepared) {
        // What those have told has to be known to the others.
        self.telling().stop().await;
        *self.telling.lock() = Arc::new(Telling::begin(endpoints));
        let following = self.following.lock().clone();
        match (following, online) {
            // Whom an earlier process left was asked at the start.
            (None, Some(file)) => drop(self.follow_online(file)),
            (Some(following), None) => {
                following.stop().await;
                *self.following.lock() = None;
            }
            _ => {}
        }
    }

    /// Waits until it is known who was online when the last process ended, of those who were not said to be offline.
    /// Answers once; with nobody where others say so, or an endpoint does not want to know.
    pub(crate) async fn who_was_left(&self) -> Vec<String> {
        let left = self.left.lock().take();
        match left {
            // Without an answer, it could not be read, which the log says, or nobody wants to know any more.
            Some(left) => left.await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// Ends the requests, and has it kept what was told. What was not is told after the next start.
    pub(crate) async fn stop(&self) {
        let (telling, following) = (self.telling(), self.following.lock().clone());
        let following = async {
            if let Some(following) = following {
                following.stop().await;
            }
        };
        tokio::join!(telling.stop(), following);
    }

    fn telling(&self) -> Arc<Telling> {
        self.telling.lock().clone()
    }

    /// Begins to follow who is online. The answer will have who was.
    fn follow_online(&self, file: Arc<ProgressFile>) -> oneshot::Receiver<Vec<String>> {
        let (left, receiver) = oneshot::channel();
        let setup = online::Setup {
            audit: self.audit.clone(),
            node: self.node.clone(),
            file,
            now: endpoint::now(),
            left,
        };
        let mut tasks = Tasks::default();
        tasks.begin(|stop| online::follow(setup, stop));
        *self.following.lock() = Some(Arc::new(tasks));
        receiver
    }
}
